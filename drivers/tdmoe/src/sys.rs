//! The kernel's calls: the only file of this crate with `unsafe` code.
//!
//! A socket is a packet socket of one interface, or in tests one end of a pair of Unix sockets: both carry whole Ethernet
//! frames, one a datagram, and are used by the same two calls. Both never wait. Nothing here allocates but `open`.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::Mac;
use crate::frame::ETHERTYPE;

/// Frames that one call takes or sends at most.
pub(crate) const BATCH: usize = 32;

/// Room for one received frame: longer ones are cut, and refused since their length is wrong.
pub(crate) const ROOM: usize = 512;

/// Octets that the kernel may hold for us, of its own count (about 800 a frame): 16 spans for 60 ms, and some more.
static RECEIVE_ROOM: libc::c_int = 1 << 20;

/// Why nothing was received or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing there, or no room.
    Empty,
    /// The interface is down or gone.
    Gone,
}

/// Opens a packet socket for our frames on an interface, and returns it with the interface's address.
///
/// # Errors
/// `PermissionDenied`: the right `CAP_NET_RAW` is missing; `NotFound`: no such interface; `NetworkDown`: it is down;
/// `InvalidInput`: it is no Ethernet interface.
pub(crate) fn open(interface: &str) -> io::Result<(OwnedFd, Mac)> {
    // Of no type at first, so that nothing comes from other interfaces before it is bound to one.
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a call with numbers only.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let name = std::ffi::CString::new(interface)?;
    // SAFETY: the name is a string that ends with zero and lives until the call returns.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no such interface"));
    }
    room(&socket);
    bind(&socket, index)?;
    match option(&socket, libc::SO_ERROR)? {
        0 => {}
        error => return Err(io::Error::from_raw_os_error(error)),
    }
    let own = name_of(&socket)?;
    if own.sll_hatype != libc::ARPHRD_ETHER || own.sll_halen != 6 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no Ethernet interface"));
    }
    let [a, b, c, d, e, f, ..] = own.sll_addr;
    Ok((socket, Mac([a, b, c, d, e, f])))
}

/// Asks for room to receive; the kernel gives what it allows (`net.core.rmem_max` without the right to more).
fn room(socket: &OwnedFd) {
    for option in [libc::SO_RCVBUFFORCE, libc::SO_RCVBUF] {
        // SAFETY: the descriptor is open; the value is a `c_int` and its size is given.
        let set = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                option,
                (&raw const RECEIVE_ROOM).cast(),
                size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        if set == 0 {
            return;
        }
    }
}

fn bind(socket: &OwnedFd, index: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: ETHERTYPE.to_be(),
        sll_ifindex: i32::try_from(index).unwrap_or(0),
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the descriptor is open; the address is of the socket's family and its size is given.
    let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) };
    if bound < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn option(socket: &OwnedFd, option: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open; the kernel writes at most `size` octets, which is the value's size.
    let got = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw mut value).cast(), &raw mut size)
    };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(value) }
}

/// Returns the address that a bound packet socket has: the kernel fills in the interface's own.
fn name_of(socket: &OwnedFd) -> io::Result<libc::sockaddr_ll> {
    let mut address = libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let mut size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the descriptor is open; the kernel writes at most `size` octets, which is the address's size.
    let got = unsafe { libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut size) };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(address) }
}

/// Frames on their way in or out, in memory made once.
pub(crate) struct Batch {
    pub frames: Box<[[u8; ROOM]]>,
    pub lengths: [usize; BATCH],
}

impl Batch {
    pub fn new() -> Batch {
        Batch { frames: vec![[0; ROOM]; BATCH].into_boxed_slice(), lengths: [0; BATCH] }
    }

    /// Takes what has come, at most [`BATCH`] frames, and returns how many; their lengths are as received.
    pub fn receive(&mut self, socket: &OwnedFd) -> Result<usize, Stop> {
        self.lengths = [ROOM; BATCH];
        let mut received = [0; BATCH];
        let done = self.call(BATCH, |headers| {
            // SAFETY: see `call`; the kernel writes at most as much as each part has room for.
            let done = unsafe {
                libc::recvmmsg(
                    socket.as_raw_fd(),
                    headers.as_mut_ptr(),
                    headers.len() as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    core::ptr::null_mut(),
                )
            };
            for (length, header) in received.iter_mut().zip(headers.iter()) {
                *length = (header.msg_len as usize).min(ROOM);
            }
            done
        });
        self.lengths = received;
        done
    }

    /// Sends frames `from..until` and returns how many were taken.
    pub fn send(&mut self, socket: &OwnedFd, from: usize, until: usize) -> Result<usize, Stop> {
        self.call(until, |headers| {
            let headers = &mut headers[from..];
            // SAFETY: see `call`; the kernel reads as much as each part is long.
            unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    headers.as_mut_ptr(),
                    headers.len() as libc::c_uint,
                    (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
                )
            }
        })
    }

    /// Calls the kernel with headers for the first `frames` frames.
    ///
    /// The headers point into `self.frames`, each to its own part of `lengths[k]` octets, and live until the call is over.
    fn call(
        &mut self,
        frames: usize,
        kernel: impl FnOnce(&mut [libc::mmsghdr]) -> libc::c_int,
    ) -> Result<usize, Stop> {
        let mut parts: [libc::iovec; BATCH] = core::array::from_fn(|k| libc::iovec {
            iov_base: self.frames[k].as_mut_ptr().cast(),
            iov_len: self.lengths[k].min(ROOM),
        });
        let mut headers: [libc::mmsghdr; BATCH] = core::array::from_fn(|k| {
            // SAFETY: a structure of numbers and pointers, for which zero is a value: no name, no control data, no flags.
            let mut header: libc::mmsghdr = unsafe { core::mem::zeroed() };
            header.msg_hdr.msg_iov = &raw mut parts[k];
            header.msg_hdr.msg_iovlen = 1;
            header
        });
        let done = kernel(&mut headers[..frames.min(BATCH)]);
        usize::try_from(done).map_err(|_| why())
    }
}

fn why() -> Stop {
    match io::Error::last_os_error().raw_os_error() {
        Some(
            libc::ENETDOWN
            | libc::ENXIO
            | libc::ENODEV
            | libc::ECONNREFUSED
            | libc::ECONNRESET
            | libc::ENOTCONN
            | libc::EPIPE
            | libc::EBADF,
        ) => Stop::Gone,
        Some(_) | None => Stop::Empty,
    }
}
