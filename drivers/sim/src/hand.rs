//! The blocking half in two hands: those of a program that takes it for any card's, and those of one that breaks things.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use card::{CardControl, CardCounters, CardError, LineConfig, Loopback, SpanStatus};
use tdm::SpanId;

use crate::SimControl;

/// A hand on a simulated card; clones hold the same card, which lives as long as one of them.
#[derive(Clone)]
pub struct Hand(Arc<Mutex<SimControl>>);

impl Hand {
    /// Takes a card's blocking half.
    pub fn new(control: SimControl) -> Hand {
        Hand(Arc::new(Mutex::new(control)))
    }

    /// Returns the blocking half while nobody else has it.
    pub fn control(&self) -> MutexGuard<'_, SimControl> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CardControl for Hand {
    fn spans(&mut self) -> Vec<SpanStatus> {
        self.control().spans()
    }

    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError> {
        self.control().attach(line)
    }

    fn detach(&mut self, span: SpanId) -> Result<(), CardError> {
        self.control().detach(span)
    }

    fn loopback(&mut self, span: SpanId, loopback: Loopback) -> Result<(), CardError> {
        self.control().loopback(span, loopback)
    }

    fn counters(&self) -> CardCounters {
        self.control().counters()
    }
}
