//! An endpoint that requests are sent to.

mod classify;
mod outgoing;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use danube_wasm_egress_dial::Dialer;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{CONTENT_TYPE, USER_AGENT},
};
use http_body_util::Full;

use crate::{
    answer::{self, Answer, Reading},
    auth::Credentials,
    client::Client,
    concurrency::Concurrency,
    config,
    counters::Counters,
    gate::Gate,
    limits::{ANSWER_BYTES_MAX, RESULTS_BYTES_MAX},
    message_id::MessageId,
    shown::Words,
    sign::Signer,
    verdict::{Failure, FailureKind},
};
pub(crate) use outgoing::Outgoing;

const AGENT: &str = concat!("danube-wasm/", env!("CARGO_PKG_VERSION"));
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// An endpoint that requests are sent to.
pub(crate) struct Endpoint {
    pub(crate) config: config::Endpoint,
    /// For messages.
    pub(crate) who: String,
    pub(crate) words: Words,
    pub(crate) concurrency: Arc<Concurrency>,
    pub(crate) gate: Arc<Gate>,
    client: Client,
    credentials: Credentials,
    signer: Signer,
    counters: Counters,
    /// Those of every request.
    headers: HeaderMap,
    /// Most bytes of a request, as far as is known.
    bytes_max: AtomicUsize,
}

impl Endpoint {
    /// Connects at the first request.
    ///
    /// # Errors
    ///
    /// A certificate or a secret cannot be used: what to do.
    pub(crate) fn new(config: config::Endpoint, dialer: &Dialer) -> Result<Self, String> {
        let of = |error: String| format!("endpoint `{}`: {error}", config.name);
        let tls = config.tls.settings();
        let client = Client::new(dialer.clone(), &tls, config.connect_timeout, config.in_flight_max);
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let content_type = HeaderValue::from_str(&config.content_type);
        headers.insert(CONTENT_TYPE, content_type.map_err(|error| of(error.to_string()))?);
        for (name, value) in &config.headers {
            let name: HeaderName = name.parse().map_err(|_| of(format!("`{name}` is no header")))?;
            let value = value
                .expose()
                .parse()
                .map_err(|_| of(format!("the value of `{name}` is none")))?;
            headers.insert(name, value);
        }
        Ok(Self {
            who: config.shown(),
            words: Words::of(&config),
            concurrency: Concurrency::new(config.in_flight_max),
            gate: Arc::default(),
            client: client.map_err(|error| of(error.to_string()))?,
            credentials: Credentials::new(&config, dialer).map_err(of)?,
            signer: Signer::new(&config.secrets),
            counters: Counters::default(),
            headers,
            bytes_max: AtomicUsize::new(config.bytes_max),
            config,
        })
    }

    /// The same, counted.
    pub(crate) fn counted(self, counters: Counters) -> Self {
        let endpoint = Self { counters, ..self };
        endpoint.count_state();
        endpoint
    }

    /// Counts a request. `status` is `None` without an answer.
    pub(crate) fn count(&self, status: Option<u16>, elapsed: Duration) {
        self.counters.requested(&self.config.name, status, elapsed);
        self.count_state();
    }

    fn count_state(&self) {
        let (limit, is_held) = (self.concurrency.limit(), self.gate.is_held());
        self.counters.state(&self.config.name, limit, is_held);
    }

    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max.load(Ordering::Relaxed)
    }

    /// A request of so many bytes was too large.
    pub(crate) fn too_large(&self, bytes: usize) {
        self.bytes_max.fetch_min((bytes / 2).max(1), Ordering::Relaxed);
    }

    /// Sends it, with new credentials once if those that it had are refused.
    pub(crate) async fn send(&self, outgoing: &Outgoing) -> Result<Answer, Failure> {
        let credential = self.credentials.next(None).await?;
        let answer = self.attempt(outgoing, credential.header).await?;
        match credential.token {
            Some(refused) if answer.status.as_u16() == 401 => {
                let credential = self.credentials.next(Some(&refused)).await?;
                self.attempt(outgoing, credential.header).await
            }
            _ => Ok(answer),
        }
    }

    /// Asks whether it is there.
    pub(crate) async fn look(&self) -> Result<Answer, Failure> {
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_TYPE);
        let unusable = |why| Failure::new(FailureKind::Unfit, why);
        self.send(&Outgoing {
            method: Method::GET,
            uri: self.config.url.uri("check").map_err(unusable)?,
            id: Arc::new(MessageId::of_request(std::iter::empty())),
            headers,
            body: Bytes::new(),
            has_several: false,
        })
        .await
    }

    async fn attempt(
        &self,
        outgoing: &Outgoing,
        credential: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::new(Full::new(outgoing.body.clone()));
        *request.method_mut() = outgoing.method.clone();
        *request.uri_mut() = outgoing.uri.clone();
        let headers = request.headers_mut();
        headers.clone_from(&outgoing.headers);
        headers.extend(credential);
        self.name_and_sign(headers, outgoing);
        let reading = Reading {
            timeout: self.config.timeout,
            bytes_max: if outgoing.has_several {
                RESULTS_BYTES_MAX
            } else {
                ANSWER_BYTES_MAX
            },
        };
        answer::send(&self.client, request, reading, &self.who).await
    }

    /// The ids are the same at each attempt, time and signature are the attempt's.
    fn name_and_sign(&self, headers: &mut HeaderMap, outgoing: &Outgoing) {
        let id = outgoing.id.as_str();
        let insert = |headers: &mut HeaderMap, name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        insert(headers, ID, id);
        insert(headers, IDEMPOTENCY_KEY, &format!("\"{id}\""));
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        if let Some(signature) = self.signer.signature(id, now, &outgoing.body) {
            headers.insert(TIMESTAMP, HeaderValue::from(now));
            insert(headers, SIGNATURE, &signature);
        }
    }
}
