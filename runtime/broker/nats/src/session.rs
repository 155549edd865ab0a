//! The connection to the cluster: made at first use, made anew for ever, and what it has said of its troubles.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::{
    Client, ConnectOptions, Event, HeaderMap, Message, Request, RequestErrorKind, ServerInfo, connection::State,
};
use bytes::Bytes;
use danube_wasm_broker::{Backoff, BrokerError, ErrorKind, Result};
use parking_lot::Mutex;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::{OnceCell, watch};

use crate::{
    error::{ApiError, denied, unavailable},
    limits, login,
    options::NatsOptions,
};

/// For how long a trouble explains that answers do not come.
const TROUBLE_EXPLAINS_FOR: Duration = Duration::from_secs(30);

/// A connection, shared by everything that one handle does.
pub(crate) struct Session {
    pub(crate) options: NatsOptions,
    client: OnceCell<Client>,
    trouble: Arc<Mutex<Option<Trouble>>>,
    /// It takes nothing new.
    closing: watch::Sender<bool>,
    /// It is gone.
    ended: AtomicBool,
    /// A receiver of this lives for each task that has something to hand back.
    work: watch::Sender<()>,
}

/// What a server or the connection has complained about.
struct Trouble {
    message: String,
    since: Instant,
}

/// See [`Session::retry_timer`].
pub(crate) struct RetryTimer {
    deadline: tokio::time::Instant,
    backoff: Backoff,
}

impl RetryTimer {
    /// Waits before the next try; the error if it is final or the time is over.
    pub(crate) async fn wait_after(&mut self, error: BrokerError) -> Result<()> {
        if !error.is_transient() || tokio::time::Instant::now() >= self.deadline {
            return Err(error);
        }
        tokio::time::sleep(self.backoff.next(limits::RETRY_CEILING)).await;
        Ok(())
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nobody takes it now.
    NoResponders,
    /// It may have been done.
    Unknown,
    /// It is too large to be sent.
    TooLarge,
}

impl Session {
    pub(crate) fn new(options: NatsOptions) -> Self {
        Self {
            options,
            client: OnceCell::new(),
            trouble: Arc::default(),
            closing: watch::channel(false).0,
            ended: AtomicBool::new(false),
            work: watch::channel(()).0,
        }
    }

    /// The client, connected or not yet.
    pub(crate) async fn client(&self) -> Result<&Client> {
        if self.ended.load(Ordering::Relaxed) {
            return Err(BrokerError::new(ErrorKind::Closed, "this client of NATS is closed"));
        }
        self.client.get_or_try_init(|| self.connect(true)).await
    }

    /// `forever`: the first connection may take as long as it wants.
    async fn connect(&self, forever: bool) -> Result<Client> {
        let options = &self.options;
        let trouble = self.trouble.clone();
        let connect = login::authenticated(options)?
            .name("danube-wasm")
            .ping_interval(limits::PING_EVERY)
            .connection_timeout(options.connect_timeout)
            .request_timeout(Some(limits::CALL_TIMEOUT))
            .subscription_capacity(limits::SUBSCRIPTION_CAPACITY)
            .reconnect_delay_callback(|tries| {
                limits::RETRY_FLOOR
                    .saturating_mul(1 << tries.min(5))
                    .min(limits::RETRY_CEILING)
            })
            .event_callback(move |event| {
                note(&trouble, &event);
                std::future::ready(())
            });
        let connect: ConnectOptions = if forever {
            connect.retry_on_initial_connect()
        } else {
            connect
        };
        let connected = connect.connect(&options.servers[..]).await;
        connected.map_err(|error| self.refused(&error))
    }

    /// Connects once, for a check: what is wrong is said at once.
    pub(crate) async fn try_connection(&self) -> Result<Client> {
        self.connect(false).await
    }

