//! The broker, or the way to it, fails under load: killed, refusing, swallowing, slow. With spools senders notice
//! nothing; without they are told 503 and try again. Either way nothing is lost, doubled or out of order.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use danube_wasm_ledger::Row;

use super::{Class, Trial};
use crate::{
    dice::Dice,
    judge::{self, Judged, Verdict, fresh, settle},
    load::Load,
    oracle::Oracle,
    proxy::Weather,
    site::{Layout, Part, Site},
};

pub const KILLED: Class = Class {
    name: "broker killed, back in 1 to 15 s",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Broken::by(Fault::Killed))),
};

pub const REFUSED: Class = Class {
    name: "broker refuses connections",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Broken::by(Fault::Refused))),
};

pub const BLACK_HOLE: Class = Class {
    name: "way to the broker swallows all",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Broken::by(Fault::Swallowed))),
};

pub const SLOW: Class = Class {
    name: "way to the broker is slow",
    trials: [1, 4, 40],
    begin: || Ok(Box::new(Broken::by(Fault::Slow))),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Refused,
    Swallowed,
    Slow,
}

struct Broken {
    fault: Fault,
    trial: usize,
}

impl Broken {
    fn by(fault: Fault) -> Self {
        Self { fault, trial: 0 }
    }
}

/// Of the broker's absence, in turn.
const AWAY_SECS: [u64; 3] = [1, 5, 15];

impl Trial for Broken {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Judged {
        let spools = self.trial.is_multiple_of(2);
        let away = Duration::from_secs(AWAY_SECS[self.trial / 2 % AWAY_SECS.len()]);
        self.trial += 1;
        let mut ground = Ground::new(spools);
        let judged = ground.run(self.fault, away, dice, row);
        judged.map_err(|why| {
            format!(
                "{} spools, away for {away:?}: {why}",
                if spools { "with" } else { "without" }
            )
        })
    }
}

struct Ground {
    oracle: Arc<Oracle>,
    source: Part,
    sink: Part,
    spools: bool,
    site: Site,
}

impl Ground {
    fn new(spools: bool) -> Self {
        let site = Site::new(Layout {
            spools,
            ..Layout::default()
        });
        let (mut source, mut sink) = (site.source("source"), site.sink("0"));
        // Danube's topics are made by their first producer.
        source.start();
        sink.start();
        Self {
            oracle: Arc::default(),
            source,
            sink,
            spools,
            site,
        }
    }

    fn run(&mut self, fault: Fault, away: Duration, dice: &mut Dice, row: &mut Row) -> Judged {
        let load = Load::start(&self.oracle, &self.source.address, 4);
        self.more(50)?;
        thread::park_timeout(dice.within_ms(500));
        match fault {
            Fault::Killed => self.site.kill_broker(),
            Fault::Refused => self.site.broker_proxy.set(Weather::Refuse),
            Fault::Swallowed => self.site.broker_proxy.set(Weather::Swallow),
            Fault::Slow => self
                .site
                .broker_proxy
                .set(Weather::Delay(Duration::from_millis(dice.between(1, 60)))),
        }
        if self.spools || fault == Fault::Slow {
            // Senders notice nothing.
            self.more(50)?;
        }
        thread::park_timeout(away);
        match fault {
            Fault::Killed => self.site.start_broker(),
            _ => self.site.broker_proxy.set(Weather::Fair),
        }
        let back = Instant::now();
        let refused = self.oracle.refused();
        load.stop();
        fresh(&self.oracle, &self.source.address.read().clone(), || self.sink.rows())?;
        row.note(
            "ms until a fresh event arrived, in all",
            back.elapsed().as_millis() as u64,
        );
        settle(&self.oracle, || self.sink.rows())?;
        row.note("events", self.oracle.owed_count() as u64);
        row.note("answered 503", refused as u64);
        Ok(Verdict::Passed)
    }

    fn more(&self, n: usize) -> Result<(), String> {
        let enough = self.oracle.owed_count() + n;
        judge::until("events are acknowledged", || match self.oracle.owed_count() {
            owed if owed >= enough => Ok(()),
            owed => Err(format!("{owed} of {enough}")),
        })
    }
}
