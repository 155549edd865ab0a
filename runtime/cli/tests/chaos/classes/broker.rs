//! The broker, or the way to it, fails under load: killed, refusing, swallowing, slow, cut, losing its answers. With spools
//! senders notice nothing; without they are told 503 and try again. Either way nothing is lost, doubled or out of order.

use std::{
    collections::BTreeSet,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use danube_wasm_trials::Row;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, settle},
    counters,
    dice::Dice,
    load::Load,
    oracle::{Id, Oracle, ids},
    proxy::Weather,
    server::{self, Kind},
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

pub const CUT_WITHIN: Class = Class {
    name: "way to the broker is cut within a publish",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Broken::by(Fault::CutWithin))),
};

pub const REPLY_LOST: Class = Class {
    name: "broker commits, its reply is lost",
    trials: [1, 6, 60],
    begin: || Ok(Box::new(Broken::by(Fault::ReplyLost))),
};

pub const DANUBE_KILLED: Class = Class {
    name: "Danube killed, back in 1 to 15 s",
    trials: [1, 6, 60],
    begin: || on_danube(Fault::Killed),
};

pub const DANUBE_REFUSED: Class = Class {
    name: "Danube refuses connections",
    trials: [1, 6, 60],
    begin: || on_danube(Fault::Refused),
};

pub const DANUBE_BLACK_HOLE: Class = Class {
    name: "way to Danube swallows all",
    trials: [1, 6, 60],
    begin: || on_danube(Fault::Swallowed),
};

fn on_danube(fault: Fault) -> Result<Box<dyn Trial>, &'static str> {
    let broker = server::danube()?;
    Ok(Box::new(Broken {
        fault,
        broker,
        trial: 0,
    }))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Refused,
    Swallowed,
    Slow,
    CutWithin,
    ReplyLost,
}

struct Broken {
    fault: Fault,
    broker: Kind,
    trial: usize,
}

impl Broken {
    fn by(fault: Fault) -> Self {
        Self {
            fault,
            broker: Layout::default().broker,
            trial: 0,
        }
    }
}

/// For one fresh event.
const DEADLINE: Duration = Duration::from_secs(5);
/// After which Danube has nothing more to give: above its ack timeout of 30 s.
const QUIET: Duration = Duration::from_secs(40);
/// Without spools, senders know by then that the broker is away: twice what a record waits for it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Of the broker's absence, in turn.
const AWAY_SECS: [u64; 3] = [1, 5, 15];

impl Trial for Broken {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let spools = self.trial.is_multiple_of(2);
        let away = Duration::from_secs(AWAY_SECS[self.trial / 2 % AWAY_SECS.len()]);
        self.trial += 1;
        let mut ground = Ground::new(spools, self.broker.clone());
        let judged = ground.run(self.fault, away, dice, row);
        judged.map_err(|why| {
            let logs = [&ground.source, &ground.sink].map(|part| part.running().dump());
            format!(
                "{} spools, away for {away:?}: {why}\n{}",
                if spools { "with" } else { "without" },
                logs.join("\n---\n")
            )
        })
    }
}

struct Ground {
    oracle: Arc<Oracle>,
    source: Part,
    sink: Part,
    spools: bool,
    danube: bool,
    site: Site,
}

