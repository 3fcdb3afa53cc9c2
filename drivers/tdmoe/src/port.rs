//! An Ethernet interface that carries spans, and the right to a span.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use card::CardError;

use crate::Mac;
use crate::config::TdmoeSpan;
use crate::line::Peer;
use crate::sys;

/// The commands that give the right to packet sockets, for people.
pub const RIGHT: &str = "sudo setcap cap_net_raw,cap_sys_nice+ep \"$(command -v tandem)\", or AmbientCapabilities=CAP_NET_RAW CAP_SYS_NICE in its systemd unit";

/// What carries Ethernet frames, each as one datagram.
#[derive(Debug)]
pub struct Wire {
    /// A socket: a packet socket of one interface, or one end of a pair of Unix sockets.
    pub socket: OwnedFd,
    /// The address of our side.
    pub own: Mac,
}

impl Wire {
    /// Opens a packet socket on an interface.
    ///
    /// # Errors
    /// Names what is wrong: the right is missing, there is no such interface, it is down, it is no Ethernet.
    pub fn open(interface: &str) -> io::Result<Wire> {
        match sys::open(interface) {
            Ok((socket, own)) => Ok(Wire { socket, own }),
            Err(error) => Err(explained(interface, &error)),
        }
    }
}

/// Says of an interface what is wrong with it, and keeps the kind of the error.
fn explained(interface: &str, error: &io::Error) -> io::Error {
    let text = match error.kind() {
        ErrorKind::PermissionDenied => {
            format!("{interface}: this user may not open packet sockets: {RIGHT}")
        }
        ErrorKind::NotFound => format!("{interface}: no such interface"),
        ErrorKind::NetworkDown => {
            format!("{interface}: the interface is down: sudo ip link set {interface} up")
        }
        _ => format!("{interface}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

/// The right to a span: only one process of this machine has it. It ends with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Claim(#[expect(dead_code, reason = "held, never used")] UnixDatagram);

impl Claim {
    /// Takes the right.
    ///
    /// How: the name of an abstract Unix socket, which belongs to the network namespace as the interface does.
    pub fn take(model: &str, span: &TdmoeSpan) -> Result<Claim, CardError> {
        let TdmoeSpan { interface, subaddress, .. } = span;
        let peer = match span.peer {
            Peer::Fixed(mac) => mac.to_string(),
            Peer::Learned => "learned".to_owned(),
        };
        let name = format!("tandem-tdmoe/{interface}/{peer}/{subaddress}");
        let bound =
            SocketAddr::from_abstract_name(&name).and_then(|address| UnixDatagram::bind_addr(&address));
        let refused = |source: io::Error| {
            let busy = source.kind() == ErrorKind::AddrInUse;
            let source = if busy {
                io::Error::new(ErrorKind::ResourceBusy, "another process of this machine drives it")
            } else {
                source
            };
            let what = format!("taking subaddress {subaddress} of {peer} on {interface}");
            CardError::System { model: model.to_owned(), what, source }
        };
        bound.map(Claim).map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_one_driver_and_is_free_when_that_is_gone() {
        let peer = Peer::Fixed(Mac([2, 0, 0, 0, 7, 7]));
        let span = TdmoeSpan {
            kind: tdm::SpanKind::E1,
            interface: format!("test{}", std::process::id()),
            peer,
            subaddress: 3,
        };
        let first = Claim::take("c", &span).unwrap();
        let error = Claim::take("c", &span).unwrap_err().to_string();
        assert!(
            error.contains("subaddress 3 of 02:00:00:00:07:07 on test") && error.ends_with("drives it"),
            "{error}"
        );
        Claim::take("c", &TdmoeSpan { subaddress: 4, ..span.clone() }).unwrap();
        drop(first);
        Claim::take("c", &span).unwrap();
    }

    #[test]
    fn each_error_of_an_interface_says_what_mends_it() {
        let told = |kind| explained("eth7", &io::Error::from(kind)).to_string();
        assert!(told(ErrorKind::PermissionDenied).contains("setcap cap_net_raw"));
        assert_eq!(told(ErrorKind::NotFound), "eth7: no such interface");
        assert!(told(ErrorKind::NetworkDown).ends_with("sudo ip link set eth7 up"));
    }
}
