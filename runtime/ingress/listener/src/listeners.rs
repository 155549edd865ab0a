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

use crate::{Handler, HttpListener, ListenerConfig, ListenerOptions, Observer, RouteError};

/// The listeners of a host, for one kind of source.
pub struct Listeners<H>(Arc<Inner<H>>);

struct Inner<H> {
    open: Mutex<BTreeMap<String, Open<H>>>,
    generation: AtomicU64,
}

/// A listener and the sources that use it.
struct Open<H> {
    listener: Arc<HttpListener<H>>,
    config: ListenerConfig,
    served: BTreeMap<ConnectorId, Served<H>>,
}

struct Served<H> {
    generation: u64,
    handlers: Vec<Arc<H>>,
}

impl<H> Clone for Listeners<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> Default for Listeners<H> {
    fn default() -> Self {
        Self(Arc::new(Inner {
            open: Mutex::default(),
            generation: AtomicU64::default(),
        }))
    }
}

impl<H: Handler> Listeners<H> {
    /// Serves the handlers of a source, in place of its previous ones.
    pub async fn serve(
        &self,
        id: &ConnectorId,
        config: &ListenerConfig,
        handlers: Vec<Arc<H>>,
        observer: Arc<dyn Observer>,
    ) -> Result<ServedRoutes<H>, StartError> {
        // Before the lock: a name server that does not answer must not delay other sources.
        let listen = &config.listen;
        let refused = |why| StartError::Permanent(format!("{}: cannot listen on {listen}: {why}", listen.line));
        let address = config.listen.resolve().await.map_err(refused)?;
        let mut open = self.0.open.lock().await;
        // With port 0 each source has its own port, the same one as long as it runs.
        let key = match config.listen.port {
            0 => format!("{} of {id}", config.listen),
            _ => config.listen.to_string(),
        };
        if let Some(entry) = open.get(&key)
            && !entry.config.shares_listener(config)
        {
            let is_only_user = entry.served.keys().all(|other| other == id);
            let what = if is_only_user {
                "changing these needs a restart"
            } else {
                "two sources share it"
            };
            return Err(StartError::Permanent(format!(
                "{} is open with other timeouts, TLS files or trusted proxies; {what}",
                config.listen
            )));
        }
        if !open.contains_key(&key) {
            let listener = Arc::new(bind(address, config, observer).await?);
            open.insert(
                key.clone(),
                Open {
                    listener,
                    config: config.clone(),
                    served: BTreeMap::new(),
                },
            );
        }
        let generation = self.0.generation.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = open.get_mut(&key) else {
            return Err(StartError::Transient(format!("the listener {key} is gone")));
        };
        let in_use = handlers.iter().map(Arc::downgrade).collect();
        let before = entry.served.insert(id.clone(), Served { generation, handlers });
        if let Err(error) = entry.apply() {
            match before {
                Some(before) => drop(entry.served.insert(id.clone(), before)),
                None => drop(entry.served.remove(id)),
            }
            return Err(StartError::permanent(error));
        }
        let address = entry.listener.local_addr();
        Ok(ServedRoutes {
            listeners: self.clone(),
            key,
            id: id.clone(),
            generation,
            address,
            scheme: config.scheme(),
            handlers: in_use,
        })
    }

    /// Reads certificates and keys again; a listener whose new ones are invalid keeps the current ones.
    pub async fn reload_tls(&self) {
        for entry in self.0.open.lock().await.values() {
            if let Err(error) = entry.listener.reload_tls() {
                tracing::error!(address = %entry.listener.local_addr(), %error, "the certificate was not replaced");
            }
        }
    }
}

async fn bind<H: Handler>(
    address: SocketAddr,
    config: &ListenerConfig,
    observer: Arc<dyn Observer>,
) -> Result<HttpListener<H>, StartError> {
    let options = ListenerOptions {
        limits: config.limits(),
        tls: config.tls.clone(),
        trusted_proxies: config.proxies(),
        observer,
        ..ListenerOptions::new(address)
    };
    let refused = |why| StartError::Permanent(format!("{}: {why}", config.listen.line));
    HttpListener::bind(options).await.map_err(refused)
}

impl<H: Handler> Open<H> {
    fn apply(&self) -> Result<(), RouteError> {
        let all: Vec<_> = self
            .served
            .values()
            .flat_map(|served| served.handlers.iter().cloned())
            .collect();
        self.listener.set_routes(all)
    }
}

/// The handlers of one start of a source.
pub struct ServedRoutes<H> {
    listeners: Listeners<H>,
    key: String,
    id: ConnectorId,
    generation: u64,
    address: SocketAddr,
    scheme: &'static str,
    handlers: Vec<Weak<H>>,
}

/// How often to check whether replaced endpoints still have requests in flight.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

#[async_trait]
impl<H: Handler> Ingress for ServedRoutes<H> {
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

impl<H> ServedRoutes<H> {
    /// The address that it listens on, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the requests in flight: each holds a reference to its handler.
    async fn wait_for_requests(&self, deadline: Instant) {
        let in_flight = || self.handlers.iter().any(|handler| handler.strong_count() > 0);
        while in_flight() && Instant::now() < deadline {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
