//! The figures of a run, for people and for programs.
//!
//! What callers and phones did is counted from the truth. A caller's wait runs from the last key to the agent; the four
//! service levels are those of the queues. Queues as Tandem tells of them stand beside it.
//! Percentiles are by nearest rank: p90 is the least wait that nine in ten did not exceed.

use core::fmt;

use serde::Serialize;
use switch::view::{AgentView, Outcome, QueueView};

use crate::history::{Fate, History};
use crate::invariants::Evidence;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goals {
    /// The wait within which callers should be answered.
    pub service_goal_ms: u64,
    /// Who leaves sooner counts as having left shortly.
    pub short_abandon_ms: u64,
}

impl Default for Goals {
    fn default() -> Goals {
        Goals { service_goal_ms: 20_000, short_abandon_ms: 5_000 }
    }
}

/// Waits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Waits {
    /// The mean.
    pub mean_ms: Option<u64>,
    /// Half waited at most this long.
    pub p50_ms: Option<u64>,
    /// Nine in ten.
    pub p90_ms: Option<u64>,
    /// 99 in 100.
    pub p99_ms: Option<u64>,
    /// The longest.
    pub longest_ms: Option<u64>,
}

impl Waits {
    fn of(mut waits: Vec<u64>) -> Waits {
        waits.sort_unstable();
        let rank = |percent: usize| {
            let place = (waits.len() * percent).div_ceil(100).max(1) - 1;
            waits.get(place).copied()
        };
        let mean = (!waits.is_empty()).then(|| waits.iter().sum::<u64>() / waits.len() as u64);
        Waits {
            mean_ms: mean,
            p50_ms: rank(50),
            p90_ms: rank(90),
            p99_ms: rank(99),
            longest_ms: waits.last().copied(),
        }
    }
}

/// Counts of those who waited for an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Callers.
    pub offered: u64,
    /// With whom an agent spoke.
    pub answered: u64,
    /// Who hung up before.
    pub abandoned: u64,
    /// Who went on elsewhere or were served without an agent.
    pub flowed_out: u64,
    /// Who wait still.
    pub waiting: u64,
    /// Answered within the goal.
    pub answered_in_goal: u64,
    /// Service level 1: answered in goal / offered.
    pub sl1: Option<f64>,
    /// Service level 2: answered in goal / (offered - abandoned shortly).
    pub sl2: Option<f64>,
    /// Service level 3: (answered in goal + abandoned in goal) / offered.
    pub sl3: Option<f64>,
    /// Service level 4: answered in goal / answered.
    pub sl4: Option<f64>,
    /// Waits of the answered.
    pub wait: Waits,
    /// Waits of the abandoned.
    pub patience: Waits,
}

impl Figures {
    /// Counts stays: what became of each, and its wait.
    fn of(stays: &[(Fate, u64)], goals: Goals) -> Figures {
        let waits = |fate| stays.iter().filter(move |(f, _)| *f == fate).map(|(_, wait)| *wait);
        let count = |fate| waits(fate).count() as u64;
        let within = |fate, limit| waits(fate).filter(|wait| *wait <= limit).count() as u64;
        let offered = stays.len() as u64;
        let answered = count(Fate::Answered);
        let in_goal = within(Fate::Answered, goals.service_goal_ms);
        let left_in_goal = within(Fate::Abandoned, goals.service_goal_ms);
        let shortly = waits(Fate::Abandoned).filter(|wait| *wait < goals.short_abandon_ms).count() as u64;
        let level = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
        Figures {
            offered,
            answered,
            abandoned: count(Fate::Abandoned),
            flowed_out: count(Fate::FlowedOut) + count(Fate::Failed),
            waiting: count(Fate::Lives),
            answered_in_goal: in_goal,
            sl1: level(in_goal, offered),
            sl2: level(in_goal, offered - shortly),
            sl3: level(in_goal + left_in_goal, offered),
            sl4: level(in_goal, answered),
            wait: Waits::of(waits(Fate::Answered).collect()),
            patience: Waits::of(waits(Fate::Abandoned).collect()),
        }
    }
}

/// One queue by its records.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct QueueFigures {
    /// Its name.
    pub queue: String,
    /// Who was not taken; not among the offered.
    pub refused: u64,
    /// The rest.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What the agents did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AgentFigures {
    /// Phones that have rung.
    pub phones: u64,
    /// Times one rang.
    pub rung: u64,
    /// Times one was picked up.
    pub picked_up: u64,
    /// Times nobody picked up.
    pub unanswered: u64,
    /// The mean talk.
    pub talk_mean_ms: Option<u64>,
    /// The part of the run in which a phone rang or was lifted, over all phones.
    pub phone_use: Option<f64>,
    /// Ringing, talk and work after it, over the time logged in; null without agents in the configuration.
    pub occupancy: Option<f64>,
}

