//! `tandem cards`: what telephony cards and spans this machine has, what is wrong with them, and the command that mends it.
//!
//! How: PCI devices and modules are read from `/sys` and `/lib/modules`, spans from `/proc/dahdi`, the right to use them by
//! opening the device; Ethernet interfaces are listened to (`ethernet`). Nothing is changed. Limits: USB cards are not looked for; that a line works only a call shows.

mod ethernet;
mod known;
mod show;
pub(crate) mod vfio;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use dahdi::proc::SpanFile;
use serde::Serialize;

/// The largest `modules.dep` that is read, in octets.
const MAX_MODULES_DEP: u64 = 16 << 20;

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Print JSON for a script instead of tables
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
The way to a card that works:
  1. tandem cards                      every WRONG comes with the command that mends it
  2. tandem import dahdi > mine.toml   if /etc/dahdi/system.conf is there already; else write the
                                       [[card.span]] lines that `tandem cards` shows into your file
  3. tandem check mine.toml            find every error
  4. tandem run mine.toml

Nothing is changed by this command. Exit code: 0 if nothing is wrong, 1 if something is.";

/// Where the machine's own files are; tests give another.
struct Machine {
    root: PathBuf,
    kernel: String,
}

/// Everything that was found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    kernel: String,
    cards: Vec<Found>,
    /// The version of DAHDI that answers.
    dahdi: Option<String>,
    /// Whether the IOMMU is on: `type = "pci"` needs it, DAHDI does not.
    iommu: bool,
    spans: Vec<Span>,
    ethernet: Vec<ethernet::Interface>,
    faults: Vec<Fault>,
}

/// A card in a PCI slot.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Found {
    slot: String,
    id: String,
    name: &'static str,
    module: &'static str,
    /// The module that drives it now.
    driver: Option<String>,
    /// Which `type` of `[[card]]` can drive it.
    backends: Vec<&'static str>,
    /// Its IOMMU group, if there is an IOMMU.
    group: Option<String>,
    /// The keys of `[[card]]` that name it, if Tandem can drive it itself.
    keys: Option<String>,
    /// What hands it to VFIO, if it is not in its hands.
    to_vfio: Option<String>,
    /// What hands it to UIO, if there is no IOMMU and it is in nobody's hands.
    to_uio: Option<String>,
}

/// A span of DAHDI.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Span {
    number: u32,
    name: String,
    description: String,
    alarms: Vec<String>,
    first_channel: u32,
    channels: usize,
    /// Channels that a process has open.
    in_use: usize,
    /// The keys of `[[card.span]]` that name it.
    keys: String,
}

/// What is wrong, and what mends it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    what: String,
    mend: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.what)?;
        self.mend.lines().try_for_each(|line| write!(f, "\n  mend: {line}"))
    }
}

/// Prints what there is; false if something is wrong.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let report = Machine { root: PathBuf::from("/"), kernel }.look();
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        show::tables(&mut std::io::stdout().lock(), &report)?;
    }
    Ok(report.faults.is_empty())
}

impl Machine {
    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn look(&self) -> Report {
        let mut report = Report { kernel: self.kernel.clone(), ..Report::default() };
        report.iommu = self.has_iommu();
        report.cards = self.cards();
        for card in &report.cards {
            let slot = vfio::Slot { root: &self.root, slot: &card.slot };
            let own = card.backends.contains(&"pci");
            report.faults.extend(match card.driver.as_deref() {
                Some(vfio::DRIVER) if own => slot.faults(),
                Some(vfio::UIO) if own => slot.uio_faults(),
                Some(_) | None => Vec::from_iter(self.card_fault(card)),
            });
        }
        self.dahdi(&mut report);
        report.ethernet = ethernet::interfaces(&self.root, tdmoe::senders);
        report
    }

    fn has_iommu(&self) -> bool {
        std::fs::read_dir(self.at("sys/class/iommu")).is_ok_and(|mut units| units.next().is_some())
    }

    fn cards(&self) -> Vec<Found> {
        let Ok(devices) = std::fs::read_dir(self.at("sys/bus/pci/devices")) else { return Vec::new() };
        let mut found: Vec<Found> =
            devices.filter_map(|entry| found(&self.root, &entry.ok()?.path())).collect();
        found.sort_by(|a, b| a.slot.cmp(&b.slot));
        found
    }

