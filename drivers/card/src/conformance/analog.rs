//! Cases about analog ports, and about orders that make no sense.

use tdm::{Abcd, ChannelId, HookState, Polarity, SpanId};

use super::bench::{Bench, Rig, Wiring};
use crate::{CardControl, CardEvent, CardIo, LineOrder, RingCadence, Signalling};

/// Hook, flash, ringing, polarity and feed pass between a telephone port and a trunk port as over a pair of wires.
pub fn a_telephone_and_a_trunk_see_each_other<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Analog, Signalling::Loop) else { return };
    bench.idle(20);
    bench.events.clear();
    let (fxs, fxo) = (ChannelId::new(10, 2), ChannelId::new(11, 2));
    let ring = |ringing| CardEvent::Ring { channel: fxo, ringing };
    let hook = |state| CardEvent::Hook { channel: fxs, state };

    let cadence = Some(RingCadence { on_ms: 30, off_ms: 60 });
    bench.io.order(LineOrder::Ring { channel: fxs, cadence });
    bench.idle(130);
    assert_eq!(bench.take_events(|_| true), [ring(true), ring(false), ring(true), ring(false)]);

    bench.idle(50);
    bench.events.clear();
    bench.order(LineOrder::Hook { channel: fxo, state: HookState::OffHook });
    assert!(bench.take_events(|_| true).contains(&hook(HookState::OffHook)));
    bench.idle(150);
    let after = bench.take_events(|_| true);
    assert!(!after.contains(&ring(true)), "an answered telephone rings on: {after:?}");

    bench.order(LineOrder::Polarity { channel: fxs, polarity: Polarity::Reversed });
    let reversed = CardEvent::Polarity { channel: fxo, polarity: Polarity::Reversed };
    assert_eq!(bench.take_events(|_| true), [reversed]);

    bench.io.order(LineOrder::Break { channel: fxo, ms: 30 });
    bench.idle(60);
    assert_eq!(bench.take_events(|_| true), [hook(HookState::OnHook), hook(HookState::OffHook)]);

    bench.io.order(LineOrder::Break { channel: fxs, ms: 30 });
    bench.idle(60);
    let feed = |present| CardEvent::Feed { channel: fxo, present };
    assert_eq!(bench.take_events(|_| true), [feed(false), feed(true)]);

    bench.order(LineOrder::Hook { channel: fxo, state: HookState::OnHook });
    assert_eq!(bench.take_events(|_| true), [hook(HookState::OnHook)]);
    assert_eq!(bench.control.counters().bad_orders, 0);
}

/// Orders for channels that are not there, or that a channel cannot carry out, change nothing and are counted.
pub fn orders_that_fit_nothing_are_counted<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Crossed, Signalling::Cas) else { return };
    bench.idle(20);
    bench.events.clear();
    let digital = ChannelId::new(10, 1);
    let bits = Abcd(5);
    for order in [
        LineOrder::Abcd { channel: ChannelId::new(99, 1), bits },
        LineOrder::Abcd { channel: ChannelId::new(10, 0), bits },
        LineOrder::Abcd { channel: ChannelId::new(10, 200), bits },
        LineOrder::Hook { channel: digital, state: HookState::OffHook },
        LineOrder::Ring { channel: digital, cadence: Some(RingCadence::CHINA) },
        LineOrder::Polarity { channel: digital, polarity: Polarity::Reversed },
        LineOrder::Break { channel: digital, ms: 100 },
        LineOrder::SendAlarms { span: SpanId(99), alarms: tdm::Alarms::AIS },
    ] {
        bench.io.order(order);
    }
    bench.idle(20);
    assert_eq!(bench.control.counters().bad_orders, 8);
    assert_eq!(bench.take_events(|_| true), []);
}
