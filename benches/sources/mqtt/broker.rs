//! Mosquitto, which keeps whatever waits for a session, and its own client as the publisher.

use std::{
    io::{BufWriter, Write as _},
    net::TcpStream,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use danube_wasm_testkit::servers::{self, Server};
use tempfile::TempDir;

/// Size of each message's payload.
pub(crate) const PAYLOAD_BYTES: usize = 200;
/// Machines, each of which publishes on a connection and to a topic of its own.
const MACHINES: u64 = 4;
const LISTENS_WITHIN: Duration = Duration::from_secs(30);

/// A broker on a port of loopback.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    _directory: TempDir,
    _server: Server,
}

impl Mosquitto {
    /// Starts it. Nothing is dropped, nothing is written to a disk, and packets are not held back for others.
    pub(crate) fn start() -> Result<Self> {
        let mut program = servers::program("mosquitto").context("there is no broker: run `make servers`")?;
        let (directory, port) = (tempfile::tempdir()?, servers::free_port());
        let file = directory.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_queued_bytes 0\n\
             max_inflight_messages 0\npersistence false\nset_tcp_nodelay true\nlog_type error\n"
        );
        std::fs::write(&file, text)?;
        let server = Server::start(program.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(begun.elapsed() < LISTENS_WITHIN, "mosquitto does not listen");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(Self {
            port,
            _directory: directory,
            _server: server,
        })
    }

    /// Publishes so many messages, and returns when the broker has acknowledged all.
    pub(crate) fn publish(&self, messages: u64) -> Result<()> {
        ensure!(messages.is_multiple_of(MACHINES), "{messages} are not the same for all");
        let publishing: Vec<_> = (0..MACHINES)
            .map(|machine| self.publisher(machine))
            .collect::<Result<_>>()?;
        std::thread::scope(|scope| {
            let of = messages / MACHINES;
            let mut all = Vec::new();
            for (machine, client) in (0..MACHINES).zip(publishing) {
                all.push(scope.spawn(move || feed(client, machine, of)));
            }
            let done = all.into_iter().map(|one| one.join().expect("no panic"));
            done.collect::<Result<()>>()
        })
    }

    /// Publishes each line of its input.
    fn publisher(&self, machine: u64) -> Result<Child> {
        let mut client = servers::program("mosquitto_pub").context("there is no publisher: run `make servers`")?;
        let topic = format!("plant/press-{machine}/reading");
        client.args(["-p", &self.port.to_string(), "-q", "1", "-t", &topic, "-l"]);
        Ok(client.stdin(Stdio::piped()).spawn()?)
    }
}

fn feed(mut client: Child, machine: u64, messages: u64) -> Result<()> {
    let mut lines = BufWriter::new(client.stdin.take().context("its input")?);
    for number in 0..messages {
        writeln!(lines, "{}", reading(machine, number))?;
    }
    lines.flush()?;
    drop(lines);
    ensure!(client.wait()?.success(), "the messages could not be published");
    Ok(())
}

/// A reading of a machine.
fn reading(machine: u64, number: u64) -> String {
    let (celsius, bar) = (600 + number % 200, 40 + number % 20);
    let head = format!(
        "{{\"machine\":\"press-{machine}\",\"number\":{number},\"celsius\":{}.{},\"bar\":{}.{},\"state\":\"running\",\"note\":\"",
        celsius / 10,
        celsius % 10,
        bar / 10,
        bar % 10
    );
    format!("{head}{:.<1$}\"}}", "", PAYLOAD_BYTES - 2 - head.len())
}
