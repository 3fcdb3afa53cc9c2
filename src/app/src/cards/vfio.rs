//! What keeps a card from being driven by Tandem itself, over VFIO or, without an IOMMU, UIO, and the commands that mend it.
//!
//! How: only looking, in `/sys`, at the devices in `/dev/vfio` and at this process's limits. In the order in which an installer
//! mends them; where one makes the next unknowable the later ones are not told. Limits: `drivers/pci` says the rest at start.

use std::io::ErrorKind;
use std::path::Path;

use super::Fault;

/// The module that hands devices to programs.
pub(crate) const DRIVER: &str = "vfio-pci";

/// The module that does so without an IOMMU.
pub(crate) const UIO: &str = pci::uio::DRIVER;

/// The locked memory that a card needs, in octets: its window, and room for what else the program locks.
const MEMORY: u64 = 1 << 20;

/// The capability to see where pages lie. Source: capabilities(7), `CAP_SYS_ADMIN`.
const MAY_ADMINISTER: u64 = 1 << 21;

/// The capability to lock memory beyond the limit. Source: capabilities(7), `CAP_IPC_LOCK`.
const MAY_LOCK: u64 = 1 << 14;

/// The class of bridges between buses, which may share a group with a card.
const BRIDGE: &str = "0x0604";

/// A card's slot on a machine whose files begin at `root`.
pub(crate) struct Slot<'a> {
    pub root: &'a Path,
    pub slot: &'a str,
}

