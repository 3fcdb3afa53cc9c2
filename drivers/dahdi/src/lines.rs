//! A span made ready: its channels configured, its descriptors open, buffers set. Blocking: never on a realtime thread.
//!
//! How audio of hundreds of channels costs few system calls: on a digital span without signalling bits all channels are
//! bound into one (`SLAVE` channels of the first), as DAHDI does for data lines. One read then brings a block of the whole
//! span, octets of its timeslots in turn, and all timeslots stay in step by themselves. Channels that the kernel must look
//! at one by one (signalling bits, hook, an echo canceller of the card) have a descriptor each.
//!
//! Limits: a channel that another process has open is never touched; between that look and our own open another process
//! could still come: the open then fails.

use std::io;

use card::{CardError, ClockSource, LineConfig, Signalling};
use tdm::{Law, SpanKind};

use crate::abi::{self, law, line, sig};
use crate::config::{DahdiConfig, DahdiSpan, Hdlc};
use crate::proc::{self, SpanFile};
use crate::sys::Device;

/// Buffers each way of a channel whose frames the kernel makes, and octets of each: a frame with its check sequence.
const FRAME_BUFFERS: usize = 32;
const FRAME_OCTETS: usize = 512;

/// The bits a channel with signalling bits sends until it is told others: blocked.
const IDLE_BITS: i32 = 0b1111;

/// A descriptor and the channels of a row that it carries.
pub(crate) struct Group {
    pub device: Device,
    /// The first channel of the span that it carries, from 0.
    pub first: usize,
    /// How many: octets of these come in turn.
    pub columns: Columns,
}

/// Which channels a descriptor carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// One.
    One,
    /// So many, but not the one at this place, if any.
    Bundle { count: usize, without: Option<usize> },
}

impl Columns {
    /// Returns how many channels there are.
    pub fn len(self) -> usize {
        match self {
            Columns::One => 1,
            Columns::Bundle { count, without } => count - usize::from(without.is_some()),
        }
    }

    /// Returns the place of each channel in its span, in the order of their octets.
    pub fn places(self, first: usize) -> impl Iterator<Item = usize> {
        let (count, without) = match self {
            Columns::One => (1, None),
            Columns::Bundle { count, without } => (count, without),
        };
        (first..first + count).filter(move |&place| Some(place) != without)
    }
}

/// A span made ready.
pub(crate) struct OpenSpan {
    pub position: usize,
    pub line: LineConfig,
    pub groups: Vec<Group>,
    /// The D-channel, if kernel or card make its frames.
    pub frames: Option<Device>,
    /// The span's number in DAHDI.
    pub number: u32,
    ctl: Device,
    /// Its channels' numbers, to be unbound at the end.
    bound: std::ops::Range<u32>,
    law: u32,
}

impl Drop for OpenSpan {
    /// Unbinds the channels, so that other programs find them as they know them.
    fn drop(&mut self) {
        self.groups.clear();
        self.frames = None;
        for channel in self.bound.clone() {
            // A span that is gone has nothing to be unbound.
            let _ = self.ctl.configure_channel(channel_config(channel, sig::CLEAR, self.law));
        }
    }
}

/// What a channel is told to be, with nothing special.
pub(crate) fn channel_config(channel: u32, sigtype: i32, deflaw: u32) -> abi::ChanConfig {
    abi::ChanConfig {
        chan: channel as i32,
        name: [0; 40],
        sigtype,
        deflaw,
        master: channel as i32,
        idlebits: 0,
        netdev_name: [0; 16],
    }
}

/// Makes one span of the card ready.
///
/// # Errors
/// Says which device, span or channel is wrong and what mends it.
pub(crate) fn open(config: &DahdiConfig, wanted: &LineConfig) -> Result<Box<OpenSpan>, CardError> {
    let span = &config.spans[usize::from(wanted.position)];
    let opener = Opener { config, span, wanted };
    let ctl = Device::open(&config.devices.join("ctl"))
        .map_err(|source| opener.system(format!("opening {}", explain_open(config, &source)), source))?;
    let there = opener.find()?;
    opener.check_channels(&ctl, &there)?;
    opener.configure(&ctl, there.number)?;
    let (groups, frames, bound) = opener.open_channels(&ctl)?;
    Ok(Box::new(OpenSpan {
        position: usize::from(wanted.position),
        line: *wanted,
        groups,
        frames,
        number: there.number,
        ctl,
        bound,
        law: opener.law(),
    }))
}

