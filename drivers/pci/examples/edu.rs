//! The driver's plumbing against a real kernel: QEMU's `edu` device behind an emulated IOMMU, over VFIO, or without one, over UIO
//! (`hw-tests/vfio`).
//!
//! `edu ADDRESS [uio]`: registers both mapped and through the region, interrupts, DMA both ways, DMA beyond the window, and the card
//! driver refusing a device that is no card. Prints one line a check, and `VFIO-EDU-OK` or `UIO-EDU-OK` at the end.

use std::io::{Error, Result};
use std::time::Duration;

use card::Card;
use firmware_shim::Generation;
use pci::uio::{self, UioBus};
use pci::vfio::{Access, Bar, Device, Interrupt, VfioBus};
use pci::{Bus, DmaMemory, Hand, PciCard, PciConfig, PortConfig, Wake};

/// The window that is shown to the device, and what lies right behind it.
const WINDOW: u32 = 0x0100_0000;
const PAGE: u32 = 4_096;

/// Registers of the device (QEMU docs/specs/edu.rst).
const IDENTIFICATION: usize = 0x00;
const LIVENESS: usize = 0x04;
const FACTORIAL: usize = 0x08;
const STATUS: usize = 0x20;
const INTERRUPT_STATUS: usize = 0x24;
const RAISE: usize = 0x60;
const ACKNOWLEDGE: usize = 0x64;
const DMA_FROM: usize = 0x80;
const DMA_TO: usize = 0x88;
const DMA_COUNT: usize = 0x90;
const DMA_COMMAND: usize = 0x98;

const COMPUTING: u32 = 1;
const DMA_START: u32 = 1;
const DMA_TO_MEMORY: u32 = 2;
const DMA_INTERRUPT: u32 = 4;
const DMA_DONE: u32 = 0x100;
const BUFFER: u32 = 0x4_0000;

/// Emulation is slow, and this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(300);

/// What the device reaches as QEMU makes it: addresses of 28 bits.
const REACH: u64 = 1 << 28;

fn check(what: &str, holds: bool) -> Result<()> {
    println!("{} {what}", if holds { "ok" } else { "FAILED" });
    if holds { Ok(()) } else { Err(Error::other(what.to_owned())) }
}

fn registers(bar: &Bar, how: &str) -> Result<()> {
    check(&format!("{how}: identification"), bar.read(IDENTIFICATION) & 0xFFFF == 0x00ED)?;
    bar.write(LIVENESS, 0x1234_5678);
    check(&format!("{how}: what is written comes back inverted"), bar.read(LIVENESS) == !0x1234_5678)?;
    bar.write(FACTORIAL, 10);
    for _ in 0..1_000 {
        if bar.read(STATUS) & COMPUTING == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    check(&format!("{how}: 10! is computed"), bar.read(FACTORIAL) == 3_628_800)?;
    check(&format!("{how}: beyond the end is all ones"), bar.read(bar.octets()) == u32::MAX)
}

fn interrupts(device: &impl Hand, bar: &Bar, interrupt: Interrupt) -> Result<()> {
    let how = format!("{interrupt:?}");
    check(&format!("{how}: no interrupt without a cause"), device.wait(SHORT) == Wake::Late)?;
    for value in [0x5, 0xA0] {
        bar.write(RAISE, value);
        check(&format!("{how}: {value:#x} interrupts"), device.wait(PATIENCE) == Wake::Interrupt)?;
        check(&format!("{how}: its cause is there"), bar.read(INTERRUPT_STATUS) == value)?;
        bar.write(ACKNOWLEDGE, value);
        check(&format!("{how}: acknowledged"), bar.read(INTERRUPT_STATUS) == 0)?;
        device.let_through()?;
        check(&format!("{how}: it interrupts once"), device.wait(SHORT) == Wake::Late)?;
    }
    if interrupt == Interrupt::Pin {
        bar.write(RAISE, 1);
        check("Pin: interrupts", device.wait(PATIENCE) == Wake::Interrupt)?;
        device.let_through()?;
        check("Pin: interrupts again when not acknowledged", device.wait(PATIENCE) == Wake::Interrupt)?;
        bar.write(ACKNOWLEDGE, 1);
        device.let_through()?;
    }
    Ok(())
}

/// Has the device copy between an address in its own buffer and one in our memory.
fn copy(device: &impl Hand, bar: &Bar, from: u32, to: u32, count: u32, command: u32) -> Result<()> {
    for (at, value) in [(DMA_FROM, from), (DMA_TO, to), (DMA_COUNT, count)] {
        bar.write(at, value);
    }
    bar.write(DMA_COMMAND, DMA_START | DMA_INTERRUPT | command);
    if device.wait(PATIENCE) != Wake::Interrupt || bar.read(INTERRUPT_STATUS) != DMA_DONE {
        return Err(Error::other("the copy did not end in its interrupt"));
    }
    bar.write(ACKNOWLEDGE, DMA_DONE);
    device.let_through()
}

/// Copies both ways with a window at `at`, and once right behind it; returns whether that changed our memory.
fn dma(device: &impl Hand, bar: &Bar, memory: &DmaMemory, at: u32) -> Result<bool> {
    let words = (PAGE / 4) as usize;
    let pattern = |k: usize| (k as u32).wrapping_mul(0x9E37_79B9) ^ 0x5A5A_0F0F;
    (0..words).for_each(|k| memory.store(k, pattern(k)));
    let half = PAGE / 2;
    copy(device, bar, at, BUFFER, half, 0)?;
    check("DMA from our memory ends", true)?;
    (0..words).for_each(|k| memory.store(k, 0));
    copy(device, bar, BUFFER, at + half, half, DMA_TO_MEMORY)?;
    let there = (0..words / 2).all(|k| memory.load(words / 2 + k) == pattern(k));
    check("DMA to our memory brings what was sent, in its place", there)?;
    check("and nothing else was written", (0..words / 2).all(|k| memory.load(k) == 0))?;
    let before: Vec<u32> = (0..2 * words).map(|k| memory.load(k)).collect();
    copy(device, bar, BUFFER, at + PAGE, half, DMA_TO_MEMORY)?;
    let after: Vec<u32> = (0..2 * words).map(|k| memory.load(k)).collect();
    Ok(before != after)
}

fn no_card<B: Bus>(open: impl FnOnce(usize) -> Result<B>) -> Result<()> {
    let config = PciConfig {
        name: "edu".to_owned(),
        generation: Generation::Five,
        ports: [PortConfig::E1; 4].into_iter().collect(),
        buffers: 16,
    };
    let bus = open(PciCard::<B>::words(&config))?;
    let told = match PciCard::new(config, bus).map(|card| card.start(&[])) {
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(_)) => "it started".to_owned(),
        Err(error) => error.to_string(),
    };
    println!("   {told}");
    check("the driver refuses a device that is no card, by name", told.contains("does not answer as a card"))
}

