//! Requests to the server's HTTP interface.

mod answer;

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use danube_wasm_egress_dial::{DialError, Dialer, Redirects};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, CONTENT_ENCODING, USER_AGENT},
};
use reqwest::Response;
use url::Url;

use crate::{
    config::{ClickHouse, Compression, Login},
    exception::Fault,
    limits::{ANSWER_BYTES_MAX, ERROR_BYTES_MAX, IDLE_CONNECTION_MAX},
    shown::Words,
};

const AGENT: &str = concat!("danube-wasm/", env!("CARGO_PKG_VERSION"));

/// Speaks to the server. Follows no redirect, uses no proxy, sends nothing by itself.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    compression: Compression,
    words: Words,
    /// The server, for messages.
    pub(crate) who: String,
}

/// What a query is given by name: settings, and `param_…` for what stands in braces in it.
pub(crate) type Parameters<'p> = &'p [(&'p str, &'p str)];

impl Client {
    /// Connects at the first request.
    ///
    /// # Errors
    ///
    /// A certificate or a secret cannot be used: what to do.
    pub(crate) fn new(config: &ClickHouse) -> Result<Self, String> {
        let dialer = Dialer::new(config.guard.policy());
        let tls = config
            .tls
            .settings()
            .client_config()
            .map_err(|error| error.to_string())?;
        let http = dialer
            .http_client(&tls, Redirects::None)
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(IDLE_CONNECTION_MAX)
            .tcp_nodelay(true)
            .build()
            .map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(credentials(&config.login)?.map(|value| (AUTHORIZATION, value)));
        Ok(Self {
            http,
            url: config.url.clone(),
            headers,
            timeout: config.request_timeout,
            compression: config.compression,
            words: Words::of(config),
            who: format!("ClickHouse at {}", config.origin()),
        })
    }

    /// Asks, and gives the answer's body.
    pub(crate) async fn ask(&self, query: String, parameters: Parameters<'_>) -> Result<Bytes, Fault> {
        let url = self.url_with(None, parameters);
        let request = self.http.post(url).headers(self.headers.clone()).body(query);
        self.send(request).await
    }

    /// Inserts rows.
    pub(crate) async fn insert(&self, query: &str, parameters: Parameters<'_>, rows: Vec<u8>) -> Result<(), Fault> {
        let url = self.url_with(Some(query), parameters);
        let request = self.http.post(url).headers(self.headers.clone());
        let request = match self.compression {
            Compression::None => request.body(rows),
            Compression::Zstd => {
                let packed = pack(rows).await?;
                request.header(CONTENT_ENCODING, "zstd").body(packed)
            }
        };
        self.send(request).await.map(drop)
    }

    fn url_with(&self, query: Option<&str>, parameters: Parameters<'_>) -> Url {
        let mut url = self.url.clone();
        let mut pairs = url.query_pairs_mut();
        // Otherwise the answer's status is sent before the query has ended.
        pairs.append_pair("wait_end_of_query", "1");
        pairs.extend_pairs(parameters);
        pairs.extend_pairs(query.map(|query| ("query", query)));
        drop(pairs);
        url
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Bytes, Fault> {
        let exchange = async {
            let mut response = request.send().await.map_err(|error| self.failed(&error))?;
            let status = response.status();
            let bytes_max = if status.is_success() {
                ANSWER_BYTES_MAX
            } else {
                ERROR_BYTES_MAX
            };
            let body = self.read(&mut response, bytes_max).await?;
            self.classify(status, response.headers(), &body).map(|()| body)
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(answer) => answer,
            Err(_) => {
                let (who, ms) = (&self.who, self.timeout.as_millis());
                Err(Fault::transient(format!("{who} has not answered in {ms} ms")))
            }
        }
    }

    async fn read(&self, response: &mut Response, bytes_max: usize) -> Result<Bytes, Fault> {
        let mut body = Vec::new();
        let is_error = !response.status().is_success();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= bytes_max => body.extend_from_slice(&chunk),
                Ok(Some(chunk)) if is_error => {
                    body.extend_from_slice(&chunk[..bytes_max - body.len()]);
                    break;
                }
                Ok(Some(_)) => {
                    let who = &self.who;
                    return Err(Fault::Unfit(format!(
                        "{who} gives an answer of more than {bytes_max} bytes"
                    )));
                }
                Ok(None) => break,
                // What an error says is cut, and says enough.
                Err(_) if is_error => break,
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(body.into())
    }

    /// Why there is no answer.
    fn failed(&self, error: &reqwest::Error) -> Fault {
        let who = &self.who;
        if let Some(dial) = DialError::within(error) {
            let message = format!("{who}: {dial}");
            return match dial {
                // The name or the chain: no later attempt mends it.
                DialError::Certificate { .. } => Fault::Unfit(message),
                dial if dial.is_transient() => Fault::transient(message),
                _ => Fault::Unfit(message),
            };
        }
        let mut words = String::new();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
        while let Some(error) = cause {
            words = format!(": {error}");
            if let Some(rustls::Error::InvalidCertificate(why)) = tls_error(error) {
                // The name or the chain: no later attempt mends it.
                let cure = "correct the host in `url`, or name the authority in `tls`";
                return Fault::Unfit(format!(
                    "the certificate of {who} is not accepted ({why}): {cure}. Its rows wait"
                ));
            }
            cause = error.source();
        }
        if error.is_connect() {
            return Fault::transient(format!(
                "{who} cannot be connected to{words}: check scheme, port and `tls`"
            ));
        }
        Fault::transient(format!(
            "{who}: the connection failed{words}; whether the rows were taken is not known"
        ))
    }
}

/// Compresses rows, beside other tasks: there may be many.
async fn pack(rows: Vec<u8>) -> Result<Vec<u8>, Fault> {
    let packed = tokio::task::spawn_blocking(move || zstd::bulk::compress(&rows, 1)).await;
    let packed = packed.map_err(std::io::Error::other).flatten();
    packed.map_err(|error| Fault::transient(format!("rows cannot be compressed: {error}")))
}

/// The error of TLS that an error is, however often it was wrapped as one of I/O.
fn tls_error<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<std::io::Error>() {
        Some(io) => tls_error(io.get_ref()?),
        None => error.downcast_ref(),
    }
}

fn credentials(login: &Login) -> Result<Option<HeaderValue>, String> {
    let text = match login {
        Login::Nobody => return Ok(None),
        Login::User { username, password } => {
            let password = password.as_ref().map_or("", |password| password.expose());
            format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
        }
        Login::Token(token) => format!("Bearer {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "`token` holds characters that no header can have: check its variable or file")?;
    value.set_sensitive(true);
    Ok(Some(value))
}
