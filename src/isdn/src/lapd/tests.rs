//! The link against a scripted peer, frame by frame. We are the user: our commands carry `00 01`, the peer's `02 01`.

use core::time::Duration;

use clock::Mono;

use super::*;
use crate::config::Side;

const SABME: &[u8] = &[0x02, 0x01, 0x7f];
const UA: &[u8] = &[0x00, 0x01, 0x73];
const DISC: &[u8] = &[0x02, 0x01, 0x53];
const DM: &[u8] = &[0x00, 0x01, 0x0f];
const DM_F: &[u8] = &[0x00, 0x01, 0x1f];
const OUR_SABME: &[u8] = &[0x00, 0x01, 0x7f];
const OUR_UA: &[u8] = &[0x02, 0x01, 0x73];

struct Bench {
    link: Link,
    now: Mono,
}

impl Bench {
    fn new() -> Bench {
        Bench { link: Link::new(LinkConfig::new(Side::User)), now: Mono::ZERO }
    }

    fn established() -> Bench {
        let mut bench = Bench::new();
        bench.input(Input::Frame(SABME));
        assert_eq!(bench.outputs(), [sent(OUR_UA), Output::Event(Event::Established)]);
        bench
    }

    fn input(&mut self, input: Input<'_>) {
        self.link.handle(input, self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        core::iter::from_fn(|| self.link.poll_output()).collect()
    }

    /// The outputs that a frame gives.
    fn on(&mut self, frame: &[u8]) -> Vec<Output> {
        self.input(Input::Frame(frame));
        self.outputs()
    }

    fn send(&mut self, message: &[u8]) -> Vec<Output> {
        self.input(Input::Send(message));
        self.outputs()
    }

    /// Goes to the next timer, which must be `timer`, `after` the present.
    fn expire(&mut self, timer: Timer, after: u64) -> Vec<Output> {
        assert_eq!(self.link.poll_timeout(), Some((self.now + Duration::from_secs(after), timer)));
        self.now += Duration::from_secs(after);
        self.input(Input::Timeout);
        self.outputs()
    }
}

fn sent(octets: &[u8]) -> Output {
    Output::Frame(HdlcFrame::new(octets).unwrap())
}

fn data(octets: &[u8]) -> Output {
    Output::Event(Event::Data(MessageBuf::try_from(octets).unwrap()))
}

/// An I frame of the peer.
fn i(n_s: u8, n_r: u8, p: bool, info: &[u8]) -> Vec<u8> {
    [&[0x02, 0x01, n_s << 1, n_r << 1 | u8::from(p)], info].concat()
}

/// An I frame of ours.
fn our_i(n_s: u8, n_r: u8, info: &[u8]) -> Output {
    sent(&[&[0x00, 0x01, n_s << 1, n_r << 1], info].concat())
}

/// A supervisory response of the peer.
fn s(kind: u8, n_r: u8, f: bool) -> [u8; 4] {
    [0x00, 0x01, kind, n_r << 1 | u8::from(f)]
}

/// A supervisory response of ours.
fn our_s(kind: u8, n_r: u8, f: bool) -> Output {
    sent(&[0x02, 0x01, kind, n_r << 1 | u8::from(f)])
}

const RR: u8 = 1;
const RNR: u8 = 5;
const REJ: u8 = 9;
const OUR_POLL: &[u8] = &[0x00, 0x01, 0x01];

#[test]
fn establishing_takes_a_sabme_and_a_ua() {
    let mut bench = Bench::new();
    bench.input(Input::Establish);
    assert_eq!(bench.outputs(), [sent(OUR_SABME)]);
    assert_eq!(bench.link.state_number(), 5);
    assert_eq!(bench.on(&[0x00, 0x01, 0x63]), [], "a UA without the final bit is not ours");
    assert_eq!(bench.on(UA), [Output::Event(Event::Established)]);
    assert_eq!(bench.link.state_number(), 7);
    assert_eq!(bench.link.poll_timeout(), Some((Mono::from_millis(10_000), Timer::T203)));
}

#[test]
fn establishing_is_given_up_after_n200_repeats() {
    let mut bench = Bench::new();
    bench.input(Input::Establish);
    assert_eq!(bench.outputs(), [sent(OUR_SABME)]);
    for _ in 0..3 {
        assert_eq!(bench.expire(Timer::T200, 1), [sent(OUR_SABME)]);
    }
    assert_eq!(bench.expire(Timer::T200, 1), [Output::Event(Event::Released)]);
    assert_eq!(bench.link.state_number(), 4);
    assert_eq!(bench.link.poll_timeout(), None);
}

#[test]
fn a_dm_ends_establishing_only_with_the_final_bit() {
    let mut bench = Bench::new();
    bench.input(Input::Establish);
    bench.outputs();
    assert_eq!(bench.on(DM), []);
    assert_eq!(bench.on(DM_F), [Output::Event(Event::Released)]);
}

#[test]
fn state_4_answers_sabme_and_disc_and_takes_a_dm_as_an_invitation() {
    let mut bench = Bench::new();
    assert_eq!(bench.on(DISC), [sent(&[0x02, 0x01, 0x1f])]);
    assert_eq!(bench.on(&i(0, 0, true, b"x")), []);
    assert_eq!(bench.on(UA), []);
    assert_eq!(bench.on(DM_F), []);
    assert_eq!(bench.on(DM), [sent(OUR_SABME)]);
    assert_eq!(bench.link.state_number(), 5);
}

#[test]
fn both_ends_may_send_sabme_at_once() {
    let mut bench = Bench::new();
    bench.input(Input::Establish);
    bench.outputs();
    assert_eq!(bench.on(SABME), [sent(OUR_UA)]);
    assert_eq!(bench.on(UA), [Output::Event(Event::Established)]);
}

#[test]
fn an_i_frame_is_delivered_and_acknowledged() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(&i(0, 0, false, b"a")), [data(b"a"), our_s(RR, 1, false)]);
    assert_eq!(bench.on(&i(1, 0, true, b"b")), [data(b"b"), our_s(RR, 2, true)]);
}

