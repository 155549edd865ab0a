//! The HTTP listeners of a host: one for each address, shared by the sources that listen on it.
//!
//! A source's endpoints are swapped atomically, so a reload drops no request; a listener closes with its last source.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use danube_wasm_connector::{Ingress, StartError};
use danube_wasm_model::ConnectorId;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    Endpoint, HttpListener, ListenerOptions, Observer, RouteError,
    config::{self, Webhook},
};

/// The listeners of a host.
#[derive(Clone, Default)]
pub struct Listeners(Arc<Inner>);

#[derive(Default)]
struct Inner {
    open: Mutex<BTreeMap<String, Open>>,
    generation: AtomicU64,
}

/// A listener and the sources that use it.
struct Open {
    listener: Arc<HttpListener>,
    webhook: Webhook,
    served: BTreeMap<ConnectorId, Served>,
}

struct Served {
    generation: u64,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Listeners {
    /// Serves the endpoints of a source, in place of its previous ones.
    pub(crate) async fn serve(
        &self,
        id: &ConnectorId,
        webhook: &Webhook,
        endpoints: Vec<Arc<Endpoint>>,
        observer: Arc<dyn Observer>,
    ) -> Result<ServedRoutes, StartError> {
        // Before the lock: a name server that does not answer must not delay other sources.
        let listen = &webhook.listen;
        let refused = |why| StartError::Permanent(format!("{}: cannot listen on {listen}: {why}", listen.line));
        let address = webhook.listen.resolve().await.map_err(refused)?;
        let mut open = self.0.open.lock().await;
        // With port 0 each source has its own port, the same one as long as it runs.
        let key = match webhook.listen.port {
            0 => format!("{} of {id}", webhook.listen),
            _ => webhook.listen.to_string(),
        };
        if let Some(entry) = open.get(&key)
            && !entry.webhook.shares_listener(webhook)
        {
            let is_only_user = entry.served.keys().all(|other| other == id);
            let what = if is_only_user {
                "changing these needs a restart"
            } else {
                "two sources share it"
            };
            return Err(StartError::Permanent(format!(
                "{} is open with other timeouts, TLS files or trusted proxies; {what}",
                webhook.listen
            )));
        }
        if !open.contains_key(&key) {
            let listener = Arc::new(bind(address, webhook, observer).await?);
            open.insert(
                key.clone(),
                Open {
                    listener,
                    webhook: webhook.clone(),
                    served: BTreeMap::new(),
                },
            );
        }
        let generation = self.0.generation.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = open.get_mut(&key) else {
            return Err(StartError::Transient(format!("the listener {key} is gone")));
        };
        let in_use = endpoints.iter().map(Arc::downgrade).collect();
        let before = entry.served.insert(id.clone(), Served { generation, endpoints });
        if let Err(error) = entry.apply() {
            match before {
                Some(before) => drop(entry.served.insert(id.clone(), before)),
                None => drop(entry.served.remove(id)),
            }
            return Err(StartError::permanent(error));
        }
        let address = entry.listener.local_addr();
        let scheme = if webhook.tls.is_some() { "https" } else { "http" };
        Ok(ServedRoutes {
            listeners: self.clone(),
            key,
            id: id.clone(),
            generation,
            address,
            scheme,
            endpoints: in_use,
        })
    }

    /// Reads certificates and keys again; a listener whose new ones are invalid keeps the current ones.
    pub(crate) async fn reload_tls(&self) {
        for entry in self.0.open.lock().await.values() {
            if let Err(error) = entry.listener.reload_tls() {
                tracing::error!(address = %entry.listener.local_addr(), %error, "the certificate was not replaced");
            }
        }
    }
}

async fn bind(address: SocketAddr, webhook: &Webhook, observer: Arc<dyn Observer>) -> Result<HttpListener, StartError> {
    let options = ListenerOptions {
        limits: config::limits(webhook),
        tls: webhook.tls.clone(),
        trusted_proxies: config::trusted_proxies(webhook),
        observer,
        ..ListenerOptions::new(address)
    };
    let refused = |why| StartError::Permanent(format!("{}: {why}", webhook.listen.line));
    HttpListener::bind(options).await.map_err(refused)
}

impl Open {
    fn apply(&self) -> Result<(), RouteError> {
        let all: Vec<_> = self
            .served
            .values()
            .flat_map(|served| served.endpoints.iter().cloned())
            .collect();
        self.listener.set_routes(all)
    }
}

/// The endpoints of one start of a source.
pub(crate) struct ServedRoutes {
    listeners: Listeners,
    key: String,
    id: ConnectorId,
    generation: u64,
    address: SocketAddr,
    scheme: &'static str,
    endpoints: Vec<Weak<Endpoint>>,
}

/// How often to check whether replaced endpoints still have requests in flight.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

#[async_trait]
impl Ingress for ServedRoutes {
    fn location(&self, endpoint: &str) -> String {
        format!("{}://{}{endpoint}", self.scheme, self.address)
    }

    /// Removes the endpoints, unless a newer start has replaced them already: then waits for the requests in flight on the
    /// replaced ones. Drains the listener of the last source.
    async fn close(&self, deadline: Instant) {
        let ended = {
            let mut open = self.listeners.0.open.lock().await;
            let Some(entry) = open.get_mut(&self.key) else { return };
            if entry
                .served
                .get(&self.id)
                .is_none_or(|served| served.generation != self.generation)
            {
                drop(open);
                return self.wait_for_requests(deadline).await;
            }
            if entry.served.len() == 1 {
                open.remove(&self.key)
            } else {
                entry.served.remove(&self.id);
                if let Err(error) = entry.apply() {
                    tracing::error!(connector = %self.id, %error, "endpoints could not be taken away");
                }
                None
            }
        };
        if let Some(entry) = ended {
            let drained = entry
                .listener
                .drain(deadline.saturating_duration_since(Instant::now()))
                .await;
            if drained.aborted > 0 {
                tracing::warn!(connector = %self.id, connections = drained.aborted, "connections were cut at the end of the grace time");
            }
        }
    }
}

impl ServedRoutes {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the requests in flight: each holds a reference to its endpoint.
    async fn wait_for_requests(&self, deadline: Instant) {
        let in_flight = || self.endpoints.iter().any(|endpoint| endpoint.strong_count() > 0);
        while in_flight() && Instant::now() < deadline {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
