//! The control socket, by which other invocations of this program talk to a running pipeline.
//!
//! A Unix socket in the data directory, accessible only to its owner: whoever may read the data may query the pipeline.
//! Requests and responses are one JSON object a line; what goes on by itself, such as a tap, answers with lines until the
//! asker hangs up. The admin port stays read-only and is independent of this socket.

mod handler;
mod pausing;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_codes::Code;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

pub(crate) use self::handler::ControlHandler;
use crate::{
    Failure, FailureKind, dead_letters, operations::Operation, produce::ProduceRequest, shadow::ShadowRequest,
    tail::TailRequest, tap::TapRequest,
};

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
    /// Says what each connector does.
    Status,
    /// Pauses or resumes a connector.
    Pause {
        /// Its name.
        connector: String,
        /// Whether it is to be paused.
        paused: bool,
    },
    /// Reads the pipeline's files again and applies them.
    Reload,
    /// Shows records before and after components, as they pass.
    Tap(TapRequest),
    /// Calls a candidate beside a connector's component, and shows what differs.
    Shadow(ShadowRequest),
    /// Shows the messages of a topic as they come.
    Tail(TailRequest),
    /// Publishes records.
    Produce(ProduceRequest),
}

/// A request to read the pipeline's files again, to whoever reads them.
pub struct ReloadRequest {
    /// Takes what was changed, or why nothing was.
    pub answer: oneshot::Sender<Result<Vec<serde_json::Value>, Failure>>,
}

/// The response to a request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// The result; for a query one value for each statement.
    Values(Vec<serde_json::Value>),
    /// An error message for the user: the request was wrong.
    Error(String),
    /// An error message for the user: the pipeline's files are wrong.
    Invalid(String),
    /// One of many values: more may come.
    Item(serde_json::Value),
}

/// What a handler answers.
pub enum Answer {
    /// At once.
    Once(Result<Vec<serde_json::Value>, Failure>),
    /// Little by little, until the sender ends or the asker hangs up.
    Stream(mpsc::Receiver<serde_json::Value>),
}

impl From<Result<Vec<serde_json::Value>, Failure>> for Response {
    fn from(answer: Result<Vec<serde_json::Value>, Failure>) -> Self {
        match answer {
            Ok(values) => Self::Values(values),
            Err(failure) if failure.kind == FailureKind::Configuration => Self::Invalid(failure.to_string()),
            Err(failure) => Self::Error(failure.to_string()),
        }
    }
}

impl Response {
    /// The values, or the error as the asker reports it.
    pub fn into_values(self) -> Result<Vec<serde_json::Value>, Failure> {
        match self {
            Self::Values(values) => Ok(values),
            Self::Item(value) => Ok(vec![value]),
            Self::Error(message) => Err(Failure::usage(message)),
            Self::Invalid(message) => Err(Failure::configuration(message)),
        }
    }
}

/// Handles requests.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Handles a request.
    async fn handle(&self, request: Request) -> Answer;
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

/// Whether a pipeline runs on `data_dir` and takes requests.
pub fn is_running(data_dir: &Path) -> bool {
    with_short_path(&socket_path(data_dir), |short| {
        std::os::unix::net::UnixStream::connect(short)
    })
    .is_ok()
}

/// Sends a request to the pipeline that runs on `data_dir`. `None` if none runs.
pub async fn ask(data_dir: &Path, request: &Request) -> io::Result<Option<Response>> {
    let Some(mut stream) = send(data_dir, request).await? else {
        return Ok(None);
    };
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(Some(serde_json::from_slice(&answer)?))
}

/// Sends a request that only a running pipeline can answer, and returns its values.
pub async fn demand(data_dir: &Path, request: &Request) -> Result<Vec<serde_json::Value>, Failure> {
    match ask(data_dir, request).await.map_err(unanswered)? {
        Some(response) => response.into_values(),
        None => Err(not_running(data_dir)),
    }
}

/// The values of an answer that goes on.
pub struct Items(BufReader<UnixStream>);

impl Items {
    /// Sends a request whose answer goes on.
    pub async fn of(data_dir: &Path, request: &Request) -> Result<Self, Failure> {
        let stream = send(data_dir, request).await.map_err(unanswered)?;
        stream
            .map(|stream| Self(BufReader::new(stream)))
            .ok_or_else(|| not_running(data_dir))
    }

    /// The next value; `None` when the pipeline has ended it. Safe to drop, not to cancel.
    pub async fn next(&mut self) -> Result<Option<serde_json::Value>, Failure> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.map_err(unanswered)?;
        if read == 0 {
            return Ok(None);
        }
        let response: Response = serde_json::from_str(&line).map_err(Failure::internal)?;
        Ok(response.into_values()?.pop())
    }
}

fn unanswered(error: io::Error) -> Failure {
    Failure::internal(format!("the running pipeline did not answer: {error}"))
}

fn not_running(data_dir: &Path) -> Failure {
    Failure::usage(format!(
        "no pipeline runs on {}: start it with `danube-wasm run`, or name the file of one that runs",
        data_dir.display()
    ))
    .coded(Code::NothingRuns)
}

async fn send(data_dir: &Path, request: &Request) -> io::Result<Option<UnixStream>> {
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
    Ok(Some(stream))
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
    let answer = match (read, serde_json::from_slice(&line)) {
        (Ok(Ok(_)), Ok(request)) => handler.handle(request).await,
        (Ok(Ok(_)), Err(error)) => Answer::Once(Err(Failure::usage(format!("not a request: {error}")))),
        _ => return,
    };
    match answer {
        Answer::Once(answer) => {
            if let Ok(answer) = serde_json::to_vec(&Response::from(answer)) {
                let _ = writer.write_all(&answer).await;
            }
        }
        Answer::Stream(values) => write_items(values, reader.into_inner().into_inner(), writer).await,
    }
}

/// Writes values until there are no more, or nobody reads them.
async fn write_items(
    mut values: mpsc::Receiver<serde_json::Value>,
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
) {
    let mut byte = [0];
    loop {
        let value = tokio::select! {
            value = values.recv() => value,
            // The asker says nothing more: it has gone.
            _ = reader.read(&mut byte) => return,
        };
        let Some(value) = value else { return };
        let Ok(mut line) = serde_json::to_vec(&Response::Item(value)) else {
            return;
        };
        line.push(b'\n');
        if writer.write_all(&line).await.is_err() {
            return;
        }
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
