use super::*;
use Output::{Alerting, Answered, Blocked, Cleared, Dial, Hook, Listen, Offer, Proceeding};
use clock::Mono;
use tdm::HookState::{OffHook, OnHook};
use tdm::Polarity::{Normal, Reversed};

/// The end of every script: whatever is timed is over.
const LATER: (u64, Input) = (600_000, Input::Timeout);
const IDENTITY_AFTER: FxoConfig = FxoConfig { identity: IdentityTime::AfterRing, ..NEVER };
const NEVER: FxoConfig = FxoConfig {
    ring_min: ms(100),
    ring_gap: ms(6_000),
    identity: IdentityTime::Never,
    identity_wait: ms(3_000),
    dial_tone: DialTone::Preferred,
    dial_tone_wait: ms(5_000),
    dial_delay: ms(300),
    answer: AnswerBy::Ringback,
    answer_after: ms(8_000),
    polarity_ends: true,
    settle: ms(600),
    feed_break: ms(100),
    tone_cycles: 4,
    busy_cycle: ms(700),
    congestion_cycle: ms(1_400),
    guard: ms(1_500),
    no_feed: ms(2_000),
};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Plays a script to a port; returns what it says and when, without the start and what it listens for while idle.
fn timed(config: FxoConfig, steps: &[(u64, Input)]) -> Vec<(u64, Output)> {
    let mut port = FxoPort::new(config);
    let mut out = Vec::new();
    while port.poll_output().is_some() {}
    for &(at, input) in steps {
        let at = Mono::from_millis(at);
        while let Some(due) = port.poll_timeout().filter(|due| *due <= at) {
            port.handle(Input::Timeout, due);
            out.extend(std::iter::from_fn(|| port.poll_output()).map(|said| (due.as_millis(), said)));
        }
        port.handle(input, at);
        out.extend(std::iter::from_fn(|| port.poll_output()).map(|said| (at.as_millis(), said)));
    }
    out
}

/// The same without times and without what is listened for.
fn run(config: FxoConfig, steps: &[(u64, Input)]) -> Vec<Output> {
    let all = timed(config, steps).into_iter().map(|(_, said)| said);
    all.filter(|said| !matches!(said, Listen(_))).collect()
}

/// A script: these steps, then the end.
fn script(parts: &[&[(u64, Input)]]) -> Vec<(u64, Input)> {
    let mut steps = parts.concat();
    steps.push(LATER);
    steps
}

/// Bursts of 1 s with pauses of 4 s, the first at `from`.
fn bursts(from: u64, count: u64) -> Vec<(u64, Input)> {
    (0..count)
        .flat_map(|n| [(from + n * 5_000, Input::Ring(true)), (from + n * 5_000 + 1_000, Input::Ring(false))])
        .collect()
}

// Incoming.

#[test]
fn the_first_burst_is_offered_after_its_minimum_if_no_identity_is_expected() {
    let out = timed(NEVER, &script(&[&bursts(0, 1)]));
    assert_eq!(out[0], (100, Offer));
    assert_eq!(out[1], (7_000, Cleared(Why::Abandoned)), "6 s after the end of the burst");
}

#[test]
fn a_burst_below_the_minimum_is_nothing_and_at_the_minimum_a_call() {
    for (length, calls) in [(20, false), (99, false), (100, true), (101, true)] {
        let steps = [(0, Input::Ring(true)), (length, Input::Ring(false))];
        let out = run(NEVER, &script(&[&steps]));
        let expected = if calls { vec![Offer, Cleared(Why::Abandoned)] } else { vec![] };
        assert_eq!(out, expected, "{length} ms");
    }
}

#[test]
fn a_burst_whose_end_is_told_before_anybody_looked_at_the_clock_counts() {
    let mut port = FxoPort::new(NEVER);
    port.handle(Input::Ring(true), Mono::from_millis(0));
    port.handle(Input::Ring(false), Mono::from_millis(1_000));
    let said: Vec<_> = std::iter::from_fn(|| port.poll_output()).collect();
    assert!(said.contains(&Offer), "{said:?}");
}

