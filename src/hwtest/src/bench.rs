//! A running card, moved on by whole periods: what is heard and what is sent, the events in between, what was lost.

use core::time::Duration;

use card::{CardCaps, CardControl, CardEvent, CardIo, IoFault, LineOrder, Period};
use clock::{Clock, SampleTime};
use tdm::{Alarms, CHUNK, ChannelId, Chunk, Law, SpanId, Timeslot};

/// The most events that a case keeps; those beyond are dropped, which no case survives unseen.
const MAX_EVENTS: usize = 4_096;

/// How often the onlooker is told how far a case is.
const TOLD_EVERY: u64 = 1_000;

/// A running card with all its lines attached.
pub struct Subject {
    /// What it can do.
    pub caps: CardCaps,
    /// Its blocking half.
    pub control: Box<dyn CardControl>,
    /// Its realtime half.
    pub io: Box<dyn CardIo>,
}

/// Why a case could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The card gave up.
    #[error("{0}")]
    Card(#[from] IoFault),
    /// The machine was late in every attempt.
    #[error("samples were lost in each of {0} attempts")]
    AlwaysLate(u32),
}

impl Trouble {
    /// Returns true if the card goes no further.
    pub(crate) const fn is_the_cards(self) -> bool {
        matches!(self, Trouble::Card(_))
    }
}

/// The card in the hands of a case.
pub(crate) struct Bench<'a> {
    pub(crate) subject: &'a mut Subject,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) events: Vec<CardEvent>,
    /// Samples lost so far.
    pub(crate) lost: u64,
    /// The end of the last period.
    pub(crate) time: SampleTime,
    heard: Vec<Chunk>,
    /// Where each span lies in a row, and its law.
    laws: Vec<(usize, usize, Law)>,
    /// Told how many milliseconds of the case have passed.
    pub(crate) progress: &'a mut dyn FnMut(Duration),
}

/// One millisecond of all channels.
pub(crate) struct Row<'a> {
    /// The time of the first sample.
    pub(crate) at: u64,
    pub(crate) heard: &'a [Chunk],
    /// Silence, to be written over.
    pub(crate) sent: &'a mut [Chunk],
}