/// The figures of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// How long the run was.
    pub simulated_ms: u64,
    /// Callers who dialled.
    pub callers: u64,
    /// Of these, those who found no channel.
    pub blocked: u64,
    /// Those whom Tandem answered.
    pub connected: u64,
    /// Those the exchange had to clear: a timer, a cut line.
    pub failed: u64,
    /// The most at once.
    pub busiest: u64,
    /// Calls by what became of them: every caller that found a channel. The wait counts from the last key.
    pub calls: Figures,
    /// Queues, as Tandem's records tell.
    pub queues: Vec<QueueFigures>,
    /// Agents.
    pub agents: AgentFigures,
    /// Lines of the truth.
    pub truth_lines: u64,
    /// How long it took; the only figures that differ between two runs.
    pub wall: Option<Wall>,
}

/// How fast a run was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Wall {
    /// Seconds that it took.
    pub seconds: f64,
    /// Calls in each of these seconds.
    pub calls_per_second: f64,
    /// Simulated seconds in each.
    pub times_real_time: f64,
}

impl Summary {
    /// Counts a run.
    pub fn new(
        evidence: &Evidence,
        agents: &[AgentView],
        seed: u64,
        simulated_ms: u64,
        goals: Goals,
    ) -> Summary {
        let history = History::read(&evidence.truth);
        let stays: Vec<(Fate, u64)> =
            history.calls.values().map(|call| (call.fate(), call.wait_ms().unwrap_or(0))).collect();
        let offered = history.calls.len() as u64;
        Summary {
            seed,
            simulated_ms,
            callers: offered + history.blocked,
            blocked: history.blocked,
            connected: history.calls.values().filter(|call| call.answered_ms.is_some()).count() as u64,
            failed: history.calls.values().filter(|call| call.fate() == Fate::Failed).count() as u64,
            busiest: busiest(&history),
            calls: Figures::of(&stays, goals),
            queues: evidence.queues.iter().map(|queue| queue_figures(queue, evidence, goals)).collect(),
            agents: agent_figures(&history, agents, simulated_ms),
            truth_lines: evidence.truth.len() as u64,
            wall: None,
        }
    }

    /// Adds how long the run took.
    pub fn took(&mut self, seconds: f64) {
        let per_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        self.wall = Some(Wall {
            seconds,
            calls_per_second: per_second(self.calls.offered as f64),
            times_real_time: per_second(self.simulated_ms as f64 / 1_000.0),
        });
    }

    /// Returns it as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a summary is plain data")
    }
}

/// Returns how many calls were there at the busiest moment.
fn busiest(history: &History) -> u64 {
    let mut edges: Vec<(u64, i64)> = Vec::new();
    for call in history.calls.values() {
        edges.push((call.offered_ms, 1));
        edges.extend(call.ended.map(|end| (end.at_ms, -1)));
    }
    edges.sort_unstable();
    let mut now = 0;
    let most = edges.into_iter().map(|(_, change)| {
        now += change;
        now
    });
    u64::try_from(most.max().unwrap_or(0)).unwrap_or(0)
}

fn queue_figures(queue: &QueueView, evidence: &Evidence, goals: Goals) -> QueueFigures {
    let goals = Goals { service_goal_ms: queue.service_goal_ms, ..goals };
    let calls = evidence.records.iter().chain(&evidence.live);
    let visits = || calls.clone().flat_map(|call| &call.visits).filter(|visit| visit.queue == queue.queue);
    let stay = |visit: &switch::view::VisitView| {
        let fate = match visit.outcome {
            Some(Outcome::Answered) => Fate::Answered,
            Some(Outcome::Abandoned) => Fate::Abandoned,
            Some(Outcome::FlowedOut) => Fate::FlowedOut,
            Some(Outcome::Refused) => return None,
            None => Fate::Lives,
        };
        Some((fate, visit.left_ms.map_or(0, |left| left.saturating_sub(visit.entered_ms))))
    };
    let stays: Vec<_> = visits().filter_map(stay).collect();
    QueueFigures {
        queue: queue.queue.clone(),
        refused: visits().filter(|visit| visit.outcome == Some(Outcome::Refused)).count() as u64,
        figures: Figures::of(&stays, goals),
    }
}

