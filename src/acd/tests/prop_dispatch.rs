//! The laws of dispatch, over random worlds: nobody is lost, nobody is reserved twice, nobody is overtaken, every second
//! is booked once, and the same world gives the same octets.
//!
//! The world keeps its own books from inputs and outputs alone and never asks the dispatcher what it believes.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::collections::BTreeMap;
use std::time::Duration;

use acd::{
    AcdConfig, AgentId, AgentState, CallerKey, Dispatcher, FailReason, Input, LeaveReason, Missed, OfferId,
    Output, Priority, QueueConfig, QueueId, Strategy,
};
use clock::{Mono, Prng};
use proptest::prelude::*;

const QUEUES: u64 = 3;
const AGENTS: u64 = 6;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Waiting,
    Offered(OfferId),
    Talking(OfferId),
}

#[derive(Default, Clone, Copy)]
struct Counts {
    offered: u64,
    answered: u64,
    abandoned: u64,
    flowed_out: u64,
    refused: u64,
}

struct World {
    dispatcher: Dispatcher,
    prng: Prng,
    now: Mono,
    /// Callers inside: queue, priority, order of entry, where.
    callers: BTreeMap<CallerKey, (QueueId, Priority, u64, At)>,
    offers: BTreeMap<OfferId, (CallerKey, AgentId)>,
    agents: BTreeMap<AgentId, AgentState>,
    logged_in: BTreeMap<AgentId, Mono>,
    login: BTreeMap<AgentId, Duration>,
    counts: BTreeMap<QueueId, Counts>,
    next_caller: u128,
    /// Who was booked as entering by the present input.
    entering: Option<CallerKey>,
    entries: u64,
    log: Vec<Output>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut prng = Prng::new(seed);
        let missed = if prng.chance(0.5) { Missed::Busy } else { Missed::Pause(Duration::from_secs(5)) };
        let queue = |n: u64, prng: &mut Prng| QueueConfig {
            strategy: Strategy::LongestIdle,
            max_wait: prng.chance(0.7).then(|| Duration::from_secs(20 + prng.below(60))),
            max_waiting: 8 + prng.below(20) as usize,
            needs_agents: n == 1,
            offer_timeout: Duration::from_secs(2 + prng.below(20)),
            wrap_up: Duration::from_secs(prng.below(2) * prng.below(20)),
            position_every: prng.chance(0.5).then_some(Duration::from_secs(10)),
            ..QueueConfig::default()
        };
        let queues = (0..QUEUES).map(|n| (QueueId(n as u16), queue(n, &mut prng))).collect();
        World {
            dispatcher: Dispatcher::new(AcdConfig { queues, missed }).unwrap(),
            prng,
            now: Mono::ZERO,
            callers: BTreeMap::new(),
            offers: BTreeMap::new(),
            agents: (0..AGENTS as u32).map(|n| (AgentId(n), AgentState::Offline)).collect(),
            logged_in: BTreeMap::new(),
            login: BTreeMap::new(),
            counts: BTreeMap::new(),
            next_caller: 0,
            entering: None,
            entries: 0,
            log: Vec::new(),
        }
    }

    fn count(&mut self, queue: QueueId) -> &mut Counts {
        self.counts.entry(queue).or_default()
    }

    /// A caller that is inside, or now and then one that is not.
    fn some_caller(&mut self) -> CallerKey {
        let wild = self.prng.chance(0.1) || self.callers.is_empty();
        let at = self.prng.below(if wild { self.next_caller as u64 + 2 } else { self.callers.len() as u64 });
        if wild { CallerKey(at.into()) } else { *self.callers.keys().nth(at as usize).unwrap() }
    }

    /// An offer that lives, or now and then one that does not.
    fn some_offer(&mut self) -> OfferId {
        let wild = self.prng.chance(0.1) || self.offers.is_empty();
        let at = self.prng.below(if wild { 500 } else { self.offers.len() as u64 });
        if wild { OfferId(at) } else { *self.offers.keys().nth(at as usize).unwrap() }
    }

    fn input(&mut self) -> Input {
        let agent = AgentId(self.prng.below(AGENTS) as u32);
        match self.prng.below(21) {
            0..=4 => {
                self.next_caller += 1;
                let again = self.prng.chance(0.05);
                let caller = if again { self.some_caller() } else { CallerKey(self.next_caller) };
                let queue = QueueId(self.prng.below(QUEUES + u64::from(again)) as u16);
                Input::Enqueue { caller, queue, priority: Priority::new(self.prng.below(3) as u8) }
            }
            5 | 6 => {
                let why = if self.prng.chance(0.7) { LeaveReason::Abandoned } else { LeaveReason::Taken };
                Input::Leave { caller: self.some_caller(), why }
            }
            kind @ (7 | 8 | 20) => {
                let queues = (0..QUEUES as u16).map(QueueId).filter(|_| self.prng.chance(0.6)).collect();
                if kind == 20 { Input::Serve { agent, queues } } else { Input::LogIn { agent, queues } }
            }
            9 => Input::LogOut { agent },
            10..=12 => Input::Ready { agent },
            13 => Input::Busy { agent, reason: self.prng.below(4) as u8 },
            14 => Input::WrapUpEnd { agent },
            15 | 16 => Input::Answered { offer: self.some_offer() },
            17 => Input::Failed { offer: self.some_offer(), why: FailReason::NoAnswer },
            18 => Input::TalkEnded { offer: self.some_offer() },
            _ => Input::Timeout,
        }
    }

    fn step(&mut self) {
        let later = self.now + Duration::from_millis(self.prng.below(6_000));
        while let Some(due) = self.dispatcher.poll_timeout().filter(|due| *due <= later) {
            assert!(due >= self.now, "a deadline lies in the past");
            self.now = due;
            self.tell(Input::Timeout);
        }
        self.now = later;
        let input = self.input();
        self.tell(input);
    }

    fn tell(&mut self, input: Input) {
        self.before(&input);
        self.dispatcher.handle(input, self.now);
        while let Some(output) = self.dispatcher.poll_output() {
            self.after(&output);
            self.log.push(output);
        }
        self.check();
    }

    /// Books what an input means by itself.
    fn before(&mut self, input: &Input) {
        self.entering = None;
        match input {
            Input::Enqueue { caller, queue, priority } if !self.callers.contains_key(caller) => {
                self.entries += 1;
                self.entering = Some(*caller);
                self.callers.insert(*caller, (*queue, *priority, self.entries, At::Waiting));
                self.count(*queue).offered += 1;
            }
            Input::Leave { caller, why } => {
                if let Some((queue, _, _, at)) = self.callers.remove(caller) {
                    match (at, why) {
                        (At::Talking(offer), _) => drop(self.offers.remove(&offer)),
                        (_, LeaveReason::Abandoned) => self.count(queue).abandoned += 1,
                        (_, LeaveReason::Taken) => self.count(queue).flowed_out += 1,
                    }
                }
            }
            Input::Answered { offer } => {
                if let Some((caller, _)) = self.offers.get(offer)
                    && let Some((queue, _, _, at)) = self.callers.get_mut(caller)
                    && *at == At::Offered(*offer)
                {
                    *at = At::Talking(*offer);
                    let queue = *queue;
                    self.count(queue).answered += 1;
                }
            }
            Input::Failed { offer, .. } => {
                if let Some((caller, _)) = self.offers.get(offer).copied()
                    && self.callers[&caller].3 == At::Offered(*offer)
                {
                    self.offers.remove(offer);
                    self.callers.get_mut(&caller).unwrap().3 = At::Waiting;
                }
            }
            Input::TalkEnded { offer } => {
                if let Some((caller, _)) = self.offers.get(offer).copied()
                    && self.callers[&caller].3 == At::Talking(*offer)
                {
                    self.offers.remove(offer);
                    self.callers.remove(&caller);
                }
            }
            _ => {}
        }
    }

    /// Books an output, and checks what must hold at that very moment.
    fn after(&mut self, output: &Output) {
        match output {
            Output::Offer { offer, caller, agent, queue, .. } => {
                let twice = self.offers.values().any(|(c, a)| c == caller || a == agent);
                assert!(!twice, "{offer:?} reserves somebody twice");
                let (at_queue, priority, entry, at) = self.callers[caller];
                assert_eq!((at, at_queue), (At::Waiting, *queue), "{offer:?}");
                let overtaken = self.callers.values().find(|(q, p, e, at)| {
                    q == queue && *at == At::Waiting && (*p > priority || *p == priority && *e < entry)
                });
                assert_eq!(overtaken, None, "{caller:?} overtakes");
                self.offers.insert(*offer, (*caller, *agent));
                self.callers.get_mut(caller).unwrap().3 = At::Offered(*offer);
            }
            Output::Withdraw { offer, .. } => {
                let (caller, _) = self.offers.remove(offer).expect("only a live offer is withdrawn");
                if let Some(caller) = self.callers.get_mut(&caller) {
                    assert_eq!(caller.3, At::Offered(*offer));
                    caller.3 = At::Waiting;
                }
            }
            Output::TimedOut { caller, queue } => {
                let (.., at) = self.callers.remove(caller).expect("only who is inside times out");
                assert_eq!(at, At::Waiting);
                self.count(*queue).flowed_out += 1;
            }
            Output::Refused { caller, queue, why } => {
                self.count(*queue).refused += 1;
                if self.entering == Some(*caller) {
                    assert_ne!(*why, acd::Refusal::AlreadyHere);
                    self.callers.remove(caller);
                    self.count(*queue).offered -= 1;
                }
            }
            Output::Agent { agent, state } => {
                let was = self.agents.insert(*agent, *state).unwrap();
                match (was, *state) {
                    (AgentState::Offline, AgentState::Offline) => panic!("logged out twice"),
                    (AgentState::Offline, _) => drop(self.logged_in.insert(*agent, self.now)),
                    (_, AgentState::Offline) => {
                        let since = self.logged_in.remove(agent).unwrap();
                        *self.login.entry(*agent).or_default() += self.now - since;
                    }
                    _ => {}
                }
            }
            Output::Position { caller, position, .. } => {
                assert_eq!(self.callers[caller].3, At::Waiting);
                assert!(*position >= 1);
            }
            Output::AgentRefused { .. } => {}
        }
    }

    fn check(&self) {
        self.dispatcher.audit().unwrap();
        for (queue, counts) in &self.counts {
            let Some(stats) = self.dispatcher.stats(*queue) else {
                continue;
            };
            let inside = |c: &&(QueueId, Priority, u64, At)| c.0 == *queue && !matches!(c.3, At::Talking(_));
            let waiting = self.callers.values().filter(inside).count() as u64;
            assert_eq!(
                (
                    counts.offered,
                    counts.answered,
                    counts.abandoned,
                    counts.flowed_out,
                    counts.refused,
                    waiting
                ),
                (
                    stats.offered,
                    stats.answered,
                    stats.abandoned,
                    stats.flowed_out,
                    stats.refused,
                    stats.waiting
                ),
            );
            assert_eq!(stats.offered, stats.answered + stats.abandoned + stats.flowed_out + stats.waiting);
        }
        let inside: Vec<_> = self.dispatcher.callers().map(|(caller, _)| caller).collect();
        assert_eq!(inside, self.callers.keys().copied().collect::<Vec<_>>());
        for agent in self.agents.keys() {
            let open = self.logged_in.get(agent).map_or(Duration::ZERO, |since| self.now - *since);
            let login = self.login.get(agent).copied().unwrap_or_default() + open;
            let booked = self.dispatcher.agent_totals(*agent, self.now).map(|totals| totals.login());
            assert_eq!(booked.unwrap_or_default(), login, "{agent:?}");
        }
    }

    fn run(seed: u64, steps: usize) -> World {
        let mut world = World::new(seed);
        (0..steps).for_each(|_| world.step());
        world
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nobody_is_lost_reserved_twice_or_overtaken(seed in any::<u64>()) {
        World::run(seed, 400);
    }

    #[test]
    fn a_restored_dispatcher_goes_on_like_the_one_that_went(seed in any::<u64>(), steps in 1usize..300) {
        let mut world = World::run(seed, steps);
        let restored = Dispatcher::restore(&world.dispatcher.snapshot()).unwrap();
        prop_assert_eq!(&restored, &world.dispatcher);
        world.dispatcher = restored;
        (0..100).for_each(|_| world.step());
        prop_assert_eq!(&world.log, &World::run(seed, steps + 100).log);
    }

    #[test]
    fn damaged_snapshots_never_give_a_broken_dispatcher(seed in 0u64..20, at in any::<usize>(), to in any::<u8>()) {
        let world = World::run(seed, 60);
        let mut octets = world.dispatcher.snapshot();
        let at = at % octets.len();
        octets[at] = to;
        if let Ok(restored) = Dispatcher::restore(&octets) {
            prop_assert_eq!(restored.audit(), Ok(()));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_octets_and_the_world_does_everything() {
    let octets = |seed| postcard::to_stdvec(&World::run(seed, 2_000).log).unwrap();
    assert_eq!(octets(1), octets(1));
    assert_ne!(octets(1), octets(2));
    let world = World::run(3, 5_000);
    let sum = |part: fn(&Counts) -> u64| world.counts.values().map(part).sum::<u64>();
    for (name, count) in [
        ("answered", sum(|c| c.answered)),
        ("abandoned", sum(|c| c.abandoned)),
        ("flowed out", sum(|c| c.flowed_out)),
        ("refused", sum(|c| c.refused)),
    ] {
        assert!(count > 20, "only {count} {name}");
    }
}
