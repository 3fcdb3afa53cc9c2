//! Telephony cards by their PCI numbers, and the module of DAHDI that drives them.
//!
//! A card that shows only another maker's chip is told apart by its subsystem's vendor; the first entry that fits is taken.
//! Source: the tables of the drivers of DAHDI 2.11 and 3.4 and of dahdi-tools. Limits: what is not in this table is not told;
//! Astribanks (USB) are not in it.

/// A family of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    vendor: u16,
    devices: &'static [u16],
    /// The subsystem's vendors; empty for any.
    subsystems: &'static [u16],
    /// What it is.
    pub name: &'static str,
    /// The module that drives it; empty if DAHDI has none.
    pub module: &'static str,
}

const DIGIUM: u16 = 0xd161;
const TIGERJET: u16 = 0xe159;

const fn digium(devices: &'static [u16], name: &'static str, module: &'static str) -> Known {
    Known { vendor: DIGIUM, devices, subsystems: &[], name, module }
}

/// A card that shows nothing but its TigerJet chip.
const fn tigerjet(subsystems: &'static [u16], name: &'static str, module: &'static str) -> Known {
    Known { vendor: TIGERJET, devices: &[0x0001], subsystems, name, module }
}

const KNOWN: &[Known] = &[
    digium(
        &[
            0x0205, 0x0210, 0x0220, 0x0405, 0x0410, 0x0420, 0x1205, 0x1210, 0x1220, 0x1405, 0x1410, 0x1420,
            0x1820,
        ],
        "Digium TE2xx/TE4xx/TE8xx: two, four or eight E1 or T1",
        "wct4xxp",
    ),
    Known {
        vendor: 0x10ee,
        devices: &[0x0314],
        subsystems: &[],
        name: "Digium TE410P, first generation: four E1 or T1",
        module: "wct4xxp",
    },
    digium(&[0x800a, 0x800b], "Digium TE131/TE133: one E1 or T1", "wcte13xp"),
    digium(&[0x800e, 0x8013], "Digium TE235/TE236/TE435/TE436: two or four E1 or T1", "wcte43x"),
    digium(&[0x0120, 0x8000, 0x8001], "Digium TE12xP: one E1 or T1", "wcte12xp"),
    digium(
        &[0x2400, 0x0800, 0x8002, 0x8003, 0x8005, 0x8006, 0x8007, 0x8008],
        "Digium TDM410/TDM800/TDM2400, AEX, HA8/HB8: analog ports, basic rate",
        "wctdm24xxp",
    ),
    digium(&[0x800c, 0x800d, 0x800f, 0x8010], "Digium A4/A8: analog ports", "wcaxx"),
    digium(&[0xb410, 0x8014, 0x8015, 0x8016, 0x8017], "Digium B23x/B410P/B43x: basic rate", "wcb4xxp"),
    digium(&[0x3400, 0x8004], "Digium TC400: a transcoder, no lines", "wctc4xxp"),
    tigerjet(&[0x71fe, 0x79fe, 0x795e, 0x79de, 0x797e], "Digium TE110P: one E1 or T1", "wcte11xp"),
    tigerjet(&[0x6159], "Digium T100P/E100P: one T1 or E1", "wct1xxp"),
    tigerjet(&[0x8084, 0x8085, 0x8086, 0x8087], "X100P/X101P: one exchange line", "wcfxo"),
    tigerjet(
        &[0x9100, 0x9519, 0x95d9, 0x9500, 0x9532, 0x8519, 0x9559, 0x9599],
        "OpenVox A800P/A1200P: analog ports",
        "opvxa1200",
    ),
    tigerjet(&[], "TDM400P, OpenVox A400P and others with a TigerJet chip: analog ports", "wctdm"),
    Known {
        vendor: 0x1923,
        devices: &[0x0040, 0x0100, 0x0300, 0x0400],
        subsystems: &[],
        name: "Sangoma A101/A104/A200: driven by wanpipe, outside DAHDI",
        module: "",
    },
    Known {
        vendor: 0x1397,
        devices: &[0x08b4, 0x16b8],
        subsystems: &[],
        name: "OpenVox B200P/B400P/B800P and others with a Cologne Chip HFC: basic rate",
        module: "wcb4xxp",
    },
];

/// Returns the family of a card; none if it is no telephony card that is known.
pub(crate) fn find(vendor: u16, device: u16, subsystem: u16) -> Option<&'static Known> {
    let fits = |known: &&Known| {
        known.vendor == vendor
            && known.devices.contains(&device)
            && (known.subsystems.is_empty() || known.subsystems.contains(&subsystem))
    };
    KNOWN.iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_stands_for_two_families() {
        let mut seen = Vec::new();
        for known in KNOWN {
            let subsystems = if known.subsystems.is_empty() { &[0][..] } else { known.subsystems };
            for number in
                known.devices.iter().flat_map(|device| subsystems.iter().map(move |sub| (device, sub)))
            {
                assert!(!seen.contains(&(known.vendor, number)), "{:04x}:{number:04x?}", known.vendor);
                seen.push((known.vendor, number));
            }
        }
    }

    #[test]
    fn cards_with_one_chip_are_told_apart_by_their_subsystem() {
        let module = |subsystem| find(0xe159, 1, subsystem).map(|known| known.module);
        assert_eq!(
            [0x6159, 0x8085, 0x9500, 0x1234].map(module),
            [Some("wct1xxp"), Some("wcfxo"), Some("opvxa1200"), Some("wctdm")]
        );
    }

    #[test]
    fn what_tandem_drives_itself_is_what_one_module_drives() {
        for known in KNOWN.iter().filter(|known| known.vendor == DIGIUM) {
            for device in known.devices {
                let own = pci::vfio::known(DIGIUM, *device).is_some();
                assert_eq!(own, known.module == "wct4xxp", "{device:04x}");
            }
        }
    }

    #[test]
    fn a_quad_span_card_is_found_and_a_network_card_is_not() {
        assert_eq!(find(0xd161, 0x1420, 5).map(|known| known.module), Some("wct4xxp"));
        assert_eq!(find(0x8086, 0x100e, 0), None);
    }
}
