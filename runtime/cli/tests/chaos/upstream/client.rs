//! Independent clients, each a process that reads an event a line and prints its id once the server has it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use danube_wasm_testkit::{Stop, Workers};

use super::Upstream;
use crate::oracle::{Id, Minting, Oracle};

/// How long is waited before a client that has failed is started again.
const AGAIN: Duration = Duration::from_millis(50);
/// Between two events of a sender: enough are under way, and not so many that reading their rows takes a trial's time.
const PACE: Duration = Duration::from_millis(5);

/// A client and what it is told.
pub struct Client {
    command: Command,
    /// The line that commits an event.
    line: fn(Id) -> String,
    running: Option<Running>,
}

struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    pub fn new(mut command: Command, line: fn(Id) -> String) -> Self {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self {
            command,
            line,
            running: None,
        }
    }

    /// Tries until the server has it.
    fn commit(&mut self, id: Id) {
        while !self.try_once(id) {
            self.running = None;
            thread::park_timeout(AGAIN);
        }
    }

    fn try_once(&mut self, id: Id) -> bool {
        let running = match self.running.take() {
            Some(running) => running,
            None => Running::of(&mut self.command),
        };
        let running = self.running.insert(running);
        let line = (self.line)(id);
        let written = writeln!(running.input, "{line}").and_then(|()| running.input.flush());
        let mut answer = String::new();
        written.is_ok() && running.output.read_line(&mut answer).is_ok() && answer.trim_end().parse() == Ok(id)
    }
}

impl Running {
    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("a client");
        Self {
            input: child.stdin.take().expect("its input"),
            output: BufReader::new(child.stdout.take().expect("its output")),
            child,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Senders that commit one event after the other until they are told to stop.
pub struct Commits(Workers<()>);

impl Commits {
    /// So many senders.
    pub fn start(oracle: &Arc<Oracle>, upstream: &impl Upstream, senders: usize) -> Self {
        Self(Workers::start((0..senders).map(|_| {
            let (oracle, mut client) = (oracle.clone(), upstream.client());
            move |stop: Stop| {
                let mut minting = oracle.sender();
                while !stop.is_requested() {
                    commit(&oracle, &mut minting, &mut client);
                    thread::park_timeout(PACE);
                }
            }
        })))
    }

    /// Each commits its last event first.
    pub fn stop(self) {
        self.0.stop();
    }
}

/// One event of a sender of its own.
pub fn commit_one(oracle: &Oracle, upstream: &impl Upstream) {
    commit(oracle, &mut oracle.sender(), &mut upstream.client());
}

fn commit(oracle: &Oracle, minting: &mut Minting, client: &mut Client) {
    let id = oracle.mint(minting);
    oracle.asking();
    client.commit(id);
    oracle.answered(id, Some(200));
}
