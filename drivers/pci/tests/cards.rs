//! What the suite does not ask: many spans, faults and their mending, clocks, errors, alarms both ways.

mod rig;

use card::conformance::Bench;
use card::{Card, CardControl, CardError, CardIo, IoFault, LineOrder, Loopback, Signalling};
use firmware_shim::falc;
use firmware_shim::model::{ClockFrom, ModelConfig, Plug};
use pci::{BuildOut, Framing, LineErrors, PciCard, PciCounters, PciFault, PortConfig};
use rig::{E1, OCTAL, OnModel, QUAD, SINGLE_BUFFER, T1, Want, crossed, lines, looped};
use tdm::{Alarms, SpanId};

type E1Bench = Bench<OnModel<0>>;

const FIRST: SpanId = SpanId(10);
const SECOND: SpanId = SpanId(11);

fn bench(want: Want, plug: impl Fn(u8) -> Plug, signalling: Signalling) -> E1Bench {
    let (handle, card) = want.card(plug);
    let mut bench = Bench::with_lines(OnModel { handle }, card, &lines(want.ports, signalling));
    bench.settle();
    bench.idle(60);
    bench.events.clear();
    bench
}

/// Returns the channel at the other end of crossed E1 cables.
fn other(channel: usize) -> usize {
    let (port, timeslot) = (channel / 31, channel % 31);
    (port ^ 1) * 31 + timeslot
}

#[test]
fn four_spans_of_thirty_channels_talk_both_ways_without_a_break() {
    for want in [QUAD, Want { generation: SINGLE_BUFFER.generation, ..QUAD }] {
        let mut bench = bench(want, crossed, Signalling::Cas);
        // Timeslot 16 carries the signalling.
        let talks = |channel: usize| (channel % 31 != 15).then(|| other(channel));
        assert!(bench.check_pattern(10_000, talks) >= 10_000 * 120 - 120 * 100);
        assert_eq!(bench.lost, 0);
        assert_eq!(bench.control.repairs(), PciCounters { clock_changes: 1, ..PciCounters::default() });
        let tally = bench.rig.handle.card(|card| card.tally());
        assert_eq!((tally.wild, tally.unacknowledged, tally.starts), (0, 0, 1));
    }
}

#[test]
fn eight_ports_work_like_four() {
    let mut bench = bench(OCTAL, crossed, Signalling::Clear);
    assert!(bench.check_pattern(1_000, |channel| Some(other(channel))) > 0);
    assert_eq!(bench.rig.handle.card(|card| card.clock()), ClockFrom::Line(0));
}

#[test]
fn lost_interrupts_are_found_by_looking_and_no_sample_is_lost() {
    let mut bench = bench(E1, looped, Signalling::Clear);
    bench.rig.handle.card(|card| card.faults.mute_ms = 300);
    assert!(bench.check_pattern(600, Some) > 0);
    assert_eq!(bench.lost, 0);
    let repairs = bench.control.repairs();
    assert!((200..=320).contains(&repairs.lost_interrupts), "{repairs:?}");
    assert_eq!(repairs.dma_stalls, 0);
}

#[test]
fn dma_that_stands_still_is_started_anew_and_the_lost_time_is_told() {
    for want in [E1, SINGLE_BUFFER] {
        let mut bench = bench(want, looped, Signalling::Clear);
        let measured = bench.io.rt_delay().measurement;
        let (at, began) = (bench.period(|_, _| None, |_, _| {}).time, bench.rig.handle.now());
        bench.rig.handle.card(|card| card.faults.stuck = true);
        bench.idle(100);
        let repairs = bench.control.repairs();
        assert_eq!((repairs.dma_stalls, bench.control.given_up()), (1, None));
        assert!(bench.lost >= 18 * 8, "{} samples", bench.lost);
        assert!(bench.io.rt_delay().measurement > measured);
        let now = bench.period(|_, _| None, |_, _| {}).time;
        let passed = (bench.rig.handle.now() - began).as_millis() as i64;
        let told = (now.samples() - at.samples()) as i64 / 8;
        assert!((passed - told).abs() <= 2, "{told} ms told, {passed} ms passed");
        assert!(bench.check_pattern(300, Some) > 0);
    }
}

