//! Makes requests that are granted.

use bytes::{Bytes, BytesMut};
use danube_wasm_egress_dial::{DialError, Dialer, PolicyKeys, Redirects, TlsSettings, TlsSettingsError};
use http::{Request, Response, header};
use tokio::runtime::Handle;
use url::Url;

use crate::{HttpGrant, credentials};

/// Makes the requests of one connector's component, as far as they are granted.
#[derive(Debug, Clone)]
pub struct GrantedClient {
    http: reqwest::Client,
    grant: HttpGrant,
    /// Where its sockets live.
    runtime: Handle,
}

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No authorities, or none that can be used.
    #[error(transparent)]
    Tls(#[from] TlsSettingsError),
    /// The library refuses its settings.
    #[error("the client of `grants.http` cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SendError {
    /// What kind of reason.
    pub kind: SendErrorKind,
    /// What was asked for, why it was not done, and what to change. Never a secret, and no query: that may have one.
    pub message: String,
}

/// See [`SendError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendErrorKind {
    /// It is not granted.
    Denied,
    /// It is over a limit.
    Limit,
    /// It took too long.
    Timeout,
    /// There is no connection, or it broke.
    Unreachable,
}

impl SendError {
    pub(crate) fn new(kind: SendErrorKind, message: String) -> Self {
        Self { kind, message }
    }
}

impl GrantedClient {
    /// A client that connects where the grant allows. Reads the system's authorities, which blocks for a moment.
    ///
    /// # Errors
    ///
    /// This system has no authorities that a certificate could be checked by.
    pub fn try_new(grant: HttpGrant, runtime: Handle) -> Result<Self, SetupError> {
        let policy = grant.guard.policy().with_keys(PolicyKeys {
            allow: "grants.http.allow_networks".to_owned(),
            deny: "grants.http.deny_networks".to_owned(),
        });
        Self::with_dialer(grant, &Dialer::new(policy), runtime)
    }

    /// As [`Self::try_new`], with a dialer of one's own: for names that a test resolves.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn with_dialer(grant: HttpGrant, dialer: &Dialer, runtime: Handle) -> Result<Self, SetupError> {
        let tls = TlsSettings::default().client_config()?;
        let client = dialer.http_client(&tls, Redirects::None).timeout(grant.request_timeout);
        Ok(Self {
            http: client.build()?,
            grant,
            runtime,
        })
    }

    /// Makes a request, and returns its whole answer. Redirects are not followed.
    ///
    /// # Errors
    ///
    /// It is not granted, or there is no answer.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let (mut parts, body) = request.into_parts();
        let url = self.granted(&parts.uri.to_string())?;
        credentials::inject(&self.grant, &url, &mut parts.headers)?;
        // The client sets them.
        parts.headers.remove(header::HOST);
        parts.headers.remove(header::CONTENT_LENGTH);
        let shown = shown(&parts.method, &url);
        let request = self.http.request(parts.method, url).headers(parts.headers).body(body);
        let (bytes_max, timeout) = (self.grant.response_bytes_max, self.grant.request_timeout);
        let sending = async move {
            let response = request.send().await.map_err(|error| failed(&shown, &error, timeout))?;
            receive(response, &shown, bytes_max, timeout).await
        };
        // Ends with its caller.
        let mut task = AbortOnDrop(self.runtime.spawn(sending));
        (&mut task.0).await.unwrap_or_else(|error| {
            Err(SendError::new(
                SendErrorKind::Unreachable,
                format!("a task of the host ended early: {error}"),
            ))
        })
    }

    /// The URL, if its host is granted.
    fn granted(&self, text: &str) -> Result<Url, SendError> {
        let denied = |message| Err(SendError::new(SendErrorKind::Denied, message));
        let Ok(url) = Url::parse(text) else {
            return denied("the component asked for something that is not a URL".to_owned());
        };
        let (host, port) = (
            url.host_str().unwrap_or_default(),
            url.port_or_known_default().unwrap_or_default(),
        );
        let mut hosts = self.grant.hosts.iter();
        if hosts.any(|pattern| pattern.matches(url.scheme(), host, port)) {
            return Ok(url);
        }
        let granted: Vec<_> = self.grant.hosts.iter().map(|host| format!("`{host}`")).collect();
        let place = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        denied(format!(
            "`{place}` is not granted to this component, which may ask {}: to permit it, add `{place}` to `grants.http.hosts`",
            granted.join(", ")
        ))
    }
}

/// Reads an answer, up to a limit.
async fn receive(
    mut response: reqwest::Response,
    shown: &str,
    bytes_max: usize,
    timeout: std::time::Duration,
) -> Result<Response<Bytes>, SendError> {
    let over = || {
        let message =
            format!("the answer to {shown} has more than {bytes_max} bytes (`response_bytes_max` of `grants.http`)");
        SendError::new(SendErrorKind::Limit, message)
    };
    let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
    if announced.is_some_and(|bytes| bytes > bytes_max) {
        return Err(over());
    }
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(shown, &error, timeout))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(over());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(body.freeze());
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

/// Method and URL without query, which may carry a secret, and without user and password.
fn shown(method: &http::Method, url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    // It has a host, so that it can have none of them.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    format!("{method} {bare}")
}

fn failed(shown: &str, error: &reqwest::Error, timeout: std::time::Duration) -> SendError {
    if let Some(dial) = DialError::within(error) {
        let kind = match dial {
            DialError::Denied { .. } => SendErrorKind::Denied,
            DialError::Timeout { .. } => SendErrorKind::Timeout,
            _ => SendErrorKind::Unreachable,
        };
        return SendError::new(kind, format!("{shown}: {dial}"));
    }
    if error.is_timeout() {
        let ms = timeout.as_millis();
        let message = format!("{shown} was not answered within {ms} ms (`request_timeout_ms` of `grants.http`)");
        return SendError::new(SendErrorKind::Timeout, message);
    }
    let mut why = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        why = error.to_string();
        source = error.source();
    }
    SendError::new(SendErrorKind::Unreachable, format!("{shown} was not answered: {why}"))
}

struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
