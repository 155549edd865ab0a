//! Three webhook processes and three sinks on three servers of NATS, of which some are killed or frozen under load: senders see a
//! pause at most, and nothing is lost, doubled or out of order.

use std::{ops::Range, thread, time::Instant};

use danube_wasm_testkit::nats::NatsServer;
use danube_wasm_trials::Row;
use serde_json::Value;
use tempfile::TempDir;

use super::{Class, Trial, group::Group};
use crate::{
    checker::{self, Checked, Verdict},
    dice::Dice,
    load::Load,
    oracle::ids,
    server::Kind,
    site::Layout,
};

pub const KEY_SHARED: Class = Class {
    name: "NATS: leader killed, KeyShared",
    trials: [1, 17, 100],
    begin: || begin("KeyShared", &[Fault::LeaderKilled]),
};

pub const SHARED: Class = Class {
    name: "NATS: leader killed, Shared",
    trials: [0, 17, 100],
    begin: || begin("Shared", &[Fault::LeaderKilled]),
};

pub const FAILOVER: Class = Class {
    name: "NATS: leader killed, Failover",
    trials: [0, 17, 100],
    begin: || begin("Failover", &[Fault::LeaderKilled]),
};

pub const OTHERS: Class = Class {
    name: "NATS: servers killed and frozen, KeyShared",
    trials: [0, 20, 100],
    begin: || {
        let faults = &[
            Fault::FollowerKilled,
            Fault::MajorityKilled,
            Fault::AllKilled,
            Fault::LeaderFrozen,
        ];
        begin("KeyShared", faults)
    },
};

/// What happens to servers at once.
#[derive(Debug, Clone, Copy)]
enum Fault {
    LeaderKilled,
    FollowerKilled,
    /// The leader and another one: nothing is stored until one of them is back.
    MajorityKilled,
    AllKilled,
    LeaderFrozen,
}

impl Fault {
    fn label(self) -> &'static str {
        match self {
            Self::LeaderKilled => "leaders killed",
            Self::FollowerKilled => "followers killed",
            Self::MajorityKilled => "times two of three killed",
            Self::AllKilled => "times all killed",
            Self::LeaderFrozen => "leaders frozen",
        }
    }

    /// Servers that it happens to, from the leader on.
    fn servers(self) -> Range<usize> {
        match self {
            Self::LeaderKilled | Self::LeaderFrozen => 0..1,
            Self::FollowerKilled => 1..2,
            Self::MajorityKilled => 0..2,
            Self::AllKilled => 0..3,
        }
    }

    /// Whether a majority is left.
    fn is_carried(self) -> bool {
        self.servers().len() < 2
    }
}

const SOURCES: usize = 3;
const SERVERS: usize = 3;
const ROWS_MAX: usize = 8_000;
/// Longest absence of servers.
const AWAY_MS_MAX: u64 = 5_000;
/// What the stream of the site's topic is called.
const STREAM: &str = "dw=default=payments";

fn begin(subscription_type: &'static str, faults: &'static [Fault]) -> Result<Box<dyn Trial>, &'static str> {
    let directory = tempfile::tempdir().map_err(|_| "there is no directory for servers")?;
    let servers = NatsServer::start_cluster(directory.path(), SERVERS, "");
    let servers = servers.ok_or("no server of NATS is installed: run `make servers`")?;
    let layout = Layout {
        subscription_type,
        broker: Kind::Nats {
            urls: servers.iter().map(NatsServer::url).collect(),
            monitoring: servers.iter().map(NatsServer::monitoring_url).collect(),
        },
        ..Layout::default()
    };
    Ok(Box::new(OnNats {
        group: Group::on(layout, SOURCES),
        faults,
        servers,
        _directory: directory,
    }))
}

struct OnNats {
    // Its processes end before the servers.
    group: Group,
    faults: &'static [Fault],
    servers: Vec<NatsServer>,
    _directory: TempDir,
}