fn run(address: &str) -> Result<()> {
    check("a device that is not there is refused", Device::open("0000:7f:1f.7").is_err())?;
    {
        let mut device = Device::open(address)?;
        check("a device in our hands is taken", Device::open(address).is_err())?;
        // Two pages of ours, one of them in the window.
        let memory = DmaMemory::new(2 * PAGE as usize / 4)?;
        device.show_part(&memory, u64::from(WINDOW), PAGE as usize)?;
        let bar = device.bar(0, Access::Mapped)?;
        registers(&bar, "mapped")?;
        registers(&device.bar(0, Access::Region)?, "region")?;
        device.listen(Interrupt::Pin)?;
        interrupts(&device, &bar, Interrupt::Pin)?;
        let beyond = dma(&device, &bar, &memory, WINDOW)?;
        check("DMA beyond the window changes nothing: the IOMMU holds", !beyond)?;
    }
    {
        let mut device = Device::open(address)?;
        let bar = device.bar(0, Access::Mapped)?;
        device.listen(Interrupt::Message)?;
        interrupts(&device, &bar, Interrupt::Message)?;
    }
    no_card(|words| VfioBus::open(address, words, Access::Mapped))
}

/// As [`run`], without an IOMMU.
fn run_uio(address: &str) -> Result<()> {
    check("a device that is not there is refused", uio::Device::open("0000:7f:1f.7").is_err())?;
    {
        let device = uio::Device::open(address)?;
        let second = uio::Device::open(address).err().map(|error| error.kind());
        check("a device in our hands is taken", second == Some(std::io::ErrorKind::ResourceBusy))?;
        let (memory, at) = uio::memory_below(REACH)?;
        println!("   a huge page at {at:#x}");
        let bar = device.bar(0)?;
        registers(&bar, "mapped")?;
        interrupts(&device, &bar, Interrupt::Pin)?;
        // Somebody who looks at the device and closes it ends its DMA.
        drop(std::fs::File::open("/dev/uio0")?);
        device.let_through()?;
        let beyond = dma(&device, &bar, &memory, u32::try_from(at).map_err(Error::other)?)?;
        check("DMA beyond the window goes through: nothing holds the device", beyond)?;
    }
    no_card(|words| UioBus::open(address, words))
}

fn main() -> std::process::ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| "0000:00:03.0".to_owned());
    let uio = std::env::args().nth(2).as_deref() == Some("uio");
    let (name, ended) = if uio { ("UIO", run_uio(&address)) } else { ("VFIO", run(&address)) };
    match ended {
        Ok(()) => {
            println!("{name}-EDU-OK");
            std::process::ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{name}-EDU-FAILED {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
