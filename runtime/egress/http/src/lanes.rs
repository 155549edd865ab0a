//! Which writes of a call must follow each other: those of one document, and those of one key.

use std::collections::HashMap;

use bytes::Bytes;
use danube_wasm_model::door::Write;

/// Places of writes that follow each other, for each such group, in their order.
pub(crate) fn lanes<'w>(writes: impl Iterator<Item = (usize, &'w Write)>) -> Vec<Vec<usize>> {
    let mut lanes = Lanes::default();
    for (place, write) in writes {
        lanes.add(place, write);
    }
    lanes.lanes.retain(|lane| !lane.is_empty());
    lanes.lanes
}

#[derive(Default)]
struct Lanes<'w> {
    lanes: Vec<Vec<usize>>,
    /// Where a lane has become part of another.
    merged_into: Vec<usize>,
    keys: HashMap<&'w Bytes, usize>,
    ids: HashMap<&'w str, usize>,
}

impl<'w> Lanes<'w> {
    fn add(&mut self, place: usize, write: &'w Write) {
        let of_key = write.key.as_ref().and_then(|key| self.keys.get(key).copied());
        let of_id = self.ids.get(write.id.as_str()).copied();
        let lane = match (of_key.map(|lane| self.root(lane)), of_id.map(|lane| self.root(lane))) {
            (Some(one), Some(other)) => self.merge(one, other),
            (Some(lane), None) | (None, Some(lane)) => lane,
            (None, None) => {
                self.lanes.push(Vec::new());
                self.merged_into.push(self.lanes.len() - 1);
                self.lanes.len() - 1
            }
        };
        self.lanes[lane].push(place);
        self.ids.insert(&write.id, lane);
        if let Some(key) = &write.key {
            self.keys.insert(key, lane);
        }
    }

    fn root(&self, mut lane: usize) -> usize {
        while self.merged_into[lane] != lane {
            lane = self.merged_into[lane];
        }
        lane
    }

    fn merge(&mut self, one: usize, other: usize) -> usize {
        if one != other {
            let places = std::mem::take(&mut self.lanes[other]);
            self.lanes[one].extend(places);
            self.lanes[one].sort_unstable();
            self.merged_into[other] = one;
        }
        one
    }
}

#[cfg(test)]
mod tests {
    use danube_wasm_model::message::Operation;

    use super::*;

    fn write(id: &str, key: Option<&str>) -> Write {
        Write {
            target: "orders".into(),
            id: id.to_owned(),
            operation: Operation::Insert,
            order: 0,
            record: None,
            body: "{}".into(),
            types: None,
            key: key.map(|key| key.to_owned().into()),
            redelivered: false,
        }
    }

    #[test]
    fn writes_of_a_key_or_a_document_follow_each_other() {
        let writes = [
            write("a", None),
            write("b", Some("k")),
            write("c", Some("l")),
            write("a", None),
            write("d", Some("k")),
            write("c", Some("k")),
            write("e", Some("l")),
            write("f", None),
        ];
        assert_eq!(
            lanes(writes.iter().enumerate()),
            [vec![0, 3], vec![1, 2, 4, 5, 6], vec![7]]
        );
    }
}