#[test]
fn an_acknowledgement_rides_on_an_i_frame() {
    let mut bench = Bench::established();
    bench.link.receive(&i(0, 0, false, b"a"), Mono::ZERO);
    assert_eq!(bench.send(b"b"), [data(b"a"), our_i(0, 1, b"b")]);
}

#[test]
fn a_gap_is_rejected_once_and_filled() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(&i(1, 0, false, b"b")), [our_s(REJ, 0, false)]);
    assert_eq!(bench.on(&i(2, 0, false, b"c")), []);
    assert_eq!(bench.on(&i(3, 0, true, b"d")), [our_s(RR, 0, true)]);
    assert_eq!(bench.on(&i(0, 0, false, b"a")), [data(b"a"), our_s(RR, 1, false)]);
    assert_eq!(bench.on(&i(2, 0, false, b"c")), [our_s(REJ, 1, false)]);
    assert_eq!(bench.link.counters().out_of_sequence, 4);
}

#[test]
fn the_window_is_k_and_moves_with_acknowledgements() {
    let mut bench = Bench::established();
    for n in 0..9 {
        let expected = if n < 7 { vec![our_i(n, 0, &[n])] } else { vec![] };
        assert_eq!(bench.send(&[n]), expected);
    }
    assert_eq!(bench.on(&s(RR, 1, false)), [our_i(7, 0, &[7])]);
    assert_eq!(bench.on(&s(RR, 8, false)), [our_i(8, 0, &[8])]);
    assert_eq!(bench.on(&s(RR, 9, false)), []);
    assert_eq!(bench.link.poll_timeout().map(|(_, timer)| timer), Some(Timer::T203));
}

#[test]
fn sequence_numbers_go_round_after_127() {
    let mut bench = Bench::established();
    for n in 0..300u16 {
        let number = (n % 128) as u8;
        assert_eq!(bench.send(b"x"), [our_i(number, number, b"x")]);
        let next = (number + 1) % 128;
        assert_eq!(bench.on(&i(number, next, false, b"y")), [data(b"y"), our_s(RR, next, false)]);
    }
    assert_eq!(bench.link.counters().retransmissions, 0);
}

#[test]
fn a_reject_sends_again_from_its_number() {
    let mut bench = Bench::established();
    for n in 0..3 {
        bench.send(&[n]);
    }
    assert_eq!(bench.on(&s(REJ, 1, false)), [our_i(1, 0, &[1]), our_i(2, 0, &[2])]);
    assert_eq!(bench.link.counters().retransmissions, 2);
}

