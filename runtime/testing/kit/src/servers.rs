//! Real servers and independent clients, which `make servers` installs under `target/servers` from the lists in folders
//! `tests/servers`. A test whose server is absent prints that it is skipped; with `REQUIRE_SERVERS=1` it fails.

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    ffi::OsString,
    hash::BuildHasher as _,
    net::TcpListener,
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

/// A server of a test: killed by its process id when it is dropped.
#[derive(Debug)]
pub struct Server(Child);

impl Server {
    /// Starts it. What the command leaves open of its output goes where this process's does. A program of Node must not share
    /// that: it sets a pipe non-blocking for everybody who writes to it, and one that is killed leaves it so.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Waits until it has ended by itself: something told it to.
    pub fn wait(&mut self) {
        let _ = self.0.wait();
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program of a Debian package, or of this system. `None` if neither has it.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn program(name: &str) -> Option<Command> {
    let debian = folder().join("debian");
    let unpacked = ["usr/sbin", "usr/bin"].map(|of| debian.join(of).join(name));
    if let Some(path) = unpacked.iter().find(|path| path.exists()) {
        let mut command = Command::new(path);
        command.env(
            "LD_LIBRARY_PATH",
            debian.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH)),
        );
        return Some(command);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut folders = std::env::split_paths(&path).chain(system);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.exists()));
    found.map(Command::new).or_else(|| missing(name))
}

/// A file or folder of a Debian package, or of this system: `usr/lib/postgresql/15/bin`. `None` if neither has it.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn unpacked(path: &str) -> Option<PathBuf> {
    let places = [folder().join("debian"), PathBuf::from("/")].map(|place| place.join(path));
    let found = places.into_iter().find(|place| place.exists());
    found.or_else(|| missing(path))
}

/// The interpreter whose environment has this module. `None` if there is no such.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn python(module: &str) -> Option<Command> {
    let path = folder().join("python/bin/python3");
    let import = || {
        Command::new(&path)
            .args(["-c", &format!("import {module}")])
            .stderr(Stdio::null())
            .status()
    };
    let is_there = path.exists() && import().is_ok_and(|status| status.success());
    is_there.then(|| Command::new(path)).or_else(|| missing(module))
}

/// A program of a Python package. `None` if it is not there.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn python_program(name: &str) -> Option<Command> {
    let path = folder().join("python/bin").join(name);
    path.exists().then(|| Command::new(path)).or_else(|| missing(name))
}

/// The folder `node_modules` of a connector's `package.json`. `None` if it is not there.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn node_modules(connector: &str) -> Option<PathBuf> {
    existing(&folder().join("node").join(connector).join("node_modules"), connector)
}

/// A class path of the jars of a connector's `pom.xml`. `None` if they are not there.
///
/// # Panics
///
/// If they are absent and `REQUIRE_SERVERS=1`.
pub fn class_path(connector: &str) -> Option<OsString> {
    existing(&folder().join("maven").join(connector), connector).map(|folder| folder.join("*").into_os_string())
}

/// The folder of a whole program that a connector's `pom.xml` names as an archive, by how its name begins. `None` if it is not
/// there.
///
/// # Panics
///
/// If it is absent and `REQUIRE_SERVERS=1`.
pub fn unpacked_program(connector: &str, name: &str) -> Option<PathBuf> {
    let folder = folder().join("maven").join(connector);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let begins = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|file| file.to_string_lossy().starts_with(name))
    };
    let found = entries
        .map(|entry| entry.path())
        .find(|path| path.is_dir() && begins(path));
    found.or_else(|| missing(name))
}

/// A port of loopback on which nothing listens now, and another one each time.
pub fn free_port() -> u16 {
    // Not those that systems give to connections: one of these may take it before the server does.
    const PORTS: Range<u16> = 10_000..32_000;
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let chance = RandomState::new().hash_one(std::process::id());
        let above = chance % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(above).unwrap_or_default();
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.insert(port);
            return port;
        }
    }
}

fn existing(path: &Path, name: &str) -> Option<PathBuf> {
    path.exists().then(|| path.to_owned()).or_else(|| missing(name))
}

fn missing<T>(name: &str) -> Option<T> {
    assert!(
        std::env::var_os("REQUIRE_SERVERS").is_none_or(|required| required != "1"),
        "{name} is not installed: run `make servers`"
    );
    eprintln!("skipped: {name} is not installed; `make servers` does that");
    None
}

/// Where they are installed.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/servers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_gone_when_it_is_dropped() {
        let mut server = Server::start(program("sleep").expect("a system's own").arg("600"));
        assert!(server.is_running());
        let id = server.id();
        drop(server);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }

    #[test]
    fn a_port_can_be_listened_on() {
        TcpListener::bind(("127.0.0.1", free_port())).expect("a free port");
    }
}
