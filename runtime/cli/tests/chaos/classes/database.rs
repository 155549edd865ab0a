//! A real SurrealDB server, or the way to it, fails under load: refusing, swallowing, slow, cut within a statement, losing
//! the answer to what it has committed, gone for longer than the broker waits. Three sinks write to one table of it.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use danube_wasm_trials::Row;

use super::{Class, Trial};
use crate::{
    checker::{self, Checked, Verdict, fresh, settle},
    counters::{self, Target},
    dice::Dice,
    load::Load,
    oracle::{Oracle, ids},
    proxy::{Proxy, Weather},
    server::Kind,
    site::{self, Database, Layout, Part, Site},
};

pub const REFUSED: Class = Class {
    name: "database refuses connections",
    trials: [1, 6, 60],
    begin: || begin(Fault::Refused),
};

pub const BLACK_HOLE: Class = Class {
    name: "way to the database swallows all",
    trials: [1, 6, 60],
    begin: || begin(Fault::Swallowed),
};

pub const REPLY_LOST: Class = Class {
    name: "database commits, its reply is lost",
    trials: [1, 10, 100],
    begin: || begin(Fault::ReplyLost),
};

pub const CUT_WITHIN: Class = Class {
    name: "way to the database is cut within a statement",
    trials: [1, 6, 60],
    begin: || begin(Fault::CutWithin),
};

pub const SLOW: Class = Class {
    name: "way to the database is slow",
    trials: [1, 4, 40],
    begin: || begin(Fault::Slow),
};

pub const LONG_GONE: Class = Class {
    name: "database away past the ack timeout",
    trials: [1, 4, 40],
    begin: || begin(Fault::LongGone),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Refused,
    Swallowed,
    ReplyLost,
    CutWithin,
    Slow,
    LongGone,
}

struct Failing {
    fault: Fault,
    server: SocketAddr,
    trial: u64,
}

fn begin(fault: Fault) -> Result<Box<dyn Trial>, &'static str> {
    Ok(Box::new(Failing {
        fault,
        server: site::database_server()?,
        trial: 0,
    }))
}

const ACK_TIMEOUT_SECS: u64 = 2;

impl Trial for Failing {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let spools = self.trial.is_multiple_of(2);
        self.trial += 1;
        let proxy = Proxy::start();
        proxy.point_to(self.server);
        let site = Site::new(Layout {
            spools,
            subscription_type: "Shared",
            broker: Kind::Own {
                ack_timeout_secs: ACK_TIMEOUT_SECS,
            },
            database: Some(Database {
                url: format!("ws://{}", proxy.address()),
                true_url: format!("ws://{}", self.server),
                name: format!("chaos_{:x}", dice.seed()),
            }),
        });
        let mut source = site.source("source");
        let mut sinks = ["0", "1", "2"].map(|slot| site.sink(slot));
        // Danube's topics are made by their first producer.
        source.start();
        sinks.iter_mut().for_each(Part::start);
        let judged = under_load(self.fault, &proxy, &site, &source, &sinks, dice, row);
        judged.map_err(|why| {
            let logs: Vec<_> = sinks.iter().map(|sink| sink.running().dump()).collect();
            format!("{why}\n{}", logs.join("\n---\n"))
        })
    }
}

fn under_load(
    fault: Fault,
    proxy: &Proxy,
    site: &Site,
    source: &Part,
    sinks: &[Part],
    dice: &mut Dice,
    row: &mut Row,
) -> Checked {
    let oracle = Arc::new(Oracle::default());
    let load = Load::start(&oracle, &source.address, 4);
    checker::until("events are acknowledged", || match oracle.owed_count() {
        20.. => Ok(()),
        n => Err(format!("{n} are")),
    })?;
    thread::park_timeout(dice.within_ms(500));
    proxy.set(match fault {
        Fault::Refused | Fault::LongGone => Weather::Refuse,
        Fault::Swallowed => Weather::Swallow,
        Fault::ReplyLost => Weather::LoseAnswers,
        Fault::CutWithin => Weather::CutWithin,
        Fault::Slow => Weather::Delay(Duration::from_millis(dice.between(1, 60))),
    });
    thread::park_timeout(match fault {
        Fault::LongGone => Duration::from_secs(5 * ACK_TIMEOUT_SECS),
        _ => Duration::from_millis(200) + dice.within_ms(3000),
    });
    // Owed before the rows are read: what is owed later does not count as unwritten.
    let (owed, stored) = (oracle.owed(), ids(&site.database_rows()));
    let (met, unwritten) = (proxy.met_anybody(), owed.difference(&stored).count());
    proxy.set(Weather::Fair);
    let end = Instant::now();
    checker::revived(row, end, stored.len(), || site.database_rows())?;
    load.stop();
    settle(&oracle, || site.database_rows())?;
    fresh(&oracle, &source.address.read().clone(), || site.database_rows())?;
    let target = match fault {
        // Nothing was there to fail.
        _ if !met || unwritten == 0 => Target::Stalls,
        // Writers to one table stand in each other's way the longer, the slower it is; and a write waits longer for its answer
        // than nothing is answered here.
        Fault::Slow | Fault::Swallowed => Target::Stalls,
        Fault::Refused | Fault::ReplyLost | Fault::CutWithin | Fault::LongGone => Target::Fails,
    };
    counters::check(&oracle, source, &sinks.iter().collect::<Vec<_>>(), target)?;
    row.note("events", oracle.owed_count() as u64);
    row.note("owed and unwritten during the fault", unwritten as u64);
    match (met, unwritten) {
        (true, 1..) => Ok(Verdict::Passed),
        (false, _) => Ok(Verdict::Discarded("nobody met it")),
        (true, 0) => Ok(Verdict::Discarded("nothing was to be written meanwhile")),
    }
}