#[test]
fn an_identity_between_the_first_two_bursts_is_offered_at_once() {
    let steps = script(&[&bursts(0, 1), &[(2_500, Input::Identity)], &bursts(5_000, 1)]);
    let out = timed(IDENTITY_AFTER, &steps);
    assert_eq!(out[0], (1_000, Listen(Ear::Identity)), "only after the burst is it listened for");
    assert_eq!(out[1..3], [(2_500, Offer), (2_500, Listen(Ear::Nothing))]);
}

#[test]
fn without_an_identity_the_call_is_offered_after_the_wait_or_with_the_second_burst() {
    let late = FxoConfig { identity_wait: ms(10_000), ..IDENTITY_AFTER };
    for (config, expected) in [(IDENTITY_AFTER, 4_000), (late, 5_100)] {
        let out = timed(config, &script(&[&bursts(0, 2)]));
        assert_eq!(out[1], (expected, Offer));
        assert_eq!(out[2], (expected, Listen(Ear::Nothing)));
    }
}

#[test]
fn a_caller_who_rings_once_and_gives_up_is_offered_and_abandoned() {
    let out = timed(IDENTITY_AFTER, &script(&[&bursts(0, 1)]));
    let said: Vec<_> = out.iter().filter(|(_, said)| !matches!(said, Listen(_))).collect();
    assert_eq!(said, [&(4_000, Offer), &(7_000, Cleared(Why::Abandoned))]);
}

#[test]
fn noise_between_the_bursts_is_no_second_burst_and_does_not_lengthen_the_wait() {
    let noise = [(2_000, Input::Ring(true)), (2_050, Input::Ring(false))];
    let out = timed(IDENTITY_AFTER, &script(&[&bursts(0, 1), &noise]));
    assert_eq!(out[1], (4_000, Offer));
    let offered = FxoConfig { identity: IdentityTime::Never, ..IDENTITY_AFTER };
    let twice = run(offered, &script(&[&bursts(0, 1), &noise, &bursts(5_000, 2)]));
    assert_eq!(twice, [Offer, Cleared(Why::Abandoned)], "one call, however often it rings");
}

#[test]
fn an_identity_before_the_ring_is_listened_for_while_idle_and_forgotten_without_a_ring() {
    let config = FxoConfig { identity: IdentityTime::BeforeRing, ..NEVER };
    let mut port = FxoPort::new(config);
    assert_eq!(port.ear(), Ear::Identity);
    let out = timed(config, &script(&[&[(0, Input::Identity)], &bursts(1_000, 1)]));
    assert_eq!(out[0..2], [(1_100, Offer), (1_100, Listen(Ear::Nothing))]);
    let out = timed(config, &[(0, Input::Identity), (5_000, Input::Timeout)]);
    assert_eq!(out, [(3_000, Listen(Ear::Identity))], "what was heard is void");
    port.handle(Input::Identity, Mono::ZERO);
    assert!(port.is_free(), "an identity alone is no call");
}

#[test]
fn a_reversal_while_idle_opens_the_ear_for_a_while() {
    let config = FxoConfig { identity: IdentityTime::AfterReversal, ..NEVER };
    let reversal = [(0, Input::Polarity(Reversed))];
    let out = timed(config, &script(&[&reversal]));
    assert_eq!(out, [(0, Listen(Ear::Identity)), (3_000, Listen(Ear::Nothing))]);
    let out = timed(config, &script(&[&reversal, &[(1_000, Input::Identity)], &bursts(2_000, 1)]));
    assert_eq!(out[1..3], [(2_100, Offer), (2_100, Listen(Ear::Nothing))]);
    assert_eq!(timed(IDENTITY_AFTER, &script(&[&reversal])), [], "elsewhere it says nothing");
}

#[test]
fn an_answered_call_is_off_hook_until_we_hang_up_and_then_guarded() {
    let steps = script(&[&bursts(0, 1), &[(4_500, Input::Answer), (20_000, Input::HangUp)]]);
    let out = timed(NEVER, &steps);
    let expected = [
        (100, Offer),
        (4_500, Hook(OffHook)),
        (4_500, Listen(Ear::Talk)),
        (20_000, Hook(OnHook)),
        (20_000, Listen(Ear::Nothing)),
        (21_500, Listen(Ear::Nothing)),
    ];
    assert_eq!(out, expected);
}

