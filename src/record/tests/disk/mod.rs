//! A disk that fills up and refuses writes when a test says so; otherwise the machine's.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use record::{Disk, Sink, SystemDisk};

/// What is wrong with the disk. Clones share it.
#[derive(Clone)]
pub struct Fault(Arc<(AtomicU64, AtomicBool)>);

impl Default for Fault {
    fn default() -> Fault {
        Fault(Arc::new((AtomicU64::new(u64::MAX), AtomicBool::new(false))))
    }
}

impl Fault {
    pub fn set_free(&self, octets: u64) {
        self.0.0.store(octets, Ordering::Relaxed);
    }

    pub fn refuse_writes(&self, refuse: bool) {
        self.0.1.store(refuse, Ordering::Relaxed);
    }

    fn check(&self) -> io::Result<()> {
        const ENOSPC: i32 = 28;
        if self.0.1.load(Ordering::Relaxed) { Err(io::Error::from_raw_os_error(ENOSPC)) } else { Ok(()) }
    }
}

pub struct FailingDisk {
    disk: SystemDisk,
    fault: Fault,
}

impl FailingDisk {
    pub fn new(disk: SystemDisk, fault: Fault) -> FailingDisk {
        FailingDisk { disk, fault }
    }
}

impl Disk for FailingDisk {
    fn free_octets(&self) -> io::Result<u64> {
        Ok(self.fault.0.0.load(Ordering::Relaxed))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(FailingSink { sink: self.disk.create(path)?, fault: self.fault.clone() }))
    }
}

struct FailingSink {
    sink: Box<dyn Sink>,
    fault: Fault,
}

impl Sink for FailingSink {
    fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.fault.check()?;
        self.sink.write_at(octets, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sink.sync()
    }
}
