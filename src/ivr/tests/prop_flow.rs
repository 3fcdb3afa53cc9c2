//! The laws of flows: whatever is accepted, and whatever happens to a call in it, each input leads to an end or to a wait
//! with a deadline, and a call to which nothing happens any more comes to its end.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use clock::{Mono, Prng};
use ivr::{
    Announce, Branch, Collect, Connect, FailReason, Flow, HangUp, Input, Interpreter, Language, MAX_STATE,
    MAX_STEPS_PER_CALL, Menu, Node, Output, Play, Problem, Queue, QueueEvent, SetLanguage, ValidFlow,
};
use link::{MAX_PROMPTS, PlayId};
use proptest::prelude::*;

/// Draws flows; `tame` ones lead back only from nodes that ask, so that most of them are accepted.
struct Draw {
    prng: Prng,
    nodes: u64,
    tame: bool,
}

impl Draw {
    fn target(&mut self, from: u64, asks: bool) -> String {
        let low = if self.tame && !asks { from + 1 } else { 0 };
        format!("n{}", low + self.prng.below(self.nodes - low + u64::from(!self.tame)))
    }

    fn some(&mut self, from: u64, asks: bool) -> Option<String> {
        (self.tame || self.prng.chance(0.95)).then(|| self.target(from, asks))
    }

    fn maybe(&mut self, from: u64) -> Option<String> {
        self.prng.chance(0.5).then(|| self.target(from, false))
    }

    fn prompts(&mut self) -> Vec<String> {
        (0..=self.prng.below(3)).map(|n| format!("p{n}")).collect()
    }

    fn node(&mut self, n: u64) -> Node {
        if n + 1 == self.nodes {
            return Node::HangUp(HangUp { cause: 16 });
        }
        match if n == 0 { 0 } else { self.prng.below(9) } {
            0 | 1 => {
                let max = 1 + self.prng.below(24) as u8;
                Node::Collect(Collect {
                    prompts: self.prompts(),
                    min: 1 + self.prng.below(max.into()) as u8,
                    max,
                    terminator: self.prng.chance(0.5).then_some('#'),
                    timeout_ms: 5_000,
                    inter_digit_ms: 2_000,
                    variable: if n == 0 { "v".into() } else { format!("v{}", n % 6) },
                    attempts: 1 + self.prng.below(3) as u8,
                    invalid: vec![],
                    next: self.some(n, true),
                    on_failed: self.some(n, true),
                })
            }
            2 | 3 => Node::Menu(Menu {
                prompts: self.prompts(),
                keys: "0123456789*#"
                    .chars()
                    .take(1 + self.prng.below(12) as usize)
                    .map(|key| (key.to_string(), self.target(n, true)))
                    .collect(),
                timeout_ms: 3_000,
                barge_in: self.prng.chance(0.5),
                attempts: 1 + self.prng.below(3) as u8,
                invalid: self.prompts(),
                on_timeout: self.some(n, true),
                on_invalid: self.some(n, true),
            }),
            4 => Node::Play(Play {
                prompts: self.prompts(),
                until_digit: self.prng.chance(0.5),
                next: self.some(n, false),
            }),
            5 => Node::Queue(Queue {
                queue: "q".into(),
                priority: self.prng.below(10) as u8,
                prompts: if self.prng.chance(0.5) { self.prompts() } else { vec![] },
                music: self.prompts(),
                position: self.prng.chance(0.5).then(|| "position".into()),
                max_wait_s: 1 + self.prng.below(2_000) as u32,
                on_timeout: self.some(n, false),
                on_refused: self.some(n, false),
                after: self.maybe(n),
            }),
            6 => {
                let fixed = self.prng.chance(0.5);
                Node::Connect(Connect {
                    seat: fixed.then(|| "201".into()),
                    variable: (!fixed).then(|| "v".into()),
                    music: if self.prng.chance(0.5) { self.prompts() } else { vec![] },
                    ring_s: 20,
                    on_busy: self.maybe(n),
                    on_no_answer: self.maybe(n),
                    on_failed: self.some(n, false),
                    after: self.maybe(n),
                })
            }
            7 => match self.prng.below(3) {
                0 => Node::Announce(Announce { prompts: self.prompts(), cause: 17 }),
                _ => Node::Language(SetLanguage { language: Language::Zh, next: self.some(n, false) }),
            },
            _ => Node::Branch(Branch {
                variable: "v".into(),
                equals: (0..self.prng.below(4)).map(|v| (v.to_string(), self.target(n, false))).collect(),
                otherwise: self.some(n, false),
            }),
        }
    }

    fn flow(seed: u64, tame: bool) -> Flow {
        let mut prng = Prng::new(seed);
        let nodes = 2 + prng.below(20);
        let mut draw = Draw { prng, nodes, tame };
        let nodes = (0..nodes).map(|n| (format!("n{n}"), draw.node(n))).collect();
        Flow { version: 1, name: "f".into(), language: Language::En, start: "n0".into(), nodes }
    }
}