impl Slot<'_> {
    fn file(&self, name: &str) -> std::path::PathBuf {
        self.root.join("sys/bus/pci/devices").join(self.slot).join(name)
    }

    /// Returns the driver that has the card; none if no driver has it.
    pub fn driver(&self) -> Option<String> {
        link(&self.file("driver"))
    }

    /// Returns the card's IOMMU group; none without an IOMMU.
    pub fn group(&self) -> Option<String> {
        link(&self.file("iommu_group"))
    }

    /// Returns everything that keeps Tandem from driving the card.
    pub fn faults(&self) -> Vec<Fault> {
        let slot = self.slot;
        let fault = |what: String, mend: String| Fault { what: format!("card {slot}: {what}"), mend };
        let Some(group) = self.group() else {
            return vec![fault("the IOMMU is off, and over VFIO a card needs one".into(), self.switch_on())];
        };
        match self.driver().as_deref() {
            Some(DRIVER) => {}
            Some(other) => {
                let what = format!("it is bound to {other}, not to {DRIVER}");
                return vec![fault(what, self.bind())];
            }
            None => return vec![fault(format!("it is not bound to {DRIVER}"), self.bind())],
        }
        let mut faults: Vec<Fault> = self
            .strangers(&group)
            .into_iter()
            .map(|(other, driver)| {
                let what = format!("IOMMU group {group} is not viable: {other} in it is bound to {driver}");
                fault(what, format!("{}\n# or put the card into another slot", bind(&other, DRIVER)))
            })
            .collect();
        faults.extend(self.device(&group).map(|(what, mend)| fault(what, mend)));
        faults.extend(self.memory().map(|(what, mend)| fault(what, mend)));
        faults
    }

    /// Returns everything that keeps Tandem from driving the card without an IOMMU.
    ///
    /// The device file is not opened: whoever closes it stops the DMA of a card that another program drives.
    pub fn uio_faults(&self) -> Vec<Fault> {
        let slot = self.slot;
        let fault = |what: String, mend: String| vec![Fault { what: format!("card {slot}: {what}"), mend }];
        if let Some(group) = self.group() {
            let what = format!("an IOMMU is on (group {group}), and UIO goes around it");
            return fault(what, "set access = \"vfio\", the default, in the configuration".into());
        }
        match self.driver().as_deref() {
            Some(UIO) => {}
            Some(other) => return fault(format!("it is bound to {other}, not to {UIO}"), self.bind_uio()),
            None => return fault(format!("it is not bound to {UIO}"), self.bind_uio()),
        }
        if !self.holds(MAY_ADMINISTER) {
            let what = "without an IOMMU a card is driven with root's rights (CAP_SYS_ADMIN) only".to_owned();
            let mend =
                "run as root; safer: a machine with an IOMMU (`tandem cards` tells), and access = \"vfio\"";
            return fault(what, mend.to_owned());
        }
        let free = self.root.join("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
        let free = std::fs::read_to_string(free).ok().and_then(|text| text.trim().parse::<u64>().ok());
        if free.unwrap_or(0) == 0 {
            let mend = "echo 4 | sudo tee /proc/sys/vm/nr_hugepages    # for good: hugepages=4 among the kernel's arguments";
            return fault("no huge page of 2 MiB is free for its memory".to_owned(), mend.to_owned());
        }
        Vec::new()
    }

    fn switch_on(&self) -> String {
        let processor = std::fs::read_to_string(self.root.join("proc/cpuinfo")).unwrap_or_default();
        let argument = if processor.contains("AuthenticAMD") { "amd_iommu=on" } else { "intel_iommu=on" };
        format!(
            "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&{argument} /' /etc/default/grub && sudo update-grub && sudo reboot\n\
             # and VT-d (Intel) or IOMMU (AMD) must be on in the firmware's set-up\n\
             # a machine that has none: access = \"uio\" in the configuration, docs/cards-pci.md"
        )
    }

    /// Returns the commands that give the card to VFIO.
    pub fn bind(&self) -> String {
        bind(self.slot, DRIVER)
    }

    /// Returns the commands that give the card to UIO.
    pub fn bind_uio(&self) -> String {
        bind(self.slot, UIO)
    }

    /// Returns the other devices of a group that a driver of the kernel has, with that driver.
    fn strangers(&self, group: &str) -> Vec<(String, String)> {
        let folder = self.root.join("sys/kernel/iommu_groups").join(group).join("devices");
        let Ok(devices) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = devices.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut strangers: Vec<_> = names
            .filter(|name| name != self.slot)
            .filter_map(|name| {
                let other = Slot { root: self.root, slot: &name };
                let class = std::fs::read_to_string(other.file("class")).unwrap_or_default();
                let driver =
                    other.driver().filter(|driver| driver != DRIVER && !class.starts_with(BRIDGE))?;
                Some((name, driver))
            })
            .collect();
        strangers.sort();
        strangers
    }

    /// Returns what keeps us from opening the group.
    fn device(&self, group: &str) -> Option<(String, String)> {
        let path = self.root.join("dev/vfio").join(group);
        let error = std::fs::OpenOptions::new().read(true).write(true).open(&path).err()?;
        let name = format!("/dev/vfio/{group}");
        match error.kind() {
            ErrorKind::PermissionDenied => Some((
                format!("this user may not use {name}"),
                "sudo cp packaging/sysusers/tandem.conf /etc/sysusers.d/ && sudo systemd-sysusers\n\
                 sudo cp packaging/udev/60-tandem-vfio.rules /etc/udev/rules.d/ && sudo udevadm control --reload\n\
                 sudo udevadm trigger --subsystem-match=vfio && sudo usermod -aG dahdi $USER    # then log in again"
                    .to_owned(),
            )),
            ErrorKind::NotFound => Some((format!("{name} is not there"), format!("sudo modprobe {DRIVER}"))),
            // It is driven, by Tandem for one: a start that is too late is told by the driver.
            ErrorKind::ResourceBusy => None,
            _ => Some((format!("{name}: {error}"), "dmesg | grep -i vfio".to_owned())),
        }
    }

    /// Returns true if this process has a capability.
    fn holds(&self, capability: u64) -> bool {
        let status = std::fs::read_to_string(self.root.join("proc/self/status")).unwrap_or_default();
        let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
        held.and_then(|held| u64::from_str_radix(held.trim(), 16).ok())
            .is_some_and(|held| held & capability != 0)
    }

    /// Returns that too little memory may be locked.
    fn memory(&self) -> Option<(String, String)> {
        if self.holds(MAY_LOCK) {
            return None;
        }
        let limits = std::fs::read_to_string(self.root.join("proc/self/limits")).ok()?;
        let line = limits.lines().find(|line| line.starts_with("Max locked memory"))?;
        // `unlimited` is no number, and is enough.
        let soft: u64 = line["Max locked memory".len()..].split_whitespace().next()?.parse().ok()?;
        let mend = "echo '@dahdi - memlock 65536' | sudo tee /etc/security/limits.d/60-tandem.conf    # then log in again\n\
                    # as a service: LimitMEMLOCK=64M";
        let what = || format!("this user may lock {soft} octets of memory, {MEMORY} are needed");
        (soft < MEMORY).then(|| (what(), mend.to_owned()))
    }
}

