//! The kernel's interface in our own definitions: request numbers, structures, constants.
//!
//! How: a request number is made of direction, size of its argument, type and number, as Linux does it; the sizes come from
//! the structures below, so that a wrong structure shows as a wrong number. A test holds the numbers and sizes against
//! those that the real headers give; the guest test compares them with the headers themselves.
//! Limits: 64-bit machines only (some arguments hold a `long`). One table fits DAHDI 2.10.2 to 3.4.

mod table;

use core::mem::size_of;

pub use table::table;

/// No argument, as in `TIMERPING`.
const NONE: u32 = 0;
/// The kernel reads the argument.
const WRITE: u32 = 1;
/// The kernel writes the argument.
const READ: u32 = 2;
/// Both.
const BOTH: u32 = 3;

/// The type of all requests for channels, spans and timers.
const DAHDI_CODE: u32 = 0xDA;

const fn request(direction: u32, number: u32, size: usize) -> u32 {
    direction << 30 | (size as u32) << 16 | DAHDI_CODE << 8 | number
}

const INT: usize = size_of::<i32>();

/// Throws away what is in buffers: [`FLUSH_READ`], [`FLUSH_WRITE`].
pub const FLUSH: u32 = request(WRITE, 3, INT);
/// Reads a channel's parameters.
pub const GET_PARAMS: u32 = request(BOTH, 5, size_of::<Params>());
/// Sets a channel's timings.
pub const SET_PARAMS: u32 = request(WRITE, 5, size_of::<Params>());
/// Hook, flash, ring.
pub const HOOK: u32 = request(WRITE, 7, INT);
/// Takes the next event.
pub const GETEVENT: u32 = request(READ, 8, INT);
/// Reads the state of a span.
pub const SPANSTAT: u32 = request(BOTH, 10, size_of::<SpanInfo>());
/// Maintenance: loops.
pub const MAINT: u32 = request(WRITE, 11, size_of::<MaintInfo>());
/// Sets framing, coding, build-out and clock source of a span.
pub const SPANCONFIG: u32 = request(WRITE, 18, size_of::<SpanLine>());
/// Sets what a channel is.
pub const CHANCONFIG: u32 = request(WRITE, 19, size_of::<ChanConfig>());
/// Loads a tone zone: without one the kernel rings no telephone.
pub const LOADZONE: u32 = request(WRITE, 25, size_of::<ToneZone>());
/// Sets how many buffers a channel has and how long they are.
pub const SET_BUFINFO: u32 = request(WRITE, 27, size_of::<BufferInfo>());
/// Sets a channel to pass audio through the kernel's own processing.
pub const AUDIOMODE: u32 = request(WRITE, 32, INT);
/// Switches a channel's echo canceller: taps, 0 is off.
pub const ECHOCANCEL: u32 = request(WRITE, 33, INT);
/// Chooses the channel of a descriptor of `/dev/dahdi/channel`.
pub const SPECIFY: u32 = request(WRITE, 38, INT);
/// Sets the ringing cadence of a port.
pub const SETCADENCE: u32 = request(WRITE, 42, size_of::<RingCadence>());
/// Reads the received signalling bits.
pub const GETRXBITS: u32 = request(READ, 43, INT);
/// Sets the sent signalling bits.
pub const SETTXBITS: u32 = request(WRITE, 43, INT);
/// Sets the interval of a timer in samples.
pub const TIMERCONFIG: u32 = request(WRITE, 47, INT);
/// Acknowledges expired intervals of a timer; -1 for all.
pub const TIMERACK: u32 = request(WRITE, 48, INT);
/// An unused number without argument: shows how such requests are made.
pub const TIMERPING: u32 = request(NONE, 52, 0);
/// Reads the version of the kernel's part.
pub const GETVERSION: u32 = request(READ, 57, size_of::<VersionInfo>());
/// Ties a kind of echo canceller to a channel.
pub const ATTACH_ECHOCAN: u32 = request(WRITE, 59, size_of::<AttachEchocan>());
/// Makes a span without a card.
pub const DYNAMIC_CREATE: u32 = request(BOTH, 80, size_of::<DynamicSpan>());
/// Takes one away.
pub const DYNAMIC_DESTROY: u32 = request(WRITE, 81, size_of::<DynamicSpan>());
/// Sets the gain of an analog port's hardware.
pub const SET_HWGAIN: u32 = request(WRITE, 86, size_of::<HwGain>());
/// Sets the polarity of a port's feed.
pub const SETPOLARITY: u32 = request(WRITE, 92, INT);
/// Switches a span on.
pub const STARTUP: u32 = request(WRITE, 99, INT);
/// Asks to be told by an event when a channel had nothing to send or no room to receive.
pub const BUFFER_EVENTS: u32 = request(WRITE, 105, INT);

