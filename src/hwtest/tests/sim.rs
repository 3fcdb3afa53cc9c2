//! The cases on the simulated card in virtual time: a good rig passes all of them, and each fault fails its own.
#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod rig;

use card::{Card, ClockSource, LineConfig, Signalling};
use clock::VirtualClock;
use hwtest::{Case, Language, Outcome, Plan, Subject, Verdict};
use rig::{Helper, failed, plan, told, wire};
use sim::{EchoPath, FarEnd, FarLine, FarTick, Hand, Pace, Plug, SimCard, SimConfig, SimPosition, g168};
use tdm::{Chunk, Law, SpanId, SpanKind, Timeslot};

/// A card of which the tests change one thing.
struct Rig {
    config: SimConfig,
    clock: VirtualClock,
    plan: Plan,
    laws: Vec<Option<Law>>,
    /// Does something to the card when a case begins.
    begin: fn(&Hand, Case),
    /// Pulls plugs when asked.
    pulls: bool,
}

/// An echo path of 12 dB, 3 ms away.
fn hybrid(erl_db: f32) -> EchoPath {
    EchoPath::hybrid(g168::hybrid("D.2").unwrap(), 24, erl_db)
}

/// Spans 1 and 2 with loop plugs (E1, T1), 3 and 4 cabled (E1), 5 and 6 two telephone ports on two line ports.
fn rig() -> Rig {
    let clock = VirtualClock::new();
    let bank = |kind, other| SimPosition::new(kind, 2, Plug::Cross(other)).echo(Timeslot(1), hybrid(12.0));
    let config = SimConfig::new("bench")
        .pace(Pace::Virtual(clock.clone()))
        .position(SimPosition::e1(Plug::Loop))
        .position(SimPosition::t1(Plug::Loop))
        .position(SimPosition::e1(Plug::Cross(3)))
        .position(SimPosition::e1(Plug::Cross(2)))
        .position(bank(SpanKind::Fxs, 5))
        .position(bank(SpanKind::Fxo, 4));
    let plan = Plan {
        loops: vec![SpanId(1), SpanId(2)],
        pairs: vec![(SpanId(3), SpanId(4))],
        wires: vec![wire(5, 6, 1), wire(5, 6, 2)],
        ..plan()
    };
    Rig { config, clock, plan, laws: vec![None; 6], begin: |_, _| {}, pulls: true }
}

fn run(rig: Rig) -> Vec<Outcome> {
    let Rig { config, clock, plan, laws, begin, pulls } = rig;
    let kinds: Vec<SpanKind> = config.positions.iter().map(|position| position.kind).collect();
    let line = |(position, (kind, law)): (u8, (&SpanKind, &Option<Law>))| LineConfig {
        position,
        span: SpanId(u16::from(position) + 1),
        law: law.unwrap_or(kind.usual_law()),
        signalling: if kind.is_analog() { Signalling::Loop } else { Signalling::Clear },
        clock: ClockSource::Internal,
    };
    let lines: Vec<LineConfig> = (0..).zip(kinds.iter().zip(&laws)).map(line).collect();
    let card = SimCard::new(config).unwrap();
    let caps = card.caps().clone();
    let (control, io) = card.start(&lines).unwrap();
    let hand = Hand::new(control);
    let mut subject = Subject { caps, control: Box::new(hand.clone()), io: Box::new(io) };
    let other = hand.clone();
    let mut helper = Helper {
        pull: move |span: SpanId, cut| {
            if pulls {
                hand.control().cut(u8::try_from(span.0 - 1).unwrap(), cut).unwrap();
            }
            true
        },
        begin: move |case| begin(&other, case),
        told: 0,
    };
    let outcomes = hwtest::run(&mut subject, &plan, &clock, &mut helper);
    assert!(helper.told > 0, "whoever watches is told how far it is");
    outcomes
}

/// A loop that does something to what it returns.
struct Through(fn(&mut [Chunk], u64));

impl FarEnd for Through {
    fn attached(&mut self, _: &FarLine) {}

    fn tick(&mut self, tick: &mut FarTick<'_>) {
        tick.says.copy_from_slice(tick.heard);
        (self.0)(tick.says, tick.time.samples() / 8);
    }
}

