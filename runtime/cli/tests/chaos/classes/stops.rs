//! Processes that are told to stop, die again and again, freeze, or meet another of their name.

use std::{sync::Arc, thread, time::Duration};

use danube_wasm_trials::Row;
use serde_json::Value;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, fresh, settle},
    counters::{self, Target},
    dice::Dice,
    harness::{Pipeline, Setup},
    load::Load,
    oracle::{Oracle, ids},
    proxy::Weather,
    server::Kind,
    site::{Layout, Part, Site},
};

pub const CLEAN: Class = Class {
    name: "clean stop under load",
    trials: [1, 10, 100],
    begin: || Ok(Box::new(Stops::of(clean))),
};

pub const SECOND_SIGTERM: Class = Class {
    name: "second SIGTERM while draining",
    trials: [1, 5, 50],
    begin: || Ok(Box::new(Stops::of(second_sigterm))),
};

pub const CRASH_LOOP: Class = Class {
    name: "sink in a crash loop, 8 lives",
    trials: [1, 4, 20],
    begin: || Ok(Box::new(Stops::of(crash_loop))),
};

pub const FROZEN: Class = Class {
    name: "frozen past the ack timeout",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Stops::of(frozen))),
};

pub const TWO_OF_A_NAME: Class = Class {
    name: "two processes of one identity",
    trials: [1, 5, 50],
    begin: || Ok(Box::new(Stops::of(two_of_a_name))),
};

const SENDERS: usize = 6;
const ACK_TIMEOUT_SECS: u64 = 2;

struct Stops {
    site: Site,
    oracle: Arc<Oracle>,
    source: Part,
    sink: Part,
    trial: fn(&mut Self, &mut Dice, &mut Row) -> Checked,
}

impl Stops {
    fn of(trial: fn(&mut Self, &mut Dice, &mut Row) -> Checked) -> Self {
        let site = Site::new(Layout {
            broker: Kind::Own {
                ack_timeout_secs: ACK_TIMEOUT_SECS,
            },
            ..Layout::default()
        });
        let (mut source, mut sink) = (site.source("source"), site.sink("0"));
        // Danube's topics are made by their first producer.
        source.start();
        sink.start();
        Self {
            site,
            oracle: Arc::default(),
            source,
            sink,
            trial,
        }
    }

    /// Under load, at a random moment of it.
    fn load(&self, dice: &mut Dice) -> Result<Load, String> {
        let before = self.oracle.owed_count();
        let load = Load::start(&self.oracle, &self.source.address, SENDERS);
        checker::until("events are acknowledged", || match self.oracle.owed_count() > before {
            true => Ok(()),
            false => Err("none is".to_owned()),
        })?;
        thread::park_timeout(dice.within_ms(400));
        Ok(load)
    }

    fn settled(&self) -> Result<(), String> {
        settle(&self.oracle, || self.sink.rows())?;
        fresh(&self.oracle, &self.source.address.read().clone(), || self.sink.rows())?;
        counters::unmoved([&self.source, &self.sink].map(Part::running), Target::Fine)
    }
}

impl Trial for Stops {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        // A trial may leave another site behind.
        let oracle = self.oracle.clone();
        let before = oracle.owed_count();
        let judged = (self.trial)(self, dice, row)?;
        row.note("events", (oracle.owed_count() - before) as u64);
        Ok(judged)
    }

    fn is_worn(&self) -> bool {
        self.oracle.owed_count() > 8_000
    }
}

/// After a clean stop of both, what is stored and what is unread are together what was promised: nothing was published
/// and not answered, nothing written and not acknowledged, nothing acknowledged and not written.
fn clean(site: &mut Stops, dice: &mut Dice, row: &mut Row) -> Checked {
    let load = site.load(dice)?;
    site.source.stop();
    site.sink.stop();
    let (stored, unread) = (site.sink.rows().len() as u64, site.site.lag());
    let owed = site.oracle.owed_count() as u64;
    site.sink.start();
    site.source.start();
    load.stop();
    site.settled()?;
    row.note("unread at the stop", unread);
    match stored + unread == owed {
        true => Ok(Verdict::Passed),
        false => Err(format!("{owed} were promised, {stored} are stored and {unread} unread")),
    }
}