    /// Returns what keeps a card from being driven.
    fn card_fault(&self, card: &Found) -> Option<Fault> {
        if card.driver.is_some() {
            return None;
        }
        let (module, slot, kernel) = (card.module, &card.slot, &self.kernel);
        let fault = |what: String, mend: String| Some(Fault { what: format!("card {slot}: {what}"), mend });
        if module.is_empty() {
            return fault("DAHDI has no driver for it".into(), "install its maker's driver (wanpipe)".into());
        }
        if self.has_module(kernel, module) {
            return fault(format!("its module {module} is not loaded"), format!("sudo modprobe {module}"));
        }
        let other =
            self.kernels().into_iter().find(|other| other != kernel && self.has_module(other, module));
        match other {
            Some(other) => fault(
                format!("its module {module} was built for kernel {other}, and {kernel} runs"),
                format!("sudo apt install linux-headers-{kernel} && sudo dkms autoinstall -k {kernel}"),
            ),
            None => fault(
                format!("its module {module} is not installed"),
                format!("sudo apt install dahdi-dkms linux-headers-{kernel} && sudo modprobe {module}"),
            ),
        }
    }

    fn kernels(&self) -> Vec<String> {
        let Ok(folders) = std::fs::read_dir(self.at("lib/modules")) else { return Vec::new() };
        let mut names: Vec<String> =
            folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn has_module(&self, kernel: &str, module: &str) -> bool {
        use std::io::Read;
        let Ok(file) = std::fs::File::open(self.at("lib/modules").join(kernel).join("modules.dep")) else {
            return false;
        };
        let mut text = String::new();
        let name = format!("/{module}.ko");
        file.take(MAX_MODULES_DEP).read_to_string(&mut text).is_ok()
            && text.lines().any(|line| line.split(':').next().is_some_and(|path| path.contains(&name)))
    }

    fn dahdi(&self, report: &mut Report) {
        if !self.at("sys/module/dahdi").exists() {
            if report.cards.iter().any(|card| card.driver.is_none() && !card.module.is_empty()) {
                report.wrong("DAHDI is not loaded", "sudo modprobe dahdi");
            }
            return;
        }
        match dahdi::version(&self.at("dev/dahdi")) {
            Ok(version) => report.dahdi = Some(version),
            Err(error) => report.device(&error),
        }
        match dahdi::proc::spans(&self.at("proc/dahdi")) {
            Ok(spans) if spans.is_empty() => report.wrong(
                "DAHDI is loaded and has no span",
                "sudo modprobe MODULE of the card, then sudo dahdi_span_assignments auto",
            ),
            Ok(spans) => {
                // The module dahdi_dummy gives time and has no line.
                let lines = spans.into_iter().filter(|span| !span.name.starts_with("DAHDI_DUMMY"));
                report.spans = lines.map(span).collect();
            }
            Err(error) => report.wrong(format!("/proc/dahdi: {error}"), "sudo modprobe dahdi"),
        }
        report.lines();
    }
}

impl Report {
    fn wrong(&mut self, what: impl Into<String>, mend: impl Into<String>) {
        self.faults.push(Fault { what: what.into(), mend: mend.into() });
    }

    /// Notes why DAHDI's device cannot be used.
    fn device(&mut self, error: &std::io::Error) {
        match error.kind() {
            ErrorKind::PermissionDenied => self.wrong(
                "this user may not use /dev/dahdi",
                "sudo cp packaging/sysusers/tandem.conf /etc/sysusers.d/ && sudo systemd-sysusers\n\
                 sudo cp packaging/udev/60-tandem-dahdi.rules /etc/udev/rules.d/ && sudo udevadm control --reload\n\
                 sudo udevadm trigger --subsystem-match=dahdi && sudo usermod -aG dahdi $USER    # then log in again",
            ),
            ErrorKind::NotFound => {
                self.wrong("DAHDI is loaded but /dev/dahdi/ctl is not there", "sudo udevadm trigger");
            }
            _ => self.wrong(format!("/dev/dahdi/ctl: {error}"), "dmesg | grep -i dahdi"),
        }
    }

