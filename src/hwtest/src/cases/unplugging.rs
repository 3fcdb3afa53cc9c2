//! A pulled plug is seen as an alarm, and a plug that is back ends it.
//!
//! How: somebody is asked, and the alarms are watched; no key need be pressed. Limits: a line that nobody touches within the time
//! counts as failed, since an alarm that does not come looks the same.

use core::time::Duration;

use tdm::{Alarms, SpanId};

use super::ms;
use crate::bench::{Bench, Trouble};
use crate::cases::signal::settles;
use crate::plan::{Ask, Onlooker};
use crate::report::Notes;

const LOOK_MS: u64 = 10;

pub(crate) const UNSEEN: &str = "if the plug was pulled: the card does not tell its alarms; if nobody was there: --no-person leaves this case out";
pub(crate) const STAYS: &str =
    "the plug is not back, or the line does not come up again: look at the plug, start the card anew";

/// Asks for each span in turn.
pub(crate) fn run(
    bench: &mut Bench<'_>,
    spans: &[SpanId],
    patience: Duration,
    onlooker: &mut dyn Onlooker,
) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    for &span in spans {
        if !onlooker.ask(Ask::Unplug(span)) {
            notes.not_possible("nobody is there to pull a plug");
            return Ok(notes);
        }
        let dead = |alarms: Alarms| alarms.intersects(Alarms::RED | Alarms::AIS);
        if !becomes(bench, span, patience, dead)? {
            notes.wrong(format!("span {span} shows no RED within {} s", patience.as_secs()), UNSEEN);
            continue;
        }
        notes.figure("alarms", format!("span {span}: {}", bench.alarms(span)));
        onlooker.ask(Ask::Plug(span));
        let back = bench.time;
        let clear = becomes(bench, span, patience, |alarms| alarms.is_empty())? && settles(bench, spans)?;
        if clear {
            notes.figure(
                "alarms",
                format!("span {span}: none {} after the question", ms(bench.time.since(back))),
            );
        } else {
            let alarms = bench.alarms(span);
            notes.wrong(
                format!("span {span} is still in alarm {alarms} after {} s", patience.as_secs()),
                STAYS,
            );
        }
    }
    Ok(notes)
}

/// Waits until the alarms of a span are as wanted; false if they are not within the time.
fn becomes(
    bench: &mut Bench<'_>,
    span: SpanId,
    patience: Duration,
    wanted: impl Fn(Alarms) -> bool,
) -> Result<bool, Trouble> {
    bench.until(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX), |bench| {
        bench.idle(LOOK_MS)?;
        Ok(wanted(bench.alarms(span)))
    })
}
