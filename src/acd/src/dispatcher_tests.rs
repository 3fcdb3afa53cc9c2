//! One dispatcher, step by step: what each input leads to.

use core::time::Duration;

use super::*;
use crate::config::QueueConfig;

const SALES: QueueId = QueueId(1);
const HELP: QueueId = QueueId(2);
const ANN: AgentId = AgentId(1);
const BEN: AgentId = AgentId(2);
const CAT: AgentId = AgentId(3);

struct Bench {
    dispatcher: Dispatcher,
    now: Mono,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Missed::Busy, |_| {})
    }

    fn with(missed: Missed, change: impl Fn(&mut QueueConfig)) -> Bench {
        let mut queue = QueueConfig { position_every: None, ..QueueConfig::default() };
        change(&mut queue);
        let queues = BTreeMap::from([(SALES, queue.clone()), (HELP, queue)]);
        let dispatcher = Dispatcher::new(AcdConfig { queues, missed }).unwrap();
        Bench { dispatcher, now: Mono::from_millis(1_000) }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        self.dispatcher.handle(input, self.now);
        self.dispatcher.audit().unwrap();
        std::iter::from_fn(|| self.dispatcher.poll_output()).collect()
    }

    fn pass(&mut self, seconds: u64) -> Vec<Output> {
        let end = self.now + Duration::from_secs(seconds);
        let mut outputs = Vec::new();
        while let Some(due) = self.dispatcher.poll_timeout().filter(|due| *due <= end) {
            self.now = due;
            outputs.extend(self.tell(Input::Timeout));
        }
        self.now = end;
        outputs
    }

    fn call(&mut self, caller: u128, priority: u8) -> Vec<Output> {
        self.call_in(caller, SALES, priority)
    }

    fn call_in(&mut self, caller: u128, queue: QueueId, priority: u8) -> Vec<Output> {
        self.tell(Input::Enqueue { caller: CallerKey(caller), queue, priority: Priority::new(priority) })
    }

    fn leave(&mut self, caller: u128) -> Vec<Output> {
        self.tell(Input::Leave { caller: CallerKey(caller), why: LeaveReason::Abandoned })
    }

    /// Logs an agent in for both queues and makes it ready, a second later than the one before.
    fn ready(&mut self, agent: AgentId) -> Vec<Output> {
        self.tell(Input::LogIn { agent, queues: vec![HELP, SALES] });
        self.pass(1);
        self.tell(Input::Ready { agent })
    }

    fn state(&self, agent: AgentId) -> AgentState {
        self.dispatcher.agent(agent).unwrap().0
    }

    fn stats(&self) -> &QueueStats {
        self.dispatcher.stats(SALES).unwrap()
    }
}

/// Returns the offers among outputs: which, whom for, whom.
fn offers(outputs: &[Output]) -> Vec<(OfferId, u128, AgentId)> {
    let offer = |output: &Output| match output {
        Output::Offer { offer, caller, agent, .. } => Some((*offer, caller.0, *agent)),
        Output::Withdraw { .. }
        | Output::Refused { .. }
        | Output::TimedOut { .. }
        | Output::Position { .. }
        | Output::Agent { .. }
        | Output::AgentRefused { .. } => None,
    };
    outputs.iter().filter_map(offer).collect()
}

#[test]
fn the_longest_idle_agent_gets_the_caller() {
    let mut bench = Bench::new();
    bench.ready(BEN);
    bench.ready(ANN);
    assert_eq!(offers(&bench.call(1, 0)), [(OfferId(1), 1, BEN)]);
    assert_eq!(offers(&bench.call(2, 0)), [(OfferId(2), 2, ANN)]);
    assert_eq!(offers(&bench.call(3, 0)), []);
}

#[test]
fn among_agents_idle_equally_long_the_lowest_number_gets_the_caller() {
    let mut bench = Bench::new();
    for agent in [BEN, ANN] {
        bench.tell(Input::LogIn { agent, queues: vec![SALES] });
    }
    for agent in [BEN, ANN] {
        bench.tell(Input::Ready { agent });
    }
    assert_eq!(offers(&bench.call(1, 0)), [(OfferId(1), 1, ANN)]);
}

#[test]
fn the_highest_priority_is_first_and_within_it_the_first_to_come_over_all_queues_of_the_agent() {
    let mut bench = Bench::new();
    bench.call_in(1, HELP, 3);
    bench.call_in(2, SALES, 3);
    bench.call_in(3, HELP, 9);
    bench.call_in(4, SALES, 9);
    let mut order = Vec::new();
    let mut made = offers(&bench.ready(ANN));
    while let Some((offer, caller, _)) = made.pop() {
        order.push(caller);
        bench.tell(Input::Answered { offer });
        bench.tell(Input::TalkEnded { offer });
        made = offers(&bench.tell(Input::WrapUpEnd { agent: ANN }));
    }
    assert_eq!(order, [3, 4, 1, 2]);
}

