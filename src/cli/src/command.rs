//! The commands and their options.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use api::schema::{
    Agents, Calls, ChannelView, Channels, Dial, Dialled, OrderWord, Ordered, Queues, Records, Reloaded,
    Spans, Status,
};
use clap::{Args, Subcommand, ValueEnum};
use config::Config;

use crate::client::Client;
use crate::error::CliError;
use crate::{show, watch};

/// Where the API is, and how to print.
#[derive(Args, Clone, Debug, Default)]
pub struct Reach {
    /// The configuration file of the running `tandem`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["api", "token_file"])]
    pub config: Option<PathBuf>,
    /// Where the API is, for example http://127.0.0.1:8040
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub api: Option<String>,
    /// The file that holds the API's token
    #[arg(long, value_name = "FILE", requires = "api")]
    pub token_file: Option<PathBuf>,
    /// Print the API's JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

/// What an operator asks of a running switch.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Show how the running switch is
    Status {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
    /// List the spans
    Spans {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
    /// List the channels
    Channels {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// Of this span only
        #[arg(long, value_name = "N")]
        span: Option<u16>,
        /// Those with a call only
        #[arg(long)]
        busy: bool,
    },
    /// List the calls, the newest first
    Calls {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// Calls that have ended instead of those that live
        #[arg(long)]
        ended: bool,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Dial a number and give the call to a number of the plan once it is answered
    Call {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// The trunk to dial over
        #[arg(long, value_name = "NAME")]
        trunk: String,
        /// The number to dial
        called: String,
        /// The number of the plan
        #[arg(long, value_name = "NUMBER")]
        then: String,
        /// The number to show
        #[arg(long, value_name = "NUMBER")]
        calling: Option<String>,
    },
    /// End a call
    Hangup {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// Its name, as `calls` shows it
        call: String,
    },
    /// List the queues with today's figures
    Queues {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
    /// List the agents
    Agents {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
    /// Say what an agent wants
    Agent {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// The agent's name
        agent: String,
        /// What the agent wants
        order: Order,
        /// Why, with `busy`: one of the configured reasons
        #[arg(required_if_eq("order", "busy"))]
        reason: Option<String>,
    },
    /// List records of ended calls, the newest first
    Records {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
        /// Calls that were in this queue
        #[arg(long, value_name = "NAME")]
        queue: Option<String>,
        /// Calls that this agent had
        #[arg(long, value_name = "NAME")]
        agent: Option<String>,
        /// Calls from or to this number
        #[arg(long, value_name = "NUMBER")]
        number: Option<String>,
        /// Calls that began at most so long ago: 90s, 30m, 8h, 7d
        #[arg(long, value_name = "TIME", value_parser = ago_ms)]
        since: Option<u64>,
        /// At most so many, 1 to 500
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Have the configuration file read again: numbers, seats, flows, queues and agents are taken under way
    ///
    /// All or nothing: with an error in the file, or a change that takes a restart, everything goes on as it was.
    Reload {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
    /// Follow what happens, line by line, until it is interrupted
    Watch {
        #[command(flatten)]
        #[expect(missing_docs, reason = "a flattened group")]
        reach: Reach,
    },
}

/// What an agent may want.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Begin the work
    Login,
    /// End the work, after a talk if there is one
    Logout,
    /// Take callers
    Ready,
    /// Take none, for a reason
    Busy,
    /// End the work after a talk
    WrapUpEnd,
}

impl Reach {
    /// Finds the API.
    ///
    /// # Errors
    /// The options do not say where it is, or a file that they name cannot be used.
    pub fn client(&self) -> Result<Client, CliError> {
        match (&self.config, &self.api, &self.token_file) {
            (Some(file), _, _) => {
                let api = Config::load(file).map_err(CliError::Config)?.api;
                Client::new(&base_url(api.listen), &api.token_file)
            }
            (None, Some(url), Some(token_file)) => Client::new(url, token_file),
            (None, _, _) => Err(CliError::Where(
                "where is the API? give --config FILE, or --api URL and --token-file FILE".into(),
            )),
        }
    }
}

/// Returns the address by which this machine reaches what listens on `listen`.
pub fn base_url(mut listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{listen}")
}

impl Command {
    /// Does it and prints to `out`.
    ///
    /// # Errors
    /// Whatever keeps it from being done; the program then ends with a code other than 0.
    pub fn run(&self, out: &mut dyn Write) -> Result<(), CliError> {
        let reach = self.reach();
        let client = reach.client()?;
        match self {
            Command::Status { .. } => {
                let text = client.get("/v1/status")?;
                print(out, reach, &text, |out| Ok(show::status(out, &client.read::<Status>(&text)?)?))
            }
            Command::Spans { .. } => {
                let text = client.get("/v1/spans")?;
                print(out, reach, &text, |out| Ok(show::spans(out, &client.read::<Spans>(&text)?.spans)?))
            }
            Command::Channels { span, busy, .. } => channels(&client, reach, *span, *busy, out),
            Command::Calls { ended, limit, .. } => {
                let state = if *ended { "ended" } else { "live" };
                let text = client.get(&format!("/v1/calls?state={state}&limit={limit}"))?;
                print(out, reach, &text, |out| {
                    Ok(show::calls(out, &client.read::<Calls>(&text)?, show::now_ms())?)
                })
            }
            Command::Call { trunk, called, then, calling, .. } => {
                let dial = Dial {
                    trunk: trunk.clone(),
                    called: called.clone(),
                    calling: calling.clone(),
                    then: then.clone(),
                };
                let text = client.post("/v1/calls", &dial)?;
                print(out, reach, &text, |out| Ok(writeln!(out, "{}", client.read::<Dialled>(&text)?.call)?))
            }
            Command::Hangup { call, .. } => {
                if call.is_empty() || !call.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-') {
                    return Err(CliError::Where(format!("\"{call}\" is no name of a call")));
                }
                client.delete(&format!("/v1/calls/{call}"))?;
                Ok(())
            }
            Command::Queues { .. } => {
                let text = client.get("/v1/queues")?;
                print(out, reach, &text, |out| {
                    Ok(show::queues(out, &client.read::<Queues>(&text)?.queues, show::now_ms())?)
                })
            }
            Command::Agents { .. } => {
                let text = client.get("/v1/agents")?;
                print(out, reach, &text, |out| {
                    Ok(show::agents(out, &client.read::<Agents>(&text)?.agents, show::now_ms())?)
                })
            }
            Command::Agent { agent, order, reason, .. } => {
                let ordered = Ordered { order: order.word(), reason: reason.clone() };
                client.post(&format!("/v1/agents/{}", encoded(agent)), &ordered)?;
                Ok(())
            }
            Command::Records { queue, agent, number, since, limit, .. } => {
                let from_ms = since.map(|ago_ms| show::now_ms().saturating_sub(ago_ms).to_string());
                let query =
                    query(&[("queue", queue), ("agent", agent), ("number", number), ("from_ms", &from_ms)]);
                let text = client.get(&format!("/v1/records?limit={limit}{query}"))?;
                let found: Records = client.read(&text)?;
                if found.records.is_empty() {
                    known(&client, queue.as_deref(), agent.as_deref())?;
                }
                print(out, reach, &text, |out| Ok(show::records(out, &found)?))
            }
            Command::Reload { .. } => {
                let text = client.post("/v1/reload", &())?;
                print(out, reach, &text, |out| Ok(show::reloaded(out, &client.read::<Reloaded>(&text)?)?))
            }
            Command::Watch { .. } => watch::watch(&client, reach.json, out),
        }
    }

    /// Returns where the API is said to be.
    pub fn reach(&self) -> &Reach {
        match self {
            Command::Status { reach }
            | Command::Spans { reach }
            | Command::Channels { reach, .. }
            | Command::Calls { reach, .. }
            | Command::Call { reach, .. }
            | Command::Hangup { reach, .. }
            | Command::Queues { reach }
            | Command::Agents { reach }
            | Command::Agent { reach, .. }
            | Command::Records { reach, .. }
            | Command::Reload { reach }
            | Command::Watch { reach } => reach,
        }
    }
}

/// Says so if nothing can be found because there is no such queue or agent.
fn known(client: &Client, queue: Option<&str>, agent: Option<&str>) -> Result<(), CliError> {
    if let Some(queue) = queue {
        let queues: Queues = client.read(&client.get("/v1/queues")?)?;
        one_of("queue", queue, queues.queues.iter().map(|known| &*known.queue))?;
    }
    if let Some(agent) = agent {
        let agents: Agents = client.read(&client.get("/v1/agents")?)?;
        one_of("agent", agent, agents.agents.iter().map(|known| &*known.agent))?;
    }
    Ok(())
}

fn one_of<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Result<(), CliError> {
    let known: Vec<&str> = known.collect();
    if known.contains(&name) {
        return Ok(());
    }
    let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
    Err(CliError::Where(format!("no {what} \"{name}\" and no record of one; there are: {known}")))
}

fn channels(
    client: &Client,
    reach: &Reach,
    span: Option<u16>,
    busy: bool,
    out: &mut dyn Write,
) -> Result<(), CliError> {
    let mut found: Channels = client.read(&client.get("/v1/channels")?)?;
    if let Some(span) = span {
        let of_span = |channel: &ChannelView| channel.channel.starts_with(&format!("{span}/"));
        found.channels.retain(of_span);
        if found.channels.is_empty() {
            return Err(CliError::Where(format!("no span {span}; `tandem spans` lists them")));
        }
    }
    found.channels.retain(|channel| !busy || channel.call.is_some());
    if reach.json {
        return Ok(writeln!(out, "{}", serde_json::to_string(&found).map_err(std::io::Error::from)?)?);
    }
    Ok(show::channels(out, &found.channels)?)
}

impl Order {
    fn word(self) -> OrderWord {
        match self {
            Order::Login => OrderWord::LogIn,
            Order::Logout => OrderWord::LogOut,
            Order::Ready => OrderWord::Ready,
            Order::Busy => OrderWord::Busy,
            Order::WrapUpEnd => OrderWord::WrapUpEnd,
        }
    }
}

/// Reads a length of time, "90s", "30m", "8h" or "7d", as milliseconds.
fn ago_ms(text: &str) -> Result<u64, String> {
    let wrong = || format!("expected a number with s, m, h or d, for example 8h, found \"{text}\"");
    let unit_s = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some(_) | None => return Err(wrong()),
    };
    let digits = &text[..text.len() - 1];
    let count = Some(digits).filter(|digits| digits.bytes().all(|c| c.is_ascii_digit()));
    let count = count.and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(wrong)?;
    count.checked_mul(unit_s * 1_000).ok_or_else(wrong)
}

/// Returns what is given of a query, each part after an "&".
fn query(parts: &[(&str, &Option<String>)]) -> String {
    let given = parts.iter().filter_map(|(key, value)| value.as_ref().map(|value| (key, value)));
    given.map(|(key, value)| format!("&{key}={}", encoded(value))).collect()
}

/// Returns the text as it may stand in an address. Source: RFC 3986 2.1 and 2.3.
fn encoded(text: &str) -> String {
    let octet = |octet: u8| match octet {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'~' => char::from(octet).to_string(),
        b'.' if text.bytes().any(|other| other != b'.') => ".".to_string(),
        _ => format!("%{octet:02X}"),
    };
    text.bytes().map(octet).collect()
}

fn print(
    out: &mut dyn Write,
    reach: &Reach,
    text: &str,
    table: impl FnOnce(&mut dyn Write) -> Result<(), CliError>,
) -> Result<(), CliError> {
    if reach.json { Ok(writeln!(out, "{text}")?) } else { table(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_on_all_addresses_is_reached_by_loopback() {
        let url = |listen: &str| base_url(listen.parse().expect("an address"));
        assert_eq!(url("127.0.0.1:8040"), "http://127.0.0.1:8040");
        assert_eq!(url("0.0.0.0:8040"), "http://127.0.0.1:8040");
        assert_eq!(url("[::]:8040"), "http://[::1]:8040");
        assert_eq!(url("192.0.2.1:1"), "http://192.0.2.1:1");
    }

    #[test]
    fn lengths_of_time_are_read_with_their_unit() {
        assert_eq!(ago_ms("90s"), Ok(90_000));
        assert_eq!(ago_ms("30m"), Ok(1_800_000));
        assert_eq!(ago_ms("8h"), Ok(28_800_000));
        assert_eq!(ago_ms("7d"), Ok(604_800_000));
        for wrong in [
            "",
            "h",
            "8",
            "-1h",
            "+1h",
            "1.5h",
            "8 h",
            "8小时",
            "99999999999999999999d",
            "18446744073709551615s",
        ] {
            assert!(ago_ms(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn texts_are_safe_in_an_address() {
        assert_eq!(encoded("zhang-1.a_b~"), "zhang-1.a_b~");
        assert_eq!(encoded("a/b c&d=e?#%"), "a%2Fb%20c%26d%3De%3F%23%25");
        assert_eq!(encoded("张"), "%E5%BC%A0");
        assert_eq!(encoded(".."), "%2E%2E");
    }

    #[test]
    fn without_options_it_says_which_are_needed() {
        let error = Reach::default().client().expect_err("nowhere").to_string();
        assert!(error.contains("--config FILE"), "{error}");
    }
}