fn through(spoil: fn(&mut [Chunk], u64)) -> Rig {
    let mut rig = rig();
    rig.config.positions[0].plug = Plug::Local(Box::new(Through(spoil)));
    rig
}

#[test]
fn a_good_rig_passes_every_case() {
    let outcomes = run(rig());
    assert_eq!(failed(&outcomes), [], "{}", told(&outcomes));
    let count = |case| outcomes.iter().filter(|o| o.case == case && o.verdict == Verdict::Passed).count();
    let passed = Case::ALL.map(count);
    assert_eq!(passed, [3, 3, 3, 3, 2, 2, 3, 1], "{}", told(&outcomes));
    let figure = |case, name: &str| {
        let of_case = outcomes.iter().filter(|outcome| outcome.case == case);
        let found = of_case.flat_map(|outcome| &outcome.figures).find(|figure| figure.name == name);
        found.map(|figure| figure.value.clone()).unwrap_or_else(|| panic!("no {name}: {}", told(&outcomes)))
    };
    assert_eq!(figure(Case::BitErrors, "wrong bits"), "0");
    assert!(figure(Case::Timeslots, "level").starts_with("-9.99"), "{}", figure(Case::Timeslots, "level"));
    // A hybrid of 12 dB by the standard's gain, whose strongest tap lies some samples after its first.
    let erl = figure(Case::EchoPath, "echo return loss");
    let erl: f32 = erl.trim_start_matches("5/1: ").trim_end_matches(" dB").parse().unwrap();
    assert!((10.0..15.0).contains(&erl), "{erl}");
    let delay = figure(Case::EchoPath, "echo delay");
    let delay: f32 = delay.trim_start_matches("5/1: ").trim_end_matches(" ms").parse().unwrap();
    assert!((3.0..5.0).contains(&delay), "{delay} ms, 3 ms before the hybrid");
    assert!(told(&outcomes).contains("reversal seen: yes\n    feed break seen: yes\n    flash seen: yes"));
    assert!(Language::Chinese.outcome(&outcomes[0]).starts_with("通过  线路信号"));
}

#[test]
fn a_rig_with_nothing_plugged_measures_the_jitter_and_names_what_is_missing() {
    let mut rig = rig();
    (rig.plan.loops, rig.plan.pairs, rig.plan.wires) = (Vec::new(), Vec::new(), Vec::new());
    rig.plan.jitter = std::time::Duration::from_secs(12);
    let outcomes = run(rig);
    let not: Vec<Case> = outcomes
        .iter()
        .filter(|o| matches!(o.verdict, Verdict::NotPossible { .. }))
        .map(|o| o.case)
        .collect();
    assert_eq!(not, Case::ALL[..7], "{}", told(&outcomes));
    assert!(told(&outcomes).contains("the rig names no [[wire]] on this card"));
}

/// Returns the lines of the Chinese report that say what was seen, what to do or what is missing, and have no Chinese letter.
fn english_only(outcomes: &[Outcome]) -> impl Iterator<Item = String> {
    let text: String = outcomes.iter().map(|outcome| Language::Chinese.outcome(outcome)).collect();
    let said = |line: &str| {
        line.strip_prefix("    ")
            .map(|line| line.trim_start_matches("现象: ").trim_start_matches("处理: ").to_owned())
    };
    let lines: Vec<String> = text.lines().filter_map(said).collect();
    lines.into_iter().filter(|line| line.is_ascii())
}