#[test]
fn after_a_missed_offer_the_caller_is_first_again_and_the_agent_busy() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.call(1, 0);
    bench.call(2, 0);
    let outputs = bench.tell(Input::Failed { offer: OfferId(1), why: FailReason::NoAnswer });
    let busy = AgentState::Busy { reason: BusyReason::Missed, until: None };
    assert_eq!(outputs, [Output::Agent { agent: ANN, state: busy }]);
    let made = bench.ready(BEN);
    assert_eq!(offers(&made), [(OfferId(2), 1, BEN)]);
    let waited = Duration::from_secs(1);
    let (caller, queue) = (CallerKey(1), SALES);
    assert!(made.contains(&Output::Offer { offer: OfferId(2), caller, agent: BEN, queue, waited }));
    assert_eq!((bench.stats().offers, bench.stats().offers_missed), (2, 1));
}

#[test]
fn a_missed_offer_goes_to_the_next_agent_at_once() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.ready(BEN);
    bench.call(1, 0);
    let outputs = bench.tell(Input::Failed { offer: OfferId(1), why: FailReason::Unreachable });
    assert_eq!(offers(&outputs), [(OfferId(2), 1, BEN)]);
}

#[test]
fn an_offer_that_nobody_tells_about_ends_by_its_deadline() {
    let mut bench = Bench::with(Missed::Pause(Duration::from_secs(5)), |_| {});
    bench.ready(ANN);
    bench.call(1, 0);
    assert_eq!(bench.pass(14), []);
    let outputs = bench.pass(1);
    let withdrawn = Output::Withdraw { offer: OfferId(1), why: WithdrawReason::NoAnswer };
    assert!(outputs.contains(&withdrawn), "{outputs:?}");
    bench.tell(Input::Answered { offer: OfferId(1) });
    assert_eq!(bench.dispatcher.stale(), 1, "an answer after the deadline is too late");
    assert_eq!(offers(&bench.pass(5)), [(OfferId(2), 1, ANN)], "after its pause the agent is offered again");
}

#[test]
fn an_agent_whose_caller_hangs_up_while_ringing_keeps_the_turn() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.ready(BEN);
    bench.call(1, 0);
    let outputs = bench.leave(1);
    assert!(outputs.contains(&Output::Withdraw { offer: OfferId(1), why: WithdrawReason::CallerLeft }));
    assert_eq!(offers(&bench.call(2, 0)), [(OfferId(2), 2, ANN)]);
    assert_eq!((bench.stats().abandoned, bench.stats().abandoned_short), (1, 1));
}

#[test]
fn wrap_up_is_a_state_that_ends_by_itself_or_by_the_agent() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    for early in [false, true] {
        let (offer, ..) = offers(&bench.call(1, 0))[0];
        bench.tell(Input::Answered { offer });
        bench.pass(60);
        bench.tell(Input::TalkEnded { offer });
        assert_eq!(bench.state(ANN), AgentState::WrapUp { until: bench.now + Duration::from_secs(10) });
        bench.pass(4);
        if early {
            bench.tell(Input::WrapUpEnd { agent: ANN });
        } else {
            assert_ne!(bench.state(ANN), AgentState::Idle);
            bench.pass(6);
        }
        assert_eq!(bench.state(ANN), AgentState::Idle);
    }
    let totals = bench.dispatcher.agent_totals(ANN, bench.now).unwrap();
    assert_eq!((totals.talking, totals.wrap_up), (Duration::from_secs(120), Duration::from_secs(14)));
}

#[test]
fn what_an_agent_asks_for_during_a_talk_is_done_after_it() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.call(1, 0);
    bench.tell(Input::Answered { offer: OfferId(1) });
    assert_eq!(bench.tell(Input::Busy { agent: ANN, reason: 7 }), []);
    bench.tell(Input::TalkEnded { offer: OfferId(1) });
    bench.pass(10);
    assert_eq!(bench.state(ANN), AgentState::Busy { reason: BusyReason::Own(7), until: None });
    bench.tell(Input::Ready { agent: ANN });
    bench.call(2, 0);
    bench.tell(Input::Answered { offer: OfferId(2) });
    bench.tell(Input::LogOut { agent: ANN });
    assert_eq!(bench.state(ANN), AgentState::Talking { offer: OfferId(2) });
    bench.leave(2);
    assert_eq!(bench.state(ANN), AgentState::Offline);
}

