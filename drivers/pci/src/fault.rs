//! What can be wrong with a card, by name, and how often something was mended.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Why a card was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum PciFault {
    /// The version register holds no version of this family.
    #[error("it does not answer as a card of this family: no memory decoding, another card, or pulled out")]
    NotThisCard = 1,
    /// The framers do not answer, or not as what they are.
    #[error("its framers answer nonsense")]
    FramersSilent = 2,
    /// The jumpers say another kind of line than the configuration.
    #[error("its E1/T1 jumpers differ from the configuration")]
    OtherJumpers = 3,
    /// What is sent does not come back in a local loop.
    #[error("what is sent does not come back in its own loop")]
    LoopNotSeen = 4,
    /// DMA does not move, also after it was started anew.
    #[error("its DMA stands still and does not start again")]
    DmaStalled = 5,
    /// The ring's state jumps about.
    #[error("its ring counters jump about")]
    RingNonsense = 6,
    /// Interrupts without a cause, one after the other.
    #[error("it interrupts without end and without a cause")]
    InterruptStorm = 7,
    /// The bus says that the card is gone.
    #[error("it is gone from the bus")]
    Gone = 8,
}

impl PciFault {
    const ALL: [PciFault; 8] = [
        PciFault::NotThisCard,
        PciFault::FramersSilent,
        PciFault::OtherJumpers,
        PciFault::LoopNotSeen,
        PciFault::DmaStalled,
        PciFault::RingNonsense,
        PciFault::InterruptStorm,
        PciFault::Gone,
    ];

    fn from_u8(value: u8) -> Option<PciFault> {
        PciFault::ALL.into_iter().find(|fault| *fault as u8 == value)
    }
}

/// How often something was mended, since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PciCounters {
    /// Milliseconds found by looking, since their interrupt did not come.
    pub lost_interrupts: u64,
    /// Interrupts without a cause.
    pub spurious_interrupts: u64,
    /// Times DMA stood still and was started anew.
    pub dma_stalls: u64,
    /// Ring counters that could not be.
    pub ring_nonsense: u64,
    /// Framers that had lost their set-up and were set up anew.
    pub framers_lost: u64,
    /// Changes of the source of the card's clock.
    pub clock_changes: u64,
}

/// Faults and counters as both halves see them.
#[derive(Default)]
pub(crate) struct Health {
    fault: AtomicU8,
    pub(crate) lost_interrupts: AtomicU64,
    pub(crate) spurious_interrupts: AtomicU64,
    pub(crate) dma_stalls: AtomicU64,
    pub(crate) ring_nonsense: AtomicU64,
    pub(crate) framers_lost: AtomicU64,
    pub(crate) clock_changes: AtomicU64,
}

impl Health {
    /// Notes the first fault; later ones follow from it.
    pub(crate) fn give_up(&self, fault: PciFault) {
        let _ = self.fault.compare_exchange(0, fault as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn fault(&self) -> Option<PciFault> {
        PciFault::from_u8(self.fault.load(Ordering::Acquire))
    }

    pub(crate) fn counters(&self) -> PciCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PciCounters {
            lost_interrupts: read(&self.lost_interrupts),
            spurious_interrupts: read(&self.spurious_interrupts),
            dma_stalls: read(&self.dma_stalls),
            ring_nonsense: read(&self.ring_nonsense),
            framers_lost: read(&self.framers_lost),
            clock_changes: read(&self.clock_changes),
        }
    }
}
