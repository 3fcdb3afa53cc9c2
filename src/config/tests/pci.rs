//! Cards that Tandem drives itself on the PCI bus: what an operator may write, and what he reads when it is wrong.

mod told;

use config::{CardType, Config, LineCode, PciAccess, PciSlot};

const GOOD: &str = r#"version = 1
[[card]]
name = "span-card"
type = "pci"
slot = "0000:03:00.0"
buffer_ms = 14
[[card.span]]
span = 1
kind = "e1"
line_code = "hdb3"
[[card.span]]
span = 2
kind = "t1"
build_out = 5
"#;

/// Changes `from` to `to` in the good file and returns all messages.
fn told(from: &str, to: &str) -> Vec<String> {
    told::told(GOOD, from, to)
}

#[test]
fn a_card_of_the_pci_bus_is_read_by_slot_and_by_place() {
    let card = &Config::parse(GOOD, "f.toml").unwrap().cards[0];
    assert_eq!((card.kind, &card.slot), (CardType::Pci, &Some(PciSlot::At("0000:03:00.0".into()))));
    let line = |at: usize| (card.spans[at].line_code, card.spans[at].build_out);
    assert_eq!((line(0), line(1)), ((LineCode::Hdb3, 0), (LineCode::Leave, 5)));
    for place in ["1", "16"] {
        let file = GOOD.replace("0000:03:00.0", place);
        let slot = Config::parse(&file, "f.toml").unwrap().cards[0].slot.clone();
        assert_eq!(slot, Some(PciSlot::Nth(place.parse().unwrap())));
    }
}

#[test]
fn a_card_is_reached_over_vfio_unless_uio_is_asked_for() {
    let access = |file: &str| Config::parse(file, "f.toml").unwrap().cards[0].access;
    assert_eq!(access(GOOD), PciAccess::Vfio);
    assert_eq!(access(&GOOD.replace("buffer_ms = 14", "access = \"uio\"")), PciAccess::Uio);
    let wrong = told("buffer_ms = 14", "access = \"iommu\"");
    assert!(
        wrong.len() == 1 && wrong[0].starts_with("f.toml:6: card.span-card.access: \"iommu\""),
        "{wrong:?}"
    );
    let sim = "version = 1\n[[card]]\nname = \"c\"\ntype = \"sim\"\naccess = \"uio\"\n";
    let errors = Config::parse(sim, "f.toml").unwrap_err();
    let of_no_use = "card.c.access: \"uio\" is of no use: only a card of type \"pci\" has such a thing";
    assert!(errors.iter().any(|error| error.to_string().ends_with(of_no_use)), "{errors:?}");
}

#[test]
fn what_such_a_card_has_no_room_for_is_refused() {
    let slot = "is not allowed: a PCI slot, for example 0000:03:00.0, or 1 to 16: the first, second ... card in the order of slots";
    for wrong in ["03:00.0", "0", "17", "01", "0000:03:00.0/..", "0000:3:00.0", "0000:0G:00.0", "+1"] {
        let given = format!("slot = {wrong:?}");
        let message = format!("f.toml:5: card.span-card.slot: {wrong:?} {slot}");
        assert_eq!(told("slot = \"0000:03:00.0\"", &given), [message]);
    }
    for (from, to, message) in [
        (
            "slot = \"0000:03:00.0\"",
            "",
            "2: card.span-card.slot: missing: a PCI slot, for example 0000:03:00.0, or 1 to 16: the first, second ... card in the order of slots (`tandem cards` tells)",
        ),
        (
            "buffer_ms = 14",
            "buffer_ms = 126",
            "6: card.span-card.buffer_ms: 126 is not in 2..=125 (milliseconds), as a card of type \"pci\" needs it",
        ),
        (
            "buffer_ms = 14",
            "block_ms = 4",
            "6: card.span-card.block_ms: 4 is of no use: only a DAHDI card has such a thing",
        ),
        (
            "kind = \"t1\"\nbuild_out = 5",
            "kind = \"fxs\"\nports = 4",
            "13: card.span-card.span.2.kind: \"fxs\" is not on such a card: it has E1 and T1 lines only",
        ),
        (
            "build_out = 5",
            "build_out = 4",
            "14: card.span-card.span.2.build_out: 4 is not one of 0 | 5 | 6 | 7 (0, -7.5, -15, -22.5 dB), as a card of type \"pci\" needs it",
        ),
        (
            "line_code = \"hdb3\"",
            "build_out = 5",
            "10: card.span-card.span.1.build_out: 5 is of no use on an E1 of such a card",
        ),
        (
            "line_code = \"hdb3\"",
            "line_code = \"esf-b8zs\"",
            "10: card.span-card.span.1.line_code: \"esf-b8zs\" is not for a span of kind E1",
        ),
        (
            "line_code = \"hdb3\"",
            "line_code = \"leave\"",
            "10: card.span-card.span.1.line_code: \"leave\" is for a DAHDI card: nothing has set this card up before",
        ),
        (
            "line_code = \"hdb3\"",
            "dahdi_channel = 1",
            "10: card.span-card.span.1.dahdi_channel: 1 is of no use: only a DAHDI card has such a thing",
        ),
    ] {
        assert_eq!(told(from, to), [format!("f.toml:{message}")], "{from} -> {to}");
    }
    assert_eq!(told("buffer_ms = 14", "buffer_ms = 125"), [""; 0]);
    let twice = format!(
        "{GOOD}{}",
        GOOD.replace("version = 1\n", "")
            .replace("span-card", "other")
            .replace("span = 1", "span = 3")
            .replace("span = 2", "span = 4")
    );
    let errors = Config::parse(&twice, "f.toml").unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "f.toml:18: card.other.slot: \"0000:03:00.0\" is used twice: first in line 5"
    );
}
