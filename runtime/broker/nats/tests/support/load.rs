//! Load by processes of their own: some publish numbered records of their keys, others consume one subscription; each writes
//! down what it has done, and when. They are this test program, started again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "a failed test may end so; not every test uses all"
)]

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use danube_wasm_broker::{Broker as _, ConsumerOptions, StartAt};
use danube_wasm_broker_nats::{Nats, NatsOptions};
use danube_wasm_model::SubscriptionType;
use danube_wasm_trials::Row;

use crate::support::{DEADLINE, publish, record, text, topic};

/// Keys of each publishing process.
pub const KEYS: usize = 8;

fn now_us() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// Options of a process under load: it is patient.
pub fn patient(servers: &str) -> NatsOptions {
    let mut options = NatsOptions::new(servers.split(',').map(str::to_owned));
    (options.publish_timeout, options.request_timeout) = (Duration::from_secs(60), Duration::from_secs(60));
    options.topic_bytes_max = 1 << 30;
    options
}

/// What a process is, as its environment says.
struct Role {
    name: String,
    servers: String,
    folder: PathBuf,
}

impl Role {
    fn read() -> Self {
        let variable = |name: &str| std::env::var(name).unwrap();
        Self {
            name: variable("LOAD_NAME"),
            servers: variable("LOAD_SERVERS"),
            folder: variable("LOAD_FOLDER").into(),
        }
    }

    fn log(&self) -> File {
        File::create(self.folder.join(&self.name)).unwrap()
    }

    fn is_over(&self) -> bool {
        self.folder.join("over").exists()
    }
}

