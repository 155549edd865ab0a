//! A Danube broker of a case's own, from the executable that `DANUBE_BROKER` names: one that can be restarted.

mod executable;

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Once,
    time::Duration,
};

use danube_wasm_conformance::within;

use executable::{Danube, Running};

/// It writes each message out as it comes: else what it acknowledged in the last five seconds is gone after SIGKILL, which
/// is no matter of this suite's.
const SETTINGS: &str = "  wal: { file_sync: { interval_ms: 1, max_batch_bytes: 1 } }";

/// See the module.
pub(crate) struct DanubeProcess {
    danube: Danube,
    directory: tempfile::TempDir,
    running: Option<Running>,
}

impl DanubeProcess {
    /// Starts one, if there is an executable.
    pub(crate) async fn start() -> Option<Self> {
        let danube = Danube::named()?;
        assert!(
            danube.executable.is_file(),
            "DANUBE_BROKER={} is no file",
            danube.executable.display()
        );
        print_version(&danube.executable);
        let mut process = Self {
            danube,
            directory: tempfile::tempdir().expect("a directory"),
            running: None,
        };
        process.run().await;
        Some(process)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.danube.address)
    }

    /// Ends it and starts it again on what it stored.
    pub(crate) async fn restart(&mut self) {
        self.running = None;
        self.run().await;
    }

    async fn run(&mut self) {
        let Self { danube, directory, .. } = self;
        let mut running = danube.start(directory.path(), danube.address, SETTINGS);
        within(async {
            while running.serves().is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        self.running = Some(running);
    }
}

/// What it says of itself, if it does: once.
fn print_version(executable: &Path) {
    static PRINTED: Once = Once::new();
    PRINTED.call_once(|| {
        let asked = Command::new(executable).arg("--version").stdin(Stdio::null()).output();
        let version = asked.ok().filter(|output| output.status.success());
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let version = version.filter(|version| !version.is_empty());
        eprintln!(
            "{}: {}",
            executable.display(),
            version.as_deref().unwrap_or("it does not tell its version")
        );
    });
}
