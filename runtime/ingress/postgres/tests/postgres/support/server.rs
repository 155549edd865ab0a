//! A PostgreSQL server, started and ended by a test, and `psql` as its independent client.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use danube_wasm_testkit::{
    servers::{self, Server},
    until,
};
use tempfile::TempDir;

/// The database that every test reads.
pub(crate) const DATABASE: &str = "shop";

/// Where a version is installed.
#[derive(Debug, Clone)]
struct Installed {
    bin: PathBuf,
    libraries: OsString,
}

/// A server on a port of loopback, with a directory of its own.
pub(crate) struct Postgres {
    installed: Installed,
    dir: TempDir,
    pub(crate) port: u16,
    server: Server,
}

impl Postgres {
    /// Debian's 15, with these lines in its configuration. None if it is not installed.
    pub(crate) async fn start(lines: &str) -> Option<Self> {
        Self::start_installed(debian()?, lines, |_| {}).await
    }

    /// As [`Self::start`], with files that are made in its directory first.
    pub(crate) async fn start_with(lines: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        Self::start_installed(debian()?, lines, prepare).await
    }

    /// Another version, of `@embedded-postgres`.
    pub(crate) async fn start_version(version: u32, lines: &str) -> Option<Self> {
        debian()?;
        Self::start_installed(embedded(version)?, lines, |_| {}).await
    }

    async fn start_installed(installed: Installed, lines: &str, prepare: impl FnOnce(&Path)) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        initdb(&installed, dir.path());
        let port = servers::free_port();
        let text = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             wal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10\nshared_buffers = 16MB\nmax_connections = 40\n{lines}\n",
            dir.path().display()
        );
        fs::write(dir.path().join("data/postgresql.auto.conf"), text).expect("its configuration");
        let rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(dir.path().join("data/pg_hba.conf"), rules).expect("its rules");
        prepare(dir.path());
        own(dir.path());
        let server = spawn(&installed, dir.path());
        let postgres = Self {
            installed,
            dir,
            port,
            server,
        };
        postgres.is_ready().await;
        postgres.admin("postgres", "CREATE ROLE danube LOGIN REPLICATION PASSWORD 'secret'");
        postgres.admin("postgres", &format!("CREATE DATABASE {DATABASE} OWNER danube"));
        Some(postgres)
    }

    /// Runs statements as the owner of the server. What they answer, without headers.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.admin(DATABASE, statements)
    }

    fn admin(&self, database: &str, statements: &str) -> String {
        let output = self.psql(database, statements);
        assert!(
            output.status.success(),
            "{statements}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    fn psql(&self, database: &str, statements: &str) -> Output {
        let mut psql = psql();
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"])
            .arg(self.dir.path())
            .args(["-p", &self.port.to_string(), "-d", database]);
        let mut child = psql
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("psql");
        let mut input = child.stdin.take().expect("its input");
        // Without a server it reads nothing, and says why.
        let _ = std::io::Write::write_all(&mut input, statements.as_bytes());
        drop(input);
        child.wait_with_output().expect("psql ends")
    }

    async fn is_ready(&self) {
        until("the server takes connections", || {
            self.psql("postgres", "SELECT 1").status.success().then_some(())
        })
        .await;
    }

    /// Killed as by `kill -9`, with all that it had not written, and started again.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart().await;
    }

    /// Killed.
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Started again after it was killed. Its former children may need a moment to notice, and it does not start before.
    pub(crate) async fn restart(&mut self) {
        let lock = self.dir.path().join("data/postmaster.pid");
        let mut attempts = 0;
        loop {
            self.server = spawn(&self.installed, self.dir.path());
            let (mut is_ready, mut has_ended) = (false, false);
            until("the server starts or gives up", || {
                has_ended = !self.server.is_running();
                is_ready = !has_ended && self.psql("postgres", "SELECT 1").status.success();
                (has_ended || is_ready).then_some(())
            })
            .await;
            if is_ready {
                return;
            }
            attempts += 1;
            assert!(attempts < 600, "it does not start: see {}", lock.display());
        }
    }

    /// Where the slot is confirmed up to; empty if there is none.
    pub(crate) fn confirmed(&self, slot: &str) -> String {
        self.sql(&format!(
            "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{slot}'"
        ))
    }

    /// Waits until a query answers this.
    pub(crate) async fn until(&self, what: &str, query: &str, answer: &str) {
        until(what, || (self.sql(query) == answer).then_some(())).await;
    }

    /// A file in its directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A program of the same package as `psql`, with the server as its argument.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(debian().expect("it is installed").bin.join(name));
        command.args(["-U", "postgres", "-h"]).arg(self.dir.path()).args([
            "-p",
            &self.port.to_string(),
            "-d",
            DATABASE,
        ]);
        command
    }
}

/// It takes its children with it, which a server that is killed leaves to find out.
impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_running() {
            let quit = Command::new("kill")
                .args(["-QUIT", &self.server.id().to_string()])
                .status();
            let _ = quit.map(|_| self.server.wait());
        }
    }
}

/// Debian's package, unpacked for tests or the system's.
fn debian() -> Option<Installed> {
    let bin = servers::unpacked("usr/lib/postgresql/15/bin")?;
    Some(Installed {
        bin,
        libraries: OsString::new(),
    })
}

fn psql() -> Command {
    Command::new(debian().expect("it is installed").bin.join("psql"))
}

fn embedded(version: u32) -> Option<Installed> {
    let native = servers::node_modules("postgres")?.join(format!("postgres-{version}/native"));
    Some(Installed {
        bin: native.join("bin"),
        libraries: native.join("lib").into(),
    })
}

/// Makes a directory of data in this one.
fn initdb(installed: &Installed, dir: &Path) {
    own(dir);
    let mut initdb = as_nobody(installed, "initdb");
    initdb
        .args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(dir.join("data"));
    let output = initdb.current_dir(dir).output().expect("initdb");
    assert!(
        output.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn spawn(installed: &Installed, dir: &Path) -> Server {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .expect("its log");
    let mut command = as_nobody(installed, "postgres");
    command.arg("-D").arg(dir.join("data")).current_dir(dir);
    Server::start(command.stdout(Stdio::null()).stderr(log))
}

/// PostgreSQL refuses to run as root.
fn as_nobody(installed: &Installed, program: &str) -> Command {
    let path = installed.bin.join(program);
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
                // What is installed may be in a folder that only root may enter.
                .args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"])
                .arg(path);
            command
        }
        false => Command::new(path),
    };
    if !installed.libraries.is_empty() {
        command.env("LD_LIBRARY_PATH", &installed.libraries);
    }
    command
}

fn is_root() -> bool {
    number(&["-u"]) == 0
}

fn number(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().expect("id");
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .expect("a number")
}

/// Gives a directory, and what is in it, to who runs the server.
fn own(dir: &Path) {
    if !is_root() {
        return;
    }
    let (user, group) = (number(&["-u", "nobody"]), number(&["-g", "nobody"]));
    let mut waiting = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        chown(&path, Some(user), Some(group)).expect("the owner");
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the directory");
            waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
        }
    }
}