/// What `read` and `write` fail with while an event waits. Source: `ELAST` of the kernel's part.
pub const ELAST: i32 = 500;

/// The most octets of all buffers of one channel in one direction.
pub const MAX_BUF_SPACE: usize = 32_768;
/// The most octets of one buffer.
pub const MAX_BLOCKSIZE: usize = 8_192;
/// The most buffers.
pub const MAX_NUM_BUFS: usize = 32;

/// `FLUSH`: what was received and not read.
pub const FLUSH_READ: i32 = 1;
/// `FLUSH`: what was written and not sent.
pub const FLUSH_WRITE: i32 = 2;

/// Kinds of a channel (`sigtype`).
pub mod sig {
    /// A telephone's port (the kernel names it after the signalling used towards it).
    pub const FXOKS: i32 = 0x1020;
    /// A port to an exchange.
    pub const FXSKS: i32 = 0x2004;
    /// Sixty-four clear kbit/s.
    pub const CLEAR: i32 = 0x80;
    /// Frames by the kernel, with check sequence.
    pub const HDLCFCS: i32 = 0x380;
    /// Frames by the card.
    pub const HARDHDLC: i32 = 0x8_0080;
    /// Part of another channel.
    pub const SLAVE: i32 = 0x800;
    /// Four signalling bits.
    pub const CAS: i32 = 0x8000;
    /// Through-connected to another channel inside the kernel.
    pub const DACS: i32 = 0x1_0080;
}

/// Framing and coding of a span (`lineconfig`).
pub mod line {
    /// T1 frame: superframe.
    pub const D4: i32 = 1 << 4;
    /// T1 frame: extended superframe.
    pub const ESF: i32 = 1 << 5;
    /// Alternate mark inversion.
    pub const AMI: i32 = 1 << 6;
    /// T1 coding.
    pub const B8ZS: i32 = 1 << 7;
    /// E1: signalling in frames of timeslot 16, not bits.
    pub const CCS: i32 = 1 << 8;
    /// E1 coding.
    pub const HDB3: i32 = 1 << 9;
    /// E1 check sequence.
    pub const CRC4: i32 = 1 << 10;
}

/// Alarms of a span.
pub mod alarm {
    /// Coming back.
    pub const RECOVER: i32 = 1;
    /// Looped.
    pub const LOOPBACK: i32 = 2;
    /// The far end hears nothing.
    pub const YELLOW: i32 = 4;
    /// We hear nothing.
    pub const RED: i32 = 8;
    /// Only ones.
    pub const BLUE: i32 = 16;
    /// Not started.
    pub const NOTOPEN: i32 = 32;
}