#[test]
fn a_busy_peer_gets_nothing_but_questions() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(&s(RNR, 0, false)), []);
    assert_eq!(bench.send(b"a"), []);
    assert_eq!(bench.expire(Timer::T200, 1), [sent(&[OUR_POLL, &[1]].concat())]);
    assert_eq!(bench.on(&s(RNR, 0, true)), []);
    assert_eq!(bench.expire(Timer::T200, 1), [sent(&[OUR_POLL, &[1]].concat())]);
    assert_eq!(bench.on(&s(RR, 0, true)), [our_i(0, 0, b"a")]);
}

#[test]
fn when_we_are_busy_frames_are_not_taken_until_we_say_so() {
    let mut bench = Bench::established();
    bench.input(Input::OwnBusy(true));
    assert_eq!(bench.outputs(), [our_s(RNR, 0, false)]);
    assert_eq!(bench.on(&i(0, 0, true, b"a")), [our_s(RNR, 0, true)]);
    assert_eq!(bench.on(&i(0, 0, false, b"a")), [our_s(RNR, 0, false)]);
    bench.input(Input::OwnBusy(false));
    assert_eq!(bench.outputs(), [our_s(RR, 0, false)]);
    assert_eq!(bench.on(&i(0, 0, false, b"a")), [data(b"a"), our_s(RR, 1, false)]);
}

#[test]
fn t200_asks_and_the_answer_brings_the_lost_frame_again() {
    let mut bench = Bench::established();
    bench.send(b"a");
    assert_eq!(bench.expire(Timer::T200, 1), [sent(&[OUR_POLL, &[1]].concat())]);
    assert_eq!(bench.link.state_number(), 8);
    assert_eq!(bench.on(&s(RR, 0, false)), [], "only the final bit ends timer recovery");
    assert_eq!(bench.on(&s(RR, 0, true)), [our_i(0, 0, b"a")]);
    assert_eq!(bench.link.state_number(), 7);
}

#[test]
fn t200_expiry_in_timer_recovery_reestablishes_after_n200_and_keeps_the_message() {
    let mut bench = Bench::established();
    bench.expire(Timer::T203, 10);
    for _ in 0..3 {
        assert_eq!(bench.expire(Timer::T200, 1), [sent(&[OUR_POLL, &[1]].concat())]);
    }
    assert_eq!(bench.send(b"a"), []);
    assert_eq!(bench.expire(Timer::T200, 1), [sent(OUR_SABME)]);
    assert_eq!(bench.on(UA), [our_i(0, 0, b"a")], "nothing was lost, layer 3 is not told");
    assert_eq!(bench.link.counters().reestablished, 1);
}

#[test]
fn reestablishing_with_unacknowledged_frames_tells_layer_3() {
    let mut bench = Bench::established();
    bench.send(b"a");
    for _ in 0..4 {
        bench.expire(Timer::T200, 1);
    }
    assert_eq!(bench.expire(Timer::T200, 1), [sent(OUR_SABME)]);
    assert_eq!(bench.on(UA), [Output::Event(Event::Established)]);
    assert_eq!(bench.link.counters().discarded, 1);
}

#[test]
fn t203_asks_an_idle_peer() {
    let mut bench = Bench::established();
    assert_eq!(bench.expire(Timer::T203, 10), [sent(&[OUR_POLL, &[1]].concat())]);
    assert_eq!(bench.on(&s(RR, 0, true)), []);
    assert_eq!(bench.link.poll_timeout().map(|(_, timer)| timer), Some(Timer::T203));
}

#[test]
fn a_poll_is_answered_at_once() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(&[0x02, 0x01, 0x01, 0x01]), [our_s(RR, 0, true)]);
}

#[test]
fn a_sabme_in_state_7_says_whether_something_was_lost() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(SABME), [sent(OUR_UA), Output::Event(Event::Refreshed)]);
    bench.send(b"a");
    assert_eq!(bench.on(SABME), [sent(OUR_UA), Output::Event(Event::Established)]);
    assert_eq!(bench.send(b"b"), [our_i(0, 0, b"b")]);
}

