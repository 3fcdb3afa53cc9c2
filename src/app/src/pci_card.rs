//! From `[[card]] type = "pci"` to a running card: which slot, what keeps it, the driver's own set-up.

use std::path::Path;

use card::{Card as _, CardError, LineConfig};
use config::{Card, PciAccess, PciSlot};
use pci::uio::UioBus;
use pci::vfio::{Access, Known, VfioBus, known};
use pci::{BuildOut, Bus, Framing, LineCode, MIN_BUFFERS, PciCard, PciConfig, PciFault, PortConfig};
use tdm::SpanKind;

use crate::cards::{self, vfio::Slot};
use crate::refused;
use crate::wiring::Started;

/// Milliseconds of the ring that are the card's own.
const CARDS_OWN: u16 = 2;

/// The ports of the largest card; its memory is shaped otherwise than that of the smaller ones.
const OCTAL: usize = 8;

/// Starts a card.
///
/// # Errors
/// There is no such card, or something keeps it, told with the commands that mend it; or it does not work.
pub(crate) fn start(card: &Card, lines: &[LineConfig]) -> anyhow::Result<Started> {
    let root = Path::new("/");
    let (slot, known) = find(root, card).map_err(refused)?;
    let place = Slot { root, slot: &slot };
    let faults = match card.access {
        PciAccess::Vfio => place.faults(),
        PciAccess::Uio => place.uio_faults(),
    };
    if !faults.is_empty() {
        let told = faults.iter().map(cards::Fault::to_string).collect::<Vec<_>>().join("\n");
        return Err(refused(format!("card {}: {told}", card.name)));
    }
    let config = driver_config(card, known);
    let taking = |way: &'static str, files: &'static str| {
        move |error: std::io::Error| {
            let busy = error.kind() == std::io::ErrorKind::ResourceBusy;
            let who = if busy {
                format!(" (another program has it; `sudo fuser -v {files}` names it)")
            } else {
                String::new()
            };
            // Not for good: that program may end.
            anyhow::Error::new(error).context(format!("taking it over {way}{who}"))
        }
    };
    let started = match card.access {
        PciAccess::Vfio => VfioBus::open(&slot, PciCard::<VfioBus>::words(&config), Access::Mapped)
            .map_err(taking("VFIO", "/dev/vfio/*"))
            .and_then(|bus| run(config, bus, lines)),
        PciAccess::Uio => UioBus::open(&slot, PciCard::<UioBus>::words(&config))
            .map_err(taking("UIO", "/dev/uio*"))
            .and_then(|bus| run(config, bus, lines)),
    };
    started.map_err(|error| error.context(format!("card {} at {slot}", card.name)))
}

/// Starts the card that is on a bus.
fn run<B: Bus + 'static>(config: PciConfig, bus: B, lines: &[LineConfig]) -> anyhow::Result<Started> {
    let made = PciCard::new(config, bus).map_err(refused)?;
    let caps = made.caps().clone();
    let (control, io) = made.start(lines).map_err(judged)?;
    Ok(Started { control: Box::new(control), io: Box::new(io), caps, stillness: None, hand: None })
}

/// Jumpers do not change by waiting, and a card of another kind neither.
fn judged(error: CardError) -> anyhow::Error {
    let fault = match &error {
        CardError::System { source, .. } => {
            source.get_ref().and_then(|inner| inner.downcast_ref::<PciFault>()).copied()
        }
        CardError::NoPosition { .. }
        | CardError::PositionTaken { .. }
        | CardError::DoesNotFit { .. }
        | CardError::NoSpan { .. }
        | CardError::Unsupported { .. } => return refused(error),
    };
    match fault {
        Some(PciFault::OtherJumpers | PciFault::NotThisCard) => refused(error),
        Some(_) | None => anyhow::Error::new(error),
    }
}

/// Returns the slot of a card and what it is.
fn find(root: &Path, card: &Card) -> Result<(String, Known), String> {
    let there = cards::vfio::drivable(root);
    let slot = card.slot.as_ref().expect("the configuration was checked: the card has a slot");
    let found = match slot {
        PciSlot::At(slot) => there.iter().find(|(other, _, _)| other == slot),
        PciSlot::Nth(place) => there.get(usize::from(*place).wrapping_sub(1)),
    };
    let name = &card.name;
    let Some((slot, vendor, device)) = found else {
        let slots: Vec<_> = there.iter().map(|(slot, _, _)| slot.as_str()).collect();
        let others =
            if slots.is_empty() { "none is".to_owned() } else { format!("there is {}", slots.join(", ")) };
        return Err(format!(
            "card {name}: no card that can be driven so is at slot {slot}: {others} (`tandem cards` tells what is plugged in)"
        ));
    };
    let known = known(*vendor, *device).expect("only known cards are in the list");
    if card.spans.len() > usize::from(known.ports) {
        let (spans, ports) = (card.spans.len(), known.ports);
        return Err(format!(
            "card {name}: has {spans} [[card.span]], but the card at {slot} has {ports} ports"
        ));
    }
    Ok((slot.clone(), known))
}