#[test]
fn during_the_guard_time_the_port_is_not_free() {
    let mut port = FxoPort::new(NEVER);
    let at = Mono::from_millis;
    for (time, input) in [(0, Input::Ring(true)), (100, Input::Timeout), (200, Input::Answer)] {
        port.handle(input, at(time));
    }
    port.handle(Input::Ring(false), at(210));
    port.handle(Input::HangUp, at(5_000));
    assert!(!port.is_free());
    port.handle(Input::Timeout, at(6_499));
    assert!(!port.is_free(), "one millisecond early");
    port.handle(Input::Timeout, at(6_500));
    assert!(port.is_free());
    let out = run(
        NEVER,
        &script(&[
            &[(0, Input::Ring(true)), (500, Input::Answer), (600, Input::Ring(false))],
            &[(5_000, Input::HangUp), (6_000, Input::Ring(true)), (7_000, Input::Ring(false))],
        ]),
    );
    assert_eq!(out, [Offer, Hook(OffHook), Hook(OnHook), Offer, Cleared(Why::Abandoned)]);
}

#[test]
fn the_next_caller_may_come_in_the_guard_time_and_noise_does_not_shorten_it() {
    let talk =
        [(0, Input::Ring(true)), (500, Input::Answer), (600, Input::Ring(false)), (5_000, Input::HangUp)];
    let out = timed(NEVER, &script(&[&talk, &[(5_100, Input::Ring(true)), (6_100, Input::Ring(false))]]));
    assert!(out.contains(&(5_200, Offer)), "{out:?}");
    let noise = [(5_100, Input::Ring(true)), (5_150, Input::Ring(false)), (5_900, Input::Seize)];
    let out = run(NEVER, &[&talk[..], &noise].concat());
    assert_eq!(out.last(), Some(&Cleared(Why::NotFree)));
}

#[test]
fn a_refused_call_rings_until_the_caller_gives_up_and_is_not_told_again() {
    let steps = script(&[&bursts(0, 1), &[(4_200, Input::HangUp)], &bursts(5_000, 3)]);
    assert_eq!(run(NEVER, &steps), [Offer]);
    let steps = script(&[&bursts(0, 1), &[(1_500, Input::HangUp), (2_000, Input::Answer)]]);
    assert_eq!(run(NEVER, &steps), [Offer], "what was refused cannot be answered");
    let steps = script(&[&bursts(0, 1), &[(1_500, Input::HangUp)], &bursts(30_000, 1)]);
    assert_eq!(run(NEVER, &steps), [Offer, Offer, Cleared(Why::Abandoned)], "the next caller");
}

#[test]
fn an_answer_before_the_offer_or_after_the_caller_has_gone_changes_nothing() {
    let early = script(&[&[(0, Input::Answer), (10, Input::Ring(true)), (50, Input::Answer)]]);
    assert_eq!(run(NEVER, &early), [Offer]);
    let late = script(&[&bursts(0, 1), &[(8_000, Input::Answer)]]);
    assert_eq!(run(NEVER, &late), [Offer, Cleared(Why::Abandoned)]);
}

// The end of a talk.

/// A call answered at 500 ms and what follows.
fn talk(config: FxoConfig, then: &[(u64, Input)]) -> Vec<(u64, Output)> {
    let begin = [(0, Input::Ring(true)), (500, Input::Answer), (600, Input::Ring(false))];
    let out = timed(config, &script(&[&begin, then]));
    let said = out.into_iter().filter(|(at, said)| *at > 500 && !matches!(said, Listen(_)));
    said.collect()
}

fn ended_at(at: u64, why: Why) -> Vec<(u64, Output)> {
    vec![(at, Hook(OnHook)), (at, Cleared(why))]
}

#[test]
fn a_break_of_the_feed_ends_a_talk_if_it_is_long_enough() {
    for (length, ends) in [(20, false), (99, false), (100, true), (400, true)] {
        let out = talk(NEVER, &[(9_000, Input::Feed(false)), (9_000 + length, Input::Feed(true))]);
        let expected = if ends { ended_at(9_100, Why::FeedBreak) } else { vec![] };
        assert_eq!(out, expected, "{length} ms");
    }
}

