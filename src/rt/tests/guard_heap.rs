//! The heap guard's other kind: it counts and lets the program go on, as in production.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

use rt::guard::{GuardedAlloc, OnHeapUse, arm, heap_uses};

#[global_allocator]
static ALLOC: GuardedAlloc = GuardedAlloc::new(OnHeapUse::Count);

#[test]
fn every_use_while_armed_is_counted_and_none_outside() {
    let before = heap_uses();
    let armed = arm();
    let kept = std::hint::black_box(vec![0u8; 64]);
    drop(kept);
    drop(armed);
    let counted = heap_uses() - before;
    drop(std::hint::black_box(vec![0u8; 64]));
    assert_eq!((counted, heap_uses() - before), (2, 2));
}

#[test]
fn another_threads_heap_is_its_own_affair() {
    let armed = arm();
    let before = heap_uses();
    // The thread is made outside: making it uses this thread's heap.
    drop(armed);
    let other = std::thread::spawn(|| {
        drop(std::hint::black_box(vec![0u8; 64]));
        heap_uses()
    });
    assert_eq!(other.join().unwrap(), 0);
    assert_eq!(heap_uses(), before);
}