impl Ground {
    fn new(spools: bool, broker: Kind) -> Self {
        let danube = matches!(broker, Kind::Danube(_));
        let subscription_type = match danube {
            false => "KeyShared",
            // 0.15.1 delivers nothing on KeyShared while acknowledgements are outstanding.
            true => "Shared",
        };
        let site = Site::new(Layout {
            spools,
            broker,
            subscription_type,
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
            danube,
            site,
        }
    }

    fn run(&mut self, fault: Fault, away: Duration, dice: &mut Dice, row: &mut Row) -> Checked {
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
            Fault::CutWithin => self.site.broker_proxy.set(Weather::CutWithin),
            Fault::ReplyLost => self.site.broker_proxy.set(Weather::LoseAnswers),
        }
        if self.spools || fault == Fault::Slow {
            // Senders notice nothing.
            self.more(50)?;
        }
        thread::park_timeout(away);
        let stored = ids(&self.sink.rows()).len();
        let committed = self.site.broker_proxy.published();
        match fault {
            Fault::Killed => self.site.start_broker(),
            _ => self.site.broker_proxy.set(Weather::Fair),
        }
        let back = Instant::now();
        let refused = self.oracle.refused();
        if !self.spools && fault != Fault::Slow && away > ANSWERED_WITHIN && refused == 0 {
            return Err("no sender was told 503 while the broker was away".to_owned());
        }
        checker::revived(row, back, stored, || self.sink.rows())?;
        load.stop();
        self.alive()?;
        let alive = back.elapsed().as_millis() as u64;
        row.note("ms until a fresh event was stored, in all", alive);
        row.note_max("ms at most", alive);
        if self.danube && !self.spools && fault == Fault::Killed {
            self.blame(row)?;
        }
        settle(&self.oracle, || self.sink.rows()).map_err(|why| format!("{why}{}", self.on_the_wire()))?;
        counters::check(&self.oracle, &self.source, &[&self.sink], counters::Target::Fine)?;
        row.note("events", self.oracle.owed_count() as u64);
        row.note("answered 503", refused as u64);
        match fault {
            Fault::ReplyLost => row.note("whose commit was not answered", committed as u64),
            Fault::CutWithin => row.note("cut within", committed as u64),
            Fault::Killed | Fault::Refused | Fault::Swallowed | Fault::Slow => return Ok(Verdict::Passed),
        }
        match committed {
            0 => Ok(Verdict::Discarded("nothing was published meanwhile")),
            _ => Ok(Verdict::Passed),
        }
    }

    /// Without spools a Danube that is killed loses what it has acknowledged and not written, and its subscriptions skip
    /// what takes the places of that. To blame it takes both, read off the wire: its acknowledgement, and that it never
    /// delivered the event.
    fn blame(&self, row: &mut Row) -> Result<(), String> {
        let missing = checker::missing(&self.oracle.owed(), || self.sink.rows(), QUIET);
        let (acknowledged, delivered) = (self.site.broker_proxy.answered(), self.site.broker_proxy.delivered());
        if let Some(id) = missing.difference(&acknowledged).next() {
            return Err(format!(
                "event {id} was answered 200 and the broker had not acknowledged it"
            ));
        }
        if let Some(id) = missing.intersection(&delivered).next() {
            return Err(format!("event {id} was delivered and is not stored"));
        }
        row.note("lost by Danube", missing.len() as u64);
        self.oracle.forgive(&missing);
        Ok(())
    }

    /// What the way to the broker saw of events that are not stored.
    fn on_the_wire(&self) -> String {
        let missing = checker::missing(&self.oracle.owed(), || self.sink.rows(), Duration::ZERO);
        let of_them = |seen: BTreeSet<Id>| missing.intersection(&seen).count();
        let (acknowledged, delivered) = (self.site.broker_proxy.answered(), self.site.broker_proxy.delivered());
        format!(
            "; the broker acknowledged {} of these {} and delivered {}",
            of_them(acknowledged),
            missing.len(),
            of_them(delivered)
        )
    }

    /// One of several fresh events is stored: each may be one that Danube skips.
    fn alive(&self) -> Result<(), String> {
        let address = self.source.address.read().clone();
        checker::until("a fresh event is stored", || {
            let id = checker::post(&self.oracle, &address)?;
            let posted = Instant::now();
            while posted.elapsed() < DEADLINE {
                if ids(&self.sink.rows()).contains(&id) {
                    return Ok(());
                }
                thread::park_timeout(Duration::from_millis(100));
            }
            Err(format!("event {id} is not"))
        })
    }

    fn more(&self, n: usize) -> Result<(), String> {
        let enough = self.oracle.owed_count() + n;
        checker::until("events are acknowledged", || match self.oracle.owed_count() {
            owed if owed >= enough => Ok(()),
            owed => Err(format!("{owed} of {enough}")),
        })
    }
}
