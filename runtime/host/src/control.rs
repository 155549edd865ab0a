//! The control socket, by which other invocations of this program talk to a running pipeline.
//!
//! A Unix socket in the data directory, accessible only to its owner: whoever may read the data may query the pipeline.
//! Requests and responses are one JSON object a line. The admin port stays read-only and is independent of this socket.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{dead_letters, operations::Operation};

/// Longest request line, in bytes: a person types a query.
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// Longest time for a request to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest path of a socket address, in bytes, with its terminator.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A request to a running pipeline.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Runs statements on the database of a sink.
    Query {
        /// The sink's name; may be omitted if there is only one.
        sink: Option<String>,
        /// SurrealQL.
        statements: String,
        /// Whether they may change data.
        write: bool,
    },
    /// Administers the broker.
    Operate(Operation),
    /// Administers dead letters.
    DeadLetters(dead_letters::Request),
}

/// The response to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The result; for a query one value for each statement.
    Values(Vec<serde_json::Value>),
    /// An error message for the user.
    Error(String),
}

/// Handles requests.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles a request.
    async fn handle(&self, request: Request) -> Response;
}

/// A listening socket. Dropping it stops listening and removes the socket.
pub struct ControlSocket {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl ControlSocket {
    /// Listens in `data_dir`. Replaces the socket of a process that died: the lock of the data directory ensures that
    /// no other process uses it.
    pub fn bind(data_dir: &Path, handler: Arc<dyn Handler>) -> io::Result<Self> {
        let path = socket_path(data_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = with_short_path(&path, |short| UnixListener::bind(short))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let task = tokio::spawn(accept(listener, handler));
        Ok(Self { path, task })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// Sends a request to the pipeline that runs on `data_dir`. `None` if none runs.
pub async fn ask(data_dir: &Path, request: &Request) -> io::Result<Option<Response>> {
    let path = socket_path(data_dir);
    let stream = match with_short_path(&path, |short| std::os::unix::net::UnixStream::connect(short)) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    stream.set_nonblocking(true)?;
    let mut stream = UnixStream::from_std(stream)?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(Some(serde_json::from_slice(&answer)?))
}

async fn accept(listener: UnixListener, handler: Arc<dyn Handler>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, handler.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket could not accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(mut stream: UnixStream, handler: Arc<dyn Handler>) {
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES_MAX));
    let read = tokio::time::timeout(REQUEST_TIMEOUT, reader.read_until(b'\n', &mut line)).await;
    let response = match (read, serde_json::from_slice(&line)) {
        (Ok(Ok(_)), Ok(request)) => handler.handle(request).await,
        (Ok(Ok(_)), Err(error)) => Response::Error(format!("not a request: {error}")),
        _ => return,
    };
    if let Ok(answer) = serde_json::to_vec(&response) {
        let _ = writer.write_all(&answer).await;
    }
}

fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Calls `open` with a path that fits into a socket address: a longer one is replaced by a path through a descriptor
/// of its directory.
fn with_short_path<T>(path: &Path, open: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use std::os::fd::AsRawFd;
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return open(path);
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return open(path);
    };
    let directory = fs::File::open(directory)?;
    open(&Path::new(&format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name))
}