    /// Notes what is wrong with spans.
    fn lines(&mut self) {
        let mut faults = Vec::new();
        for span in &self.spans {
            let (number, alarms) = (span.number, span.alarms.join(" "));
            if span.first_channel == 0 {
                let mend = "sudo dahdi_span_assignments auto".into();
                faults.push(Fault { what: format!("DAHDI span {number} has no channel numbers"), mend });
            }
            if !alarms.is_empty() {
                let mend = "look at the cable and at the other end; framing and code: line_code".into();
                faults.push(Fault { what: format!("DAHDI span {number}: {alarms}"), mend });
            }
        }
        self.faults.append(&mut faults);
    }
}

/// Returns vendor and device of a device of the PCI bus.
fn ids(device: &Path) -> Option<(u16, u16)> {
    Some((number(device, "vendor")?, number(device, "device")?))
}

fn number(device: &Path, name: &str) -> Option<u16> {
    let text = std::fs::read_to_string(device.join(name)).ok()?;
    u16::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

/// Reads a device of the PCI bus; none if it is no telephony card.
fn found(root: &Path, device: &Path) -> Option<Found> {
    let (vendor, product) = ids(device)?;
    let known = known::find(vendor, product, number(device, "subsystem_vendor").unwrap_or(0))?;
    let slot = device.file_name()?.to_string_lossy().into_owned();
    let place = vfio::Slot { root, slot: &slot };
    let (driver, group) = (place.driver(), place.group());
    let own = pci::vfio::known(vendor, product).is_some();
    let over_uio = driver.as_deref() == Some(vfio::UIO);
    let in_hand = over_uio || driver.as_deref() == Some(vfio::DRIVER);
    let way = if over_uio { ", access = \"uio\"" } else { "" };
    Some(Found {
        id: format!("{vendor:04x}:{product:04x}"),
        name: known.name,
        module: known.module,
        backends: [("dahdi", !known.module.is_empty()), ("pci", own)]
            .into_iter()
            .filter_map(|(name, can)| can.then_some(name))
            .collect(),
        keys: own.then(|| format!("type = \"pci\", slot = \"{slot}\"{way}")),
        to_vfio: (own && !in_hand).then(|| place.bind()),
        to_uio: (own && !in_hand && group.is_none()).then(|| place.bind_uio()),
        driver,
        group,
        slot,
    })
}

fn span(file: SpanFile) -> Span {
    let first_channel = file.channels.iter().map(|channel| channel.number).min().unwrap_or(0);
    let kind = match file.channels.first().map(|channel| channel.kind.as_str()) {
        Some("FXOKS" | "FXOLS" | "FXOGS") => "fxs",
        Some("FXSKS" | "FXSLS" | "FXSGS") => "fxo",
        Some(_) | None if file.channels.len() == 24 => "t1",
        Some(_) | None => "e1",
    };
    let ports =
        if kind.starts_with("fx") { format!(", ports = {}", file.channels.len()) } else { String::new() };
    Span {
        keys: format!("kind = \"{kind}\", dahdi_channel = {first_channel}{ports}"),
        number: file.number,
        name: file.name,
        description: file.description,
        alarms: file.alarms,
        first_channel,
        channels: file.channels.len(),
        in_use: file.channels.iter().filter(|channel| channel.in_use).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> (tempfile::TempDir, Machine) {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("sys/bus/pci/devices/0000:03:00.0");
        std::fs::create_dir_all(&device).unwrap();
        std::fs::write(device.join("vendor"), "0xd161\n").unwrap();
        std::fs::write(device.join("device"), "0x1420\n").unwrap();
        let machine = Machine { root: folder.path().to_owned(), kernel: "6.1.0-2".into() };
        (folder, machine)
    }

    fn modules(machine: &Machine, kernel: &str) {
        let folder = machine.at("lib/modules").join(kernel);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("modules.dep"), "updates/dkms/wct4xxp.ko: updates/dkms/dahdi.ko\n")
            .unwrap();
    }

    #[test]
    fn a_card_without_its_module_is_told_with_what_mends_it() {
        let (_folder, machine) = machine();
        let report = machine.look();
        assert_eq!((report.cards[0].id.as_str(), report.cards[0].module), ("d161:1420", "wct4xxp"));
        assert!(report.faults[0].what.ends_with("its module wct4xxp is not installed"), "{report:?}");
        assert!(report.faults[0].mend.contains("dahdi-dkms linux-headers-6.1.0-2"));

        modules(&machine, "6.1.0-1");
        let report = machine.look();
        assert!(
            report.faults[0].what.contains("was built for kernel 6.1.0-1, and 6.1.0-2 runs"),
            "{report:?}"
        );
        assert!(report.faults[0].mend.contains("dkms autoinstall -k 6.1.0-2"));

        modules(&machine, "6.1.0-2");
        assert_eq!(machine.look().faults[0].mend, "sudo modprobe wct4xxp");
    }

    #[test]
    fn a_machine_without_anything_has_nothing_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let report = Machine { root: folder.path().to_owned(), kernel: "6.1.0-2".into() }.look();
        assert_eq!((report.cards.len(), report.spans.len(), report.faults.len()), (0, 0, 0));
        let mut told = Vec::new();
        show::tables(&mut told, &report).unwrap();
        assert!(String::from_utf8(told).unwrap().starts_with("No telephony card that is known"));
    }

    #[test]
    fn a_card_whose_driver_is_there_is_not_wrong() {
        let (_folder, machine) = machine();
        let device = machine.at("sys/bus/pci/devices/0000:03:00.0");
        std::os::unix::fs::symlink("../../drivers/wct4xxp", device.join("driver")).unwrap();
        let report = machine.look();
        let card = &report.cards[0];
        assert_eq!((card.driver.as_deref(), report.faults.len()), (Some("wct4xxp"), 0));
        assert_eq!(card.backends, ["dahdi", "pci"]);
        let mut told = Vec::new();
        show::tables(&mut told, &report).unwrap();
        let told = String::from_utf8(told).unwrap();
        for part in [
            "DAHDI, or Tandem itself: type = \"pci\", slot = \"0000:03:00.0\"",
            "switch the IOMMU on",
            "echo 0000:03:00.0 | sudo tee /sys/bus/pci/drivers_probe",
            "A machine that has no IOMMU: access = \"uio\", run as root.",
            "Nothing is wrong.",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
    }

    #[test]
    fn a_card_in_the_hands_of_vfio_is_asked_what_vfio_needs() {
        let (_folder, machine) = machine();
        let device = machine.at("sys/bus/pci/devices/0000:03:00.0");
        std::os::unix::fs::symlink("../../drivers/vfio-pci", device.join("driver")).unwrap();
        let report = machine.look();
        assert_eq!(report.cards[0].to_vfio, None);
        assert_eq!(report.faults.len(), 1, "{report:?}");
        assert!(report.faults[0].what.contains("the IOMMU is off"), "{report:?}");
    }

    #[test]
    fn spans_are_told_with_their_alarms_and_first_channel() {
        let (_folder, machine) = machine();
        for path in ["sys/module/dahdi", "proc/dahdi"] {
            std::fs::create_dir_all(machine.at(path)).unwrap();
        }
        let span = "Span 1: TE2/0/1 \"T2XXP (PCI) Card 0 Span 1\" (MASTER) HDB3/CCS RED \n\n\t   1 TE2/0/1/1 Clear (In use) \n\t   2 TE2/0/1/2 Clear \n";
        std::fs::write(machine.at("proc/dahdi/1"), span).unwrap();
        let report = machine.look();
        assert_eq!(
            (report.spans[0].first_channel, report.spans[0].channels, report.spans[0].in_use),
            (1, 2, 1)
        );
        let mut told = Vec::new();
        show::tables(&mut told, &report).unwrap();
        let told = String::from_utf8(told).unwrap();
        for part in [
            "1     TE2/0/1  1-2       1       RED     kind = \"e1\", dahdi_channel = 1\n",
            "WRONG  DAHDI span 1: RED\n",
            "WRONG  DAHDI is loaded but /dev/dahdi/ctl is not there\n  mend: sudo udevadm trigger\n",
            "The IOMMU is off",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        assert!(report.spans[0].keys.starts_with("kind = \"e1\""));
        let json: serde_json::Value = serde_json::to_value(&report).unwrap();
        assert_eq!(json["spans"][0]["alarms"][0], "RED");
    }
}