/// Events of a channel.
pub mod event {
    /// Nothing more.
    pub const NONE: i32 = 0;
    /// A telephone went on hook; on a trunk port the feed went away.
    pub const ONHOOK: i32 = 1;
    /// A telephone went off hook; on a trunk port a ring has ended.
    pub const RINGOFFHOOK: i32 = 2;
    /// Wink or flash.
    pub const WINKFLASH: i32 = 3;
    /// An alarm began.
    pub const ALARM: i32 = 4;
    /// All alarms ended.
    pub const NOALARM: i32 = 5;
    /// A frame was aborted.
    pub const ABORT: i32 = 6;
    /// A frame was too long.
    pub const OVERRUN: i32 = 7;
    /// A frame was damaged.
    pub const BADFCS: i32 = 8;
    /// A ring order has begun.
    pub const RINGERON: i32 = 10;
    /// A ring order has ended.
    pub const RINGEROFF: i32 = 11;
    /// A hook order is done.
    pub const HOOKCOMPLETE: i32 = 12;
    /// Signalling bits have changed.
    pub const BITSCHANGED: i32 = 13;
    /// The polarity of the feed has changed.
    pub const POLARITY: i32 = 17;
    /// A ring begins.
    pub const RINGBEGIN: i32 = 18;
    /// The channel is gone.
    pub const REMOVED: i32 = 20;
    /// A channel had no room for what it received.
    pub const READ_OVERRUN: i32 = 29;
    /// A channel had nothing to send.
    pub const WRITE_UNDERRUN: i32 = 30;
    /// Set beside a dialled pulse digit.
    pub const PULSEDIGIT: i32 = 1 << 16;
}

/// Arguments of `HOOK`.
pub mod hook {
    /// Open the loop; on a telephone's port take the feed away for a moment.
    pub const ONHOOK: i32 = 0;
    /// Close the loop.
    pub const OFFHOOK: i32 = 1;
    /// Open the loop for a moment.
    pub const FLASH: i32 = 3;
    /// Ring.
    pub const RING: i32 = 5;
    /// Stop ringing.
    pub const RINGOFF: i32 = 6;
}

/// Arguments of `MAINT`.
pub mod maint {
    /// No loop.
    pub const NONE: i32 = 0;
    /// What we send comes back.
    pub const LOCAL_LOOP: i32 = 1;
    /// What the far end sends goes back.
    pub const REMOTE_LOOP: i32 = 2;
}

/// Laws of `CHANCONFIG`.
pub mod law {
    /// Mu-law.
    pub const MU: u32 = 1;
    /// A-law.
    pub const A: u32 = 2;
}

/// `struct dahdi_params`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Params {
    /// Channel.
    pub channo: i32,
    /// Its span.
    pub spanno: i32,
    /// Its place in the span, from 1.
    pub chanpos: i32,
    /// What it is.
    pub sigtype: i32,
    /// What it could be.
    pub sigcap: i32,
    /// True while the far end is off hook.
    pub rxisoffhook: i32,
    /// Bits received, bits sent, hook states.
    pub rxbits: i32,
    /// Bits sent.
    pub txbits: i32,
    /// Hook state sent.
    pub txhooksig: i32,
    /// Hook state received.
    pub rxhooksig: i32,
    /// Law.
    pub curlaw: i32,
    /// Bits of a channel at rest.
    pub idlebits: i32,
    /// Name.
    pub name: [u8; 40],
    /// Milliseconds: prewink, preflash, wink, flash, start, receive wink, receive flash, debounce, pulse break, make, after.
    pub times_ms: [i32; 11],
    /// Alarms of the channel.
    pub chan_alarms: i32,
}

/// The place of the flash time in [`Params::times_ms`].
pub const FLASH_TIME: usize = 3;

