//! What a pull source may tell its upstream to forget, and in which order its records must be.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::Oracle;
use crate::parcel::{AtSource, Parcel};

impl Oracle {
    /// Whether nothing is lost when this event is forgotten, where refused data is skipped or not.
    pub fn is_kept(&self, parcel: Parcel, skips: bool) -> bool {
        let books = self.books.lock();
        match parcel.at_source {
            AtSource::Drop | AtSource::Answered => true,
            AtSource::Reject | AtSource::Invalid | AtSource::TooLarge if skips => true,
            AtSource::Reject | AtSource::Invalid | AtSource::TooLarge | AtSource::Trap | AtSource::Malformed => {
                books.letters.contains(&parcel.payload())
            }
            _ => books.is_durable(parcel),
        }
    }

    /// That the first records of these events, which are in the order of their stream, are in that order, too: all of
    /// them, or those of each key.
    pub fn in_order(&self, events: &[(Parcel, Option<Bytes>)], by_key: bool) {
        let mut books = self.books.lock();
        let mut last: BTreeMap<Option<Bytes>, (usize, u64)> = BTreeMap::new();
        let mut found = Vec::new();
        for (parcel, key) in events {
            // What several events made is where its first one was, or its last.
            let first = match parcel.at_source {
                AtSource::Merge => None,
                _ => parcel.records().and_then(|records| records.into_iter().next()),
            };
            let Some(place) = first.and_then(|record| Some(books.records.get(&record)?.place)) else {
                continue;
            };
            let order = key.clone().filter(|_| by_key);
            if let Some((before, number)) = last.insert(order, (place, parcel.number))
                && before > place
            {
                found.push(format!(
                    "e{} was published after e{number}, which is behind it in its stream",
                    parcel.number
                ));
            }
        }
        found.into_iter().for_each(|finding| books.violation(finding));
    }

    /// Events with a record or a letter, and records in the topic, with copies.
    pub fn pull_summary(&self) -> String {
        let books = self.books.lock();
        format!(
            "{} events, {} records, {} messages, {} letters",
            books.minted.len(),
            books.records.len(),
            books.messages.len(),
            books.letters.len()
        )
    }
}
