//! S3 that this machine can run.

use std::{
    process::Stdio,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use danube_wasm_testkit::servers::{self, Server, free_port};

/// A server with a bucket that is called `bucket`.
pub(crate) struct S3 {
    pub(crate) port: u16,
    _server: Server,
}

/// The server that the tests of this process share, while one of them needs it. `None` if it is not installed.
pub(crate) async fn start() -> Option<Arc<S3>> {
    static SHARED: Mutex<Weak<S3>> = Mutex::new(Weak::new());
    let server = {
        let mut shared = SHARED.lock().expect("no test failed here");
        match shared.upgrade() {
            Some(server) => server,
            None => {
                let mut command = servers::python("moto")?;
                let port = free_port();
                command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
                let server = Server::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
                let server = Arc::new(S3 { port, _server: server });
                *shared = Arc::downgrade(&server);
                server
            }
        }
    };
    let bucket = format!("http://127.0.0.1:{}/bucket", server.port);
    let client = reqwest::Client::new();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !client
        .put(&bucket)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success() || answer.status() == 409)
    {
        assert!(Instant::now() < deadline, "no S3 within a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Some(server)
}

/// The options of a store at this port.
pub(crate) fn storage(port: u16) -> String {
    format!(
        "storage = {{ aws_endpoint = \"http://127.0.0.1:{port}\", aws_allow_http = true, aws_region = \"us-east-1\", \
         aws_access_key_id = \"x\", aws_secret_access_key = \"x\" }}"
    )
}

/// What another program needs to read from a store at this port.
pub(crate) fn options(endpoint: &str) -> [(&'static str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
    ]
}