    fn refused(&self, error: &async_nats::ConnectError) -> BrokerError {
        use async_nats::ConnectErrorKind as Kind;
        let servers = self.options.servers.join(", ");
        if let Some(tls) = tls_error(error) {
            return denied(format!(
                "TLS with NATS at {servers} failed: {tls}; {}",
                login::cure(tls)
            ));
        }
        match error.kind() {
            Kind::AuthorizationViolation | Kind::Authentication => denied(format!(
                "NATS at {servers} does not accept this user ({error}): check `user`, `password`, `token` or \
                 `credentials`, or renew them if they have expired"
            )),
            Kind::ServerParse => denied(format!("`{servers}` names no NATS server: write `nats://HOST:4222`")),
            Kind::Tls => denied(format!(
                "TLS with NATS at {servers} failed: {error}; check `ca_file`, and whether the server speaks TLS: if it does \
                 not, write `nats://`"
            )),
            _ => unavailable(format!(
                "NATS at {servers} cannot be reached: {error}; start it, or correct the address"
            )),
        }
    }

    /// Whether it is connected now.
    pub(crate) fn is_connected(&self) -> bool {
        let state = self.client.get().map(Client::connection_state);
        state == Some(State::Connected)
    }

    /// What the server says of itself. Waits until it is connected; not for longer than a call may take.
    pub(crate) async fn server_info(&self) -> Result<ServerInfo> {
        let client = self.client().await?;
        let connected = async {
            loop {
                // The client says that it is connected a moment before it knows of what.
                match client.try_server_info() {
                    Some(info) if client.connection_state() == State::Connected => return info,
                    _ => tokio::time::sleep(limits::RETRY_FLOOR).await,
                }
            }
        };
        match tokio::time::timeout(self.options.connect_timeout, connected).await {
            Ok(info) => Ok(info),
            // The client that goes on trying does not say why it fails; and what fails now may not fail later.
            Err(_) => match self.try_connection().await {
                Err(why) => Err(unavailable(why.message)),
                Ok(_) => Err(self.silence("connecting")),
            },
        }
    }

    /// The largest message that servers take, headers included, in bytes.
    pub(crate) fn message_bytes_max(&self) -> usize {
        // Before the first connection: NATS' default.
        self.told_message_bytes_max().unwrap_or(1 << 20)
    }

    /// The same, once they have told it.
    pub(crate) fn told_message_bytes_max(&self) -> Option<usize> {
        let told = self.client.get().map(Client::max_payload);
        told.map(|told| told.min(limits::STORED_BYTES_MAX))
    }

    /// One try. A trouble that explains silence is told by [`Session::silence`].
    pub(crate) async fn send(
        &self,
        subject: String,
        headers: Option<HeaderMap>,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Result<Message, NoAnswer>> {
        let client = self.client().await?;
        let mut request = Request::new().payload(payload).timeout(Some(timeout));
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let answer = client.send_request(subject, request).await;
        Ok(answer.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => NoAnswer::NoResponders,
            RequestErrorKind::MaxPayloadExceeded => NoAnswer::TooLarge,
            _ => NoAnswer::Unknown,
        }))
    }

    /// Asks the API of JetStream; tries again while nobody answers. Only for what may be asked twice.
    pub(crate) async fn api<T: DeserializeOwned>(
        &self,
        call: &str,
        body: &(impl Serialize + Sync),
        doing: &str,
    ) -> Result<T> {
        self.api_answer(call, body, doing)
            .await?
            .map_err(|error| error.explain(doing))
    }

    /// The same, with the API's error as it is.
    pub(crate) async fn api_answer<T: DeserializeOwned>(
        &self,
        call: &str,
        body: &(impl Serialize + Sync),
        doing: &str,
    ) -> Result<Result<T, ApiError>> {
        let body = Bytes::from(serde_json::to_vec(body).unwrap_or_default());
        let began = tokio::time::Instant::now();
        let (soon, deadline) = (began + limits::CALL_TIMEOUT, began + self.options.request_timeout);
        let mut backoff = Backoff::new(limits::RETRY_FLOOR);
        loop {
            let sent = self.send(format!("$JS.API.{call}"), None, body.clone(), limits::CALL_TIMEOUT);
            let answer = sent.await?;
            match answer.map(|message| parse::<T>(&message.payload)) {
                Ok(Err(error)) if error.may_pass() && tokio::time::Instant::now() < soon => {
                    tokio::time::sleep(backoff.next(limits::RETRY_CEILING)).await;
                }
                Ok(Err(error)) if error.kind() != ErrorKind::Unavailable => return Ok(Err(error)),
                Ok(Ok(value)) => return Ok(Ok(value)),
                Err(NoAnswer::TooLarge) => {
                    let message = format!("{doing}: it is larger than the server's `max_payload`");
                    return Err(BrokerError::new(ErrorKind::TooLarge, message));
                }
                Ok(Err(error)) if tokio::time::Instant::now() >= deadline => return Ok(Err(error)),
                Err(NoAnswer::NoResponders) if tokio::time::Instant::now() >= deadline => {
                    return Err(unavailable(format!(
                        "{doing}: no JetStream answers; switch it on in the servers (`jetstream {{}}`), or wait until \
                         most servers of the cluster run"
                    )));
                }
                Err(_) if tokio::time::Instant::now() >= deadline => return Err(self.silence(doing)),
                Ok(Err(_)) | Err(_) => tokio::time::sleep(backoff.next(limits::RETRY_CEILING)).await,
            }
        }
    }

