//! A queue that is mostly empty, and then takes no more than a word beside what is looked at often.

use std::collections::VecDeque;

/// First in, first out.
#[derive(Debug)]
pub struct RareQueue<T>(
    // Never an empty one.
    #[expect(clippy::box_collection, reason = "it is to be one word")] Option<Box<VecDeque<T>>>,
);

impl<T> Default for RareQueue<T> {
    fn default() -> Self {
        RareQueue(None)
    }
}

impl<T> RareQueue<T> {
    /// True if there is nothing in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Puts something at its end.
    pub fn push_back(&mut self, item: T) {
        self.0.get_or_insert_default().push_back(item);
    }

    /// Takes the first thing out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<T> {
        if self.is_empty() { None } else { self.pop() }
    }

    #[cold]
    fn pop(&mut self) -> Option<T> {
        let first = self.0.as_mut()?.pop_front();
        self.0.take_if(|queue| queue.is_empty());
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_in_one_word() {
        let mut queue = RareQueue::default();
        assert!(queue.is_empty() && queue.pop_front().is_none());
        (0..3).for_each(|n| queue.push_back(n));
        assert!(!queue.is_empty());
        assert_eq!(std::iter::from_fn(|| queue.pop_front()).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(queue.is_empty());
        assert_eq!(size_of_val(&queue), size_of::<usize>());
    }
}