#[test]
fn dma_that_never_comes_back_ends_in_its_fault() {
    let mut bench = bench(E1, looped, Signalling::Clear);
    bench.rig.handle.card(|card| card.faults.dead = true);
    let began = bench.rig.handle.now();
    assert_eq!(bench.io.wait(), Err(IoFault::Stalled));
    assert_eq!(bench.control.given_up(), Some(PciFault::DmaStalled));
    assert_eq!(bench.io.wait(), Err(IoFault::Stalled));
    assert!((bench.rig.handle.now() - began).as_millis() < 200);
    assert!(matches!(bench.control.detach(FIRST), Err(CardError::Unsupported { .. })));
}

#[test]
fn a_card_pulled_out_is_gone() {
    let mut bench = bench(E1, looped, Signalling::Clear);
    bench.rig.handle.pull_out();
    assert_eq!(bench.io.wait(), Err(IoFault::Gone));
    assert_eq!(bench.control.given_up(), Some(PciFault::Gone));
    let told = bench.control.fault(FIRST).unwrap();
    assert!(told.ends_with(&format!(": {}", PciFault::Gone)), "{told}");
    assert_eq!(bench.control.fault(SpanId(99)), None);
}

#[test]
fn the_clock_follows_the_first_good_line_and_comes_back_to_it() {
    let mut bench = bench(QUAD, crossed, Signalling::Clear);
    let clock = |bench: &E1Bench| bench.rig.handle.card(|card| card.clock());
    assert_eq!(clock(&bench), ClockFrom::Line(0));
    bench.rig.handle.card(|card| card.cut(0, true));
    bench.idle(60);
    assert_eq!(clock(&bench), ClockFrom::Line(2));
    bench.rig.handle.card(|card| card.cut(2, true));
    bench.idle(60);
    assert_eq!(clock(&bench), ClockFrom::Oscillator);
    bench.rig.handle.card(|card| (0..4).for_each(|port| card.cut(port, false)));
    bench.settle();
    assert_eq!(clock(&bench), ClockFrom::Line(0));
    // On the way back it may have followed a line that was good a little earlier.
    assert!((4..=7).contains(&bench.control.repairs().clock_changes));
}

#[test]
fn checksum_errors_are_counted_here_and_told_to_the_far_end() {
    let mut bench = bench(E1, crossed, Signalling::Clear);
    bench.rig.handle.card(|card| card.spoil(0, 7));
    bench.idle(2_100);
    let errors = |bench: &E1Bench, span| bench.control.line_errors(span).unwrap();
    assert_eq!(errors(&bench, FIRST), LineErrors { checksum: 7, ..LineErrors::default() });
    assert_eq!(errors(&bench, SECOND), LineErrors { far_end: 7, ..LineErrors::default() });
    let told: Vec<_> = bench.control.spans().iter().map(|span| span.errors).collect();
    assert_eq!(told, [7, 7]);
}

