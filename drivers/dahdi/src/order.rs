//! Orders to lines, as requests to the kernel. None of them sleeps: the devices are non-blocking.

use std::io;

use card::{LineOrder, RingCadence, Signalling, SpanSlot};
use tdm::{ChannelId, HookState, Polarity, SpanKind};

use crate::abi::{self, hook};
use crate::lines::{Columns, OpenSpan};
use crate::place::{Answer, Place};
use crate::sys::Device;

/// The times of a cadence are in samples.
const SAMPLES_PER_MS: i32 = 8;

/// Carries out an order; false if it fits nothing here.
pub(crate) fn carry_out(places: &mut [Place], slots: &[SpanSlot], order: LineOrder) -> bool {
    match order {
        LineOrder::Abcd { channel, bits } => at(places, slots, channel, |slot, _, device| {
            slot.signalling == Signalling::Cas && device.set(abi::SETTXBITS, i32::from(bits.0 & 0xF)).is_ok()
        }),
        LineOrder::Hook { channel, state } => at(places, slots, channel, |slot, place, device| {
            place.lines[usize::from(channel.timeslot.0) - 1].hook_ordered();
            let value = if state == HookState::OffHook { hook::OFFHOOK } else { hook::ONHOOK };
            slot.kind == SpanKind::Fxo && set_hook(device, value)
        }),
        LineOrder::Ring { channel, cadence } => {
            at(places, slots, channel, |slot, _, device| slot.kind == SpanKind::Fxs && ring(device, cadence))
        }
        LineOrder::Polarity { channel, polarity } => at(places, slots, channel, |slot, _, device| {
            let value = i32::from(polarity == Polarity::Reversed);
            slot.kind == SpanKind::Fxs && device.set(abi::SETPOLARITY, value).is_ok()
        }),
        LineOrder::Break { channel, ms } => at(places, slots, channel, |slot, _, device| {
            (1..=2_000).contains(&ms)
                && match slot.kind {
                    SpanKind::Fxo => flash(device, ms).is_ok(),
                    // The kernel takes the feed away for its own time, half a second.
                    SpanKind::Fxs => set_hook(device, hook::ONHOOK),
                    SpanKind::E1 | SpanKind::T1 => false,
                }
        }),
        // Alarms towards the line are the card driver's own affair; DAHDI has no request for them.
        LineOrder::SendAlarms { span, .. } => {
            slots.iter().any(|slot| slot.span == Some(span) && !slot.kind.is_analog())
        }
    }
}

/// Follows a telephone: the port must be told that it feeds a lifted one.
pub(crate) fn answer(open: &OpenSpan, place: usize, answer: Answer) {
    let Some(group) = open.groups.iter().find(|group| group.first == place) else { return };
    match answer {
        Answer::Nothing => {}
        Answer::Lifted => {
            set_hook(&group.device, hook::OFFHOOK);
        }
        Answer::HungUp => {
            set_hook(&group.device, hook::ONHOOK);
        }
    }
}

fn at(
    places: &mut [Place],
    slots: &[SpanSlot],
    channel: ChannelId,
    work: impl FnOnce(&SpanSlot, &mut Place, &Device) -> bool,
) -> bool {
    let Some(position) = slots.iter().position(|slot| slot.index(channel).is_some()) else { return false };
    let Some(place) = places.get_mut(position) else { return false };
    // Taken out for the time of the order, so that the place can be changed beside it.
    let Some(open) = place.open.take() else { return false };
    let column = usize::from(channel.timeslot.0) - 1;
    let own = |group: &&crate::lines::Group| group.columns == Columns::One && group.first == column;
    let done = match open.groups.iter().find(own) {
        Some(group) => work(&slots[position], place, &group.device),
        None => false,
    };
    place.open = Some(open);
    done
}

fn set_hook(device: &Device, value: i32) -> bool {
    // The kernel says of what it has begun but not ended that it is in progress.
    let begun = |error: &io::Error| error.raw_os_error() == Some(libc::EINPROGRESS);
    device.set(abi::HOOK, value).map_or_else(|error| begun(&error), |()| true)
}

fn ring(device: &Device, cadence: Option<RingCadence>) -> bool {
    let Some(cadence) = cadence else { return set_hook(device, hook::RINGOFF) };
    let mut times = [0; 16];
    times[0] = i32::from(cadence.on_ms) * SAMPLES_PER_MS;
    times[1] = i32::from(cadence.off_ms) * SAMPLES_PER_MS;
    device.set_cadence(abi::RingCadence { ringcadence: times }).is_ok() && set_hook(device, hook::RING)
}

fn flash(device: &Device, ms: u16) -> io::Result<()> {
    let mut params = device.params(0)?;
    params.times_ms[abi::FLASH_TIME] = i32::from(ms);
    device.set_params(params)?;
    if set_hook(device, hook::FLASH) { Ok(()) } else { Err(io::Error::last_os_error()) }
}
