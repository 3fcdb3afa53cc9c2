//! The cards: spans 0 and 1, 2 and 3, and so on are connected to each other.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use card::{Card, CardControl, CardIo, ClockSource, LineConfig, Signalling};
use clock::Mono;
use dahdi::{DahdiCard, DahdiConfig};
use firmware_shim::model::{ModelConfig, Plug as ModelPlug};
use firmware_shim::{Generation, Reg, Registers};
use pci::model::ModelBus;
use pci::{Bus, PciCard, PciConfig, PortConfig, Wake};
use sim::{Plug, SimCard, SimConfig, SimPosition};
use tdm::{Law, SpanId, SpanKind};
use tdmoe::{Mac, Peer, TdmoeCard, TdmoeConfig};

use crate::Result;

/// How late the thread may come, as in the configuration without the key; the ring of a pci card has two milliseconds of its own.
const BUFFER_MS: u16 = 20;
const PCI_BUFFERS: u8 = 22;

/// Milliseconds of a block of DAHDI, as in the configuration without the key.
const BLOCK_MS: u8 = 10;

/// The ends of the pair of interfaces, with the addresses that `scripts/bench-cards` gives them.
const ENDS: [(&str, Mac); 2] = [("tdm0", Mac([2, 0, 0, 0, 0, 1])), ("tdm1", Mac([2, 0, 0, 0, 0, 2]))];

const DEVICES: &str = "/dev/dahdi";

/// A way into a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sim,
    Tdmoe,
    Pci,
    Dahdi,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Backend::Sim => "sim",
            Backend::Tdmoe => "tdmoe",
            Backend::Pci => "pci",
            Backend::Dahdi => "dahdi",
        })
    }
}

/// The halves of a started card.
pub type Started = (Box<dyn CardControl>, Box<dyn CardIo>);

impl Backend {
    /// Returns the backend of a name.
    pub fn named(name: &str) -> Result<Backend> {
        let all = [Backend::Sim, Backend::Tdmoe, Backend::Pci, Backend::Dahdi];
        let found = all.into_iter().find(|backend| backend.to_string() == name);
        found.ok_or_else(|| format!("{name}: no such backend, there are sim, tdmoe, pci and dahdi").into())
    }

    /// Spans of 31 channels of which 30 talk: 120 and 480 channels, 240 on the largest card of the pci driver.
    pub fn sizes(self) -> [u8; 2] {
        match self {
            Backend::Sim | Backend::Tdmoe | Backend::Dahdi => [4, 16],
            Backend::Pci => [4, 8],
        }
    }

    /// Starts a card of so many spans.
    pub fn start(self, spans: u8) -> Result<Started> {
        match self {
            Backend::Sim => sim(spans),
            Backend::Tdmoe => tdmoe(spans),
            Backend::Pci => Ok(pci(spans)?.0),
            Backend::Dahdi => dahdi(spans),
        }
    }
}

fn lines(spans: u8) -> Vec<LineConfig> {
    let line = |position: u8| LineConfig {
        position,
        span: SpanId(u16::from(position) + 1),
        law: Law::A,
        signalling: Signalling::Clear,
        clock: ClockSource::Internal,
    };
    (0..spans).map(line).collect()
}

fn halves<C: Card>(card: C, spans: u8) -> Result<Started>
where
    C::Control: 'static,
    C::Io: 'static,
{
    let (control, io) = card.start(&lines(spans))?;
    Ok((Box::new(control), Box::new(io)))
}

fn sim(spans: u8) -> Result<Started> {
    let mut config = SimConfig::new("bench");
    config.buffer_ms = BUFFER_MS;
    for position in 0..spans {
        config = config.position(SimPosition::e1(Plug::Cross(position ^ 1)));
    }
    halves(SimCard::new(config)?, spans)
}