/// `struct dahdi_spaninfo`: packed.
#[repr(C, packed)]
#[derive(Clone, Copy)]
pub struct SpanInfo {
    /// Number asked for; 0 in a channel's own span.
    pub spanno: i32,
    /// Name.
    pub name: [u8; 20],
    /// Description.
    pub desc: [u8; 40],
    /// Alarms.
    pub alarms: i32,
    /// Levels sent and received.
    pub levels: [i32; 2],
    /// Bipolar violations.
    pub bpvcount: i32,
    /// CRC-4 errors, E-bits, frame errors.
    pub crc4count: i32,
    /// E-bits.
    pub ebitcount: i32,
    /// Frame alignment errors.
    pub fascount: i32,
    /// Framing errors.
    pub fecount: u32,
    /// Coding violations.
    pub cvcount: u32,
    /// Bit errors.
    pub becount: u32,
    /// Test pattern seen.
    pub prbs: u32,
    /// Errored seconds.
    pub errsec: u32,
    /// Missed interrupts.
    pub irqmisses: i32,
    /// The span whose clock is used.
    pub syncsrc: i32,
    /// Channels configured.
    pub numchans: i32,
    /// Channels there are.
    pub totalchans: i32,
    /// Spans there are.
    pub totalspans: i32,
    /// Build-out.
    pub lbo: i32,
    /// Framing and coding.
    pub lineconfig: i32,
    /// Build-out, location, maker, type as text.
    pub texts: [[u8; 40]; 4],
    /// Interrupt.
    pub irq: i32,
    /// What framing it can.
    pub linecompat: i32,
    /// `E1`, `T1`, `BRI`, analog.
    pub spantype: [u8; 6],
}

/// `struct dahdi_maintinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MaintInfo {
    /// Span.
    pub spanno: i32,
    /// One of [`maint`].
    pub command: i32,
}

/// `struct dahdi_lineconfig`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SpanLine {
    /// Span.
    pub span: i32,
    /// Unused.
    pub name: [u8; 20],
    /// Build-out, 0 to 7.
    pub lbo: i32,
    /// Bits of [`line`].
    pub lineconfig: i32,
    /// Rank as clock source; 0 is none.
    pub sync: i32,
}

/// `struct dahdi_chanconfig`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ChanConfig {
    /// Channel.
    pub chan: i32,
    /// Unused.
    pub name: [u8; 40],
    /// One of [`sig`].
    pub sigtype: i32,
    /// One of [`law`].
    pub deflaw: u32,
    /// The channel that this one is part of.
    pub master: i32,
    /// Bits at rest; the other channel of a through-connection.
    pub idlebits: i32,
    /// Unused.
    pub netdev_name: [u8; 16],
}

/// `struct dahdi_bufferinfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BufferInfo {
    /// When sending begins: 0 at once.
    pub txbufpolicy: i32,
    /// Always 0.
    pub rxbufpolicy: i32,
    /// Buffers each way.
    pub numbufs: i32,
    /// Octets of each.
    pub bufsize: i32,
    /// Not told by the kernel.
    pub readbufs: i32,
    /// Not told by the kernel.
    pub writebufs: i32,
}

/// `struct dahdi_ring_cadence`: on and off in samples of 1/8 ms, eight times each.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RingCadence {
    /// The times.
    pub ringcadence: [i32; 16],
}

/// `struct dahdi_tone_def_header`, with no tones after it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ToneZone {
    /// Tones that follow.
    pub count: i32,
    /// Number.
    pub zone: i32,
    /// Ringing cadence of ports that have no other.
    pub ringcadence: [i32; 16],
    /// Name.
    pub name: [u8; 40],
}

/// `struct dahdi_versioninfo`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct VersionInfo {
    /// Version.
    pub version: [u8; 80],
    /// Echo cancellers.
    pub echo_canceller: [u8; 80],
}

/// `struct dahdi_attach_echocan`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AttachEchocan {
    /// Channel.
    pub chan: i32,
    /// Kind; empty detaches.
    pub echocan: [u8; 16],
}

/// `struct dahdi_dynamic_span`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DynamicSpan {
    /// Driver, for example `loc` or `eth`.
    pub driver: [u8; 20],
    /// Address in the driver's own form.
    pub address: [u8; 40],
    /// Channels.
    pub numchans: i32,
    /// Rank as clock source; 0 is none.
    pub timing: i32,
    /// The span's number, told by the kernel.
    pub spanno: i32,
}

/// `struct dahdi_hwgain`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct HwGain {
    /// Tenths of a decibel.
    pub newgain: i32,
    /// 1 towards the line, 0 from it.
    pub tx: u32,
}