#[test]
fn what_the_line_does_as_it_settles_after_going_off_hook_ends_nothing() {
    let jumps = [
        (600, Input::Feed(false)),
        (900, Input::Feed(true)),
        (1_000, Input::Polarity(Reversed)),
        (1_099, Input::Polarity(Normal)),
    ];
    assert_eq!(talk(NEVER, &jumps), []);
    let stays_away = [(600, Input::Feed(false))];
    let out = talk(NEVER, &stays_away);
    assert_eq!(out[..2], ended_at(1_200, Why::FeedBreak)[..], "from the end of the settling");
    assert_eq!(out[2].1, Blocked(true), "and it is dead afterwards");
}

#[test]
fn a_reversal_ends_a_talk_only_where_that_is_the_practice() {
    let reversal = [(9_000, Input::Polarity(Reversed))];
    assert_eq!(talk(NEVER, &reversal), ended_at(9_000, Why::Reversal));
    assert_eq!(talk(FxoConfig { polarity_ends: false, ..NEVER }, &reversal), []);
}

#[test]
fn busy_tone_ends_a_talk_after_its_cycles_and_not_before() {
    // Two cycles have been heard when it is told; two more make 1,400 ms.
    let tone = |length: u64| {
        [(9_000, Input::Tone(Tone::Busy, true)), (9_000 + length, Input::Tone(Tone::Busy, false))]
    };
    assert_eq!(talk(NEVER, &tone(1_399)), []);
    assert_eq!(talk(NEVER, &tone(1_400)), ended_at(10_400, Why::Tone(Tone::Busy)));
    let at_once = FxoConfig { tone_cycles: 2, ..NEVER };
    assert_eq!(talk(at_once, &tone(1)), ended_at(9_000, Why::Tone(Tone::Busy)));
    let congestion = [(9_000, Input::Tone(Tone::Congestion, true))];
    assert_eq!(talk(NEVER, &congestion), ended_at(11_800, Why::Tone(Tone::Congestion)));
}

#[test]
fn of_the_other_tones_dial_tone_ends_a_talk_when_it_lasts_and_ringback_never() {
    let dial =
        |ms: u64| [(9_000, Input::Tone(Tone::Dial, true)), (9_000 + ms, Input::Tone(Tone::Dial, false))];
    assert_eq!(talk(NEVER, &dial(1_999)), []);
    assert_eq!(talk(NEVER, &dial(2_001)), ended_at(11_000, Why::Tone(Tone::Dial)));
    assert_eq!(talk(NEVER, &[(9_000, Input::Tone(Tone::Ringback, true))]), []);
}

// Outgoing.

const SEIZE: (u64, Input) = (0, Input::Seize);
const DIAL_TONE: (u64, Input) = (1_000, Input::Tone(Tone::Dial, true));
const NO_DIAL_TONE: (u64, Input) = (1_350, Input::Tone(Tone::Dial, false));
const DIALLED: (u64, Input) = (3_000, Input::Dialled);
const CALLED: [(u64, Input); 4] = [SEIZE, DIAL_TONE, NO_DIAL_TONE, DIALLED];

#[test]
fn digits_follow_dial_tone_after_the_delay() {
    let out = timed(NEVER, &[SEIZE, DIAL_TONE, (2_000, Input::Timeout)]);
    assert_eq!(out, [(0, Hook(OffHook)), (0, Listen(Ear::Tones)), (1_300, Dial)]);
}

#[test]
fn without_dial_tone_the_call_fails_or_is_dialled_all_the_same_or_nobody_waits() {
    for (dial_tone, expected) in [
        (DialTone::Required, (5_000, Cleared(Why::NoDialTone))),
        (DialTone::Preferred, (5_000, Dial)),
        (DialTone::Ignored, (300, Dial)),
    ] {
        let out = timed(FxoConfig { dial_tone, ..NEVER }, &[SEIZE, (5_000, Input::Timeout)]);
        assert_eq!(out.last(), Some(&expected));
    }
    let heard = FxoConfig { dial_tone: DialTone::Ignored, ..NEVER };
    let out = timed(heard, &[SEIZE, (200, Input::Tone(Tone::Dial, true)), (5_000, Input::Timeout)]);
    assert_eq!(out.last(), Some(&(300, Dial)), "a dial tone that is ignored is ignored");
}

