//! `tandem import dahdi`: the configuration of DAHDI and of Asterisk's `chan_dahdi`, as one of Tandem.
//!
//! The proposal goes to standard output, what has no equal to standard error, so that the first can be kept as a file.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use dahdi::import::{Proposal, propose};

/// The largest file that is read, in octets.
const MAX_FILE: u64 = 1 << 20;

const AFTER_HELP: &str = "\
Example:
  tandem import dahdi --chan /etc/asterisk/chan_dahdi.conf > mine.toml
  tandem check mine.toml

The proposal goes to standard output; what has no equal, or must be looked at, to standard error.";

#[derive(clap::Subcommand)]
pub(crate) enum Arguments {
    /// Turn the files of DAHDI and of Asterisk's chan_dahdi into a configuration of Tandem
    #[command(after_help = AFTER_HELP)]
    Dahdi {
        /// DAHDI's own file
        #[arg(long, value_name = "FILE", default_value = "/etc/dahdi/system.conf")]
        system: PathBuf,
        /// Asterisk's file about the channels, often /etc/asterisk/chan_dahdi.conf; without it every
        /// D-channel is proposed as the user's side of a line
        #[arg(long, value_name = "FILE")]
        chan: Option<PathBuf>,
    },
}

/// Prints the proposal.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments::Dahdi { system, chan } = arguments;
    let chan_text = chan.as_deref().map(read).transpose()?.unwrap_or_default();
    let Proposal { toml, notes } = propose(&read(system)?, &chan_text);
    print!("{toml}");
    for note in notes {
        eprintln!("look: {note}");
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut octets = Vec::new();
    file.take(MAX_FILE)
        .read_to_end(&mut octets)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

#[cfg(test)]
mod tests {
    use config::{CardType, Config, Reach};

    use super::*;

    #[test]
    fn what_is_proposed_is_a_configuration_without_errors() {
        let system = "span=1,1,0,ccs,hdb3,crc4\nbchan=1-15,17-31\ndchan=16\nspan=2,0,0,esf,b8zs\nbchan=32-54\n\
            dchan=55\nfxoks=56-59\nfxsks=60\ndefaultzone=us\n";
        let chan = "signalling=pri_net\nchannel=>1-15,17-31\n";
        let Proposal { toml, .. } = propose(system, chan);
        let config =
            Config::parse(&toml, "proposed.toml").unwrap_or_else(|errors| panic!("{errors:?}\n{toml}"));
        assert_eq!(config.cards[0].kind, CardType::Dahdi);
        let spans: Vec<_> =
            config.cards[0].spans.iter().map(|span| (span.dahdi_channel, span.channels)).collect();
        assert_eq!(spans, [(1, 31), (32, 24), (56, 4), (60, 1)]);
        assert_eq!(config.trunks.len(), 2);
        assert!(matches!(&config.seats[3].reach, Reach::Port(port) if *port == tdm::ChannelId::new(3, 4)));
        for seed in ["e1", "t1_and_ports", "overlaps", "proc_span"] {
            let path = format!("{}/../../fuzz/corpus/import_dahdi/{seed}", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap();
            let (system, chan) = text.split_once('\0').unwrap_or((&text, ""));
            let Proposal { toml, .. } = propose(system, chan);
            Config::parse(&toml, "seed.toml").unwrap_or_else(|errors| panic!("{errors:?}\n{toml}"));
        }
        assert!(Config::parse(&propose("", "").toml, "empty.toml").is_ok());
    }
}