fn bind(slot: &str, driver: &str) -> String {
    format!(
        "sudo modprobe {driver} && echo {driver} | sudo tee /sys/bus/pci/devices/{slot}/driver_override\n\
         echo {slot} | sudo tee /sys/bus/pci/devices/{slot}/driver/unbind    # if a driver has it\n\
         echo {slot} | sudo tee /sys/bus/pci/drivers_probe"
    )
}

fn link(path: &Path) -> Option<String> {
    std::fs::read_link(path).ok()?.file_name()?.to_str().map(ToOwned::to_owned)
}

/// Returns the cards that Tandem can drive itself, in the order of their slots, with vendor and device.
pub(crate) fn drivable(root: &Path) -> Vec<(String, u16, u16)> {
    let Ok(devices) = std::fs::read_dir(root.join("sys/bus/pci/devices")) else { return Vec::new() };
    let mut cards: Vec<_> = devices
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let (vendor, device) = super::ids(&entry.path())?;
            pci::vfio::known(vendor, device)?;
            Some((entry.file_name().into_string().ok()?, vendor, device))
        })
        .collect();
    cards.sort();
    cards
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const SLOT: &str = "0000:03:00.0";

    fn device(root: &Path, slot: &str, driver: Option<&str>, class: &str) {
        let folder = root.join("sys/bus/pci/devices").join(slot);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in [("vendor", "0xd161"), ("device", "0x1420"), ("class", class)] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let _ = std::fs::remove_file(folder.join("driver"));
        if let Some(driver) = driver {
            symlink(format!("../../../bus/pci/drivers/{driver}"), folder.join("driver")).unwrap();
        }
    }

    fn grouped(root: &Path, slot: &str) {
        std::fs::create_dir_all(root.join("sys/kernel/iommu_groups/14/devices").join(slot)).unwrap();
        let link = root.join("sys/bus/pci/devices").join(slot).join("iommu_group");
        symlink("../../../kernel/iommu_groups/14", link).unwrap();
    }

    fn one(root: &Path) -> (String, String) {
        let mut faults = Slot { root, slot: SLOT }.faults();
        assert_eq!(faults.len(), 1, "{faults:?}");
        let Fault { what, mend } = faults.remove(0);
        (what, mend)
    }

    #[test]
    fn every_step_to_a_card_over_vfio_is_told_with_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        device(root, SLOT, Some("wct4xxp"), "0x020400");
        let (what, mend) = one(root);
        assert_eq!(what, "card 0000:03:00.0: the IOMMU is off, and over VFIO a card needs one");
        assert!(mend.contains("intel_iommu=on"), "{mend}");
        std::fs::create_dir_all(root.join("proc/self")).unwrap();
        std::fs::write(root.join("proc/cpuinfo"), "vendor_id : AuthenticAMD\n").unwrap();
        assert!(one(root).1.contains("amd_iommu=on"));

        grouped(root, SLOT);
        let (what, mend) = one(root);
        assert_eq!(what, "card 0000:03:00.0: it is bound to wct4xxp, not to vfio-pci");
        assert!(
            mend.contains("echo 0000:03:00.0 | sudo tee /sys/bus/pci/devices/0000:03:00.0/driver/unbind")
        );
        device(root, SLOT, None, "0x020400");
        assert!(one(root).0.ends_with("it is not bound to vfio-pci"));

        device(root, SLOT, Some("vfio-pci"), "0x020400");
        assert_eq!(one(root).0, "card 0000:03:00.0: /dev/vfio/14 is not there");
        std::fs::create_dir_all(root.join("dev/vfio")).unwrap();
        let node = root.join("dev/vfio/14");
        std::fs::write(&node, "").unwrap();
        assert_eq!(Slot { root, slot: SLOT }.faults(), []);

        device(root, "0000:03:00.1", Some("snd_hda_intel"), "0x040300");
        grouped(root, "0000:03:00.1");
        device(root, "0000:00:1c.0", Some("pcieport"), "0x060400");
        grouped(root, "0000:00:1c.0");
        let (what, mend) = one(root);
        let not = "IOMMU group 14 is not viable: 0000:03:00.1 in it is bound to snd_hda_intel";
        assert_eq!(what, format!("card {SLOT}: {not}"));
        assert!(mend.contains("0000:03:00.1/driver_override"), "{mend}");
        device(root, "0000:03:00.1", Some("vfio-pci"), "0x040300");

        let limits = "Max locked memory         65536                65536                bytes\n";
        std::fs::write(root.join("proc/self/limits"), limits).unwrap();
        assert!(one(root).0.ends_with("this user may lock 65536 octets of memory, 1048576 are needed"));
        std::fs::write(root.join("proc/self/status"), "CapPrm:\t0\nCapEff:\t0000000000004000\n").unwrap();
        assert_eq!(Slot { root, slot: SLOT }.faults(), [], "who may lock all has no limit");
        std::fs::write(root.join("proc/self/status"), "CapEff:\t0000000000003fff\n").unwrap();
        assert_eq!(Slot { root, slot: SLOT }.faults().len(), 1);
        std::fs::write(root.join("proc/self/limits"), limits.replace("65536  ", "unlimited")).unwrap();
        assert_eq!(Slot { root, slot: SLOT }.faults(), []);

        // Root may open everything.
        std::fs::set_permissions(&node, std::fs::Permissions::from_mode(0o000)).unwrap();
        if std::fs::File::open(&node).is_err() {
            let (what, mend) = one(root);
            assert!(
                what.ends_with("this user may not use /dev/vfio/14") && mend.contains("60-tandem-vfio.rules")
            );
        }
    }

    #[test]
    fn every_step_to_a_card_without_an_iommu_is_told_with_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let one = || {
            let mut faults = Slot { root, slot: SLOT }.uio_faults();
            assert_eq!(faults.len(), 1, "{faults:?}");
            let Fault { what, mend } = faults.remove(0);
            (what, mend)
        };
        device(root, SLOT, Some("vfio-pci"), "0x020400");
        let (what, mend) = one();
        assert_eq!(what, "card 0000:03:00.0: it is bound to vfio-pci, not to uio_pci_generic");
        assert!(
            mend.starts_with("sudo modprobe uio_pci_generic && echo uio_pci_generic | sudo tee"),
            "{mend}"
        );
        device(root, SLOT, None, "0x020400");
        assert!(one().0.ends_with("it is not bound to uio_pci_generic"));

        device(root, SLOT, Some("uio_pci_generic"), "0x020400");
        std::fs::create_dir_all(root.join("proc/self")).unwrap();
        std::fs::write(root.join("proc/self/status"), "CapEff:\t0000000000004000\n").unwrap();
        assert!(one().0.ends_with("driven with root's rights (CAP_SYS_ADMIN) only"));
        std::fs::write(root.join("proc/self/status"), "CapEff:\t000001ffffffffff\n").unwrap();
        assert!(one().1.contains("/proc/sys/vm/nr_hugepages"));
        let pages = root.join("sys/kernel/mm/hugepages/hugepages-2048kB");
        std::fs::create_dir_all(&pages).unwrap();
        std::fs::write(pages.join("free_hugepages"), "0\n").unwrap();
        assert!(one().0.ends_with("no huge page of 2 MiB is free for its memory"));
        std::fs::write(pages.join("free_hugepages"), "2\n").unwrap();
        assert_eq!(Slot { root, slot: SLOT }.uio_faults(), []);

        grouped(root, SLOT);
        let (what, mend) = one();
        assert!(
            what.contains("an IOMMU is on (group 14)") && mend.contains("access = \"vfio\""),
            "{what} {mend}"
        );
    }

    #[test]
    fn cards_that_can_be_driven_are_found_in_the_order_of_slots() {
        let folder = tempfile::tempdir().unwrap();
        device(folder.path(), "0000:05:00.0", None, "0x020400");
        device(folder.path(), SLOT, None, "0x020400");
        device(folder.path(), "0000:01:00.0", None, "0x020000");
        std::fs::write(folder.path().join("sys/bus/pci/devices/0000:01:00.0/device"), "0x0001").unwrap();
        let slots: Vec<_> = drivable(folder.path()).into_iter().map(|(slot, _, _)| slot).collect();
        assert_eq!(slots, [SLOT, "0000:05:00.0"]);
    }
}