#[test]
fn busy_tone_at_the_seizure_ends_it() {
    let out = run(NEVER, &script(&[&[SEIZE, (1_500, Input::Tone(Tone::Busy, true))]]));
    assert_eq!(out, [Hook(OffHook), Hook(OnHook), Cleared(Why::Tone(Tone::Busy))]);
}

#[test]
fn ringback_and_its_end_are_alerting_and_answer() {
    let ringback = [(5_000, Input::Tone(Tone::Ringback, true)), (20_000, Input::Tone(Tone::Ringback, false))];
    let out = run(NEVER, &[&CALLED[..], &ringback].concat());
    assert_eq!(out, [Hook(OffHook), Dial, Proceeding, Alerting, Answered]);
    let out = timed(NEVER, &[&CALLED[..], &[(60_000, Input::Timeout)]].concat());
    assert_eq!(out.last(), Some(&(11_000, Answered)), "answered before it could ring: by time");
}

#[test]
fn by_polarity_only_a_reversal_is_an_answer_and_the_next_one_the_end() {
    let config = FxoConfig { answer: AnswerBy::Polarity, ..NEVER };
    let ringback = [(5_000, Input::Tone(Tone::Ringback, true)), (20_000, Input::Tone(Tone::Ringback, false))];
    let no_answer = [&CALLED[..], &ringback, &[(100_000, Input::Timeout)]].concat();
    assert_eq!(run(config, &no_answer), [Hook(OffHook), Dial, Proceeding, Alerting]);
    let reversals = [
        (20_000, Input::Polarity(Reversed)),
        (20_100, Input::Polarity(Normal)),
        (20_200, Input::Polarity(Reversed)),
        (40_000, Input::Polarity(Normal)),
    ];
    let out = run(config, &[&CALLED[..], &reversals].concat());
    let expected = [Hook(OffHook), Dial, Proceeding, Answered, Hook(OnHook), Cleared(Why::Reversal)];
    assert_eq!(out, expected, "a bounce of the first is no end");
}

#[test]
fn by_dialling_the_answer_is_assumed_after_the_time_unless_a_tone_says_otherwise() {
    let config = FxoConfig { answer: AnswerBy::Dialled, ..NEVER };
    let ringback = [(5_000, Input::Tone(Tone::Ringback, true))];
    let out = timed(config, &[&CALLED[..], &ringback, &[(60_000, Input::Timeout)]].concat());
    assert_eq!(out.last(), Some(&(11_000, Answered)), "ringback or not");
    let busy = [(5_000, Input::Tone(Tone::Busy, true))];
    let out = run(config, &[&CALLED[..], &busy, &[(60_000, Input::Timeout)]].concat());
    let expected = [Hook(OffHook), Dial, Proceeding, Hook(OnHook), Cleared(Why::Tone(Tone::Busy))];
    assert_eq!(out, expected);
    let reversal = [(5_000, Input::Polarity(Reversed))];
    let out = timed(config, &[&CALLED[..], &reversal, &[(60_000, Input::Timeout)]].concat());
    assert_eq!(out.last(), Some(&(11_000, Answered)), "a reversal says nothing here");
}

#[test]
fn tones_that_refuse_a_call_are_told_by_their_name() {
    for tone in [Tone::Busy, Tone::Congestion, Tone::Unobtainable] {
        let out =
            run(NEVER, &[&CALLED[..], &[(4_000, Input::Tone(tone, true)), (7_000, Input::Timeout)]].concat());
        assert_eq!(out.last(), Some(&Cleared(Why::Tone(tone))));
    }
}

#[test]
fn a_tone_that_began_before_an_assumed_answer_still_ends_the_call() {
    let config = FxoConfig { answer: AnswerBy::Dialled, ..NEVER };
    let busy = [(10_500, Input::Tone(Tone::Busy, true)), (30_000, Input::Timeout)];
    let out = timed(config, &[&CALLED[..], &busy].concat());
    assert!(out.contains(&(11_000, Answered)));
    assert!(out.contains(&(11_900, Cleared(Why::Tone(Tone::Busy)))), "{out:?}");
}

#[test]
fn digits_that_are_never_sent_end_the_call() {
    let out = timed(NEVER, &[SEIZE, DIAL_TONE, NO_DIAL_TONE, (60_000, Input::Timeout)]);
    assert!(out.contains(&(31_300, Cleared(Why::NotDialled))), "{out:?}");
}

