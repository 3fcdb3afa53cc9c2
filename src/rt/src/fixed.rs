//! A list of fixed capacity, made at start: what the realtime path uses where others use a `Vec`.
//!
//! A `Vec` with reserved room would do, but only this type cannot grow by mistake. What does not fit is refused.

/// At most as many items as it was made for.
#[derive(Debug)]
pub(crate) struct Fixed<T> {
    items: Box<[T]>,
    len: usize,
}

impl<T: Copy> Fixed<T> {
    /// Makes an empty list with room for `capacity` items; `filler` is never seen.
    pub(crate) fn new(capacity: usize, filler: T) -> Fixed<T> {
        Fixed { items: vec![filler; capacity].into_boxed_slice(), len: 0 }
    }

    /// Adds an item; false if there is no room.
    pub(crate) fn add(&mut self, item: T) -> bool {
        match self.items.get_mut(self.len) {
            Some(place) => {
                *place = item;
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// Forgets all items.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Returns the item that was added last.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        self.items[..self.len].last_mut()
    }

    /// Returns the items in the order in which they were added.
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.items[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut list = Fixed::new(2, 0);
        assert!(list.add(5) && list.add(6) && !list.add(7));
        assert_eq!(list.last_mut(), Some(&mut 6));
        assert_eq!(list.as_slice(), [5, 6]);
        list.clear();
        assert!(list.as_slice().is_empty());
    }
}
