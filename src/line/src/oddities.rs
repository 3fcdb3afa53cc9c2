//! What a span's other side does oddly: told once, then counted for a while, since it may do so at every call.

use core::time::Duration;
use std::collections::BTreeMap;

use clock::Mono;
use isdn::event::Notice;
use tdm::SpanId;

/// How long one kind is only counted after it was told.
const QUIET: Duration = Duration::from_secs(600);

/// What one span was found to do. Its bound is the number of kinds.
#[derive(Debug, Default)]
pub(crate) struct Oddities(BTreeMap<&'static str, Oddity>);

#[derive(Debug)]
struct Oddity {
    told_at: Mono,
    untold: u64,
}

impl Oddities {
    /// Writes down what `span` was found to do, unless the same was told lately.
    pub fn note(&mut self, span: SpanId, notice: Notice, now: Mono) {
        let Some(kind) = kind(&notice) else {
            return tracing::debug!(%span, ?notice, "signalling");
        };
        if let Some(untold) = self.due(kind, now) {
            tracing::warn!(%span, ?notice, times_before = untold, "odd signalling");
        }
    }

    /// Returns how often this kind was not told, if it is to be told now.
    fn due(&mut self, kind: &'static str, now: Mono) -> Option<u64> {
        let Some(known) = self.0.get_mut(kind) else {
            self.0.insert(kind, Oddity { told_at: now, untold: 0 });
            return Some(0);
        };
        if now - known.told_at < QUIET {
            known.untold += 1;
            return None;
        }
        known.told_at = now;
        Some(std::mem::take(&mut known.untold))
    }
}

/// Returns what kind of oddity this is; none if it is no oddity.
fn kind(notice: &Notice) -> Option<&'static str> {
    match notice {
        Notice::PeerRestarted | Notice::RequestIgnored => None,
        Notice::UnexpectedMessage(_) => Some("unexpected message"),
        Notice::UnknownMessage(_) => Some("unknown message"),
        Notice::BadElement { .. } => Some("bad element"),
        Notice::UnknownCall(_) => Some("unknown call"),
        Notice::Glare(_) => Some("glare"),
        Notice::StatusReceived(_) => Some("status"),
        Notice::RestartUnanswered => Some("restart unanswered"),
        Notice::CallLimit => Some("call limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_in_ten_minutes_with_the_number_left_out() {
        let mut oddities = Oddities::default();
        let at = |seconds: u64| Mono::from_millis(seconds * 1_000);
        assert_eq!(oddities.due("glare", at(0)), Some(0));
        assert_eq!(oddities.due("glare", at(1)), None);
        assert_eq!(oddities.due("status", at(1)), Some(0));
        assert_eq!(oddities.due("glare", at(599)), None);
        assert_eq!(oddities.due("glare", at(600)), Some(2));
        assert_eq!(oddities.due("glare", at(1_200)), Some(0));
    }
}