impl<'a> Bench<'a> {
    pub(crate) fn new(
        subject: &'a mut Subject,
        clock: &'a dyn Clock,
        progress: &'a mut dyn FnMut(Duration),
    ) -> Bench<'a> {
        let slots = subject.io.slots().iter();
        let laws = slots.map(|slot| (slot.first_channel.into(), slot.channels.into(), slot.law)).collect();
        let (time, events, heard) = (SampleTime::ZERO, Vec::new(), Vec::new());
        Bench { subject, clock, events, lost: 0, time, heard, laws, progress }
    }

    /// Lives through one period; `live` gets each of its milliseconds.
    pub(crate) fn period(&mut self, mut live: impl FnMut(Row<'_>)) -> Result<Period, Trouble> {
        let period = self.subject.io.wait()?;
        self.lost += u64::from(period.lost);
        while let Some(event) = self.subject.io.poll_event() {
            if self.events.len() < MAX_EVENTS {
                self.events.push(event);
            }
        }
        self.heard.clear();
        self.heard.extend_from_slice(self.subject.io.rx());
        let tx = self.subject.io.tx();
        let chunks = usize::from(period.chunks);
        let channels = tx.len() / chunks.max(1);
        let rows = self.heard.chunks_exact(channels.max(1)).zip(tx.chunks_exact_mut(channels.max(1)));
        for (k, (heard, sent)) in rows.enumerate() {
            for (first, count, law) in &self.laws {
                sent[*first..first + count].fill([law.idle(); CHUNK]);
            }
            live(Row { at: period.time.samples() + (k * CHUNK) as u64, heard, sent });
        }
        self.subject.io.commit()?;
        self.time = SampleTime::from_samples(period.time.samples() + (chunks * CHUNK) as u64);
        Ok(period)
    }

    /// Lives through at least `ms` milliseconds of the card's time.
    pub(crate) fn run(&mut self, ms: u64, mut live: impl FnMut(Row<'_>)) -> Result<(), Trouble> {
        self.until(ms, |bench| bench.period(&mut live).map(|_| false)).map(|_| ())
    }

    /// Does `step`, which lives through a period, until it says so or `ms` milliseconds have passed; true if it said so.
    pub(crate) fn until(
        &mut self,
        ms: u64,
        mut step: impl FnMut(&mut Self) -> Result<bool, Trouble>,
    ) -> Result<bool, Trouble> {
        let (mut first, mut told) = (None, 0);
        loop {
            if step(self)? {
                return Ok(true);
            }
            let start = *first.get_or_insert(self.time);
            let passed = self.time.since(start) / CHUNK as u64;
            if passed / TOLD_EVERY > told {
                told = passed / TOLD_EVERY;
                (self.progress)(Duration::from_millis(passed));
            }
            if passed >= ms {
                return Ok(false);
            }
        }
    }

    /// Lets time pass in silence.
    pub(crate) fn idle(&mut self, ms: u64) -> Result<(), Trouble> {
        self.run(ms, |_| {})
    }

    /// Waits in silence until an event that `wanted` picks, which is taken; none within `ms` milliseconds.
    pub(crate) fn wait_for(
        &mut self,
        ms: u64,
        wanted: impl Fn(&CardEvent) -> bool,
    ) -> Result<Option<CardEvent>, Trouble> {
        let mut found = None;
        self.until(ms, |bench| {
            if let Some(at) = bench.events.iter().position(&wanted) {
                found = bench.events.drain(..=at).next_back();
                return Ok(true);
            }
            bench.period(|_| {}).map(|_| false)
        })?;
        Ok(found)
    }

    /// Gives an order to a line.
    pub(crate) fn order(&mut self, order: LineOrder) {
        self.subject.io.order(order);
    }

    /// Returns how long something sent may take to come back, with room to spare, in milliseconds.
    pub(crate) fn there_and_back_ms(&self) -> u64 {
        2 * u64::from(self.subject.io.rt_delay().samples) / CHUNK as u64 + 100
    }

    /// Returns the index of a channel in a row.
    pub(crate) fn index(&self, channel: ChannelId) -> usize {
        let found = self.subject.io.slots().iter().find_map(|slot| slot.index(channel));
        usize::from(found.expect("the plan names channels of attached lines only"))
    }

    /// Returns the index of every timeslot of a span, and its law.
    pub(crate) fn span(&self, span: SpanId) -> (Vec<usize>, Law) {
        let slot = self.subject.io.slots().iter().find(|slot| slot.span == Some(span));
        let slot = slot.expect("the plan names attached spans only");
        let first = usize::from(slot.first_channel);
        ((first..first + usize::from(slot.channels)).collect(), slot.law)
    }

    /// Returns the law of a channel.
    pub(crate) fn law(&self, channel: ChannelId) -> Law {
        self.span(channel.span).1
    }

    /// Returns the alarms of a span; DETACHED if the card does not tell of it.
    pub(crate) fn alarms(&mut self, span: SpanId) -> Alarms {
        let spans = self.subject.control.spans();
        spans.iter().find(|status| status.span == span).map_or(Alarms::DETACHED, |status| status.alarms)
    }

    /// Returns the slips of these spans since the card's start, as the card tells.
    pub(crate) fn slips(&mut self, spans: &[SpanId]) -> u64 {
        let told = self.subject.control.spans();
        told.iter().filter(|status| spans.contains(&status.span)).map(|status| status.slips).sum()
    }
}

/// Returns a channel of a span.
pub(crate) fn channel(span: SpanId, timeslot: u8) -> ChannelId {
    ChannelId { span, timeslot: Timeslot(timeslot) }
}