#[test]
fn a_disc_releases_and_a_dm_asks_for_the_link_again() {
    let mut bench = Bench::established();
    assert_eq!(bench.on(DISC), [sent(OUR_UA), Output::Event(Event::Released)]);
    assert_eq!(bench.link.state_number(), 4);

    let mut bench = Bench::established();
    assert_eq!(bench.on(DM_F), []);
    assert_eq!(bench.on(DM), [sent(OUR_SABME)]);
    assert_eq!(bench.link.state_number(), 5);
}

#[test]
fn our_release_takes_a_disc_and_a_ua_or_n200_repeats() {
    for answer in [Some(UA), Some(DM_F), None] {
        let mut bench = Bench::established();
        bench.input(Input::Release);
        assert_eq!(bench.outputs(), [sent(&[0x00, 0x01, 0x53])]);
        assert_eq!(bench.on(SABME), [sent(&[0x02, 0x01, 0x1f])]);
        let last = match answer {
            Some(frame) => bench.on(frame),
            None => {
                for _ in 0..3 {
                    assert_eq!(bench.expire(Timer::T200, 1), [sent(&[0x00, 0x01, 0x53])]);
                }
                bench.expire(Timer::T200, 1)
            }
        };
        assert_eq!(last, [Output::Event(Event::Released)]);
        assert_eq!(bench.link.state_number(), 4);
    }
}

#[test]
fn frame_rejection_conditions_reestablish() {
    for frame in [
        &[0x00, 0x01, 0x97, 0, 0, 0, 0, 0][..], // FRMR
        &[0x02, 0x01, 0x0d, 0x00],              // undefined supervisory frame
        &[0x02, 0x01, 0xef],                    // undefined unnumbered frame
        &[0x02, 0x01, 0x01, 0x00, 0x00],        // RR with information
        &[0x02, 0x01, 0x7f, 0x00],              // SABME with information
        &[0x00, 0x01, 0x01, 0x02],              // N(R) of a frame never sent
        &[0x02, 0x01, 0x00, 0x02, 0x08],        // the same in an I frame
        &[0x00, 0x01, 0x00, 0x00, 0x08],        // an I frame as response
    ] {
        let mut bench = Bench::established();
        let outputs = bench.on(frame);
        assert_eq!(outputs.last(), Some(&sent(OUR_SABME)), "{frame:02x?}");
        assert_eq!(bench.link.counters().reestablished, 1);
    }
}

#[test]
fn frames_for_others_and_fragments_change_nothing() {
    for frame in
        [&[][..], &[0x02], &[0x02, 0x01], &[0xfe, 0x01, 0x7f], &[0x02, 0x03, 0x7f], &[0x03, 0x01, 0x7f]]
    {
        let mut bench = Bench::established();
        assert_eq!(bench.on(frame), []);
        assert_eq!(bench.link.state_number(), 7);
        assert_eq!(bench.link.counters().garbage + bench.link.counters().misaddressed, 1);
    }
}

#[test]
fn commands_and_responses_the_wrong_way_round_are_ignored() {
    let mut bench = Bench::established();
    for frame in [[0x00, 0x01, 0x7f], [0x00, 0x01, 0x53], [0x02, 0x01, 0x73], [0x02, 0x01, 0x1f]] {
        assert_eq!(bench.on(&frame), []);
    }
    assert_eq!(bench.link.counters().ignored, 4);
}

#[test]
fn the_queue_is_bounded_and_refusals_are_counted() {
    let mut bench = Bench::established();
    for _ in 0..=MAX_QUEUE {
        bench.send(b"x");
    }
    assert_eq!(bench.link.counters().refused, 1);
    bench.send(&[0; N201 + 1]);
    assert_eq!(bench.link.counters().refused, 2);
    let mut down = Bench::new();
    assert_eq!(down.send(b"x"), []);
    assert_eq!(down.link.counters().refused, 1);
}

#[test]
fn a_line_that_goes_down_releases_once() {
    let mut bench = Bench::established();
    bench.input(Input::LineDown);
    assert_eq!(bench.outputs(), [Output::Event(Event::Released)]);
    bench.input(Input::LineDown);
    assert_eq!(bench.outputs(), []);
    assert_eq!(bench.link.poll_timeout(), None);
}
