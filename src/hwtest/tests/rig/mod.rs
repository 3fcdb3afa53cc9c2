//! Cards in software for the tests, and whoever pulls their plugs.
#![allow(dead_code, reason = "each test file uses its part")]

use std::time::Duration;

use hwtest::{Ask, Case, Limits, Onlooker, Outcome, Plan, Verdict, Wire};
use tdm::{ChannelId, SpanId};

/// Nothing plugged, short times.
pub fn plan() -> Plan {
    Plan {
        loops: Vec::new(),
        pairs: Vec::new(),
        wires: Vec::new(),
        bit_errors: Duration::from_secs(1),
        jitter: Duration::from_secs(1),
        person: Duration::from_secs(3),
        limits: Limits::default(),
    }
}

pub fn wire(fxs: u16, fxo: u16, port: u8) -> Wire {
    Wire { fxs: ChannelId::new(fxs, port), fxo: ChannelId::new(fxo, port) }
}

/// Does what is asked by `pull`, and something at the begin of a case.
pub struct Helper<P, B> {
    pub pull: P,
    pub begin: B,
    pub told: usize,
}

impl<P: FnMut(SpanId, bool) -> bool, B: FnMut(Case)> Onlooker for Helper<P, B> {
    fn begins(&mut self, case: Case, _: &str, _: Duration) {
        (self.begin)(case);
    }

    fn goes_on(&mut self, _: Duration) {
        self.told += 1;
    }

    fn ended(&mut self, _: &Outcome) {}

    fn ask(&mut self, ask: Ask) -> bool {
        match ask {
            Ask::Unplug(span) => (self.pull)(span, true),
            Ask::Plug(span) => (self.pull)(span, false),
        }
    }
}

/// Returns the cases that failed, each once.
pub fn failed(outcomes: &[Outcome]) -> Vec<Case> {
    let mut failed: Vec<Case> =
        outcomes.iter().filter(|o| matches!(o.verdict, Verdict::Failed { .. })).map(|o| o.case).collect();
    failed.sort();
    failed.dedup();
    failed
}

/// Returns what is said to be wrong, and what to do, in one text.
pub fn told(outcomes: &[Outcome]) -> String {
    outcomes.iter().map(|outcome| hwtest::Language::English.outcome(outcome)).collect()
}
