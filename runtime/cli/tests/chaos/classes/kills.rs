//! `kill -9` of a webhook process, a sink process, or one that is both, at a random moment under load.

use std::{sync::Arc, thread, time::Instant};

use danube_wasm_trials::Row;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, fresh, settle},
    counters::{self, Target},
    dice::Dice,
    load::Load,
    oracle::{Oracle, ids},
    site::{Layout, Part, Site},
};

pub const SOURCE: Class = Class {
    name: "kill -9 of a source",
    trials: [2, 20, 300],
    begin: || Ok(Box::new(Kills::of(Victim::Source))),
};

pub const SINK: Class = Class {
    name: "kill -9 of a sink",
    trials: [2, 20, 300],
    begin: || Ok(Box::new(Kills::of(Victim::Sink))),
};

pub const BOTH: Class = Class {
    name: "kill -9 of source and sink at once",
    trials: [1, 10, 100],
    begin: || Ok(Box::new(Kills::of(Victim::Both))),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Source,
    Sink,
    Both,
}

/// Senders of one trial.
const SENDERS: usize = 8;
/// Longest time under load before the kill.
const LOAD_MS: u64 = 600;
/// Events after which a new site is quicker than reading the old one's rows.
const ROWS_MAX: usize = 8_000;

struct Kills {
    victim: Victim,
    oracle: Arc<Oracle>,
    source: Part,
    sink: Part,
    // Last: the processes end before their broker.
    _site: Site,
}

impl Kills {
    fn of(victim: Victim) -> Self {
        let site = Site::new(Layout::default());
        let (mut source, mut sink) = (site.source("source"), site.sink("0"));
        // Danube's topics are made by their first producer.
        source.start();
        sink.start();
        Self {
            victim,
            oracle: Arc::default(),
            source,
            sink,
            _site: site,
        }
    }
}

impl Trial for Kills {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let before = self.oracle.owed_count();
        let load = Load::start(&self.oracle, &self.source.address, SENDERS);
        checker::until("events are acknowledged", || match self.oracle.owed_count() > before {
            true => Ok(()),
            false => Err("none is".to_owned()),
        })?;
        thread::park_timeout(dice.within_ms(LOAD_MS));
        let in_flight = self.oracle.unanswered() as u64;
        if self.victim != Victim::Sink {
            self.source.kill();
        }
        if self.victim != Victim::Source {
            self.sink.kill();
        }
        // Owed before the dead database is read: what is owed later does not count as unwritten at the kill.
        let owed = self.oracle.owed();
        let stored = ids(&self.sink.rows());
        let unwritten = owed.difference(&stored).count() as u64;
        let gaps = match self.victim {
            Victim::Source => Vec::new(),
            Victim::Sink | Victim::Both => self.oracle.gaps(&stored, &stored),
        };
        let end = Instant::now();
        if self.victim != Victim::Source {
            self.sink.start();
        }
        if self.victim != Victim::Sink {
            self.source.start();
        }
        checker::revived(row, end, stored.len(), || self.sink.rows())?;
        load.stop();
        settle(&self.oracle, || self.sink.rows())?;
        fresh(&self.oracle, &self.source.address.read().clone(), || self.sink.rows())?;
        if let Some(gap) = gaps.first() {
            return Err(format!("the order of a key was broken when the sink died: {gap}"));
        }
        counters::unmoved([&self.source, &self.sink].map(Part::running), Target::Fine)?;
        row.note("events", (self.oracle.owed_count() - before) as u64);
        row.note("in flight at the kill", in_flight);
        row.note("owed and unwritten at the kill", unwritten);
        let exposed = match self.victim {
            Victim::Source => in_flight,
            Victim::Sink | Victim::Both => unwritten,
        };
        match exposed {
            0 => Ok(Verdict::Discarded("nothing was under way")),
            _ => Ok(Verdict::Passed),
        }
    }

    fn is_worn(&self) -> bool {
        self.oracle.owed_count() > ROWS_MAX
    }
}
