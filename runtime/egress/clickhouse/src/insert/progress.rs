//! What became of each row.

use std::collections::{HashMap, HashSet};

use danube_wasm_egress_common::Chain;

use super::Item;
use crate::exception::Fault;

/// What became of the rows of a table.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Places and reasons of those that the table will never take.
    pub(crate) refused: Vec<(usize, String)>,
    /// Places of those that are not stored, and why.
    pub(crate) failed: Option<(Vec<usize>, Fault)>,
}

/// The places of the rows of each id.
pub(super) struct Progress(Vec<Vec<usize>>);

impl Progress {
    /// Sorts rows by id if rows of one id replace each other; else each is for itself.
    pub(super) fn of(items: Vec<Item<'_>>, replaces: bool) -> (Self, Vec<Chain<Item<'_>>>) {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        let (mut places, mut chains): (Vec<Vec<usize>>, Vec<Chain<Item<'_>>>) = (Vec::new(), Vec::new());
        for item in items {
            let chain = match replaces {
                true => *by_id.entry(&item.write.id).or_insert(chains.len()),
                false => chains.len(),
            };
            match chains.get_mut(chain) {
                Some(chain) => chain.push(item.clone()),
                None => {
                    chains.push(Chain::of(item.clone()));
                    places.push(Vec::new());
                }
            }
            places[chain].push(item.place);
        }
        (Self(places), chains)
    }

    /// What became of all, of which these are stored and those refused.
    ///
    /// If the table failed, all rows of an id are written again, also those that others of that id have made superfluous: what
    /// comes again is one row.
    pub(super) fn result(self, stored: &[usize], refused: Vec<(usize, String)>, fault: Option<Fault>) -> Written {
        let Some(fault) = fault else {
            return Written { refused, failed: None };
        };
        let stored: HashSet<_> = stored.iter().copied().collect();
        let known: HashSet<_> = refused.iter().map(|(place, _)| *place).collect();
        let is_done = |places: &Vec<usize>| {
            places
                .iter()
                .all(|place| stored.contains(place) || known.contains(place))
        };
        let open = self.0.iter().filter(|places| !is_done(places)).flatten();
        let mut open: Vec<_> = open.copied().filter(|place| !known.contains(place)).collect();
        open.sort_unstable();
        Written {
            refused,
            failed: Some((open, fault)),
        }
    }
}
