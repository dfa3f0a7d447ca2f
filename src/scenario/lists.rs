//! Many short lists in two blocks of memory: the links of each node, the flows of each node.

/// Lists by rank, one behind the other.
#[derive(Debug)]
pub(super) struct Lists<T> {
    items: Vec<T>,
    // Where each list begins; one more than there are lists.
    starts: Vec<u32>,
}

impl<T: Copy + Default> Lists<T> {
    /// So many lists of items, each told with the rank of its list; a list keeps their order. Items of
    /// lists that do not exist are left out.
    pub(super) fn new(lists: usize, items: impl Iterator<Item = (usize, T)> + Clone) -> Self {
        let mut starts = vec![0; lists + 1];
        let wanted = || items.clone().filter(|(list, _)| *list < lists);
        wanted().for_each(|(list, _)| starts[list] += 1);
        let mut total = 0;
        for start in &mut starts {
            (*start, total) = (total, total + *start);
        }
        let mut sorted = vec![T::default(); total as usize];
        for (list, item) in wanted() {
            sorted[starts[list] as usize] = item;
            starts[list] += 1;
        }
        // Each now stands where the next list begins.
        starts.rotate_right(1);
        starts[0] = 0;
        Lists { items: sorted, starts }
    }

    /// One of the lists.
    pub(super) fn of(&self, list: usize) -> &[T] {
        &self.items[self.starts[list] as usize..self.starts[list + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_keeps_the_order_of_its_items() {
        let lists = Lists::new(4, [(2, 'a'), (0, 'b'), (2, 'c'), (4, 'x'), (3, 'd'), (2, 'e')].into_iter());
        assert_eq!((0..4).map(|list| lists.of(list)).collect::<Vec<_>>(), [&['b'][..], &[], &['a', 'c', 'e'], &['d']]);
        assert!(Lists::<u32>::new(1, [].into_iter()).of(0).is_empty());
    }
}
