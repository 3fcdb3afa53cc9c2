//! Rings whose memory is there before it is needed.

use rtrb::{Consumer, Producer, RingBuffer};

/// Makes a ring and writes every place of it once, so that its first use on the realtime thread is no page fault.
pub(crate) fn ring<T: Copy>(capacity: usize, filler: T) -> (Producer<T>, Consumer<T>) {
    let (mut producer, mut consumer) = RingBuffer::new(capacity);
    while producer.push(filler).is_ok() {}
    while consumer.pop().is_ok() {}
    (producer, consumer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_ring_is_empty_with_all_its_room() {
        let (producer, consumer) = ring(5, 1u8);
        assert_eq!((producer.slots(), consumer.slots()), (5, 0));
    }
}
