//! How long one dispatch takes with 500 agents and 2,000 waiting callers, beside a tenth of both.
//!
//! Every talk ends at once in a new one: an agent frees, the first of the line is offered, answers, and a new caller
//! takes its place at the end of the line. Each agent serves 8 of 16 queues.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use acd::{
    AcdConfig, AgentId, CallerKey, Dispatcher, Input, Missed, OfferId, Output, Priority, QueueConfig, QueueId,
};
use clock::Mono;

const QUEUES: u16 = 16;
const TALKS: u32 = 200_000;

struct Rig {
    dispatcher: Dispatcher,
    now: Mono,
    offers: Vec<OfferId>,
    answered: u64,
}

impl Rig {
    fn tell(&mut self, input: Input) {
        self.now += Duration::from_micros(100);
        self.dispatcher.handle(input, self.now);
        while let Some(output) = self.dispatcher.poll_output() {
            if let Output::Offer { offer, .. } = output {
                self.offers.push(offer);
            }
        }
    }

    fn enqueue(&mut self, caller: u32) {
        let queue = QueueId((caller % u32::from(QUEUES)) as u16);
        let priority = Priority::new((caller % 10) as u8);
        self.tell(Input::Enqueue { caller: CallerKey(caller.into()), queue, priority });
    }
}

fn run(agents: u32, callers: u32) {
    let queue =
        QueueConfig { max_wait: None, max_waiting: 8_000, wrap_up: Duration::ZERO, ..QueueConfig::default() };
    let queues: BTreeMap<_, _> = (0..QUEUES).map(|n| (QueueId(n), queue.clone())).collect();
    let dispatcher = Dispatcher::new(AcdConfig { queues, missed: Missed::Busy }).expect("in range");
    let mut rig = Rig { dispatcher, now: Mono::ZERO, offers: Vec::new(), answered: 0 };
    for agent in 0..agents {
        let queues = (0..8).map(|n| QueueId((agent as u16 + n * 2) % QUEUES)).collect();
        rig.tell(Input::LogIn { agent: AgentId(agent), queues });
        rig.tell(Input::Ready { agent: AgentId(agent) });
    }
    (0..agents + callers).for_each(|caller| rig.enqueue(caller));
    let mut talking = std::collections::VecDeque::new();
    let begun = Instant::now();
    for next in (agents + callers..).take(TALKS as usize) {
        while let Some(offer) = rig.offers.pop() {
            rig.tell(Input::Answered { offer });
            rig.answered += 1;
            talking.push_back(offer);
        }
        let offer = talking.pop_front().expect("somebody talks");
        rig.tell(Input::TalkEnded { offer });
        rig.enqueue(next);
    }
    let each = begun.elapsed() / TALKS;
    rig.dispatcher.audit().expect("all invariants hold");
    println!(
        "dispatch/longest-idle/{agents}agents-{callers}callers: {each:?} for talk end, offer, answer and entry"
    );
}

fn main() {
    run(50, 200);
    run(500, 2_000);
}
