//! The plant as the far ends of the card's spans, all in the card's thread.

use std::sync::{Arc, Mutex, PoisonError};

use clock::{Clock, SampleTime, VirtualClock};
use sim::{FarEnd, FarLine, FarTick};
use simulator::plant::Plant;
use tdm::SpanId;

/// The plant with the millisecond that it is in.
pub(super) struct Shared {
    pub plant: Plant,
    clock: VirtualClock,
    at: Option<SampleTime>,
}

impl Shared {
    pub fn new(plant: Plant, clock: VirtualClock) -> Shared {
        Shared { plant, clock, at: None }
    }

    /// The first span of a millisecond ends the one before.
    fn enter(&mut self, time: SampleTime) {
        if self.at.replace(time).is_some_and(|at| at != time) {
            self.plant.step(self.clock.now());
        }
    }
}

/// The plant's end of one span.
pub(super) struct PlantEnd {
    shared: Arc<Mutex<Shared>>,
    span: SpanId,
}

impl PlantEnd {
    pub fn boxed(shared: &Arc<Mutex<Shared>>, span: SpanId) -> Box<dyn FarEnd> {
        Box::new(PlantEnd { shared: Arc::clone(shared), span })
    }
}

impl FarEnd for PlantEnd {
    fn attached(&mut self, line: &FarLine) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let now = shared.clock.now();
        shared.plant.line(line.span, true, now);
    }

    fn speaks_frames(&self) -> bool {
        true
    }

    fn tick(&mut self, tick: &mut FarTick<'_>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.enter(tick.time);
        let now = shared.clock.now();
        for frame in tick.frames {
            shared.plant.line_frame(self.span, frame.octets(), now);
        }
        shared.plant.line_hears(self.span, tick.heard, tick.edges, now);
        shared.plant.line_says(self.span, tick.says);
        while let Some(edge) = shared.plant.next_edge(self.span) {
            tick.reply.edge(edge);
        }
        while let Some(frame) = shared.plant.next_frame(self.span) {
            // A frame of our own stack is never longer than one may be.
            tick.reply.frame(frame.octets());
        }
    }
}
