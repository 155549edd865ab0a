//! Three webhook processes and three sinks on three servers of NATS, of which the one that leads the topic is killed under load:
//! senders see a pause at most, and nothing is lost, doubled or out of order.

use std::{thread, time::Instant};

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
    begin: || begin("KeyShared"),
};

pub const SHARED: Class = Class {
    name: "NATS: leader killed, Shared",
    trials: [0, 17, 100],
    begin: || begin("Shared"),
};

pub const FAILOVER: Class = Class {
    name: "NATS: leader killed, Failover",
    trials: [0, 17, 100],
    begin: || begin("Failover"),
};

const SOURCES: usize = 3;
const ROWS_MAX: usize = 8_000;
/// Longest absence of the server that was killed.
const AWAY_MS_MAX: u64 = 5_000;
/// What the stream of the site's topic is called.
const STREAM: &str = "dw=default=payments";

fn begin(subscription_type: &'static str) -> Result<Box<dyn Trial>, &'static str> {
    let directory = tempfile::tempdir().map_err(|_| "there is no directory for servers")?;
    let servers = NatsServer::start_cluster(directory.path(), 3, "");
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
        servers,
        _directory: directory,
    }))
}

struct OnNats {
    // Its processes end before the servers.
    group: Group,
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
        self.servers[leader].kill();
        let (killed, owed) = (Instant::now(), self.group.oracle.owed_count());
        // Another one leads, with a server less.
        self.group.more_than(owed + 50)?;
        row.note_max(
            "ms at most until 50 more were answered 200",
            killed.elapsed().as_millis() as u64,
        );
        thread::park_timeout(dice.within_ms(AWAY_MS_MAX));
        let (at_first, later) = (ids(&self.group.rows()), ids(&self.group.rows()));
        self.servers[leader].run();
        self.is_whole()?;
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