#[test]
fn logging_out_while_ringing_gives_the_caller_to_another() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.ready(BEN);
    bench.call(1, 0);
    let outputs = bench.tell(Input::LogOut { agent: ANN });
    assert!(outputs.contains(&Output::Withdraw { offer: OfferId(1), why: WithdrawReason::AgentLeft }));
    assert_eq!(offers(&outputs), [(OfferId(2), 1, BEN)]);
}

#[test]
fn the_longest_wait_ends_the_wait_but_not_an_offer_that_rings() {
    let mut bench = Bench::with(Missed::Busy, |queue| queue.max_wait = Some(Duration::from_secs(20)));
    bench.call(1, 0);
    bench.call(2, 0);
    bench.pass(10);
    bench.ready(ANN);
    let timed_out = |caller| Output::TimedOut { caller: CallerKey(caller), queue: SALES };
    assert_eq!(bench.pass(9), [timed_out(2)]);
    let outputs = bench.tell(Input::Failed { offer: OfferId(1), why: FailReason::NoAnswer });
    assert!(outputs.contains(&timed_out(1)), "{outputs:?}");
    assert_eq!((bench.stats().flowed_out, bench.stats().waiting), (2, 0));
}

#[test]
fn a_full_queue_an_empty_house_and_a_second_entry_are_refused() {
    let mut bench = Bench::with(Missed::Busy, |queue| {
        (queue.max_waiting, queue.needs_agents) = (2, true);
    });
    let refused = |caller, queue, why| [Output::Refused { caller: CallerKey(caller), queue, why }];
    assert_eq!(bench.call(1, 0), refused(1, SALES, Refusal::NoAgents));
    bench.tell(Input::LogIn { agent: ANN, queues: vec![SALES] });
    bench.call(1, 0);
    assert_eq!(bench.call_in(1, HELP, 0), refused(1, HELP, Refusal::AlreadyHere));
    bench.call(2, 0);
    assert_eq!(bench.call(3, 0), refused(3, SALES, Refusal::Full));
    assert_eq!(bench.call_in(4, QueueId(9), 0), refused(4, QueueId(9), Refusal::UnknownQueue));
    assert_eq!((bench.stats().offered, bench.stats().refused), (2, 2));
}

#[test]
fn an_agent_cannot_log_in_twice_or_for_a_queue_that_is_not_there() {
    let mut bench = Bench::new();
    let refused = |why| [Output::AgentRefused { agent: ANN, why }];
    let log_in = |queues| Input::LogIn { agent: ANN, queues };
    assert_eq!(bench.tell(log_in(vec![QueueId(9)])), refused(AgentRefusal::UnknownQueue));
    let many = (0..=MAX_QUEUES_PER_AGENT as u16).map(QueueId).collect();
    assert_eq!(bench.tell(log_in(many)), refused(AgentRefusal::TooManyQueues));
    bench.tell(log_in(vec![SALES, SALES]));
    assert_eq!(bench.tell(log_in(vec![SALES])), refused(AgentRefusal::LoggedIn));
}

#[test]
fn an_agent_who_serves_other_queues_is_offered_their_first_caller_and_keeps_the_turn() {
    let mut bench = Bench::new();
    bench.tell(Input::LogIn { agent: ANN, queues: vec![SALES] });
    bench.tell(Input::Ready { agent: ANN });
    bench.pass(1);
    bench.ready(BEN);
    assert_eq!(offers(&bench.tell(Input::Serve { agent: ANN, queues: vec![HELP] })), []);
    assert_eq!(offers(&bench.call_in(1, HELP, 0)), [(OfferId(1), 1, ANN)], "longest idle, here as well");
    bench.call(2, 0);
    bench.call_in(3, HELP, 0);
    bench.tell(Input::Serve { agent: BEN, queues: vec![SALES] });
    bench.tell(Input::Answered { offer: OfferId(1) });
    bench.tell(Input::Serve { agent: ANN, queues: vec![] });
    bench.tell(Input::TalkEnded { offer: OfferId(1) });
    assert_eq!(offers(&bench.pass(600)), [], "nobody serves HELP");
    bench.ready(CAT);
    bench.tell(Input::Serve { agent: CAT, queues: vec![HELP, HELP] });
    let refused = [Output::AgentRefused { agent: CAT, why: AgentRefusal::UnknownQueue }];
    assert_eq!(bench.tell(Input::Serve { agent: CAT, queues: vec![QueueId(9)] }), refused);
}

