//! Rows that are inserted at once.

use std::collections::{BTreeMap, HashMap, HashSet};

use danube_wasm_egress_common::{Chain, Item as _};

use super::Item;
use crate::{
    layout::Layout,
    limits::{INSERT_BYTES_MAX, INSERT_ROWS_MAX},
};

/// Rows that are inserted at once, by id.
pub(super) struct Unit<'w>(pub(super) Vec<Chain<Item<'w>>>);

/// Divides rows into units: by the columns that they leave out, by size, and by partition where that is known.
pub(super) fn cut<'w>(chains: Vec<Chain<Item<'w>>>, layout: &Layout) -> Vec<Unit<'w>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<Chain<Item<'w>>>> = BTreeMap::new();
    for mut chain in chains {
        let first = chain.needed().first().map(|item| item.row.left_out.clone());
        groups.entry(first.unwrap_or_default()).or_default().push(chain);
    }
    let groups = groups.into_values().flat_map(|chains| by_partition(chains, layout));
    groups.flat_map(by_size).map(Unit).collect()
}

fn by_size(chains: Vec<Chain<Item<'_>>>) -> Vec<Vec<Chain<Item<'_>>>> {
    let (mut units, mut rows, mut bytes) = (vec![Vec::new()], 0, 0);
    for chain in chains {
        let (writes, size) = chain.size();
        if rows > 0 && (rows + writes > INSERT_ROWS_MAX || bytes + size > INSERT_BYTES_MAX) {
            units.push(Vec::new());
            (rows, bytes) = (0, 0);
        }
        (rows, bytes) = (rows + writes, bytes + size);
        if let Some(unit) = units.last_mut() {
            unit.push(chain);
        }
    }
    units
}

/// Where partitions are plain columns, as many of them as an insert may have.
fn by_partition<'w>(mut chains: Vec<Chain<Item<'w>>>, layout: &Layout) -> Vec<Vec<Chain<Item<'w>>>> {
    let max = layout
        .info
        .partitions_max()
        .filter(|_| layout.keys.partition_is_plain && !layout.keys.partition.is_empty());
    let Some(max) = max else { return vec![chains] };
    let mut distinct: HashSet<Vec<u8>> = HashSet::new();
    for item in chains.iter_mut().flat_map(Chain::needed) {
        if !distinct.contains(&item.row.partition) {
            distinct.insert(item.row.partition.clone());
        }
    }
    if distinct.len() <= max {
        return vec![chains];
    }
    chains.sort_by_cached_key(partition);
    let (mut units, mut distinct) = (vec![Vec::new()], HashSet::new());
    for mut chain in chains {
        let own: HashSet<_> = chain.needed().iter().map(|item| item.row.partition.clone()).collect();
        if !distinct.is_empty() && distinct.union(&own).count() > max {
            units.push(Vec::new());
            distinct.clear();
        }
        distinct.extend(own);
        if let Some(unit) = units.last_mut() {
            unit.push(chain);
        }
    }
    units
}

/// What the partition of the first row is computed of.
fn partition(chain: &Chain<Item<'_>>) -> Vec<u8> {
    let first = chain
        .head()
        .and_then(|mut head| Some(head.needed().first()?.row.partition.clone()));
    first.unwrap_or_default()
}

impl Unit<'_> {
    /// Two units, divided so that what is of one partition is together.
    pub(super) fn halves(mut self) -> [Self; 2] {
        self.0.sort_by_cached_key(partition);
        let second = self.0.split_off(self.0.len() / 2);
        // The first one is taken from the end.
        [Self(second), self]
    }

    /// Which id the row at this place of the insert is of.
    pub(super) fn position(&mut self, row: usize) -> Option<usize> {
        let needed = self.0.iter_mut().enumerate();
        let rows = needed.flat_map(|(place, chain)| {
            chain
                .needed()
                .into_iter()
                .map(move |item| (place, item.place()))
                .collect::<Vec<_>>()
        });
        rows.map(|(place, _)| place).nth(row)
    }
}

/// Rows by the columns that they leave out, in their order.
pub(super) fn by_columns(items: Vec<Item<'_>>) -> Vec<Vec<Item<'_>>> {
    let (mut groups, mut known): (Vec<Vec<Item<'_>>>, HashMap<Vec<usize>, usize>) = (Vec::new(), HashMap::new());
    for item in items {
        let group = match known.get(&item.row.left_out) {
            Some(group) => *group,
            None => {
                known.insert(item.row.left_out.clone(), groups.len());
                groups.push(Vec::new());
                groups.len() - 1
            }
        };
        groups[group].push(item);
    }
    groups
}
