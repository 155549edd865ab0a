//! A source in a process of its own, which can be frozen.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    ops::Range,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use super::source::{KafkaProcess as _, Process, new_log, texts_once};

/// The other process has done what it was told.
const DONE: &str = "done";
/// Where the other process finds its table.
const TABLE: &str = "DANUBE_WASM_TEST_MEMBER";

/// A member of the group that is another process: the test `a_member_of_another_process` of this very program.
pub(crate) struct Member {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Member {
    /// Starts it with this table; its component takes nothing until it is told to.
    pub(crate) fn start(table: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        let command = command
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "frozen::a_member_of_another_process",
            ])
            .env(TABLE, table)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        Self {
            stdin: child.stdin.take().expect("its input"),
            stdout: BufReader::new(child.stdout.take().expect("its output")),
            child,
        }
    }

    /// Waits until it has read so many records, of which nothing is durable.
    pub(crate) fn holds(&mut self, records: usize) {
        self.ask(&format!("holds {records}"));
    }

    /// Stops it in the middle of whatever it does, as a machine that is suspended.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on, without knowing how long it was away.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Its component takes what it has; waits until it knows that its partitions are others'.
    pub(crate) fn opens_and_loses(&mut self) {
        self.ask("open");
    }

    /// Waits until its log has all these numbers, in their order, behind whatever else.
    pub(crate) fn reads(&mut self, numbers: Range<usize>) {
        self.ask(&format!("reads {} {}", numbers.start, numbers.end));
    }

    /// Ends it, as its operator does.
    pub(crate) fn stop(mut self) {
        self.ask("stop");
        self.child.wait().expect("it ends");
    }

    fn ask(&mut self, what: &str) {
        writeln!(self.stdin, "{what}").expect("it listens");
        tokio::task::block_in_place(|| {
            let mut line = String::new();
            loop {
                line.clear();
                assert_ne!(
                    self.stdout.read_line(&mut line).expect("its output"),
                    0,
                    "it has ended: {what}"
                );
                // Other lines are those of the test's own frame.
                if line.trim() == DONE {
                    return;
                }
            }
        })
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status();
        assert!(status.expect("kill").success());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Also a frozen one. It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the other process does. Nothing, if nobody has asked for it.
pub(crate) async fn run() {
    let Ok(table) = std::env::var(TABLE) else { return };
    let log = new_log();
    let process = Process::start(&log, &table).await;
    process.shut();
    let lines = std::io::stdin().lines();
    for line in lines {
        let line = line.expect("a line");
        let words: Vec<_> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        match words[0] {
            "holds" => process.holds(number(1)).await,
            "open" => {
                process.open();
                let name = "danube_wasm_kafka_partitions_moved_total";
                process.until_sum("it has lost them", name, "lost", |sum| sum > 0).await;
            }
            "reads" => {
                let wanted = super::numbers(number(1)..number(2));
                log.until("it has read them", |records| texts_once(records).ends_with(&wanted))
                    .await;
            }
            _ => return stop(process).await,
        }
        println!("\n{DONE}");
    }
}

async fn stop(process: Process) {
    process.stop().await;
    println!("\n{DONE}");
}
