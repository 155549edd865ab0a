//! The books are closed: owed = delivered ∪ dead-lettered, and what can only be told at the end.

use std::collections::BTreeMap;

use super::{Books, Minted, Oracle, short};
use crate::parcel::{AtSink, AtSource, Parcel, at_sink, events_of};

impl Oracle {
    /// After everything has come to rest.
    pub fn close(&self) {
        let mut books = self.books.lock();
        let undone: Vec<_> = books
            .records
            .keys()
            .filter(|record| !books.is_done(record, &self.rules))
            .map(|record| {
                format!(
                    "{} ({:?}) is neither delivered nor dead",
                    short(record),
                    at_sink(record)
                )
            })
            .collect();
        let lost: Vec<_> = books
            .minted
            .values()
            .filter(|minted| minted.accepted && !books.is_durable(minted.parcel))
            .map(|minted| format!("{:?} was accepted and is not there", minted.parcel))
            .collect();
        let findings = [undone, lost, books.in_part(), books.out_of_order(), books.stale()].concat();
        findings.into_iter().for_each(|finding| books.violation(finding));
    }

    /// Events, settled ones, records, rows, letters: that a run was not about nothing.
    pub fn summary(&self) -> String {
        let books = self.books.lock();
        let settled = books.minted.values().filter(|minted| minted.settled).count();
        format!(
            "{} events, {settled} settled, {} records, {} messages, {} rows, {} letters",
            books.minted.len(),
            books.records.len(),
            books.messages.len(),
            books.rows.len(),
            books.letters.len()
        )
    }
}

impl Books {
    /// Events of which some records are there and others are not.
    fn in_part(&self) -> Vec<String> {
        let in_part = |parcel: &Parcel| {
            let records = parcel.records().unwrap_or_default();
            let there = records
                .iter()
                .filter(|record| self.records.contains_key(*record))
                .count();
            there > 0 && there < records.len()
        };
        self.minted
            .values()
            .map(|minted| minted.parcel)
            .filter(in_part)
            .map(|parcel| format!("only a part of {parcel:?} was published"))
            .collect()
    }

    /// Rows that keep the newest record and have one that was accepted before another of theirs was offered, which was
    /// accepted, too.
    fn stale(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (id, record) in &self.states {
            let Some(there) = Parcel::parse(record).and_then(|parcel| self.minted.get(&parcel.number)) else {
                continue;
            };
            let is_newer = |other: &&Minted| {
                let Parcel { at_source, at_sink, .. } = other.parcel;
                let is_plain = matches!(at_source, AtSource::Plain | AtSource::Flaky | AtSource::Later);
                let begun = other.offers.first().map_or(0, |(_, offer)| *offer);
                is_plain
                    && at_sink == AtSink::Plain
                    && other.parcel.state() == *id
                    && other.accepted
                    && there.accepted
                    && begun > there.accepted_at
            };
            if let Some(newer) = self.minted.values().find(is_newer) {
                found.push(format!(
                    "{id} is e{}'s, which was accepted before e{} was offered",
                    there.parcel.number, newer.parcel.number
                ));
            }
        }
        found
    }

    /// Events of one key that were offered in order, each once, to one start of the source, and accepted, but whose
    /// records are not in order.
    fn out_of_order(&self) -> Vec<String> {
        let mut lanes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (text, record) in &self.records {
            let Some((events, 0)) = events_of(text) else { continue };
            let Some(minted) = self.minted.get(&events[0].number) else {
                continue;
            };
            let (Some(key), [(start, offer)]) = (&minted.key, &minted.offers[..]) else {
                continue;
            };
            if minted.accepted && minted.parcel.at_source != AtSource::Merge {
                let lane = lanes.entry((*start, key.clone())).or_default();
                lane.push((*offer, record.place, minted.parcel.number));
            }
        }
        let mut found = Vec::new();
        for lane in lanes.values_mut() {
            lane.sort_unstable();
            for pair in lane.windows(2).filter(|pair| pair[0].1 > pair[1].1) {
                found.push(format!(
                    "e{} was published after e{}, which was offered later",
                    pair[0].2, pair[1].2
                ));
            }
        }
        found
    }
}
