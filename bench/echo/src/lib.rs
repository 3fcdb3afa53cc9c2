//! The judge's C ABI: `x_create`, `x_process`, `x_destroy` (one channel, 16-bit samples at 8 kHz).
//!
//! The reference is coded by A-law and decoded again, as the engine's is: it is what really goes to the line.

use std::os::raw::c_int;

use dsp::echo::{CHANNELS, EchoBank, EchoMode, NlpMode};
use tdm::Law;

/// Makes a canceller of `taps`; with `nlp` the non-linear processor puts silence in place of the rest.
#[unsafe(no_mangle)]
pub extern "C" fn x_create(taps: c_int, nlp: c_int) -> *mut EchoBank {
    let mut bank = EchoBank::new(u16::try_from(taps / 8).unwrap_or(128), 0);
    bank.set_mode(0, EchoMode::On(if nlp == 0 { NlpMode::Off } else { NlpMode::Silence }));
    Box::into_raw(Box::new(bank))
}

/// Cancels `n` samples, a multiple of 8.
///
/// # Safety
/// `bank` comes from `x_create`; the other pointers have `n` samples each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn x_process(
    bank: *mut EchoBank,
    tx: *const i16,
    rx: *const i16,
    out: *mut i16,
    n: c_int,
) {
    let n = usize::try_from(n).unwrap_or(0);
    // SAFETY: the caller's promise.
    let (bank, tx, rx, out) = unsafe {
        let slice = |at| std::slice::from_raw_parts(at, n);
        (&mut *bank, slice(tx), slice(rx), std::slice::from_raw_parts_mut(out, n))
    };
    for at in (0..n / 8).map(|block| block * 8) {
        let (mut sent, mut received) = ([[0; 8]; CHANNELS], [[0; 8]; CHANNELS]);
        sent[0] = core::array::from_fn(|i| g711::decode(Law::A, g711::encode(Law::A, tx[at + i])));
        received[0].copy_from_slice(&rx[at..at + 8]);
        bank.process(&sent, &mut received);
        out[at..at + 8].copy_from_slice(&received[0]);
    }
}

/// Ends a canceller.
///
/// # Safety
/// `bank` comes from `x_create` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn x_destroy(bank: *mut EchoBank) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(bank) });
}