/// Both ends of each span in one thread: what goes out on one interface comes in on the other.
fn tdmoe(spans: u8) -> Result<Started> {
    let mut config = TdmoeConfig { buffer_ms: BUFFER_MS, ..TdmoeConfig::new("bench") };
    for position in 0..spans {
        let (own, far) = (usize::from(position % 2), usize::from((position + 1) % 2));
        let peer = Peer::Fixed(ENDS[far].1);
        config = config.span(SpanKind::E1, ENDS[own].0, peer, u16::from(position / 2));
    }
    halves(TdmoeCard::new(config)?, spans)
}

/// The kernel's own loopback spans, made once.
fn dahdi(spans: u8) -> Result<Started> {
    let devices = Path::new(DEVICES);
    let mut there = dahdi::proc::spans(Path::new("/proc/dahdi"))?;
    for number in there.len()..usize::from(spans) {
        dahdi::dynamic::create(devices, "loc", &format!("{}:{}", number / 2, number % 2), 31)?;
    }
    there = dahdi::proc::spans(Path::new("/proc/dahdi"))?;
    let mut config = DahdiConfig { block_ms: BLOCK_MS, buffer_ms: BUFFER_MS, ..DahdiConfig::new("bench") };
    for span in there.iter().take(usize::from(spans)) {
        let first = span.channels.iter().map(|channel| channel.number).min().ok_or("a span has channels")?;
        config = config.span(SpanKind::E1, first);
    }
    halves(DahdiCard::new(config)?, spans)
}

/// What the driver asked of the bus, and how long the model took over it.
#[derive(Default)]
pub struct BusUse {
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    pub waits: AtomicU64,
    pub rearms: AtomicU64,
    pub inside_ns: AtomicU64,
}

/// The model's bus, with what is asked of it counted and timed.
struct Counted {
    bus: ModelBus,
    used: Arc<BusUse>,
}

impl Counted {
    fn timed<T>(&mut self, count: fn(&BusUse) -> &AtomicU64, ask: impl FnOnce(&mut ModelBus) -> T) -> T {
        let began = Instant::now();
        let answer = ask(&mut self.bus);
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        count(&self.used).fetch_add(1, Ordering::Relaxed);
        self.used.inside_ns.fetch_add(took, Ordering::Relaxed);
        answer
    }
}

impl Registers for Counted {
    fn read(&mut self, reg: Reg) -> u32 {
        self.timed(|used| &used.reads, |bus| bus.read(reg))
    }

    fn write(&mut self, reg: Reg, value: u32) {
        self.timed(|used| &used.writes, |bus| bus.write(reg, value));
    }
}

impl Bus for Counted {
    fn now(&self) -> Mono {
        self.bus.now()
    }

    fn wait(&mut self, until: Mono) -> Wake {
        self.timed(|used| &used.waits, |bus| bus.wait(until))
    }

    fn rearm(&mut self) {
        self.timed(|used| &used.rearms, |bus| bus.rearm());
    }

    fn pause(&mut self, time: Duration) {
        self.bus.pause(time);
    }

    fn address(&self) -> u32 {
        self.bus.address()
    }

    fn words(&self) -> usize {
        self.bus.words()
    }

    fn load(&self, word: usize) -> u32 {
        self.bus.load(word)
    }

    fn store(&self, word: usize, value: u32) {
        self.bus.store(word, value);
    }
}

/// A card of the newest generation on the model, which has the ports of a real one.
pub fn pci(spans: u8) -> Result<(Started, Arc<BusUse>)> {
    let config = PciConfig {
        name: "bench".to_owned(),
        generation: Generation::Five,
        ports: (0..spans).map(|_| PortConfig::E1).collect(),
        buffers: PCI_BUFFERS,
    };
    let model = ModelConfig {
        generation: Generation::Five,
        ports: spans,
        e1_jumpers: config.jumpers(),
        framer_version: 0x20,
    };
    let (handle, bus) = pci::model::card(model, PciCard::<ModelBus>::words(&config));
    handle.card(|card| (0..spans).for_each(|port| card.plug(port, ModelPlug::Cross(port ^ 1))));
    let used = Arc::new(BusUse::default());
    let bus = Counted { bus, used: Arc::clone(&used) };
    Ok((halves(PciCard::new(config, bus)?, spans)?, used))
}