#[test]
fn a_remote_loop_sends_back_what_the_far_end_sent() {
    let mut bench = bench(E1, crossed, Signalling::Clear);
    bench.control.loopback(SECOND, Loopback::Remote).unwrap();
    bench.idle(50);
    let channel = bench.index(FIRST, 5);
    let (mut sent, mut back) = (Vec::new(), Vec::new());
    for _ in 0..100 {
        let send =
            |c, at: u64| (c == channel).then(|| core::array::from_fn(|k| (at as u8).wrapping_add(k as u8)));
        bench.period(send, |_, row| back.extend(row[channel]));
        sent.push(());
    }
    let steady = &back[400..];
    assert!(steady.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{steady:?}");
}

#[test]
fn ordered_alarms_reach_the_far_end() {
    for want in [E1, T1] {
        let mut bench = bench(want, crossed, Signalling::Clear);
        for (alarm, seen) in [(Alarms::YELLOW, Alarms::YELLOW), (Alarms::AIS, Alarms::AIS)] {
            bench.order(LineOrder::SendAlarms { span: FIRST, alarms: alarm });
            bench.idle(60);
            assert_eq!(bench.alarms(SECOND), seen);
            bench.order(LineOrder::SendAlarms { span: FIRST, alarms: Alarms::empty() });
            bench.settle();
        }
    }
}

#[test]
fn a_cut_in_one_line_shows_at_both_ends() {
    let mut bench = bench(E1, crossed, Signalling::Clear);
    bench.rig.handle.card(|card| card.plug(0, Plug::Open));
    bench.idle(60);
    // We hear nothing; the far end still hears us, and that we hear nothing.
    assert_eq!((bench.alarms(FIRST), bench.alarms(SECOND)), (Alarms::RED, Alarms::YELLOW));
}

#[test]
fn a_framer_that_forgot_its_set_up_gets_it_anew() {
    for port in [0, 1] {
        let mut bench = bench(E1, looped, Signalling::Clear);
        bench.rig.handle.card(|card| card.forget(port));
        bench.idle(600);
        bench.settle();
        assert_eq!(bench.control.repairs().framers_lost, 1);
        assert!(bench.check_pattern(100, Some) > 0);
    }
}

#[test]
fn framings_that_differ_are_an_alarm_not_noise() {
    let mut config = T1.config();
    config.ports[1].framing = Framing::T1D4;
    let (handle, bus) = T1.bus(crossed);
    let card = PciCard::new(config, bus).unwrap();
    let mut bench: E1Bench = Bench::with_lines(OnModel { handle }, card, &lines(2, Signalling::Clear));
    bench.idle(300);
    assert_eq!((bench.alarms(FIRST), bench.alarms(SECOND)), (Alarms::RED, Alarms::RED));
}

#[test]
fn a_far_end_without_checksum_is_heard_but_not_counted() {
    let mut config = E1.config();
    config.ports[1].framing = Framing::E1;
    let (handle, bus) = E1.bus(crossed);
    let card = PciCard::new(config, bus).unwrap();
    let mut bench: E1Bench = Bench::with_lines(OnModel { handle }, card, &lines(2, Signalling::Clear));
    bench.idle(1_000);
    assert_eq!(bench.control.line_errors(FIRST).unwrap(), LineErrors::default());
}

#[test]
fn build_out_sets_the_pulse_and_the_filter() {
    let mut seen = Vec::new();
    for build_out in [BuildOut::Full, BuildOut::Db7, BuildOut::Db15, BuildOut::Db22] {
        let want = Want { port: PortConfig { build_out, ..PortConfig::T1 }, ..T1 };
        let bench = bench(want, looped, Signalling::Clear);
        let lim2 = bench.rig.handle.card(|card| card.framer_register(0, falc::LIM2));
        let pulse = [0, 1, 2].map(|k| bench.rig.handle.card(|card| card.framer_register(0, falc::XPM0 + k)));
        seen.push((lim2 >> 6, pulse));
    }
    let expected =
        [(0, [0xD7, 0x22, 0x01]), (1, [0x8C, 0x01, 0x00]), (2, [0x8C, 0x11, 0x01]), (3, [0x07, 0x01, 0x00])];
    assert_eq!(seen, expected);
}

#[test]
fn what_does_not_fit_the_card_is_refused_by_its_name() {
    let refused = |model: ModelConfig, config: pci::PciConfig| {
        let (_, bus) = pci::model::card(model, PciCard::<pci::model::ModelBus>::words(&config));
        match PciCard::new(config, bus).map(|card| card.start(&[])) {
            Ok(Ok(_)) => panic!("it started"),
            Ok(Err(error)) | Err(error) => error.to_string(),
        }
    };
    let (model, config) = (E1.model(), E1.config());
    let jumpers = refused(ModelConfig { e1_jumpers: 1, ..model }, config.clone());
    assert!(jumpers.contains("jumpers"), "{jumpers}");
    let framer = refused(ModelConfig { framer_version: 0x77, ..model }, config.clone());
    assert!(framer.contains("framers"), "{framer}");
    let mut short = config.clone();
    short.buffers = 3;
    assert!(refused(model, short).contains("3 buffers, 4 to 127 allowed"));
    let mut odd = config;
    odd.ports[1].build_out = BuildOut::Db7;
    assert!(refused(model, odd).contains("port 2"));
    let (_, card) = Want { port: PortConfig { framing: Framing::T1D4, ..PortConfig::T1 }, ..T1 }.card(looped);
    assert!(matches!(card.start(&lines(1, Signalling::Cas)), Err(CardError::DoesNotFit { .. })));
}

#[test]
fn a_card_is_started_again_after_its_driver_ended() {
    let (handle, bus) = E1.bus(looped);
    drop(PciCard::new(E1.config(), bus).unwrap().start(&lines(2, Signalling::Clear)).unwrap());
    // The driver left the card silent: nothing runs, and the far ends see that nobody is here.
    assert!(!handle.card(|card| card.interrupt()));
    assert_eq!(handle.card(|card| card.framer_register(0, falc::FMR1)) & falc::FMR1_XAIS, 1);
}
