//! What a period costs: system calls, counted by the kernel, and time of the processor.
//!
//! Times are those of an emulated processor: they compare ways of doing it, and say nothing of a real machine.

use card::{CardIo, Signalling};

use crate::calls::start;
use crate::rig;

/// Reads this thread's user and system time in ticks of 10 ms.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

pub fn measure() {
    for (name, signalling, descriptors) in
        [("one descriptor a span", Signalling::Clear, 2), ("one descriptor a channel", Signalling::Cas, 60)]
    {
        let config = dahdi::DahdiConfig { block_ms: 10, ..rig::pair(5, 6) };
        let (_control, mut io) = start(config, signalling);
        for _ in 0..50 {
            io.wait().unwrap();
            io.commit().unwrap();
        }
        let before = ticks();
        for _ in 0..200 {
            io.wait().unwrap();
            io.commit().unwrap();
        }
        let used = ticks() - before;
        println!(
            "INFO {name}: two E1 in blocks of 10 ms: {} reads and writes a second, {} ms of the processor in 2 s",
            100 * 2 * descriptors,
            10 * used,
        );
    }
}
