//! Any octets as a frame of a span over Ethernet: what is read is written alike, and a span that takes it up stays whole. More
//! frames of the span come after it, with numbers from the same octets.
#![no_main]

use std::time::Duration;

use clock::Mono;
use libfuzzer_sys::fuzz_target;
use tdm::{Alarms, SpanId};
use tdmoe::counts::{Count, Counts};
use tdmoe::frame::{Address, Frame, MAX_FRAME};
use tdmoe::line::{Line, LineSetup};
use tdmoe::{Mac, Peer};

fuzz_target!(|octets: &[u8]| {
    let parsed = Frame::parse(octets);
    if let Ok(frame) = &parsed {
        let mut out = vec![0; octets.len()];
        let written = frame.emit(&mut out);
        assert_eq!(Frame::parse(&out[..written]), parsed);
        assert!(written <= octets.len());
    }
    let setup = LineSetup {
        span: SpanId(1),
        channels: 24,
        peer: Peer::Learned,
        subaddress: 0,
        cas: true,
        depth: 3,
        at_once: 20,
        loss: Duration::from_millis(50),
    };
    let (mut line, counts) = (Line::new(setup), Counts::default());
    let address = Address { destination: Mac([2; 6]), source: Mac([4; 6]), subaddress: 0 };
    let samples = [[1; 8]; 24];
    for (ms, pair) in octets.chunks_exact(2).enumerate().take(2_000) {
        let now = Mono::from_millis(ms as u64);
        if ms == 7 && let Ok(frame) = &parsed {
            line.receive(frame, now, &counts, |_| ());
        }
        let sequence = u16::from_be_bytes([pair[0], pair[1]]);
        if line.is_ours(&address) || line.is_ours_now(&address, now, &counts) {
            let frame = Frame { address, yellow: pair[0] & 1 != 0, sequence, signalling: Some(pair), samples: &samples };
            line.receive(&frame, now, &counts, |_| ());
        }
        if pair[1] & 0x70 == 0 {
            line.skip(u32::from(pair[0]));
        }
        line.take(&mut [[0; 8]; 24], &counts);
        line.pass(now, |_| ());
        assert!(line.alarms().is_empty() || line.alarms().intersects(Alarms::RED | Alarms::YELLOW));
        assert!(line.excess().is_none_or(|excess| excess < 128));
    }
    assert!(counts.get(Count::Frames) <= 2_001);
    assert!(line.emit(Mac([2; 6]), &samples, &mut [0; MAX_FRAME]) <= MAX_FRAME);
});