/// Returns what the driver needs. Ports of an octal card beyond the last span are set up as that one is, and not used.
fn driver_config(card: &Card, known: Known) -> PciConfig {
    let ports = card.spans.iter().zip(1..).map(|(span, turn)| port(span, turn));
    let last = ports.clone().last();
    let all = if usize::from(known.ports) == OCTAL { OCTAL } else { card.spans.len() };
    let buffer_ms = u16::try_from(card.buffer.as_millis()).unwrap_or(u16::MAX).saturating_add(CARDS_OWN);
    PciConfig {
        name: card.name.clone(),
        generation: known.generation,
        ports: ports.chain(last.into_iter().cycle()).take(all).collect(),
        buffers: u8::try_from(buffer_ms).unwrap_or(u8::MAX).max(MIN_BUFFERS),
    }
}

fn port(span: &config::Span, clock_turn: u8) -> PortConfig {
    let usual = if span.kind == SpanKind::T1 { PortConfig::T1 } else { PortConfig::E1 };
    let framing = match span.line_code {
        config::LineCode::Leave => usual.framing,
        config::LineCode::Hdb3 => Framing::E1,
        config::LineCode::Hdb3Crc4 => Framing::E1Crc4,
        config::LineCode::EsfB8zs => Framing::T1Esf,
    };
    let build_out = match span.build_out {
        5 => BuildOut::Db7,
        6 => BuildOut::Db15,
        7 => BuildOut::Db22,
        _ => BuildOut::Full,
    };
    PortConfig { framing, code: LineCode::ZeroSuppressed, build_out, clock_turn, ..usual }
}

#[cfg(test)]
mod tests {
    use config::Config;

    use super::*;

    fn card(slot: &str, spans: &str) -> Card {
        let file = format!(
            "version = 1\n[[card]]\nname = \"c\"\ntype = \"pci\"\nslot = \"{slot}\"\nbuffer_ms = 14\n{spans}"
        );
        Config::parse(&file, "f.toml").unwrap_or_else(|errors| panic!("{errors:?}")).cards.remove(0)
    }

    const TWO: &str = "[[card.span]]\nspan = 1\nkind = \"e1\"\nline_code = \"hdb3\"\n[[card.span]]\nspan = 2\nkind = \"t1\"\nbuild_out = 6\n";

    fn machine(devices: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (slot, id) in devices {
            let device = folder.path().join("sys/bus/pci/devices").join(slot);
            std::fs::create_dir_all(&device).unwrap();
            std::fs::write(device.join("vendor"), "0xd161").unwrap();
            std::fs::write(device.join("device"), id).unwrap();
        }
        folder
    }

    #[test]
    fn a_card_is_found_by_its_slot_and_by_its_place() {
        let folder = machine(&[("0000:05:00.0", "0x1820"), ("0000:03:00.0", "0x0210")]);
        let find =
            |slot: &str| find(folder.path(), &card(slot, TWO)).map(|(slot, known)| (slot, known.ports));
        assert_eq!(find("0000:05:00.0"), Ok(("0000:05:00.0".into(), 8)));
        assert_eq!(find("1"), Ok(("0000:03:00.0".into(), 2)));
        let none = find("3").unwrap_err();
        assert!(none.contains("is at slot 3: there is 0000:03:00.0, 0000:05:00.0"), "{none}");
        let three = format!("{TWO}[[card.span]]\nspan = 3\nkind = \"e1\"\n");
        let many = super::find(folder.path(), &card("1", &three)).unwrap_err();
        assert_eq!(many, "card c: has 3 [[card.span]], but the card at 0000:03:00.0 has 2 ports");
    }

    #[test]
    fn the_driver_gets_ports_as_configured_and_an_octal_card_all_of_them() {
        let quad = driver_config(&card("1", TWO), known(0xD161, 0x1420).unwrap());
        assert_eq!((quad.ports.len(), quad.buffers), (2, 16));
        let line = |at: usize| (quad.ports[at].framing, quad.ports[at].build_out, quad.ports[at].clock_turn);
        assert_eq!(
            (line(0), line(1)),
            ((Framing::E1, BuildOut::Full, 1), (Framing::T1Esf, BuildOut::Db15, 2))
        );
        let octal = driver_config(&card("1", TWO), known(0xD161, 0x1820).unwrap());
        assert_eq!((octal.ports.len(), octal.jumpers()), (8, 1));
    }

    #[test]
    fn a_machine_without_the_card_is_refused_for_good() {
        let error = start(&card("0000:ff:1f.7", TWO), &[]).err().unwrap();
        assert!(error.downcast_ref::<crate::Refused>().is_some(), "{error:#}");
    }
}