#[test]
fn a_port_that_rings_or_is_in_use_cannot_be_seized() {
    for before in [Input::Ring(true), Input::Seize, Input::Feed(false)] {
        let out = run(NEVER, &[(0, before), (50, Input::Seize)]);
        assert_eq!(out.last(), Some(&Cleared(Why::NotFree)), "{before:?}");
    }
}

#[test]
fn a_burst_as_we_go_off_hook_is_glare_and_the_caller_is_offered() {
    let out = run(NEVER, &[SEIZE, (40, Input::Ring(true)), (60, Input::Ring(false)), (900, Input::Answer)]);
    assert_eq!(out, [Hook(OffHook), Cleared(Why::Glare), Offer], "the loop stays closed");
    let left = [SEIZE, (40, Input::Ring(true)), (60, Input::Ring(false)), (9_000, Input::Feed(false))];
    let out = run(NEVER, &[&left[..], &[(9_200, Input::Feed(true))]].concat());
    let expected = [Hook(OffHook), Cleared(Why::Glare), Offer, Hook(OnHook), Cleared(Why::FeedBreak)];
    assert_eq!(out, expected, "a caller nobody answered is noticed to leave");
    let out = run(NEVER, &[SEIZE, DIAL_TONE, (1_100, Input::Ring(true)), (1_300, Input::Timeout)]);
    assert_eq!(out, [Hook(OffHook), Dial], "after dial tone it is not glare");
}

#[test]
fn hanging_up_at_any_step_of_a_call_out_opens_the_loop_once() {
    let steps = [SEIZE, DIAL_TONE, NO_DIAL_TONE, DIALLED, (4_000, Input::Tone(Tone::Ringback, true))];
    for count in 1..=steps.len() {
        let mut all = steps[..count].to_vec();
        all.extend([(4_100, Input::HangUp), (4_200, Input::HangUp), LATER]);
        let out = run(NEVER, &all);
        assert_eq!(out.iter().filter(|said| **said == Hook(OnHook)).count(), 1, "after {count} steps");
        assert_eq!(out.last(), Some(&Hook(OnHook)));
    }
}

// A dead line.

#[test]
fn a_line_without_feed_is_blocked_after_the_time_and_free_again_after_it() {
    let steps = [(0, Input::Feed(false)), (1_999, Input::Feed(true)), (1_999, Input::Timeout)];
    assert_eq!(run(NEVER, &script(&[&steps])), [], "shorter is nothing");
    let steps = [(0, Input::Feed(false)), (9_000, Input::Feed(true)), LATER];
    let out: Vec<_> =
        timed(NEVER, &steps).into_iter().filter(|(_, said)| !matches!(said, Listen(_))).collect();
    assert_eq!(out, [(2_000, Blocked(true)), (11_000, Blocked(false))]);
    let flaps = [(0, Input::Feed(false)), (9_000, Input::Feed(true)), (10_000, Input::Feed(false)), LATER];
    assert_eq!(run(NEVER, &flaps), [Blocked(true)], "a loose contact does not free it");
}

#[test]
fn a_blocked_line_that_rings_is_alive() {
    let steps = script(&[&[(0, Input::Feed(false))], &bursts(5_000, 1)]);
    let out = run(NEVER, &steps);
    assert_eq!(out, [Blocked(true), Blocked(false), Offer, Cleared(Why::Abandoned), Blocked(true)]);
}

#[test]
fn levels_that_are_told_again_change_nothing() {
    let begin =
        [(0, Input::Ring(true)), (10, Input::Ring(true)), (500, Input::Answer), (600, Input::Ring(false))];
    let again = [
        (2_000, Input::Ring(false)),
        (2_000, Input::Feed(true)),
        (2_000, Input::Polarity(Normal)),
        (3_000, Input::Feed(false)),
        (3_050, Input::Feed(false)),
    ];
    let out = timed(NEVER, &[&begin[..], &again, &[(3_100, Input::Timeout)]].concat());
    assert!(out.contains(&(3_100, Cleared(Why::FeedBreak))), "a break counts from its beginning: {out:?}");
}
