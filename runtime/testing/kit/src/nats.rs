//! Servers of NATS: one, or several as a cluster, each on free ports of loopback with a directory of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::servers::{Server, free_port, python_program};

/// How long a server may take to listen.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A server that can be killed and started again on its data.
#[derive(Debug)]
pub struct NatsServer {
    program: PathBuf,
    directory: PathBuf,
    /// Where clients connect.
    pub port: u16,
    /// Where `/varz` is.
    pub monitoring: u16,
    running: Option<Server>,
}

/// The executable: what `NATS_SERVER` names, or that of `make servers`.
pub fn executable() -> Option<PathBuf> {
    let named = std::env::var_os("NATS_SERVER").filter(|path| !path.is_empty());
    match named {
        Some(path) => Some(path.into()),
        None => Some(python_program("nats-server")?.get_program().into()),
    }
}

impl NatsServer {
    /// Starts one that syncs always, with more lines of configuration. A configuration with the word `jetstream` is left as
    /// it is; `STORE` is where its streams are. `None` if there is no executable.
    ///
    /// # Panics
    ///
    /// If it does not listen in time.
    pub fn start(directory: &Path, more: &str) -> Option<Self> {
        let mut server = Self::prepare(directory, more, "")?;
        server.run();
        Some(server)
    }

    /// Starts a cluster. `None` if there is no executable.
    ///
    /// # Panics
    ///
    /// If they do not listen in time.
    pub fn start_cluster(directory: &Path, number: usize, more: &str) -> Option<Vec<Self>> {
        let ports: Vec<u16> = (0..number).map(|_| free_port()).collect();
        let routes: Vec<String> = ports
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let mut servers = Vec::new();
        for (n, port) in ports.iter().enumerate() {
            let cluster = format!(
                "server_name: n{n}\ncluster {{ name: test, listen: \"127.0.0.1:{port}\", routes: [{}] }}\n",
                routes.join(", ")
            );
            servers.push(Self::prepare(&directory.join(format!("n{n}")), more, &cluster)?);
        }
        servers.iter_mut().for_each(Self::spawn);
        servers.iter_mut().for_each(Self::wait);
        Some(servers)
    }

    fn prepare(directory: &Path, more: &str, cluster: &str) -> Option<Self> {
        let program = executable()?;
        let (port, monitoring) = (free_port(), free_port());
        fs::create_dir_all(directory).expect("a directory");
        let sync = if more.contains("sync_interval") {
            ""
        } else {
            "sync_interval: always"
        };
        let jetstream = match more.contains("jetstream") {
            true => String::new(),
            // Topics reserve what they may hold: the disk of the machine is not what is tested.
            false => format!(
                "jetstream {{ store_dir: \"{}/store\"\nmax_file_store: 1TB\n{sync} }}\n",
                directory.display()
            ),
        };
        let config =
            format!("listen: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitoring}\"\n{jetstream}{cluster}{more}\n");
        let store = directory.join("store").display().to_string();
        fs::write(directory.join("nats.conf"), config.replace("STORE", &store)).expect("a file");
        Some(Self {
            program,
            directory: directory.to_owned(),
            port,
            monitoring,
            running: None,
        })
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Where its monitoring is.
    pub fn monitoring_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitoring)
    }

    /// Where its streams are.
    pub fn store(&self) -> PathBuf {
        self.directory.join("store")
    }

    /// What it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.directory.join("said")).unwrap_or_default()
    }

    /// Replaces its configuration from here on with another last part.
    pub fn configure(&self, from: &str, to: &str) {
        let path = self.directory.join("nats.conf");
        let config = fs::read_to_string(&path).expect("a file").replace(from, to);
        fs::write(path, config).expect("a file");
    }

    /// Has it read its configuration again.
    pub fn reload(&self) {
        self.signal("-HUP");
    }

    /// It does nothing and says nothing from here on, as a machine that hangs.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        if let Some(id) = self.id() {
            let _ = Command::new("kill").arg(signal).arg(id.to_string()).status();
        }
    }

    /// Kills it at once, as a crash does.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Asks it to end, as an orchestrator does: it lets go of what it leads first. Waits until it has.
    pub fn stop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = Command::new("kill").arg("-TERM").arg(running.id().to_string()).status();
            running.wait();
        }
        self.running = None;
    }

    /// Another executable, from the next start on: an upgrade.
    pub fn set_program(&mut self, program: PathBuf) {
        self.program = program;
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(Server::id)
    }

    /// Starts it, again on what it stored.
    ///
    /// # Panics
    ///
    /// If it does not listen in time.
    pub fn run(&mut self) {
        self.spawn();
        self.wait();
    }

    /// Starts it without waiting until it listens.
    pub fn spawn(&mut self) {
        let said = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("said"));
        let said = said.expect("a file");
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(self.directory.join("nats.conf"));
        command.stdout(Stdio::null()).stderr(said);
        self.running = Some(Server::start(&mut command));
    }

    /// Waits until it listens.
    ///
    /// # Panics
    ///
    /// If it does not in time.
    #[allow(clippy::disallowed_methods, reason = "this waits for a condition, with a deadline")]
    pub fn wait(&mut self) {
        let since = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let is_running = self.running.as_mut().is_some_and(Server::is_running);
            assert!(is_running, "nats-server ended: {}", self.said());
            assert!(
                since.elapsed() < STARTS_WITHIN,
                "nats-server does not listen: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