/// Publishes rounds of a record for each key until it is told to stop, each until it is confirmed.
pub async fn publisher() {
    let role = Role::read();
    let (nats, mut log) = (Nats::open(patient(&role.servers)).unwrap(), role.log());
    let publisher = loop {
        match nats.publisher(&role.name).await {
            Ok(publisher) => break publisher,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    };
    let mut round = 0_usize;
    while !role.is_over() {
        let one = |key: usize| {
            let key = format!("{}-{key}", role.name);
            vec![record(&topic("load"), Some(&key), &format!("{key}.{round}"))]
        };
        let mut groups: Vec<_> = (0..KEYS).map(one).collect();
        while !groups.is_empty() {
            let fates = publish(&*publisher, groups.clone()).await;
            for error in fates.iter().filter_map(|fate| fate.as_ref().err()) {
                assert!(error.is_transient(), "{error}");
            }
            let mut failed = fates.iter().map(Result::is_err);
            groups.retain(|_| failed.next().unwrap_or(false));
        }
        log.write_all(format!("{} {round}\n", now_us()).as_bytes()).unwrap();
        round += 1;
    }
}

/// Consumes and acknowledges until it is told that all is there.
pub async fn consumer() {
    let role = Role::read();
    let kind = match std::env::var("LOAD_KIND").unwrap().as_str() {
        "KeyShared" => SubscriptionType::KeyShared,
        "Failover" => SubscriptionType::Failover,
        _ => SubscriptionType::Shared,
    };
    let (nats, mut log) = (Nats::open(patient(&role.servers)).unwrap(), role.log());
    let options = ConsumerOptions {
        topic: topic("load"),
        subscription: "s".into(),
        subscription_type: kind,
        consumer: role.name.clone(),
        start: StartAt::Earliest,
        unacknowledged_max: 500,
    };
    let mut consumer = loop {
        match nats.subscribe(options.clone()).await {
            Ok(consumer) => break consumer,
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    };
    while !role.folder.join("complete").exists() {
        let Ok(received) = tokio::time::timeout(Duration::from_millis(500), consumer.receive(100)).await else {
            continue;
        };
        let messages = match received {
            Ok(messages) => messages,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                continue;
            }
        };
        let mut lines = String::new();
        for message in &messages {
            writeln!(lines, "{} {}", now_us(), text(message)).unwrap();
        }
        log.write_all(lines.as_bytes()).unwrap();
        let ids: Vec<_> = messages.iter().map(|message| message.message_id).collect();
        while let Err(error) = consumer.acker().ack(&ids).await {
            assert!(error.is_transient(), "{error}");
        }
    }
    nats.close().await.unwrap();
}

/// Processes under way.
pub struct Load {
    folder: tempfile::TempDir,
    processes: Vec<(String, Child)>,
}

impl Load {
    pub fn start(servers: &str, kind: &str, number: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut processes = Vec::new();
        for (role, test) in [("p", "publishing_process"), ("c", "consuming_process")] {
            for n in 0..number {
                let name = format!("{role}{n}");
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args([test, "--exact", "--ignored", "--nocapture"]);
                command
                    .env("LOAD_NAME", &name)
                    .env("LOAD_SERVERS", servers)
                    .env("LOAD_KIND", kind);
                command.env("LOAD_FOLDER", folder.path());
                let said = File::create(folder.path().join(format!("{name}.said"))).unwrap();
                command.stdout(Stdio::null()).stderr(said);
                processes.push((name, command.spawn().unwrap()));
            }
        }
        Self { folder, processes }
    }

    fn lines(&self, role: char) -> Vec<(u128, String, String)> {
        let mut found = Vec::new();
        for (name, _) in self.processes.iter().filter(|(name, _)| name.starts_with(role)) {
            let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            // The last line may be half written.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for line in whole.lines() {
                let (time, what) = line.split_once(' ').unwrap();
                found.push((time.parse().unwrap(), name.clone(), what.to_owned()));
            }
        }
        // Of one process they stay in its order.
        found.sort_by_key(|(time, ..)| *time);
        found
    }

    /// Rounds that were confirmed so far, of all publishers.
    pub fn rounds(&mut self) -> usize {
        self.all_run();
        self.lines('p').len()
    }

    /// No process has ended: each says why.
    fn all_run(&mut self) {
        let folder = self.folder.path().to_owned();
        for (name, process) in &mut self.processes {
            if let Some(status) = process.try_wait().unwrap() {
                let said = std::fs::read_to_string(folder.join(format!("{name}.said"))).unwrap_or_default();
                panic!("{name} has ended ({status}): {said}");
            }
        }
    }

    /// Publishers stop; consumers when they have everything. Then all is judged.
    pub async fn verify(mut self, ordered: bool) -> Verdict {
        std::fs::write(self.folder.path().join("over"), "").unwrap();
        let deadline = tokio::time::Instant::now() + DEADLINE;
        let is_publisher = |name: &str| name.starts_with('p');
        while self
            .processes
            .iter_mut()
            .any(|(name, process)| is_publisher(name) && process.try_wait().unwrap().is_none())
        {
            assert!(tokio::time::Instant::now() < deadline, "publishers do not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let confirmed = self.lines('p');
        let wanted = confirmed.len() * KEYS;
        loop {
            let received = self.lines('c');
            let mut different: Vec<&str> = received.iter().map(|(_, _, what)| what.as_str()).collect();
            different.sort_unstable();
            different.dedup();
            let is_late = tokio::time::Instant::now() >= deadline;
            if different.len() >= wanted || is_late {
                std::fs::write(self.folder.path().join("complete"), "").unwrap();
                assert!(!is_late, "{} of {wanted} records have come", different.len());
                return Verdict::new(&confirmed, &received, ordered);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for (_, process) in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// What was counted.
pub struct Verdict {
    pub confirmed: usize,
    pub received: usize,
    pub again: usize,
    pub lost: usize,
    pub out_of_order: usize,
    pub publishing_pause: Duration,
    pub consuming_pause: Duration,
}

fn longest_pause(times: impl Iterator<Item = u128>) -> Duration {
    let times: Vec<u128> = times.collect();
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]);
    Duration::from_micros(u64::try_from(pauses.max().unwrap_or(0)).unwrap())
}

impl Verdict {
    fn new(confirmed: &[(u128, String, String)], received: &[(u128, String, String)], ordered: bool) -> Self {
        // The first time that each record has come, by key.
        let mut seen: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut all = std::collections::BTreeSet::new();
        for (_, _, what) in received {
            if all.insert(what.as_str()) {
                let (key, round) = what.rsplit_once('.').unwrap();
                seen.entry(key).or_default().push(round.parse().unwrap());
            }
        }
        let lost = confirmed
            .iter()
            .flat_map(|(_, name, round)| (0..KEYS).map(move |key| format!("{name}-{key}.{round}")));
        let lost = lost.filter(|record| !all.contains(record.as_str())).count();
        let steps = seen.values().flat_map(|rounds| rounds.windows(2));
        Self {
            confirmed: confirmed.len() * KEYS,
            received: all.len(),
            again: received.len() - all.len(),
            lost,
            out_of_order: if ordered {
                steps.filter(|pair| pair[1] < pair[0]).count()
            } else {
                0
            },
            publishing_pause: longest_pause(confirmed.iter().map(|(time, ..)| *time)),
            consuming_pause: longest_pause(received.iter().map(|(time, ..)| *time)),
        }
    }

    /// Prints a row of the table, and fails if anything is lost or out of order, or is stored that nobody has confirmed.
    pub fn expect_whole(&self, mut row: Row, faults: usize, stored: u64) {
        let found = [
            (self.lost > 0, format!("{} records are lost", self.lost)),
            (
                self.out_of_order > 0,
                format!("{} records are out of order", self.out_of_order),
            ),
            (
                stored != self.confirmed as u64,
                format!("{stored} records are stored of {}", self.confirmed),
            ),
        ];
        let wrong = found.into_iter().find(|(is_wrong, _)| *is_wrong).map(|(_, what)| what);
        for fault in 1..faults {
            row.record(fault.to_string(), Ok(()));
        }
        row.record(faults.to_string(), wrong.map_or(Ok(()), Err));
        let ms = |pause: Duration| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        row.note("records confirmed", self.confirmed as u64);
        row.note("received again", self.again as u64);
        row.note_max("ms longest pause of publishing", ms(self.publishing_pause));
        row.note_max("ms longest pause of consuming", ms(self.consuming_pause));
        danube_wasm_trials::conclude(row, 0);
    }
}

/// Where a tool is that a trial needs and that is not installed with the servers.
pub fn named(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| Path::new(path).exists());
    if path.is_none() {
        eprintln!("skipped: {variable} names no executable");
    }
    path
}
