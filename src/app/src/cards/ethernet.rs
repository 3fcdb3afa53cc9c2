//! The Ethernet interfaces, and who sends spans on them: listened for, a moment on each that is up.
//!
//! Limits: an end that waits until it hears us says nothing, and is not found.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

/// How long is listened on an interface: a sender has a frame a millisecond.
const LISTEN: Duration = Duration::from_millis(50);

/// An Ethernet interface, and who sends spans to it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Interface {
    name: String,
    address: String,
    state: &'static str,
    peers: Vec<Peer>,
    /// Why nobody was listened for, with what mends it.
    deaf: Option<String>,
}

/// Somebody who sends a span.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Peer {
    channels: usize,
    /// It says that it receives nothing.
    yellow: bool,
    /// The keys of `[[card.span]]` that name it.
    keys: String,
}

/// Returns the interfaces of the machine whose files are under `root`; `listen` is asked about those that are up.
pub(super) fn interfaces(
    root: &Path,
    listen: impl Fn(&str, Duration) -> io::Result<Vec<tdmoe::Sender>>,
) -> Vec<Interface> {
    tdmoe::interfaces(root).into_iter().map(|found| interface(found, &listen)).collect()
}

fn interface(
    found: tdmoe::Interface,
    listen: &impl Fn(&str, Duration) -> io::Result<Vec<tdmoe::Sender>>,
) -> Interface {
    let heard = if found.up { listen(&found.name, LISTEN) } else { Ok(Vec::new()) };
    let (senders, deaf) = match heard {
        Ok(senders) => (senders, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    Interface {
        state: match (found.up, found.carrier) {
            (false, _) => "down",
            (true, false) => "no carrier",
            (true, true) => "up",
        },
        address: found.own.to_string(),
        peers: senders.iter().map(|sender| peer(&found.name, sender)).collect(),
        name: found.name,
        deaf,
    }
}

fn peer(interface: &str, sender: &tdmoe::Sender) -> Peer {
    let kind = if sender.channels == 24 { "t1" } else { "e1" };
    let (mac, subaddress) = (sender.mac, sender.subaddress);
    Peer {
        channels: sender.channels,
        yellow: sender.yellow,
        keys: format!(
            "kind = \"{kind}\", interface = \"{interface}\", peer = \"{mac}\", subaddress = {subaddress}"
        ),
    }
}

/// Writes the interfaces, then who sends.
pub(super) fn tables(out: &mut dyn Write, interfaces: &[Interface]) -> io::Result<()> {
    if interfaces.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nSpans over Ethernet (type = \"tdmoe\"):")?;
    let row = |interface: &Interface| {
        let peers = match (&interface.deaf, interface.peers.len()) {
            (Some(_), _) => "not listened for".to_owned(),
            (None, 0) => "none heard".to_owned(),
            (None, peers) => peers.to_string(),
        };
        [interface.name.clone(), interface.address.clone(), interface.state.into(), peers]
    };
    cli::table(out, ["INTERFACE", "ADDRESS", "STATE", "PEERS"], interfaces.iter().map(row))?;
    let peers: Vec<&Peer> = interfaces.iter().flat_map(|interface| &interface.peers).collect();
    if !peers.is_empty() {
        let row = |peer: &&Peer| {
            let hears = if peer.yellow { "nothing (YELLOW)" } else { "something" };
            [peer.channels.to_string(), hears.to_owned(), peer.keys.clone()]
        };
        cli::table(out, ["CHANNELS", "HEARS", "KEYS OF [[card.span]]"], peers.iter().map(row))?;
    }
    // One word on what is missing is enough: it is the same on all interfaces.
    if let Some(why) = interfaces.iter().find_map(|interface| interface.deaf.as_ref()) {
        writeln!(out, "{why}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, kind, flags, carrier) in [
            ("eth0", "1", "0x1003", "1"),
            ("eth1", "1", "0x1002", ""),
            ("eth2", "1", "0x1003", "0"),
            ("lo", "772", "0x9", "1"),
        ] {
            let device = folder.path().join("sys/class/net").join(name);
            std::fs::create_dir_all(&device).unwrap();
            for (file, text) in
                [("type", kind), ("flags", flags), ("carrier", carrier), ("address", "52:54:00:00:00:07")]
            {
                std::fs::write(device.join(file), format!("{text}\n")).unwrap();
            }
        }
        folder
    }

    fn told(interfaces: &[Interface]) -> String {
        let mut out = Vec::new();
        tables(&mut out, interfaces).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn interfaces_are_told_with_their_state_and_peers_with_the_keys_that_name_them() {
        let folder = machine();
        let sender = tdmoe::Sender {
            mac: "52:54:00:00:aa:01".parse().unwrap(),
            subaddress: 3,
            channels: 24,
            yellow: true,
        };
        let found =
            interfaces(folder.path(), |name, _| Ok(if name == "eth0" { vec![sender] } else { Vec::new() }));
        let states: Vec<_> =
            found.iter().map(|interface| (interface.name.as_str(), interface.state)).collect();
        assert_eq!(states, [("eth0", "up"), ("eth1", "down"), ("eth2", "no carrier")]);
        let text = told(&found);
        let keys = "kind = \"t1\", interface = \"eth0\", peer = \"52:54:00:00:aa:01\", subaddress = 3";
        assert!(text.contains("nothing (YELLOW)") && text.contains(keys), "{text}");
    }

    #[test]
    fn a_user_without_the_right_reads_once_what_gives_it() {
        let folder = machine();
        let refused = |name: &str, _| Err(io::Error::other(format!("{name}: may not: setcap")));
        let text = told(&interfaces(folder.path(), refused));
        assert_eq!(text.matches("may not: setcap").count(), 1, "{text}");
        assert!(text.contains("not listened for"), "{text}");
        assert_eq!(told(&[]), "");
    }
}