    /// For what may fail while leaders change: tried again as long as a call may take.
    pub(crate) fn retry_timer(&self) -> RetryTimer {
        RetryTimer {
            deadline: tokio::time::Instant::now() + self.options.request_timeout,
            backoff: Backoff::new(limits::RETRY_FLOOR),
        }
    }

    /// Why nothing was answered, as far as that is known.
    pub(crate) fn silence(&self, doing: &str) -> BrokerError {
        let servers = self.options.servers.join(", ");
        let trouble = self.trouble.lock();
        let trouble = trouble.as_ref().filter(|t| t.since.elapsed() < TROUBLE_EXPLAINS_FOR);
        match trouble.map(|trouble| &trouble.message) {
            Some(message) if message.to_lowercase().contains("permissions violation") => denied(format!(
                "{doing}: NATS answers: {message}; allow this user `$JS.API.>`, `$JS.ACK.>`, `$KV.>`, `_INBOX.>` and \
                 the subjects of its topics"
            )),
            // Credentials are looked at again at every try to connect.
            Some(message) if message.to_lowercase().contains("auth") => unavailable(format!(
                "{doing}: NATS at {servers} does not accept this user ({message}): check or renew its credentials"
            )),
            Some(message) if !self.is_connected() => {
                unavailable(format!("{doing}: NATS at {servers} cannot be reached: {message}"))
            }
            _ if !self.is_connected() => unavailable(format!("{doing}: NATS at {servers} cannot be reached")),
            _ => unavailable(format!("{doing}: NATS at {servers} has not answered in time")),
        }
    }

    /// Lets everything hand back what it has, then ends the connection.
    pub(crate) async fn close(&self) {
        self.closing.send_replace(true);
        let _ = tokio::time::timeout(limits::CLOSES_WITHIN, self.work.closed()).await;
        self.ended.store(true, Ordering::Relaxed);
        if let Some(client) = self.client.get() {
            // What is still to be sent is sent, if that is possible at once.
            let _ = tokio::time::timeout(limits::RETRY_CEILING, client.flush()).await;
            let _ = client.drain().await;
        }
    }

    /// Becomes true when it is closed.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// While this is held, closing waits, for a while.
    pub(crate) fn work(&self) -> watch::Receiver<()> {
        self.work.subscribe()
    }
}

/// What TLS has failed with.
fn tls_error(error: &async_nats::ConnectError) -> Option<&rustls::Error> {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(tls);
        }
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        next = error.source();
    }
    None
}

fn note(trouble: &Mutex<Option<Trouble>>, event: &Event) {
    let message = match event {
        Event::ServerError(error) => error.to_string(),
        Event::ClientError(error) => error.to_string(),
        Event::Connected => {
            *trouble.lock() = None;
            return;
        }
        Event::SlowConsumer(_) => "messages were dropped, because they were not taken in time".to_owned(),
        _ => return,
    };
    tracing::debug!(message, "NATS");
    let since = Instant::now();
    *trouble.lock() = Some(Trouble { message, since });
}

/// An answer of the API.
pub(crate) fn parse<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ApiError> {
    let malformed = |e: serde_json::Error| ApiError {
        description: format!("the answer cannot be read: {e}"),
        ..ApiError::default()
    };
    let value: Value = serde_json::from_slice(payload).map_err(malformed)?;
    if let Some(error) = value.get("error") {
        return Err(serde_json::from_value(error.clone()).map_err(malformed)?);
    }
    serde_json::from_value(value).map_err(malformed)
}

/// Waits until a flag is true, or nobody can raise it any more.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|raised| *raised).await;
}