/// Names the device and says what to do.
fn explain_open(config: &DahdiConfig, error: &io::Error) -> String {
    let device = config.devices.join("ctl");
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "DAHDI is not loaded: `tandem cards` tells how",
        io::ErrorKind::PermissionDenied => "this user may not use DAHDI: `tandem cards` tells how",
        _ => "see `tandem cards`",
    };
    format!("{} ({advice})", device.display())
}

struct Opener<'a> {
    config: &'a DahdiConfig,
    span: &'a DahdiSpan,
    wanted: &'a LineConfig,
}

impl Opener<'_> {
    fn system(&self, what: String, source: io::Error) -> CardError {
        CardError::System { model: self.config.model(), what, source }
    }

    fn unfit(&self, what: String) -> CardError {
        CardError::DoesNotFit { model: self.config.model(), span: self.wanted.span, what }
    }

    fn law(&self) -> u32 {
        match self.wanted.law {
            Law::A => law::A,
            Law::Mu => law::MU,
        }
    }

    fn last(&self) -> u32 {
        self.span.first + u32::from(self.span.channels) - 1
    }

    /// Finds the kernel's span that our first channel is in.
    fn find(&self) -> Result<SpanFile, CardError> {
        let spans = proc::spans(&self.config.proc)
            .map_err(|source| self.system(format!("reading {}", self.config.proc.display()), source))?;
        let first = self.span.first;
        let has = |span: &SpanFile| span.channels.iter().any(|channel| channel.number == first);
        spans.into_iter().find(has).ok_or_else(|| {
            let gone = io::Error::new(
                io::ErrorKind::NotFound,
                format!(
                    "no DAHDI span has channel {first}: is the card's module loaded and its span assigned?"
                ),
            );
            self.system(format!("finding span {}", self.wanted.span), gone)
        })
    }

    /// Checks that all channels are in this span, of the right kind, and not used by another process.
    fn check_channels(&self, ctl: &Device, there: &SpanFile) -> Result<(), CardError> {
        for number in self.span.first..=self.last() {
            let Some(channel) = there.channels.iter().find(|channel| channel.number == number) else {
                return Err(self.unfit(format!(
                    "channels {}-{} are asked for, but DAHDI span {} ({}) has {} channels and not {number}",
                    self.span.first,
                    self.last(),
                    there.number,
                    there.name,
                    there.channels.len()
                )));
            };
            if channel.in_use {
                let what = format!("opening channel {number} of DAHDI span {}", there.number);
                let busy = io::Error::new(io::ErrorKind::ResourceBusy, "another process has it open");
                return Err(self.system(what, busy));
            }
        }
        let info = ctl
            .span_info(there.number as i32)
            .map_err(|source| self.system(format!("asking for DAHDI span {}", there.number), source))?;
        let total = { info.totalchans };
        let digital = !self.span.kind.is_analog();
        if digital && total != i32::from(self.span.channels) {
            return Err(self.unfit(format!(
                "DAHDI span {} ({}) has {total} channels: it is no {}",
                there.number, there.name, self.span.kind
            )));
        }
        Ok(())
    }

    /// Tells the kernel what line and channels shall be.
    fn configure(&self, ctl: &Device, number: u32) -> Result<(), CardError> {
        if let Some(framing) = self.span.framing
            && !self.span.kind.is_analog()
        {
            let cas = self.wanted.signalling == Signalling::Cas;
            let lineconfig = match self.span.kind {
                SpanKind::T1 => line::ESF | line::B8ZS,
                SpanKind::E1 | SpanKind::Fxs | SpanKind::Fxo => {
                    let ccs = if cas { 0 } else { line::CCS };
                    line::HDB3 | ccs | if framing.crc4 { line::CRC4 } else { 0 }
                }
            };
            let sync = match self.wanted.clock {
                ClockSource::Line => i32::from(self.wanted.position) + 1,
                ClockSource::Internal => 0,
            };
            let lbo = i32::from(framing.build_out);
            let set = abi::SpanLine { span: number as i32, name: [0; 20], lbo, lineconfig, sync };
            ctl.configure_span(set)
                .map_err(|source| self.system(format!("setting up DAHDI span {number}"), source))?;
        }
        if self.span.kind.is_analog() {
            // Refused if there is a zone of this number: then there is one, which is all that ringing needs.
            let mut cadence = [0; 16];
            (cadence[0], cadence[1]) = (8_000, 32_000);
            let _ = ctl.load_zone(0, cadence);
        }
        for (place, channel) in (self.span.first..=self.last()).enumerate() {
            let Some(config) = self.channel_config(place, channel) else { continue };
            if self.bundled() {
                self.free(ctl, channel)?;
            }
            ctl.configure_channel(config).map_err(|source| {
                let kind = self.span.kind;
                self.system(format!("configuring channel {channel} for {kind}: of the wrong type?"), source)
            })?;
        }
        if self.span.framing.is_some() {
            ctl.set(abi::STARTUP, number as i32)
                .map_err(|source| self.system(format!("switching on DAHDI span {number}"), source))?;
        }
        Ok(())
    }

    /// Frees a channel of what it was before: one that was through-connected stays so until it is opened.
    fn free(&self, ctl: &Device, channel: u32) -> Result<(), CardError> {
        ctl.configure_channel(channel_config(channel, sig::CLEAR, self.law()))
            .map_err(|source| self.system(format!("freeing channel {channel}"), source))?;
        self.open_channel(channel).map(drop)
    }

    /// Returns true if the channels are bound into one descriptor.
    fn bundled(&self) -> bool {
        let plain = matches!(self.wanted.signalling, Signalling::Clear | Signalling::Hdlc(_));
        plain && !self.span.kind.is_analog() && !self.config.card_echo
    }

    /// Returns the place of a D-channel whose frames we do not make ourselves.
    fn frame_place(&self) -> Option<usize> {
        match self.wanted.signalling {
            Signalling::Hdlc(timeslot) if self.config.hdlc != Hdlc::Own => Some(usize::from(timeslot.0) - 1),
            Signalling::Hdlc(_) | Signalling::Clear | Signalling::Cas | Signalling::Loop => None,
        }
    }

    /// Returns true for timeslot 16 of an E1 with signalling bits, which carries these.
    fn is_left_out(&self, place: usize) -> bool {
        self.span.kind == SpanKind::E1 && self.wanted.signalling == Signalling::Cas && place == 15
    }

    fn channel_config(&self, place: usize, channel: u32) -> Option<abi::ChanConfig> {
        let plain = channel_config(channel, sig::CLEAR, self.law());
        if self.is_left_out(place) {
            return None;
        }
        if self.frame_place() == Some(place) {
            let sigtype = if self.config.hdlc == Hdlc::Card { sig::HARDHDLC } else { sig::HDLCFCS };
            return Some(abi::ChanConfig { sigtype, ..plain });
        }
        Some(match (self.span.kind, self.wanted.signalling) {
            (SpanKind::Fxs, _) => abi::ChanConfig { sigtype: sig::FXOKS, ..plain },
            (SpanKind::Fxo, _) => abi::ChanConfig { sigtype: sig::FXSKS, ..plain },
            (SpanKind::E1 | SpanKind::T1, Signalling::Cas) => {
                abi::ChanConfig { sigtype: sig::CAS, idlebits: IDLE_BITS, ..plain }
            }
            (SpanKind::E1 | SpanKind::T1, Signalling::Clear | Signalling::Hdlc(_) | Signalling::Loop) => {
                if self.bundled() && place != self.first_place() {
                    let master = (self.span.first as usize + self.first_place()) as i32;
                    abi::ChanConfig { sigtype: sig::SLAVE, master, ..plain }
                } else {
                    plain
                }
            }
        })
    }

    /// The first place that is not the D-channel's.
    fn first_place(&self) -> usize {
        usize::from(self.frame_place() == Some(0))
    }

    #[expect(clippy::type_complexity, reason = "three results of one step, taken apart at once")]
    fn open_channels(
        &self,
        ctl: &Device,
    ) -> Result<(Vec<Group>, Option<Device>, std::ops::Range<u32>), CardError> {
        let count = usize::from(self.span.channels);
        let frames = match self.frame_place() {
            Some(place) => Some(self.open_frames(self.span.first + place as u32)?),
            None => None,
        };
        if self.bundled() {
            let first = self.first_place();
            let without = self.frame_place().filter(|&place| place > first);
            let columns = Columns::Bundle { count: count - first, without };
            let group = self.open_audio(ctl, first, columns)?;
            return Ok((vec![group], frames, self.span.first..self.last() + 1));
        }
        let mut groups = Vec::new();
        for place in 0..count {
            if !self.is_left_out(place) && self.frame_place() != Some(place) {
                groups.push(self.open_audio(ctl, place, Columns::One)?);
            }
        }
        Ok((groups, frames, 0..0))
    }

    fn open_channel(&self, number: u32) -> Result<Device, CardError> {
        Device::channel(&self.config.devices, number).map_err(|source| {
            let why = match source.raw_os_error() {
                Some(libc::EBUSY) => ": another process has it, or it is part of another channel",
                _ => "",
            };
            self.system(format!("opening channel {number}{why}"), source)
        })
    }

    fn open_audio(&self, ctl: &Device, place: usize, columns: Columns) -> Result<Group, CardError> {
        let number = self.span.first + place as u32;
        let device = self.open_channel(number)?;
        let octets = usize::from(self.config.block_ms) * tdm::CHUNK * columns.len();
        device.set_buffers(self.config.buffers(), octets).map_err(|source| {
            self.system(format!("giving channel {number} buffers of {octets} octets"), source)
        })?;
        device.set(abi::BUFFER_EVENTS, 1).map_err(|source| {
            self.system(format!("asking channel {number} to tell of empty buffers"), source)
        })?;
        if self.config.card_echo && columns == Columns::One && self.wanted.signalling != Signalling::Cas {
            self.cancel_echo(ctl, &device, number)?;
        }
        Ok(Group { device, first: place, columns })
    }

    /// Switches on the canceller that is tied to the channel, or the kernel's own if there is none.
    fn cancel_echo(&self, ctl: &Device, device: &Device, number: u32) -> Result<(), CardError> {
        /// 128 ms.
        const TAPS: i32 = 1_024;
        let fail =
            |source| self.system(format!("switching on the echo canceller of channel {number}"), source);
        device.set(abi::AUDIOMODE, 1).map_err(fail)?;
        if device.set(abi::ECHOCANCEL, TAPS).is_ok() {
            return Ok(());
        }
        ctl.attach_echo_canceller(number, "mg2").map_err(fail)?;
        device.set(abi::ECHOCANCEL, TAPS).map_err(fail)
    }

    fn open_frames(&self, number: u32) -> Result<Device, CardError> {
        let device = self.open_channel(number)?;
        device
            .set_buffers(FRAME_BUFFERS, FRAME_OCTETS)
            .map_err(|source| self.system(format!("giving D-channel {number} its buffers"), source))?;
        Ok(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_names_its_places_without_the_d_channel() {
        let bundle = Columns::Bundle { count: 31, without: Some(15) };
        assert_eq!(bundle.len(), 30);
        let places: Vec<usize> = bundle.places(0).collect();
        assert_eq!((places[0], places[14], places[15], places[29]), (0, 14, 16, 30));
        assert_eq!(Columns::One.places(7).collect::<Vec<_>>(), [7]);
    }
}