impl OnNats {
    fn fault(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let (before, refused) = (self.group.oracle.owed_count(), self.group.oracle.refused());
        let loads = self.group.load()?;
        thread::park_timeout(dice.within_ms(500));
        let leader = self.led_by()?;
        let in_flight = self.group.oracle.unanswered() as u64;
        let fault = self.faults[dice.between(0, self.faults.len() as u64) as usize];
        row.note(fault.label(), 1);
        self.begin_fault(fault, leader);
        let (since, owed) = (Instant::now(), self.group.oracle.owed_count());
        if fault.is_carried() {
            self.group.more_than(owed + 50)?;
        }
        thread::park_timeout(dice.within_ms(AWAY_MS_MAX));
        let (at_first, later) = (ids(&self.group.rows()), ids(&self.group.rows()));
        self.end_fault(fault, leader);
        self.is_whole()?;
        self.group.more_than(owed + 50)?;
        row.note_max(
            "ms at most until 50 more were answered 200 and every copy was whole",
            since.elapsed().as_millis() as u64,
        );
        loads.into_iter().for_each(Load::stop);
        self.group.check(&at_first, &later)?;
        row.note("events", (self.group.oracle.owed_count() - before) as u64);
        row.note("answered 503", (self.group.oracle.refused() - refused) as u64);
        row.note("in flight at the kill", in_flight);
        match in_flight {
            0 => Ok(Verdict::Discarded("nothing was under way")),
            _ => Ok(Verdict::Passed),
        }
    }

    fn begin_fault(&mut self, fault: Fault, leader: usize) {
        for server in fault.servers() {
            let server = &mut self.servers[(leader + server) % SERVERS];
            match fault {
                Fault::LeaderFrozen => server.freeze(),
                _ => server.kill(),
            }
        }
    }

    fn end_fault(&mut self, fault: Fault, leader: usize) {
        let back: Vec<_> = fault.servers().map(|server| (leader + server) % SERVERS).collect();
        for server in &back {
            match fault {
                Fault::LeaderFrozen => self.servers[*server].thaw(),
                // Several only work together.
                _ => self.servers[*server].spawn(),
            }
        }
        back.into_iter().for_each(|server| self.servers[server].wait());
    }

    /// What a server says of the stream.
    fn stream(&self, server: &NatsServer) -> Option<Value> {
        let url = format!("{}/jsz?streams=true", server.monitoring_url());
        let answer: Value = reqwest::blocking::get(url).ok()?.json().ok()?;
        let accounts = answer["account_details"].as_array()?;
        let mut streams = accounts
            .iter()
            .filter_map(|account| account["stream_detail"].as_array())
            .flatten();
        streams.find(|stream| stream["name"] == STREAM).cloned()
    }

    /// The server that leads the stream, and what it says of that. Others know little of the copies.
    fn leader(&self) -> Option<(usize, Value)> {
        let servers = self.servers.iter().enumerate();
        let mut said = servers.filter_map(|(n, server)| Some((n, self.stream(server)?)));
        said.find(|(n, stream)| stream["cluster"]["leader"] == format!("n{n}"))
    }

    fn led_by(&self) -> Result<usize, String> {
        let mut found = 0;
        checker::until("a server leads the topic", || {
            (found, _) = self.leader().ok_or("none does")?;
            Ok(())
        })?;
        Ok(found)
    }

    /// Every copy has everything: the next fault may come.
    fn is_whole(&self) -> Result<(), String> {
        checker::until("every copy has everything", || {
            let (_, stream) = self.leader().ok_or("no server leads the topic")?;
            let replicas = stream["cluster"]["replicas"].as_array().cloned().unwrap_or_default();
            let current = |replica: &Value| replica["current"] == true && replica["offline"] != true;
            match replicas.len() == self.servers.len() - 1 && replicas.iter().all(current) {
                true => Ok(()),
                false => Err(format!("{replicas:?}")),
            }
        })
    }
}

impl Trial for OnNats {
    fn run(&mut self, dice: &mut Dice, row: &mut Row) -> Checked {
        let checked = self.fault(dice, row);
        checked.map_err(|why| format!("{why}\n{}", self.group.logs()))
    }

    fn is_worn(&self) -> bool {
        self.group.oracle.owed_count() > ROWS_MAX
    }
}
