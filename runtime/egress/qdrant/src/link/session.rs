//! One connection: calls over it, and what was seen of the server through it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use qdrant_client::qdrant::{
    HealthCheckRequest, collections_client::CollectionsClient, points_client::PointsClient, qdrant_client::QdrantClient,
};
use tonic::{
    Request, Response, Status,
    metadata::{AsciiMetadataKey, AsciiMetadataValue},
    transport::Channel,
};

use super::{connect::OneConnection, version::Version};
use crate::{collection::Shape, config::Qdrant, fault::Fault, shown::shown};

/// One connection, to a server of a known version.
pub(crate) struct Session {
    pub(crate) version: Version,
    channel: Channel,
    is_over: Arc<AtomicBool>,
    who: String,
    headers: Vec<(AsciiMetadataKey, AsciiMetadataValue)>,
    timeout: Duration,
    /// What collections are, as far as was seen.
    shapes: Mutex<HashMap<Arc<str>, Arc<Shape>>>,
}

impl Session {
    /// Asks the server for its version.
    pub(super) async fn open(connection: OneConnection, config: &Qdrant, who: String) -> Result<Self, Fault> {
        let mut session = Self {
            version: Version::UNKNOWN,
            channel: connection.channel,
            is_over: connection.is_over,
            who,
            headers: headers(config)?,
            timeout: config.request_timeout,
            shapes: Mutex::default(),
        };
        session.version = session.health().await?;
        Ok(session)
    }

    /// Whether the connection has ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Asks whether the server is there, and which version it is.
    pub(crate) async fn health(&self) -> Result<Version, Fault> {
        let mut client = QdrantClient::new(self.channel.clone());
        let reply = self
            .call("its version", client.health_check(self.request(HealthCheckRequest {})))
            .await?;
        let not_qdrant =
            |()| Fault::Configuration(format!("{} gives `{}` as its version", self.who, shown(&reply.version)));
        reply.version.parse().map_err(not_qdrant)
    }

    pub(crate) fn points(&self) -> PointsClient<Channel> {
        PointsClient::new(self.channel.clone())
    }

    pub(crate) fn collections(&self) -> CollectionsClient<Channel> {
        CollectionsClient::new(self.channel.clone())
    }

    /// With the key that the server asks for.
    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        request.set_timeout(self.timeout);
        request
    }

    /// The answer to a request, within the time for it. `what` is the request, for messages.
    pub(crate) async fn call<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(Fault::of_status(&self.who, what, &status)),
            Err(_) => {
                let (who, within) = (&self.who, self.timeout.as_millis());
                Err(Fault::overload(
                    format!("{who} has not answered {what} within {within} ms"),
                    None,
                ))
            }
        }
    }

    /// How long the server may take over a request: a little less than it is waited for, in whole seconds.
    pub(crate) fn server_timeout(&self) -> u64 {
        let secs = self.timeout.as_secs();
        secs.saturating_sub((secs / 5).max(1)).max(1)
    }

    pub(crate) fn shape(&self, collection: &str) -> Option<Arc<Shape>> {
        self.shapes.lock().get(collection).cloned()
    }

    pub(crate) fn keep_shape(&self, collection: &Arc<str>, shape: Arc<Shape>) {
        self.shapes.lock().insert(collection.clone(), shape);
    }

    /// It may have changed.
    pub(crate) fn forget_shape(&self, collection: &str) {
        self.shapes.lock().remove(collection);
    }

    pub(crate) fn who(&self) -> &str {
        &self.who
    }
}

fn headers(config: &Qdrant) -> Result<Vec<(AsciiMetadataKey, AsciiMetadataValue)>, Fault> {
    let key = config.api_key.iter().map(|key| ("api-key", key));
    let others = config.headers.iter().map(|(name, value)| (name.as_str(), value));
    let header = |(name, value): (&str, &danube_wasm_settings::Secret)| {
        let unusable = || {
            Fault::Configuration(format!(
                "`{name}` is no text that a header can have: look for line breaks"
            ))
        };
        let key: AsciiMetadataKey = name.parse().map_err(|_| unusable())?;
        let mut value: AsciiMetadataValue = value.expose().parse().map_err(|_| unusable())?;
        value.set_sensitive(true);
        Ok((key, value))
    };
    key.chain(others).map(header).collect()
}
