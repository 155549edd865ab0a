//! A process that reads from a real server, through a proxy: it is killed, frozen, or dies at a row of the crash table; the way
//! there refuses, swallows, is slow or is cut; the server is ended and started again; its own broker is away.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use danube_wasm_pipeline::failpoints::FailPoint;
use danube_wasm_trials::Row;
use serde_json::Value;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, settle},
    counters::{self, Target},
    dice::Dice,
    harness::texts,
    oracle::{Oracle, ids},
    proxy::{Proxy, Weather},
    site::{Layout, Part, Site, TOPIC},
    upstream::{
        Exporter, Kafka, Mosquitto, Postgres, Upstream,
        client::{Commits, commit_one},
    },
};

pub const MQTT: Class = Class {
    name: "mqtt: process, way or server fails",
    trials: [1, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(|_| Mosquitto::start()),
};

pub const POSTGRES: Class = Class {
    name: "postgres: process, way or server fails",
    trials: [1, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(|_| Postgres::start()),
};

pub const KAFKA: Class = Class {
    name: "kafka: process, way or server fails",
    trials: [0, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(Kafka::start),
};

pub const OTLP: Class = Class {
    name: "otlp: process or way fails",
    trials: [1, 2 * FAULTS, 20 * FAULTS],
    begin: || begin(Exporter::start),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Frozen,
    DiesAt(FailPoint),
    Way(Weather),
    /// Each connection ends in the middle of whatever was on it.
    Cut,
    ServerRestarted,
    BrokerAway,
}

const ALL: [Fault; 14] = [
    Fault::Killed,
    Fault::ServerRestarted,
    Fault::DiesAt(FailPoint::SourceTaken),
    Fault::Way(Weather::LoseAnswers),
    Fault::DiesAt(FailPoint::SourceHandedOver),
    Fault::Frozen,
    Fault::DiesAt(FailPoint::SourcePublished),
    Fault::Way(Weather::Swallow),
    Fault::DiesAt(FailPoint::SourceConfirmed),
    Fault::BrokerAway,
    Fault::Way(Weather::Refuse),
    Fault::Cut,
    Fault::Way(Weather::Delay(Duration::from_millis(20))),
    Fault::DiesAt(FailPoint::SourceDraining),
];
const FAULTS: u32 = ALL.len() as u32;

const SENDERS: usize = 3;
/// Longest time under load before the fault, and longest fault that has no length of its own.
const LOAD_MS: u64 = 500;
const FAULT_MS: u64 = 2_000;
/// Events after which a new site is quicker than reading the old one's rows.
const ROWS_MAX: usize = 8_000;

struct Behind<U> {
    oracle: Arc<Oracle>,
    source: Part,
    sink: Part,
    site: Site,
    proxy: Proxy,
    // Last: those who use it end before it.
    upstream: U,
}

fn begin<U: Upstream + 'static>(
    start: fn(SocketAddr) -> Result<U, &'static str>,
) -> Result<Box<dyn Trial>, &'static str> {
    let proxy = Proxy::start();
    let upstream = start(proxy.address())?;
    proxy.point_to(upstream.address());
    let site = Site::new(Layout::default());
    let schema = if U::HAS_SCHEMA {
        texts::payment_schema(TOPIC)
    } else {
        String::new()
    };
    let mut source = site.process("source", &(schema + &upstream.source(proxy.address(), TOPIC)));
    let mut sink = site.sink("0");
    source.start();
    source.running().until("it reads", |p| p.log(U::READS).is_some());
    sink.start();
    Ok(Box::new(Behind {
        oracle: Arc::default(),
        source,
        sink,
        site,
        proxy,
        upstream,
    }))
}

impl<U: Upstream> Behind<U> {
    fn fault(&mut self, fault: Fault, dice: &mut Dice) -> Result<bool, String> {
        match fault {
            Fault::Killed => {
                self.source.kill();
                self.source.start();
            }
            Fault::Frozen => {
                self.source.running().signal("STOP");
                thread::park_timeout(Duration::from_secs(2 * U::SILENCE_SECS) + dice.within_ms(1000));
                self.source.running().signal("CONT");
            }
            Fault::DiesAt(point) => return self.dies_at(point, dice),
            Fault::Way(weather) => {
                self.proxy.set(weather);
                thread::park_timeout(Duration::from_millis(200) + dice.within_ms(FAULT_MS));
                let met = self.proxy.met_anybody();
                self.proxy.set(Weather::Fair);
                return Ok(met);
            }
            Fault::Cut => self.proxy.cut(),
            Fault::ServerRestarted => return Ok(self.upstream.restart()),
            Fault::BrokerAway => {
                self.site.kill_broker();
                thread::park_timeout(dice.within_ms(FAULT_MS));
                self.site.start_broker();
            }
        }
        Ok(true)
    }

    /// The process is replaced by one that dies there, and that one by another.
    fn dies_at(&mut self, point: FailPoint, dice: &mut Dice) -> Result<bool, String> {
        if point == FailPoint::SourceConfirmed && !U::IS_CONFIRMED {
            return Ok(false);
        }
        self.source.kill();
        let nth = match point {
            FailPoint::SourceDraining => 1,
            _ => dice.between(1, 6),
        };
        let armed = format!("{}:{nth}", point.name());
        self.source.spawn_with(&[("DANUBE_WASM_FAILPOINT", &armed)]);
        if point == FailPoint::SourceDraining {
            self.source.wait_until_it_runs();
            self.source.running().signal("TERM");
        }
        let mut dead = self.source.take();
        let status = dead.wait();
        if status.success() {
            return Err(format!(
                "it ended with {status} instead of dying at {}:\n{}",
                point.name(),
                dead.dump()
            ));
        }
        drop(dead);
        self.source.start();
        Ok(true)
    }

    fn under_load(&mut self, fault: Fault, dice: &mut Dice, row: &mut Row) -> Checked {
        let before = self.oracle.owed_count();
        let commits = Commits::start(&self.oracle, &self.upstream, SENDERS);
        self.more_than(before + 20)?;
        thread::park_timeout(dice.within_ms(LOAD_MS));
        let met = self.fault(fault, dice)?;
        // Owed before the rows are read: what is owed later does not count as unwritten.
        let owed = self.oracle.owed();
        let stored = ids(&self.rows());
        let unwritten = owed.difference(&stored).count() as u64;
        let gaps = match U::KEEPS_ORDER {
            true => self.oracle.gaps(&stored, &stored),
            false => Vec::new(),
        };
        checker::until("events are stored again", || match self.rows().len() {
            now if now > stored.len() => Ok(()),
            now => Err(format!("{now} rows, as before")),
        })?;
        commits.stop();
        commit_one(&self.oracle, &self.upstream);
        settle(&self.oracle, || self.rows())?;
        if let Some(gap) = gaps.first() {
            return Err(format!("the order of a key was broken by the fault: {gap}"));
        }
        counters::unmoved([&self.source, &self.sink].map(Part::running), Target::Fine)?;
        row.note("events", (self.oracle.owed_count() - before) as u64);
        row.note("owed and unwritten after the fault", unwritten);
        match met {
            true => Ok(Verdict::Passed),
            false => Ok(Verdict::Discarded("nobody met it")),
        }
    }

    fn rows(&self) -> Vec<Value> {
        let rows = self.sink.rows().into_iter();
        rows.map(|row| self.upstream.event(row)).collect()
    }

    fn more_than(&self, owed: usize) -> Result<(), String> {
        checker::until("events are committed", || match self.oracle.owed_count() {
            now if now > owed => Ok(()),
            now => Err(format!("{now} of {owed} are")),
        })
    }
}

impl<U: Upstream> Trial for Behind<U> {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let fault = ALL[usize::try_from(dice.between(0, FAULTS.into())).expect("small")];
        let checked = self.under_load(fault, dice, row);
        checked.map_err(|why| {
            let parts = [&self.source, &self.sink].into_iter().filter(|part| !part.is_taken());
            let logs: String = parts.map(|part| part.running().dump() + "\n---\n").collect();
            format!("{fault:?}: {why}\n{logs}")
        })
    }

    fn is_worn(&self) -> bool {
        self.oracle.owed_count() > ROWS_MAX
    }
}
