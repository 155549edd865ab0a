//! Two webhook processes and three sinks on one subscription: one sink is killed under load and replaced under its name.
//! Each sink has a database of its own, so that it can be seen what went where; or all write to one table of a server.

use std::{collections::BTreeSet, sync::Arc, thread};

use danube_wasm_trials::Row;
use serde_json::Value;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, fresh, settle},
    counters::{self, Target},
    dice::Dice,
    load::Load,
    oracle::{Id, Oracle, ids},
    site::{self, Database, Layout, Part, Site},
};

pub const SHARED: Class = Class {
    name: "kill -9 of one of three, Shared",
    trials: [1, 10, 100],
    begin: || Ok(Box::new(Group::of("Shared"))),
};

pub const KEY_SHARED: Class = Class {
    name: "kill -9 of one of three, KeyShared",
    trials: [1, 10, 100],
    begin: || Ok(Box::new(Group::of("KeyShared"))),
};

pub const SHARED_ONE_TABLE: Class = Class {
    name: "kill -9 of one of three, Shared, one table",
    trials: [1, 10, 100],
    begin: || on_one_table("Shared"),
};

pub const KEY_SHARED_ONE_TABLE: Class = Class {
    name: "kill -9 of one of three, KeyShared, one table",
    trials: [1, 10, 100],
    begin: || on_one_table("KeyShared"),
};

fn on_one_table(subscription_type: &'static str) -> Result<Box<dyn Trial>, &'static str> {
    let server = site::database_server()?;
    let name = format!("group_{:x}", rand::random::<u64>());
    let layout = Layout {
        subscription_type,
        database: Some(Database::direct(server, name)),
        ..Layout::default()
    };
    Ok(Box::new(Group::on(layout, SOURCES)))
}

/// Webhook processes.
const SOURCES: usize = 2;
/// Senders of each webhook process.
const SENDERS: usize = 6;
const ROWS_MAX: usize = 8_000;

/// Webhook processes and three sinks on one subscription.
pub struct Group {
    keeps_order: bool,
    pub oracle: Arc<Oracle>,
    sources: Vec<Part>,
    sinks: [Part; 3],
    one_table: bool,
    // Last: the processes end before their broker.
    site: Site,
}

impl Group {
    fn of(subscription_type: &'static str) -> Self {
        let layout = Layout {
            subscription_type,
            ..Layout::default()
        };
        Self::on(layout, SOURCES)
    }

    pub fn on(layout: Layout, sources: usize) -> Self {
        let (subscription_type, one_table) = (layout.subscription_type, layout.database.is_some());
        let site = Site::new(layout);
        // Danube's topics are made by their first producer.
        let mut sources: Vec<Part> = (0..sources).map(|n| site.source(&format!("source-{n}"))).collect();
        sources.iter_mut().for_each(Part::start);
        let mut sinks = ["0", "1", "2"].map(|slot| site.sink(slot));
        sinks.iter_mut().for_each(Part::start);
        Self {
            keeps_order: subscription_type != "Shared",
            oracle: Arc::default(),
            sources,
            sinks,
            one_table,
            site,
        }
    }

    /// Senders at every webhook process, once they are at work.
    pub fn load(&self) -> Result<Vec<Load>, String> {
        let before = self.oracle.owed_count();
        let sources = self.sources.iter();
        let loads = sources.map(|source| Load::start(&self.oracle, &source.address, SENDERS));
        let loads = loads.collect();
        self.more_than(before + 50)?;
        Ok(loads)
    }

    /// Waits until more events than so many are acknowledged.
    pub fn more_than(&self, owed: usize) -> Result<(), String> {
        checker::until("events are acknowledged", || match self.oracle.owed_count() {
            now if now > owed => Ok(()),
            now => Err(format!("{now} of {owed} are")),
        })
    }

    /// What any of them has. What was written and not acknowledged at a kill comes to another: it may be in two.
    pub fn rows(&self) -> Vec<Value> {
        if self.one_table {
            return self.site.database_rows();
        }
        let mut seen: BTreeSet<Id> = BTreeSet::new();
        let rows = self.sinks.iter().flat_map(Part::rows);
        rows.filter(|row| row["amount"].as_u64().is_none_or(|id| seen.insert(id)))
            .collect()
    }

    /// In each database alone, too, nothing is doubled.
    fn doubled(&self) -> Option<String> {
        if self.one_table {
            // Seen where all rows are judged.
            return None;
        }
        let faults = |sink: &Part| self.oracle.faults(&sink.rows()).into_iter().next();
        self.sinks.iter().find_map(faults)
    }
}

impl Group {
    /// Everything owed is stored once, in the order of its key as far as that was so at these two moments after the fault.
    pub fn check(&self, at_first: &BTreeSet<Id>, later: &BTreeSet<Id>) -> Result<(), String> {
        settle(&self.oracle, || self.rows())?;
        fresh(&self.oracle, &self.sources[0].address.read().clone(), || self.rows())?;
        if let Some(fault) = self.doubled() {
            return Err(fault);
        }
        if self.keeps_order
            && let Some(gap) = self.oracle.gaps(at_first, later).first()
        {
            return Err(format!("the order of a key was broken by the fault: {gap}"));
        }
        let target = match self.one_table {
            // Writers to one table stand in each other's way.
            true => Target::Stalls,
            false => Target::Fine,
        };
        counters::unmoved(self.sources.iter().chain(&self.sinks).map(Part::running), target)
    }

    /// What the processes have logged.
    pub fn logs(&self) -> String {
        let parts = self.sources.iter().chain(&self.sinks);
        parts.map(|part| part.running().dump() + "---\n").collect()
    }
}

impl Trial for Group {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let before = self.oracle.owed_count();
        let loads = self.load()?;
        thread::park_timeout(dice.within_ms(500));
        let victim = usize::try_from(dice.between(0, 3)).expect("small");
        self.sinks[victim].kill();
        let (owed, in_flight) = (self.oracle.owed(), self.oracle.unanswered() as u64);
        // Twice, because three databases are not read at one instant.
        let (at_first, later) = (ids(&self.rows()), ids(&self.rows()));
        let unwritten = owed.difference(&at_first).count() as u64;
        self.sinks[victim].start();
        loads.into_iter().for_each(Load::stop);
        self.check(&at_first, &later)?;
        row.note("events", (self.oracle.owed_count() - before) as u64);
        row.note("in flight at the kill", in_flight);
        // Of all three, and read a while after the kill: others have taken over what the victim had.
        row.note("owed and unwritten after the kill", unwritten);
        match in_flight {
            0 => Ok(Verdict::Discarded("nothing was under way")),
            _ => Ok(Verdict::Passed),
        }
    }

    fn is_worn(&self) -> bool {
        self.oracle.owed_count() > ROWS_MAX
    }
}