#[test]
fn only_an_agent_who_is_logged_out_is_forgotten() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    assert!(!bench.dispatcher.forget(ANN));
    bench.tell(Input::LogOut { agent: ANN });
    assert!(bench.dispatcher.forget(ANN));
    assert!(!bench.dispatcher.forget(ANN));
    assert_eq!(bench.dispatcher.agent(ANN), None);
}

#[test]
fn a_position_is_told_on_entry_and_when_it_has_changed() {
    let mut bench = Bench::with(Missed::Busy, |queue| queue.position_every = Some(Duration::from_secs(30)));
    let told = |caller, position| Output::Position { caller: CallerKey(caller), queue: SALES, position };
    assert_eq!(bench.call(1, 0), [told(1, 1)]);
    assert_eq!(bench.call(2, 0), [told(2, 2)]);
    assert_eq!(bench.call(3, 5), [told(3, 1)]);
    assert_eq!(bench.pass(30), [told(1, 2), told(2, 3)]);
    bench.leave(3);
    assert_eq!(bench.pass(30), [told(1, 1), told(2, 2)]);
    assert_eq!(bench.pass(30), []);
}

#[test]
fn inputs_for_what_is_gone_change_nothing_and_are_counted() {
    let mut bench = Bench::new();
    let (offer, agent) = (OfferId(5), ANN);
    let late = [
        Input::Answered { offer },
        Input::Failed { offer, why: FailReason::Busy },
        Input::TalkEnded { offer },
        Input::Ready { agent },
        Input::Busy { agent, reason: 1 },
        Input::WrapUpEnd { agent },
        Input::LogOut { agent },
        Input::Leave { caller: CallerKey(1), why: LeaveReason::Taken },
    ];
    for input in late.clone() {
        assert_eq!(bench.tell(input), []);
    }
    assert_eq!(bench.dispatcher.stale(), late.len() as u64);
}

#[test]
fn an_answer_and_a_failure_count_once() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.call(1, 0);
    bench.tell(Input::Answered { offer: OfferId(1) });
    bench.tell(Input::Answered { offer: OfferId(1) });
    bench.tell(Input::Failed { offer: OfferId(1), why: FailReason::Busy });
    assert_eq!(bench.state(ANN), AgentState::Talking { offer: OfferId(1) });
    assert_eq!((bench.dispatcher.stale(), bench.stats().answered), (2, 1));
}

#[test]
fn damaged_snapshots_are_refused() {
    use crate::RestoreError;
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.call(1, 0);
    let octets = bench.dispatcher.snapshot();
    assert_eq!(Dispatcher::restore(&octets), Ok(bench.dispatcher.clone()));
    assert_eq!(Dispatcher::restore(&[]), Err(RestoreError::Version { found: None }));
    assert_eq!(Dispatcher::restore(&[9]), Err(RestoreError::Version { found: Some(9) }));
    assert_eq!(Dispatcher::restore(&octets[..octets.len() - 1]), Err(RestoreError::Malformed));
    bench.dispatcher.offers.clear();
    let broken = Dispatcher::restore(&bench.dispatcher.snapshot());
    assert!(matches!(broken, Err(RestoreError::Broken(_))), "{broken:?}");
}

fn resume(bench: &mut Bench, caller: u128, waited_s: u64, agent: Option<AgentId>) -> Vec<Output> {
    let waited = Duration::from_secs(waited_s);
    let priority = Priority::default();
    bench.tell(Input::Resume { caller: CallerKey(caller), queue: SALES, priority, waited, agent })
}

#[test]
fn a_new_dispatcher_takes_over_talks_and_waits_as_they_stand() {
    let mut bench = Bench::with(Missed::Busy, |queue| queue.max_wait = Some(Duration::from_secs(60)));
    bench.pass(100);
    bench.ready(ANN);
    resume(&mut bench, 1, 15, Some(ANN));
    let AgentState::Talking { offer } = bench.state(ANN) else { panic!("{:?}", bench.state(ANN)) };
    assert_eq!(resume(&mut bench, 2, 50, None), []);
    assert_eq!(resume(&mut bench, 3, 20, None), []);
    let stats = bench.stats();
    assert_eq!((stats.offered, stats.answered, stats.answered_in_goal, stats.waiting), (3, 1, 1, 2));
    // The wait goes on where it stood: ten seconds are left.
    let outputs = bench.pass(10);
    assert!(outputs.contains(&Output::TimedOut { caller: CallerKey(2), queue: SALES }), "{outputs:?}");
    bench.tell(Input::TalkEnded { offer });
    let outputs = bench.tell(Input::WrapUpEnd { agent: ANN });
    assert_eq!(offers(&outputs).len(), 1);
    assert_eq!(offers(&outputs)[0].1, 3);
}

