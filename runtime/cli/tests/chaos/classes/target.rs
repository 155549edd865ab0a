//! Two processes of a sink that write to a real server through a proxy, under load: the way there refuses, swallows, is slow, is cut
//! within a request or loses the answer to what was done, for moments and for longer than the broker waits; a process is killed
//! or dies at a row of the crash table; the server is killed.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use danube_wasm_pipeline::failpoints::FailPoint;
use danube_wasm_trials::Row;
use serde_json::Value;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, fresh, settle},
    counters,
    dice::Dice,
    load::Load,
    oracle::{Id, Oracle, ids, sender_of},
    proxy::{Proxy, Weather},
    server::Kind,
    site::{Layout, Part, Site, TOPIC},
    targets::{ClickHouse, Delta, Qdrant, Receiver, Target},
};

pub const HTTP: Class = Class {
    name: "http: way, process or receiver fails",
    trials: [1, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(Receiver::start),
};

pub const CLICKHOUSE: Class = Class {
    name: "clickhouse: way, process or server fails",
    trials: [0, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(ClickHouse::start),
};

pub const QDRANT: Class = Class {
    name: "qdrant: way, process or server fails",
    trials: [1, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(Qdrant::start),
};

pub const DELTA: Class = Class {
    name: "delta: way, process or store fails",
    trials: [0, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(Delta::start),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Way(Weather),
    LongGone,
    Killed,
    DiesAt(FailPoint),
    ServerKilled,
}

const ALL: [Fault; 12] = [
    Fault::Way(Weather::LoseAnswers),
    Fault::Killed,
    Fault::Way(Weather::CutWithin),
    Fault::DiesAt(FailPoint::SinkWritten),
    Fault::Way(Weather::Swallow),
    Fault::ServerKilled,
    Fault::DiesAt(FailPoint::SinkProcessed),
    Fault::Way(Weather::Refuse),
    Fault::LongGone,
    Fault::DiesAt(FailPoint::SinkAcknowledged),
    Fault::Way(Weather::Delay(Duration::from_millis(20))),
    Fault::DiesAt(FailPoint::SinkRead),
];
const FAULTS: u32 = ALL.len() as u32;

const SENDERS: usize = 4;
/// Between two events of a sender: some readers take seconds for what is there.
const PACE: Duration = Duration::from_millis(10);
const ACK_TIMEOUT_SECS: u64 = 4;
/// Longest time under load before the fault, and longest fault that has no length of its own.
const LOAD_MS: u64 = 500;
const FAULT_MS: u64 = 3_000;
/// Events after which a new site is quicker than reading the old one's rows.
const ROWS_MAX: usize = 8_000;

struct Before<T> {
    oracle: Arc<Oracle>,
    source: Part,
    sinks: [Part; 2],
    proxy: Proxy,
    // Last: those who use them end before them.
    _site: Site,
    target: T,
}

fn begin<T: Target + 'static>(start: fn() -> Result<T, &'static str>) -> Result<Box<dyn Trial>, &'static str> {
    let target = start()?;
    let proxy = Proxy::start();
    proxy.point_to(target.address());
    let site = Site::new(Layout {
        broker: Kind::Own {
            ack_timeout_secs: ACK_TIMEOUT_SECS,
        },
        ..Layout::default()
    });
    let mut source = site.source("source");
    source.start();
    let sink = target.sink(proxy.address(), TOPIC);
    let mut sinks = ["0", "1"].map(|slot| site.sink_to(slot, &sink));
    sinks.iter_mut().for_each(Part::start);
    Ok(Box::new(Before {
        oracle: Arc::default(),
        source,
        sinks,
        proxy,
        _site: site,
        target,
    }))
}

impl<T: Target> Before<T> {
    /// Whether anybody met it.
    fn fault(&mut self, fault: Fault, dice: &mut Dice) -> Result<bool, String> {
        let victim = usize::try_from(dice.between(0, 2)).expect("small");
        match fault {
            Fault::Way(weather) => {
                self.proxy.set(weather);
                thread::park_timeout(Duration::from_millis(200) + dice.within_ms(FAULT_MS));
            }
            Fault::LongGone => {
                self.proxy.set(Weather::Refuse);
                thread::park_timeout(Duration::from_secs(3 * ACK_TIMEOUT_SECS));
            }
            Fault::Killed => {
                self.sinks[victim].kill();
                self.sinks[victim].start();
                return Ok(true);
            }
            Fault::DiesAt(point) => {
                self.dies_at(victim, point, dice)?;
                return Ok(true);
            }
            Fault::ServerKilled => return Ok(self.target.restart()),
        }
        let met = self.proxy.met_anybody();
        self.proxy.set(Weather::Fair);
        Ok(met)
    }

    /// Both processes are replaced, one of them by one that dies there, and that one by another. It is alone until then: the few
    /// keys of a trial may all be the other's.
    fn dies_at(&mut self, victim: usize, point: FailPoint, dice: &mut Dice) -> Result<(), String> {
        self.sinks.iter_mut().for_each(Part::kill);
        let armed = format!("{}:{}", point.name(), dice.between(1, 4));
        self.sinks[victim].spawn_with(&[("DANUBE_WASM_FAILPOINT", &armed)]);
        let mut dead = self.sinks[victim].take();
        let status = dead.wait();
        if status.success() {
            let (name, log) = (point.name(), dead.dump());
            return Err(format!("it ended with {status} instead of dying at {name}:\n{log}"));
        }
        drop(dead);
        self.sinks.iter_mut().for_each(Part::start);
        Ok(())
    }

    fn under_load(&mut self, fault: Fault, dice: &mut Dice, row: &mut Row) -> Checked {
        let before = self.oracle.owed_count();
        let load = Load::paced(&self.oracle, &self.source.address, SENDERS, PACE);
        checker::until("events are acknowledged", || match self.oracle.owed_count() {
            now if now > before + 20 => Ok(()),
            now => Err(format!("{now} are")),
        })?;
        thread::park_timeout(dice.within_ms(LOAD_MS));
        let met = self.fault(fault, dice)?;
        // Owed before the rows are read: what is owed later does not count as unwritten.
        let owed = self.oracle.owed();
        let rows = self.target.rows();
        let stored = ids(&rows);
        let unwritten = owed.difference(&stored).count() as u64;
        checker::until("events are stored again", || match self.target.rows().len() {
            now if now > rows.len() => Ok(()),
            now => Err(format!("{now} rows, as before")),
        })?;
        load.stop();
        settle(&self.oracle, || self.target.rows())?;
        fresh(&self.oracle, &self.source.address.read().clone(), || self.target.rows())?;
        if let Some(late) = self.out_of_order() {
            return Err(late);
        }
        let processes = [&self.source, &self.sinks[0], &self.sinks[1]];
        counters::unmoved(processes.map(Part::running), counters::Target::Stalls)?;
        row.note("events", (self.oracle.owed_count() - before) as u64);
        row.note("owed and unwritten after the fault", unwritten);
        match met {
            true => Ok(Verdict::Passed),
            false => Ok(Verdict::Discarded("nobody met it")),
        }
    }

    /// Where what has an order has come in another one.
    fn out_of_order(&self) -> Option<String> {
        let mut last: BTreeMap<u64, Id> = BTreeMap::new();
        let arrived = self.target.arrivals()?;
        let numbers = arrived.iter().filter_map(|event: &Value| event["amount"].as_u64());
        numbers
            .filter_map(|id| {
                let before = last.insert(sender_of(id), id)?;
                (before > id).then(|| format!("event {id} came after {before}, which is of the same key"))
            })
            .next()
    }
}

impl<T: Target> Trial for Before<T> {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let fault = ALL[usize::try_from(dice.between(0, FAULTS.into())).expect("small")];
        let checked = self.under_load(fault, dice, row);
        checked.map_err(|why| {
            let parts = [&self.source, &self.sinks[0], &self.sinks[1]]
                .into_iter()
                .filter(|part| !part.is_taken());
            let logs: String = parts.map(|part| part.running().dump() + "\n---\n").collect();
            format!("{fault:?}: {why}\n{logs}")
        })
    }

    fn is_worn(&self) -> bool {
        self.oracle.owed_count() > ROWS_MAX
    }
}