fn agent_figures(history: &History, agents: &[AgentView], simulated_ms: u64) -> AgentFigures {
    let rings = || history.phones.values().flatten();
    let talks: Vec<u64> = history
        .calls
        .values()
        .flat_map(|call| &call.talks)
        .map(|talk| talk.to_ms.unwrap_or(history.end_ms).saturating_sub(talk.from_ms))
        .collect();
    let used: u64 =
        rings().map(|ring| ring.ended_ms.unwrap_or(history.end_ms).saturating_sub(ring.from_ms)).sum();
    let whole = simulated_ms * history.phones.len() as u64;
    let busy = |a: &AgentView| a.totals.ringing_ms + a.totals.talking_ms + a.totals.wrap_up_ms;
    let logged_in = |a: &AgentView| busy(a) + a.totals.idle_ms + a.totals.busy_ms;
    let part = |part: u64, of: u64| (of > 0).then(|| part as f64 / of as f64);
    AgentFigures {
        phones: history.phones.len() as u64,
        rung: rings().count() as u64,
        picked_up: rings().filter(|ring| ring.picked_up_ms.is_some()).count() as u64,
        unanswered: rings().filter(|ring| ring.picked_up_ms.is_none() && ring.ended_ms.is_some()).count()
            as u64,
        talk_mean_ms: (!talks.is_empty()).then(|| talks.iter().sum::<u64>() / talks.len() as u64),
        phone_use: part(used, whole),
        occupancy: part(agents.iter().map(busy).sum(), agents.iter().map(logged_in).sum()),
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated_ms as f64 / 3_600_000.0;
        writeln!(f, "simulated {hours:.2} h, seed {}, {} lines of truth", self.seed, self.truth_lines)?;
        if let Some(wall) = &self.wall {
            writeln!(
                f,
                "took {:.2} s: {:.0} calls a second, {:.0} times real time",
                wall.seconds, wall.calls_per_second, wall.times_real_time
            )?;
        }
        writeln!(
            f,
            "callers {}: {} found no channel, {} answered by Tandem, {} cleared by the exchange, {} at once at most",
            self.callers, self.blocked, self.connected, self.failed, self.busiest
        )?;
        writeln!(f, "all calls, waits from the last key:")?;
        figures(f, &self.calls)?;
        for queue in &self.queues {
            writeln!(f, "queue {}, by its records ({} refused):", queue.queue, queue.refused)?;
            figures(f, &queue.figures)?;
        }
        let agents = &self.agents;
        writeln!(
            f,
            "agents: {} phones rang {} times: {} picked up, {} not; talk {}, phones in use {}, occupancy {}",
            agents.phones,
            agents.rung,
            agents.picked_up,
            agents.unanswered,
            seconds(agents.talk_mean_ms),
            percent(agents.phone_use),
            percent(agents.occupancy)
        )
    }
}

fn figures(f: &mut fmt::Formatter<'_>, x: &Figures) -> fmt::Result {
    writeln!(
        f,
        "  offered {} = answered {} + abandoned {} + flowed out or served {} + waiting {}",
        x.offered, x.answered, x.abandoned, x.flowed_out, x.waiting
    )?;
    writeln!(
        f,
        "  service level 1 {}  2 {}  3 {}  4 {}",
        percent(x.sl1),
        percent(x.sl2),
        percent(x.sl3),
        percent(x.sl4)
    )?;
    for (name, waits) in [("wait of the answered ", &x.wait), ("wait of the abandoned", &x.patience)] {
        writeln!(
            f,
            "  {name}  mean {}  p50 {}  p90 {}  p99 {}  longest {}",
            seconds(waits.mean_ms),
            seconds(waits.p50_ms),
            seconds(waits.p90_ms),
            seconds(waits.p99_ms),
            seconds(waits.longest_ms)
        )?;
    }
    Ok(())
}

fn seconds(ms: Option<u64>) -> String {
    ms.map_or("-".into(), |ms| format!("{:.1} s", ms as f64 / 1_000.0))
}

fn percent(part: Option<f64>) -> String {
    part.map_or("-".into(), |part| format!("{:.1} %", part * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let waits = Waits::of((1..=10).map(|n| n * 1_000).collect());
        let wanted = (Some(5_500), Some(5_000), Some(9_000), Some(10_000));
        assert_eq!((waits.mean_ms, waits.p50_ms, waits.p90_ms, waits.p99_ms), wanted);
        assert_eq!(Waits::of(vec![]), Waits::default());
    }

    #[test]
    fn the_four_service_levels_differ_by_who_left_when() {
        let stays = [
            (Fate::Answered, 20_000),
            (Fate::Answered, 20_001),
            (Fate::Abandoned, 4_999),
            (Fate::Abandoned, 5_000),
            (Fate::Abandoned, 60_000),
        ];
        let f = Figures::of(&stays, Goals::default());
        assert_eq!((f.sl1, f.sl2, f.sl3, f.sl4), (Some(0.2), Some(0.25), Some(0.6), Some(0.5)));
        assert_eq!(Figures::of(&[], Goals::default()).sl1, None);
    }
}