#[test]
fn a_talk_whose_agent_is_not_idle_is_counted_and_let_be() {
    let mut bench = Bench::new();
    resume(&mut bench, 1, 5, Some(ANN));
    assert_eq!((bench.stats().offered, bench.stats().answered, bench.stats().waiting), (1, 1, 0));
    assert_eq!(bench.dispatcher.callers().count(), 0);
    resume(&mut bench, 2, 5, None);
    resume(&mut bench, 2, 5, None);
    assert_eq!((bench.stats().offered, bench.dispatcher.stale()), (2, 1));
}

#[test]
fn a_new_day_counts_anew_and_whoever_waits_is_offered_again() {
    let mut bench = Bench::new();
    bench.dispatcher.replay(SALES, Outcome::Answered, Duration::from_secs(3));
    bench.dispatcher.replay(SALES, Outcome::Refused, Duration::ZERO);
    bench.ready(ANN);
    bench.pass(20);
    bench.call(1, 0);
    bench.call(2, 0);
    assert_eq!((bench.stats().offered, bench.stats().answered, bench.stats().refused), (3, 1, 1));
    bench.dispatcher.new_day(bench.now);
    bench.dispatcher.audit().unwrap();
    assert_eq!((bench.stats().offered, bench.stats().answered, bench.stats().waiting), (2, 0, 2));
    bench.pass(5);
    let totals = bench.dispatcher.agent_totals(ANN, bench.now).unwrap();
    assert_eq!((totals.logins, totals.idle, totals.ringing), (1, Duration::ZERO, Duration::from_secs(5)));
}

#[test]
fn a_queue_that_is_no_more_lets_its_callers_flow_out_and_others_go_on() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    bench.call_in(1, HELP, 0);
    bench.call_in(2, HELP, 0);
    bench.call_in(3, SALES, 0);
    let wrap_up = Duration::from_secs(77);
    let queue = QueueConfig { wrap_up, position_every: None, ..QueueConfig::default() };
    let config = AcdConfig { queues: BTreeMap::from([(SALES, queue)]), missed: Missed::Busy };
    bench.dispatcher.configure(config, bench.now).unwrap();
    let outputs = bench.tell(Input::Timeout);
    let out = |caller| Output::TimedOut { caller: CallerKey(caller), queue: HELP };
    assert!(outputs.contains(&out(1)) && outputs.contains(&out(2)), "{outputs:?}");
    assert_eq!(offers(&outputs).len(), 1, "the agent goes on with the other queue");
    assert_eq!(offers(&outputs)[0].1, 3);
    assert_eq!(bench.dispatcher.queue(SALES).map(|queue| queue.wrap_up), Some(wrap_up));
    assert!(matches!(bench.call_in(4, HELP, 0)[..], [Output::Refused { why: Refusal::UnknownQueue, .. }]));
}

#[test]
fn a_talk_out_of_a_queue_that_is_no_more_ends_in_the_wrap_up_that_the_queue_had() {
    let mut bench = Bench::new();
    bench.ready(ANN);
    let (offer, ..) = offers(&bench.call_in(1, HELP, 0))[0];
    bench.tell(Input::Answered { offer });
    let queues = BTreeMap::from([(SALES, QueueConfig::default())]);
    bench.dispatcher.configure(AcdConfig { queues, missed: Missed::Busy }, bench.now).unwrap();
    bench.tell(Input::TalkEnded { offer });
    assert_eq!(bench.state(ANN), AgentState::WrapUp { until: bench.now + Duration::from_secs(10) });
}

#[test]
fn the_one_who_has_waited_longest_is_known_whatever_its_priority() {
    let mut bench = Bench::new();
    assert_eq!(bench.dispatcher.oldest(SALES), None);
    let first = bench.now;
    bench.call(1, 0);
    bench.pass(5);
    bench.call(2, 9);
    assert_eq!(bench.dispatcher.oldest(SALES), Some(first));
    bench.leave(1);
    assert_eq!(bench.dispatcher.oldest(SALES), Some(first + Duration::from_secs(5)));
    let rung = offers(&bench.ready(ANN))[0].0;
    assert_eq!(
        bench.dispatcher.oldest(SALES),
        Some(first + Duration::from_secs(5)),
        "rung for is not answered"
    );
    assert_eq!(bench.dispatcher.oldest(HELP), None);
    bench.tell(Input::Answered { offer: rung });
    assert_eq!(bench.dispatcher.oldest(SALES), None);
}
