//! Why spans do not work, in the cards' own words, for the log: told when it changes.

use std::collections::BTreeMap;

use card::CardControl;
use tdm::SpanId;

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<SpanId, String>);

impl Faults {
    /// Returns what is wrong now with spans of which something else was told last, and what is mended: none.
    pub fn changes(
        &mut self,
        spans: &[SpanId],
        controls: &[Box<dyn CardControl>],
    ) -> Vec<(SpanId, Option<String>)> {
        let mut changes = Vec::new();
        for &span in spans {
            let fault = controls.iter().find_map(|control| control.fault(span));
            if self.0.get(&span) != fault.as_ref() {
                match &fault {
                    Some(text) => drop(self.0.insert(span, text.clone())),
                    None => drop(self.0.remove(&span)),
                }
                changes.push((span, fault));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use card::{CardCounters, CardError, LineConfig, Loopback, SpanStatus};

    /// A card whose span 1 has this fault.
    struct Faulty(Option<&'static str>);

    impl CardControl for Faulty {
        fn spans(&mut self) -> Vec<SpanStatus> {
            Vec::new()
        }

        fn attach(&mut self, _: &LineConfig) -> Result<(), CardError> {
            Ok(())
        }

        fn detach(&mut self, _: SpanId) -> Result<(), CardError> {
            Ok(())
        }

        fn loopback(&mut self, _: SpanId, _: Loopback) -> Result<(), CardError> {
            Ok(())
        }

        fn counters(&self) -> CardCounters {
            CardCounters::default()
        }

        fn fault(&self, span: SpanId) -> Option<String> {
            self.0.filter(|_| span == SpanId(1)).map(str::to_owned)
        }
    }

    #[test]
    fn a_fault_is_told_when_it_comes_changes_and_ends() {
        let mut faults = Faults::default();
        let spans = [SpanId(1), SpanId(2)];
        let mut look = |fault: Option<&'static str>| {
            let changes = faults.changes(&spans, &[Box::new(Faulty(fault))]);
            changes.into_iter().map(|(span, text)| (span.0, text)).collect::<Vec<_>>()
        };
        assert_eq!(look(None), []);
        assert_eq!(look(Some("a")), [(1, Some("a".to_owned()))]);
        assert_eq!(look(Some("a")), []);
        assert_eq!(look(Some("b")), [(1, Some("b".to_owned()))]);
        assert_eq!(look(None), [(1, None)]);
    }
}