/// A drain that cannot end, because the broker swallows everything, is ended at once by a second signal.
fn second_sigterm(site: &mut Stops, dice: &mut Dice, row: &mut Row) -> Checked {
    let load = site.load(dice)?;
    site.site.broker_proxy.set(Weather::Swallow);
    checker::until("requests wait", || match site.oracle.unanswered() {
        SENDERS.. => Ok(()),
        n => Err(format!("{n} do")),
    })?;
    let mut victim = match dice.between(0, 2) {
        0 => site.source.take(),
        _ => site.sink.take(),
    };
    victim.signal("TERM");
    victim.until("it drains", |v| {
        v.log("stopping: finishing what is under way").is_some()
    });
    victim.signal("TERM");
    let status = victim.wait();
    let at_once = victim
        .log("told to stop a second time: ending at once; what is unfinished stays in the broker")
        .is_some();
    site.site.broker_proxy.set(Weather::Fair);
    for part in [&mut site.sink, &mut site.source] {
        if part.is_taken() {
            part.start();
        }
    }
    load.stop();
    site.settled()?;
    row.note("ended by the second signal", u64::from(at_once));
    match (at_once, status.code()) {
        (true, Some(1)) => Ok(Verdict::Passed),
        (false, Some(0)) => Ok(Verdict::Discarded("it had drained before the second signal")),
        _ => Err(format!("it ended with {status}:\n{}", victim.dump())),
    }
}

/// What is stored never shrinks, and grows in the end.
fn crash_loop(site: &mut Stops, dice: &mut Dice, row: &mut Row) -> Checked {
    let load = site.load(dice)?;
    let mut stored = ids(&site.sink.rows());
    for life in 0..8 {
        site.sink.kill();
        let now = ids(&site.sink.rows());
        if let Some(gone) = stored.difference(&now).next() {
            return Err(format!("event {gone} was stored, and is gone in life {life}"));
        }
        if let Some(gap) = site.oracle.gaps(&now, &now).first() {
            return Err(format!("life {life}: {gap}"));
        }
        stored = now;
        site.sink.start();
        thread::park_timeout(dice.within_ms(300));
    }
    load.stop();
    site.settled()?;
    row.note("lives", 8);
    Ok(Verdict::Passed)
}

/// A process that stands still for longer than the broker waits for acknowledgements, and goes on as if nothing were.
fn frozen(site: &mut Stops, dice: &mut Dice, row: &mut Row) -> Checked {
    let load = site.load(dice)?;
    let victim = match dice.between(0, 2) {
        0 => &site.source,
        _ => &site.sink,
    };
    victim.running().signal("STOP");
    let asleep = Duration::from_secs(ACK_TIMEOUT_SECS * 2) + dice.within_ms(1000);
    thread::park_timeout(asleep);
    victim.running().signal("CONT");
    load.stop();
    site.settled()?;
    row.note("ms frozen", asleep.as_millis() as u64);
    Ok(Verdict::Passed)
}

/// A second sink under the first one's name takes its place or shares the work, and when it is killed the first goes on.
/// A second process on one data directory refuses to start and harms nobody.
fn two_of_a_name(site: &mut Stops, dice: &mut Dice, row: &mut Row) -> Checked {
    let mut twin = site.site.sink_named("twin", "0");
    let load = site.load(dice)?;
    twin.start();
    thread::park_timeout(dice.within_ms(1000));
    let taken_over = !twin.rows().is_empty();
    load.stop();
    settle(&site.oracle, || both(&site.sink, &twin))?;
    let doubles = site.oracle.faults(&twin.rows());
    if let Some(fault) = doubles.first() {
        return Err(format!("in the twin's database: {fault}"));
    }
    twin.kill();
    fresh(&site.oracle, &site.source.address.read().clone(), || {
        both(&site.sink, &twin)
    })?;
    counters::unmoved([&site.source, &site.sink].map(Part::running), Target::Fine)?;
    one_data_directory(row)?;
    row.note("times the twin took over", u64::from(taken_over));
    // Some of the rows are in a database that ends with the twin: the site is done with.
    *site = Stops::of(two_of_a_name);
    Ok(Verdict::Passed)
}

/// What either has. Both may have written what was on its way when the name changed hands, each in a database of its own.
fn both(first: &Part, twin: &Part) -> Vec<Value> {
    let mut rows = first.rows();
    let here = ids(&rows);
    let only_there = |row: &Value| row["amount"].as_u64().is_none_or(|id| !here.contains(&id));
    rows.extend(twin.rows().into_iter().filter(only_there));
    rows
}

fn one_data_directory(row: &mut Row) -> Result<(), String> {
    let scratch = Setup::default().write();
    let first = scratch.start();
    let mut second = Pipeline::spawn(&scratch.file());
    let status = second.wait();
    let said = second.dump();
    if status.success() || !said.contains("in use") {
        return Err(format!(
            "a second process on one data directory ended with {status}:\n{said}"
        ));
    }
    let answer = first.post(&crate::oracle::payload(1));
    first.until("the first goes on", |_| scratch.rows() == 1);
    row.note("second processes refused", 1);
    first.stop();
    match answer.status {
        200 => Ok(()),
        other => Err(format!("the first process answered {other}")),
    }
}
