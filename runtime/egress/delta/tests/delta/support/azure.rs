//! Azure storage that this machine can run.

use std::{process::Command, process::Stdio, time::Duration, time::Instant};

use danube_wasm_testkit::servers::{self, Server, free_port};

/// The account that the emulator has, and its key, which everybody knows.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An emulator with a container that is called `container`.
pub(crate) struct Azure {
    pub(crate) port: u16,
    _server: Server,
}

/// Starts one. `None` if it is not installed.
pub(crate) async fn start() -> Option<Azure> {
    let modules = servers::node_modules("delta")?;
    let port = free_port();
    let mut command = Command::new("node");
    command
        .arg(modules.join("azurite/dist/src/blob/main.js"))
        .args([
            "--inMemoryPersistence",
            "--disableTelemetry",
            "--skipApiVersionCheck",
            "--silent",
        ])
        .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    let server = Server::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let deadline = Instant::now() + Duration::from_secs(60);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < deadline, "no Azure within a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(Azure { port, _server: server })
}

impl Azure {
    /// The options of its store.
    pub(crate) fn storage(&self) -> String {
        format!(
            "storage = {{ azure_storage_account_name = \"{ACCOUNT}\", azure_storage_account_key = \"{KEY}\", \
             azure_storage_endpoint = \"{}\", azure_allow_http = true }}",
            self.endpoint()
        )
    }

    /// What another program needs to read from it.
    pub(crate) fn options(&self) -> Vec<(&'static str, String)> {
        vec![
            ("azure_storage_account_name", ACCOUNT.to_owned()),
            ("azure_storage_account_key", KEY.to_owned()),
            ("azure_storage_endpoint", self.endpoint()),
            ("azure_allow_http", "true".to_owned()),
        ]
    }

    /// Makes the container `container`, with the program that reads, too.
    pub(crate) async fn create_container(&self) {
        super::reader::python("container.py", &[&self.endpoint(), ACCOUNT, KEY, "container"]);
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.port)
    }
}