/// Takes nodes away that nothing leads to, then validates.
fn accepted(mut flow: Flow) -> Result<ValidFlow, Vec<ivr::FlowError>> {
    loop {
        match flow.clone().validate() {
            Ok(valid) => return Ok(valid),
            Err(errors) => {
                let lost = errors.iter().filter(|error| error.problem == Problem::Unreachable);
                let lost: Vec<_> = lost.map(|error| error.node.clone()).collect();
                if lost.is_empty() {
                    return Err(errors);
                }
                lost.iter().for_each(|node| drop(flow.nodes.remove(node)));
            }
        }
    }
}

struct World {
    flow: ValidFlow,
    call: Interpreter,
    now: Mono,
    prng: Prng,
    play: u32,
    queued: bool,
    over: bool,
}

impl World {
    fn new(flow: ValidFlow, seed: u64) -> World {
        let call = Interpreter::new(&flow);
        World { call, flow, now: Mono::ZERO, prng: Prng::new(seed), play: 0, queued: false, over: false }
    }

    fn tell(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.call.handle(input, &self.flow, &mut outputs, self.now);
        for output in &outputs {
            self.check(output, input);
        }
        self.over |= input == Input::Gone;
        assert_eq!(self.call.is_over(), self.over);
        match self.call.poll_timeout() {
            Some(due) => assert!(!self.over && due > self.now, "{due:?} is not after {:?}", self.now),
            None => assert!(self.over, "it waits without a deadline in {}", self.call.node()),
        }
    }

    fn check(&mut self, output: &Output, input: Input) {
        assert!(!self.over, "{output:?} after the end");
        match output {
            Output::Play { play, prompts, .. } => {
                assert!(play.0 > self.play && (1..=MAX_PROMPTS).contains(&prompts.len()));
                assert!(prompts.iter().all(|prompt| prompt.contains('/')));
                self.play = play.0;
            }
            Output::Enqueue { priority, .. } => {
                assert!(!self.queued && *priority <= 9, "it is in a queue already");
                self.queued = true;
            }
            Output::LeaveQueue => {
                assert!(self.queued, "it was in no queue");
                self.queued = false;
            }
            Output::Connect { seat } => assert!(!seat.is_empty()),
            Output::HangUp { .. } => self.over = true,
            Output::StopPlay | Output::Disconnect => {}
        }
        assert!(input != Input::Gone || matches!(output, Output::LeaveQueue | Output::Disconnect));
    }

    fn step(&mut self) {
        let reason =
            [FailReason::Busy, FailReason::NoAnswer, FailReason::Unreachable][self.prng.below(3) as usize];
        let input = match self.prng.below(24) {
            0..=9 => {
                Input::Digit(['0', '1', '2', '3', '4', '5', '*', '#', 'A', '9'][self.prng.below(10) as usize])
            }
            10..=13 => Input::Played(PlayId(self.play.saturating_sub(self.prng.below(2) as u32))),
            14 => Input::Queue(QueueEvent::Position(self.prng.below(40) as u16)),
            15 => self.out_of_queue(QueueEvent::Refused),
            16 => self.out_of_queue(QueueEvent::TimedOut),
            17 => {
                self.queued = false;
                Input::Answered
            }
            18 => Input::Failed(reason),
            19 => Input::TalkEnded,
            20 if self.prng.chance(0.1) => Input::Gone,
            _ => {
                self.now = self.call.poll_timeout().unwrap_or(self.now);
                Input::Timeout
            }
        };
        self.tell(input);
    }

    /// The queue itself lets the caller go, so that nothing is to be left.
    fn out_of_queue(&mut self, event: QueueEvent) -> Input {
        self.queued = false;
        Input::Queue(event)
    }

    /// Nothing happens any more but deadlines.
    fn run_out(&mut self) {
        let mut waits = 0;
        while let Some(due) = self.call.poll_timeout() {
            self.now = due;
            self.tell(Input::Timeout);
            waits += 1;
            assert!(waits <= 2 * u32::from(MAX_STEPS_PER_CALL), "it goes on for ever");
        }
    }
}

fn live(flow: ValidFlow, seed: u64) {
    let mut world = World::new(flow, seed);
    world.tell(Input::Started);
    for _ in 0..60 {
        world.step();
        let octets = postcard::to_stdvec(&world.call).unwrap();
        assert!(octets.len() <= MAX_STATE);
        assert_eq!(postcard::from_bytes(&octets), Ok(world.call.clone()));
    }
    world.run_out();
    assert!(world.call.is_over());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_call_in_an_accepted_flow_always_ends_or_waits_with_a_deadline(seed in any::<u64>(), calls in any::<u64>()) {
        let flow = accepted(Draw::flow(seed, true)).map_err(|errors| TestCaseError::fail(format!("{errors:?}")))?;
        (0..4).for_each(|n| live(flow.clone(), calls.wrapping_add(n)));
    }

    #[test]
    fn wild_flows_are_refused_with_reasons_or_behave(seed in any::<u64>()) {
        match accepted(Draw::flow(seed, false)) {
            Ok(flow) => live(flow, seed),
            Err(errors) => prop_assert!(errors.iter().all(|error| !error.field.is_empty())),
        }
    }
}
