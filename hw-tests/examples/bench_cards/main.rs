//! What a card costs and how late its sound is, for every way into a card: `bench_cards [SECONDS] [BACKEND]...`.
//!
//! Backends: `sim`, `tdmoe` (a pair of interfaces `tdm0` and `tdm1` with the addresses of [`backends`]), `pci` (over the model,
//! whose time is virtual), `dahdi` (real modules). Each carries 120 and 480 channels of E1 whose spans are connected to each other, so that
//! what is sent on one is heard on the other. `scripts/bench-cards` makes interfaces and the emulated machine.
//!
//! Three passes: the answer is checked (nine tenths of what was sent is heard), then time is taken, then system calls are counted in a
//! process of their own, since a traced one is slow. Measured is the driver alone, without the engine, in a realtime thread where
//! that is allowed.
#![allow(clippy::print_stdout, reason = "a bench tells what it has measured")]

mod backends;
mod calls;
mod measure;
mod stamp;

use std::error::Error;

use backends::Backend;

/// The word by which this program starts itself to be traced.
const TRACED: &str = "--traced";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, backend, spans] = arguments.as_slice()
        && word == TRACED
    {
        return calls::be_traced(Backend::named(backend)?, spans.parse()?);
    }
    let seconds = arguments.first().map_or(Ok(5), |text| text.parse())?;
    let named: Vec<Backend> =
        arguments.iter().skip(1).map(|name| Backend::named(name)).collect::<Result<_>>()?;
    let backends = if named.is_empty() { vec![Backend::Sim, Backend::Pci] } else { named };
    println!(
        "| backend, channels | system calls a second | share of a core | one way, ms: p50 / p99 / max | wake, ms off: p99 / max | lost |"
    );
    println!("|---|---|---|---|---|---|");
    for backend in backends {
        for spans in backend.sizes() {
            row(backend, spans, seconds)?;
        }
    }
    Ok(())
}

/// Measures one backend with so many spans, and prints its row.
fn row(backend: Backend, spans: u8, seconds: u64) -> Result<()> {
    let found = measure::in_realtime(backend, spans, seconds)?;
    let calls = match backend {
        Backend::Pci => measure::pci_calls(&found),
        Backend::Sim | Backend::Tdmoe | Backend::Dahdi => calls::count(backend, spans)?,
    };
    println!("| {backend}, {} | {calls} | {found}", u16::from(spans) * 30);
    Ok(())
}
