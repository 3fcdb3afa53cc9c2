//! How a configuration differs from the one that runs: what can be taken under way, and what takes a restart.
//!
//! Numbers, seats, flows, queues, agents, `[acd]`, `[call]` and what a trunk shows as its number belong to the switch
//! and are taken at once. Everything else is held by processes that would have to let go of calls.

use crate::{Config, Trunk};

/// What is different, each as `section.name: new`, `gone` or `changed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// What can be taken under way.
    pub taken: Vec<String>,
    /// What takes a restart of the whole program.
    pub fixed: Vec<String>,
}

impl Config {
    /// Compares with `new`, which is to take the place of `self`.
    pub fn changes(&self, new: &Config) -> Changes {
        let mut changes = Changes::default();
        let fixed = &mut changes.fixed;
        one(fixed, "system", &self.system, &new.system);
        one(fixed, "realtime", &self.realtime, &new.realtime);
        one(fixed, "detect", &self.detect, &new.detect);
        one(fixed, "echo", &self.cancel, &new.cancel);
        many(fixed, "card", &self.cards, &new.cards, |card| card.name.clone());
        let same_caller = |trunk: &Trunk| Trunk { caller: None, ..trunk.clone() };
        let trunks = |config: &Config| config.trunks.iter().map(same_caller).collect::<Vec<_>>();
        many(fixed, "trunk", &trunks(self), &trunks(new), |trunk| trunk.name.clone());
        one(fixed, "record", &self.record, &new.record);
        one(fixed, "line", &self.line, &new.line);
        one(fixed, "api", &self.api, &new.api);
        one(fixed, "store", &self.store, &new.store);
        one(fixed, "exchange", &self.exchange, &new.exchange);
        let taken = &mut changes.taken;
        let caller = |trunk: &Trunk| (trunk.name.clone(), trunk.caller.clone());
        let callers = |config: &Config| config.trunks.iter().map(caller).collect::<Vec<_>>();
        many(taken, "trunk", &callers(self), &callers(new), |(name, _)| name.clone());
        many(taken, "seat", &self.seats, &new.seats, |seat| seat.number.clone());
        many(taken, "number", &self.numbers, &new.numbers, |rule| {
            let from = if rule.from == crate::Origin::Any {
                String::new()
            } else {
                format!(" from {:?}", rule.from)
            };
            (rule.called.clone() + &from).to_lowercase()
        });
        many(taken, "flow", &self.flows, &new.flows, |flow| flow.name.clone());
        many(taken, "queue", &self.queues, &new.queues, |queue| queue.name.clone());
        many(taken, "agent", &self.agents, &new.agents, |agent| agent.name.clone());
        one(taken, "acd", &self.acd, &new.acd);
        one(taken, "call", &self.call, &new.call);
        changes
    }
}

fn one<T: PartialEq>(changes: &mut Vec<String>, section: &str, old: &T, new: &T) {
    if old != new {
        changes.push(format!("{section}: changed"));
    }
}

fn many<T: PartialEq>(
    changes: &mut Vec<String>,
    section: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> String,
) {
    let find = |items: &[T], wanted: &str| items.iter().position(|item| name(item) == wanted);
    let before = changes.len();
    for item in old.iter().filter(|item| find(new, &name(item)).is_none()) {
        changes.push(format!("{section}.{}: gone", name(item)));
    }
    for item in new {
        let name = name(item);
        match find(old, &name) {
            None => changes.push(format!("{section}.{name}: new")),
            Some(index) if old[index] != *item => changes.push(format!("{section}.{name}: changed")),
            Some(_) => {}
        }
    }
    if changes.len() == before && old != new {
        changes.push(format!("{section}: in another order"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        version = 1
        card = [{ name = "c", type = "sim", span = [{ span = 1, kind = "e1" }, { span = 2, kind = "fxs", ports = 2 }] }]
        trunk = [{ name = "t", spans = [1], signalling = "pri_cpe", caller = "100" }]
        seat = [{ number = "201", port = "2/1" }, { number = "202", port = "2/2" }]
        queue = [{ name = "service" }]
        agent = [{ name = "ann", seat = "201", queues = ["service"] }]
        number = [{ called = "8000", action = "seat", seat = "201" }]
    "#;

    fn changes(edits: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut text = TEXT.to_string();
        for (from, to) in edits {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        let old = Config::parse(TEXT, "f.toml").unwrap();
        let Changes { taken, fixed } = old.changes(&Config::parse(&text, "f.toml").unwrap());
        (taken, fixed)
    }

    fn taken(edits: &[(&str, &str)]) -> Vec<String> {
        let (taken, fixed) = changes(edits);
        assert_eq!(fixed, Vec::<String>::new());
        taken
    }

    #[test]
    fn the_same_text_is_no_change() {
        assert_eq!(changes(&[]), (vec![], vec![]));
    }

    #[test]
    fn the_switch_s_own_sections_are_taken_under_way_each_by_its_name() {
        assert_eq!(taken(&[(r#"name = "ann""#, r#"name = "bea""#)]), ["agent.ann: gone", "agent.bea: new"]);
        assert_eq!(taken(&[(r#"seat = "201" }]"#, r#"seat = "202" }]"#)]), ["number.8000: changed"]);
        assert_eq!(taken(&[(r#"caller = "100""#, r#"caller = "101""#)]), ["trunk.t: changed"]);
        assert_eq!(
            taken(&[(r#"{ name = "service" }"#, r#"{ name = "service", wrap_up_s = 3 }"#)]),
            ["queue.service: changed"]
        );
    }

    #[test]
    fn an_order_that_matters_is_a_change() {
        let swapped = r#"seat = [{ number = "202", port = "2/2" }, { number = "201", port = "2/1" }]"#;
        let seats = r#"seat = [{ number = "201", port = "2/1" }, { number = "202", port = "2/2" }]"#;
        assert_eq!(taken(&[(seats, swapped)]), ["seat: in another order"]);
    }

    #[test]
    fn what_other_processes_hold_takes_a_restart() {
        let wider = ("signalling = \"pri_cpe\"", "signalling = \"pri_net\"");
        assert_eq!(changes(&[wider]), (vec![], vec!["trunk.t: changed".into()]));
        let api = ("version = 1", "version = 1\napi = { listen = \"127.0.0.1:9\" }");
        assert_eq!(changes(&[api]), (vec![], vec!["api: changed".into()]));
        let card = ("kind = \"e1\"", "kind = \"e1\", ppm = 3.0");
        assert_eq!(changes(&[card]), (vec![], vec!["card.c: changed".into()]));
    }
}
