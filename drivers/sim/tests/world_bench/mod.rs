//! A started simulated card with all its positions attached, span 1 first.

use card::{Card, CardControl, CardEvent, CardIo, ClockSource, LineConfig, Period, Signalling};
use sim::{SimCard, SimConfig, SimControl, SimIo};
use tdm::{Alarms, Chunk, SpanId, SpanKind};

/// The card and what it has told.
pub struct WorldBench {
    pub control: SimControl,
    pub io: SimIo,
    pub events: Vec<CardEvent>,
    next: u64,
    channels: usize,
}

/// Returns a line's set-up.
pub fn span(kind: SpanKind, position: u8, span: u16, signalling: Signalling) -> LineConfig {
    let clock = ClockSource::Line;
    LineConfig { position, span: SpanId(span), law: kind.usual_law(), signalling, clock }
}

/// Returns octets that tell channel and time.
pub fn counting_chunk(channel: usize, at: u64) -> Chunk {
    core::array::from_fn(|k| card::conformance::pattern(channel, at + k as u64))
}

impl WorldBench {
    pub fn start(config: SimConfig, signalling: &[Signalling]) -> WorldBench {
        let card = SimCard::new(config).expect("the configuration is right");
        let places = card.caps().positions.clone();
        let lines: Vec<LineConfig> = (0_u8..)
            .zip(places.iter().zip(signalling))
            .map(|(position, (place, s))| span(place.kind, position, u16::from(position) + 1, *s))
            .collect();
        let channels = places.iter().map(|place| usize::from(place.channels)).sum();
        let (control, io) = card.start(&lines).expect("the card starts");
        WorldBench { control, io, events: Vec::new(), next: 0, channels }
    }

    /// Lives through one period.
    pub fn period(
        &mut self,
        mut send: impl FnMut(usize, u64) -> Chunk,
        mut hear: impl FnMut(u64, &[Chunk]),
    ) -> Period {
        let period = self.io.wait().expect("the card runs");
        while let Some(event) = self.io.poll_event() {
            self.events.push(event);
        }
        for k in 0..usize::from(period.chunks) {
            let at = period.time.samples() + 8 * k as u64;
            let row = k * self.channels..(k + 1) * self.channels;
            hear(at, &self.io.rx()[row.clone()]);
            for (channel, chunk) in self.io.tx()[row].iter_mut().enumerate() {
                *chunk = send(channel, at);
            }
            self.next = at + 8;
        }
        self.io.commit().expect("the card runs");
        period
    }

    pub fn idle(&mut self, periods: u32) {
        for _ in 0..periods {
            self.period(|_, _| [0xD5; 8], |_, _| {});
        }
    }

    /// Returns the sample time after the last period.
    pub fn now(&self) -> u64 {
        self.next
    }

    pub fn alarms(&mut self, span: SpanId) -> Alarms {
        self.control.spans().iter().find(|status| status.span == span).expect("it is attached").alarms
    }

    /// Waits until no alarm stands: a program has come.
    pub fn until_clear(&mut self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        loop {
            self.idle(1);
            if self.control.spans().iter().all(|span| span.alarms.is_empty()) {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "nobody comes");
        }
    }
}
