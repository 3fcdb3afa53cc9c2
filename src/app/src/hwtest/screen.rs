//! What is shown while cards are measured: the case under way with its time, and each outcome when it is there.
//!
//! Limits: the line that counts the time is shown on a terminal only; a file gets the outcomes.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use ::hwtest::{Ask, Case, Language, Outcome};
use rt::sched::SchedReport;

/// What the measuring thread tells.
pub(super) enum Tell {
    Grant(SchedReport),
    Begins(Case, String, Duration),
    GoesOn(Duration),
    Ended(Box<Outcome>),
    Ask(Ask, Duration),
}

/// Where it is shown.
pub(super) struct Screen {
    /// Standard output is for a script.
    quiet: bool,
    live: bool,
    language: Language,
    under_way: String,
    time: Duration,
}

impl Screen {
    pub fn new(quiet: bool, language: Language) -> Screen {
        let live = std::io::stderr().is_terminal();
        Screen { quiet, live, language, under_way: String::new(), time: Duration::ZERO }
    }

    /// Begins a card.
    pub fn card(&mut self, name: &str, model: &str) {
        self.line(&format!("{name}: {model}\n"));
    }

    pub fn show(&mut self, tell: Tell) {
        match tell {
            Tell::Grant(grant) if grant.is_complete() => {}
            Tell::Grant(grant) => self.line(&format!("    {grant}\n")),
            Tell::Begins(case, on, time) => {
                self.under_way = format!("{} {on}", self.language.case(case));
                self.time = time;
                self.progress(Duration::ZERO);
            }
            Tell::GoesOn(passed) => self.progress(passed),
            Tell::Ended(outcome) => {
                self.clear();
                self.line(&self.language.outcome(&outcome));
            }
            Tell::Ask(ask, patience) => {
                self.clear();
                eprintln!(">>> {}", self.language.ask(ask, patience.as_secs()));
            }
        }
    }

    fn line(&self, text: &str) {
        // Whoever reads may have gone away; the report is written all the same.
        let _ = if self.quiet {
            std::io::stderr().write_all(text.as_bytes())
        } else {
            std::io::stdout().write_all(text.as_bytes())
        };
    }

    fn progress(&self, passed: Duration) {
        if self.live {
            let (passed, time) = (passed.as_secs(), self.time.as_secs());
            eprint!("\r\x1b[K... {} {passed} s / {time} s", self.under_way);
        }
    }

    fn clear(&self) {
        if self.live {
            eprint!("\r\x1b[K");
        }
    }
}
