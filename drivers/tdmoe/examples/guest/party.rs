//! A card that runs in its own thread: it sends a ramp on every channel and looks for breaks in those that it hears.
//!
//! Channel `c` of a span sends `n * (2c + 1)`, so that the step between two octets tells the channel, and only a gap of a multiple of
//! 256 samples looks like none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use card::{CardControl, CardEvent, CardIo, IoFault, LineOrder};
use tdm::{Alarms, SpanId};

/// How long a case waits for what must come.
const PATIENCE: Duration = Duration::from_secs(6);

/// What a card has heard.
#[derive(Default)]
struct Heard {
    octets: AtomicU64,
    breaks: AtomicU64,
    /// Milliseconds of periods.
    ms: AtomicU64,
    stop: AtomicBool,
    events: Mutex<Vec<CardEvent>>,
}

pub struct Party<C: CardControl> {
    pub control: C,
    heard: Arc<Heard>,
    orders: Sender<LineOrder>,
    thread: Option<JoinHandle<()>>,
}

impl<C: CardControl> Party<C> {
    pub fn new(control: C, mut io: Box<dyn CardIo>) -> Party<C> {
        let heard = Arc::new(Heard::default());
        let (orders, ordered) = channel();
        let noted = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            let channels = io.slots().iter().map(|slot| usize::from(slot.channels)).sum();
            let (mut sent, mut last) = (0_u64, vec![0_u8; channels]);
            while !noted.stop.load(Ordering::Acquire) {
                let period = match io.wait() {
                    Ok(period) => period,
                    // The kernel's spans have no time while they hear nothing.
                    Err(IoFault::Stalled) => continue,
                    Err(IoFault::Gone) => panic!("the card is gone"),
                };
                while let Some(event) = io.poll_event() {
                    noted.events.lock().unwrap().push(event);
                }
                ordered.try_iter().for_each(|order| io.order(order));
                listen(io.rx(), channels, &mut last, &noted);
                for row in io.tx().chunks_exact_mut(channels) {
                    for (channel, chunk) in row.iter_mut().enumerate() {
                        *chunk = core::array::from_fn(|k| octet(channel, sent + k as u64));
                    }
                    sent += 8;
                }
                io.commit().unwrap();
                noted.ms.fetch_add(period.chunks.into(), Ordering::Relaxed);
            }
        });
        Party { control, heard, orders, thread: Some(thread) }
    }

    pub fn order(&self, order: LineOrder) {
        self.orders.send(order).unwrap();
    }

    /// Octets heard, breaks among them, and milliseconds lived.
    pub fn heard(&self) -> (u64, u64, u64) {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        (read(&self.heard.octets), read(&self.heard.breaks), read(&self.heard.ms))
    }

    pub fn alarms(&mut self, span: u16) -> Alarms {
        self.control.spans().iter().find(|status| status.span == SpanId(span)).unwrap().alarms
    }

    /// Waits until both spans, of which `first` is one, have these alarms.
    pub fn await_alarms(&mut self, first: u16, alarms: Alarms) {
        until(&format!("{alarms} on {first}"), || {
            self.alarms(first) == alarms && self.alarms(first + 1) == alarms
        });
    }

    pub fn clear_events(&self) {
        self.heard.events.lock().unwrap().clear();
    }

    pub fn events(&self) -> Vec<CardEvent> {
        self.heard.events.lock().unwrap().clone()
    }
}

impl<C: CardControl> Drop for Party<C> {
    fn drop(&mut self) {
        self.heard.stop.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))) || std::thread::panicking(), "a card's thread has failed");
    }
}

/// Waits for something.
pub fn until(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !there() {
        assert!(Instant::now() < deadline, "{what} did not come in time");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until nobody hears a break for half a second.
pub fn settle<A: CardControl, B: CardControl>(a: &Party<A>, b: &[Party<B>; 2]) {
    let breaks = || [a.heard().1, b[0].heard().1, b[1].heard().1];
    let (mut last, mut since) = (breaks(), Instant::now());
    let deadline = since + PATIENCE;
    while since.elapsed() < Duration::from_millis(500) {
        std::thread::sleep(Duration::from_millis(5));
        let now = breaks();
        if now != last {
            (last, since) = (now, Instant::now());
        }
        assert!(Instant::now() < deadline, "no half second without a break: {last:?}, we {:?}", a.events());
    }
}

/// The step between two octets of a channel, told from its place in its span.
fn step(channel: usize) -> u8 {
    2 * (channel % 31) as u8 + 1
}

fn octet(channel: usize, sample: u64) -> u8 {
    (sample as u8).wrapping_mul(step(channel))
}

fn listen(rows: &[tdm::Chunk], channels: usize, last: &mut [u8], heard: &Heard) {
    let mut breaks = 0;
    for row in rows.chunks_exact(channels) {
        for (channel, chunk) in row.iter().enumerate() {
            for &octet in chunk {
                breaks += u64::from(octet != last[channel].wrapping_add(step(channel)));
                last[channel] = octet;
            }
        }
    }
    heard.octets.fetch_add(8 * rows.len() as u64, Ordering::Relaxed);
    heard.breaks.fetch_add(breaks, Ordering::Relaxed);
}