/// A fault, its rig, the cases that must fail and no others, and a part of what the report says.
type Fault = (&'static str, fn() -> Rig, &'static [Case], &'static str);

#[test]
fn each_seeded_fault_fails_its_own_cases_and_says_what_to_do() {
    let faults: [Fault; 12] = [
        (
            "a bit in a thousand wrong",
            bit_errors,
            &[Case::BitErrors, Case::Timeslots, Case::DChannel],
            "look at the cable and its length",
        ),
        (
            "two timeslots swapped",
            swapped,
            &[Case::BitErrors, Case::Timeslots],
            "timeslot 5 hears the tone of timeslot 9",
        ),
        ("the wrong law", wrong_law, &[Case::Timeslots], "clear only by the other law"),
        ("a dead span", dead, &[Case::Signal], "is the plug in"),
        (
            "clocks that differ",
            slips,
            &[Case::BitErrors, Case::Timeslots, Case::DChannel, Case::Jitter],
            "the clocks differ",
        ),
        ("a pad of 6 dB", pad, &[Case::BitErrors, Case::Timeslots, Case::DChannel], "dBm0 instead of -10"),
        ("a silent timeslot", silent, &[Case::BitErrors, Case::Timeslots], "timeslot 7 is silent"),
        (
            "damaged octets in the D-channel",
            damaged,
            &[Case::BitErrors, Case::Timeslots, Case::DChannel],
            "frames are damaged on the way",
        ),
        ("no cable between the ports", uncabled, &[Case::RingAndHook, Case::EchoPath], "sees no ringing"),
        ("a bad hybrid", loud_echo, &[Case::EchoPath], "the hybrid does not fit its load"),
        ("a late thread", late, &[Case::Jitter], "the machine is too late"),
        ("alarms that are not told", untold, &[Case::Unplugging], "shows no RED"),
    ];
    let mut missed = Vec::new();
    for (name, make, cases, part) in faults {
        let outcomes = run(make());
        if failed(&outcomes) != cases {
            missed.push(format!("{name}: {:?} failed", failed(&outcomes)));
        }
        if !told(&outcomes).contains(part) {
            missed.push(format!("{name}: {part} is not in\n{}", told(&outcomes)));
        }
        missed.extend(english_only(&outcomes).map(|line| format!("{name}: not in Chinese: {line}")));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

fn bit_errors() -> Rig {
    let mut rig = rig();
    rig.config.positions[0].bit_error_rate = 1e-3;
    rig
}

fn swapped() -> Rig {
    through(|says, _| says.swap(4, 8))
}

fn wrong_law() -> Rig {
    let mut rig = rig();
    rig.laws[3] = Some(Law::Mu);
    rig
}

fn dead() -> Rig {
    let mut rig = rig();
    rig.config.positions[0].plug = Plug::Open;
    rig
}

fn slips() -> Rig {
    let mut rig = rig();
    rig.config.positions[0].ppm = 1_000.0;
    rig
}

fn pad() -> Rig {
    through(|says, _| {
        for chunk in says {
            *chunk = g711::encode_block(Law::A, &g711::decode_chunk(Law::A, chunk).map(|sample| sample / 2));
        }
    })
}

fn silent() -> Rig {
    through(|says, _| says[6] = [Law::A.idle(); 8])
}

fn damaged() -> Rig {
    through(|says, ms| says[15][3] ^= if ms.is_multiple_of(20) { 0x10 } else { 0 })
}

fn uncabled() -> Rig {
    let mut rig = rig();
    rig.config.positions[4].plug = Plug::Open;
    rig.config.positions[5].plug = Plug::Open;
    rig.plan.wires.truncate(1);
    rig
}

fn loud_echo() -> Rig {
    let mut rig = rig();
    rig.config.positions[4].echo = vec![(Timeslot(2), hybrid(0.0))];
    rig
}

fn late() -> Rig {
    Rig {
        begin: |hand, case| {
            if case == Case::Jitter {
                hand.control().stall(60)
            }
        },
        ..rig()
    }
}

fn untold() -> Rig {
    Rig { pulls: false, ..rig() }
}

#[test]
fn a_card_that_is_pulled_out_fails_a_case_and_the_others_are_told_as_not_possible() {
    let rig = Rig {
        begin: |hand, case| {
            if case == Case::Timeslots {
                hand.control().pull_out()
            }
        },
        ..rig()
    };
    let outcomes = run(rig);
    assert_eq!(failed(&outcomes), [Case::Timeslots], "{}", told(&outcomes));
    let last = outcomes.last().unwrap();
    let why = "the card gave up: the card is gone".to_owned();
    assert_eq!((last.case, &last.verdict), (Case::Jitter, &Verdict::NotPossible { why }));
}

#[test]
fn the_same_rig_gives_the_same_report() {
    assert_eq!(told(&run(bit_errors())), told(&run(bit_errors())));
}
