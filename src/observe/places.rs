//! The table of places: what the numbers in records are called.

use crate::base::ids::{Direction, NodeId};
use crate::base::note::Place;

/// The names of all places of a run. [`Place`] is an index into it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Nodes first, then link directions such as `gateway--appstore/forward`, each sorted by name.
    pub names: Vec<String>,
    /// How many of them are nodes.
    pub nodes: u32,
}

impl Places {
    /// The name of `place`; a question mark for one that is not in the table.
    pub fn name(&self, place: Place) -> &str {
        self.names.get(place.0 as usize).map_or("?", String::as_str)
    }

    /// The name of `node`.
    pub fn node(&self, node: NodeId) -> &str {
        self.name(Place(node.0))
    }

    /// The link and its direction, if `place` is one.
    pub fn link(&self, place: Place) -> Option<(&str, Direction)> {
        if place.0 < self.nodes {
            return None;
        }
        let (link, word) = self.names.get(place.0 as usize)?.rsplit_once('/')?;
        [Direction::Forward, Direction::Reverse].into_iter().find(|d| d.name() == word).map(|d| (link, d))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_node_or_a_direction_of_a_link() {
        let names = ["a", "b", "a--b/forward", "a--b/reverse"].map(String::from).to_vec();
        let places = Places { names, nodes: 2 };
        assert_eq!(places.node(NodeId(1)), "b");
        assert_eq!(places.link(Place(1)), None);
        assert_eq!(places.link(Place(3)), Some(("a--b", Direction::Reverse)));
        assert_eq!(places.name(Place(9)), "?");
    }
}
