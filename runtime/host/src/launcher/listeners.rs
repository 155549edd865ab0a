//! The HTTP listeners of this process: one for each address, shared by the sources that name it.
//!
//! A source's endpoints are swapped in one step, so a reload drops no request; a listener ends with its last source.

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
use danube_wasm_config as config;
use danube_wasm_ingress_http::{Endpoint, HttpListener, ListenerOptions, TlsOptions, TrustedProxies};
use danube_wasm_model::{
    ConnectorId,
    door::{Intake, Outcome},
    event::Event,
};
use danube_wasm_telemetry::{Metrics, Tracing};
use tokio::{sync::Mutex, time::Instant};

use super::http_observer::HttpObserver;
use crate::{Failure, settings};

/// All listeners.
#[derive(Clone)]
pub(crate) struct Listeners(Arc<Inner>);

struct Inner {
    open: Mutex<BTreeMap<String, Open>>,
    generation: AtomicU64,
    metrics: Arc<Metrics>,
    tracing: Tracing,
}

/// A listener and whose endpoints it has.
struct Open {
    listener: Arc<HttpListener>,
    webhook: config::Webhook,
    served: BTreeMap<ConnectorId, Served>,
}

struct Served {
    generation: u64,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Listeners {
    pub(crate) fn new(metrics: Arc<Metrics>, tracing: Tracing) -> Self {
        let generation = AtomicU64::new(1);
        Self(Arc::new(Inner {
            open: Mutex::default(),
            generation,
            metrics,
            tracing,
        }))
    }

    /// Serves the endpoints of a source, in place of those that it had.
    pub(crate) async fn serve(
        &self,
        id: &ConnectorId,
        webhook: &config::Webhook,
        endpoints: Vec<Arc<Endpoint>>,
    ) -> Result<Routes, Failure> {
        // Before the lock: a name server that does not answer holds up no other source.
        let listen = &webhook.listen;
        let refused = |why| Failure::configuration(format!("{}: cannot listen on {listen}: {why}", listen.line));
        let address = webhook.listen.resolve().await.map_err(refused)?;
        let mut open = self.0.open.lock().await;
        // Port 0 is a port of its own for each source, and the same one as long as the source runs.
        let key = match webhook.listen.port {
            0 => format!("{} of {id}", webhook.listen),
            _ => webhook.listen.to_string(),
        };
        if let Some(entry) = open.get(&key)
            && !same_listener(&entry.webhook, webhook)
        {
            let alone = entry.served.keys().all(|other| other == id);
            let what = if alone {
                "changing these needs a restart"
            } else {
                "two sources share it"
            };
            return Err(Failure::configuration(format!(
                "{} is open with other timeouts, TLS files or trusted proxies; {what}",
                webhook.listen
            )));
        }
        if !open.contains_key(&key) {
            let listener = Arc::new(self.bind(address, webhook).await?);
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
            return Err(Failure::internal(format!("the listener {key} is gone")));
        };
        let held = endpoints.iter().map(Arc::downgrade).collect();
        let before = entry.served.insert(id.clone(), Served { generation, endpoints });
        if let Err(error) = entry.apply() {
            match before {
                Some(before) => drop(entry.served.insert(id.clone(), before)),
                None => drop(entry.served.remove(id)),
            }
            return Err(Failure::configuration(error));
        }
        let address = entry.listener.local_addr();
        Ok(Routes {
            listeners: self.clone(),
            key,
            id: id.clone(),
            generation,
            address,
            endpoints: held,
        })
    }

    /// Reads certificates and keys again; a listener whose new ones are wrong keeps the old.
    pub(crate) async fn reload_tls(&self) {
        for entry in self.0.open.lock().await.values() {
            if let Err(error) = entry.listener.reload_tls() {
                tracing::error!(address = %entry.listener.local_addr(), %error, "the certificate was not replaced");
            }
        }
    }

    /// Where each source listens.
    pub(crate) async fn addresses(&self) -> Vec<(ConnectorId, SocketAddr)> {
        let open = self.0.open.lock().await;
        let each = open
            .values()
            .flat_map(|entry| entry.served.keys().map(|id| (id.clone(), entry.listener.local_addr())));
        each.collect()
    }

    async fn bind(&self, address: SocketAddr, webhook: &config::Webhook) -> Result<HttpListener, Failure> {
        let mut options = ListenerOptions::new(address);
        options.limits = settings::http_limits(webhook);
        options.tls = webhook.tls.as_ref().map(|tls| TlsOptions {
            cert_path: tls.cert_path.clone(),
            key_path: tls.key_path.clone(),
        });
        let proxies: Vec<String> = webhook.trusted_proxies.iter().map(ToString::to_string).collect();
        options.trusted_proxies =
            TrustedProxies::try_new(proxies.iter().map(String::as_str)).map_err(Failure::configuration)?;
        options.observer = Arc::new(HttpObserver {
            metrics: self.0.metrics.clone(),
            tracing: self.0.tracing.clone(),
        });
        let refused = |why| Failure::configuration(format!("{}: {why}", webhook.listen.line));
        HttpListener::bind(options).await.map_err(refused)
    }
}

impl Open {
    fn apply(&self) -> Result<(), danube_wasm_ingress_http::RouteError> {
        let all: Vec<_> = self
            .served
            .values()
            .flat_map(|served| served.endpoints.iter().cloned())
            .collect();
        self.listener.set_routes(all)
    }
}

/// The endpoints of one start of a source.
pub(crate) struct Routes {
    listeners: Listeners,
    key: String,
    id: ConnectorId,
    generation: u64,
    address: SocketAddr,
    endpoints: Vec<Weak<Endpoint>>,
}

/// How often it is looked whether requests of replaced endpoints are still under way.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Routes {
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the endpoints away, unless a successor has them already: then waits for the requests that had come through
    /// these before. The last source's listener answers what it has and ends.
    pub(super) async fn retire(&self, deadline: Instant) {
        let ended = {
            let mut open = self.listeners.0.open.lock().await;
            let Some(entry) = open.get_mut(&self.key) else { return };
            if entry
                .served
                .get(&self.id)
                .is_none_or(|served| served.generation != self.generation)
            {
                drop(open);
                return self.requests_done(deadline).await;
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

impl Routes {
    /// A request under way holds its endpoint.
    async fn requests_done(&self, deadline: Instant) {
        let under_way = || self.endpoints.iter().any(|endpoint| endpoint.strong_count() > 0);
        while under_way() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// What sources must agree on to share a listener.
fn same_listener(a: &config::Webhook, b: &config::Webhook) -> bool {
    let deadlines = |w: &config::Webhook| (w.header_timeout, w.body_timeout, w.request_deadline);
    a.tls == b.tls && a.trusted_proxies == b.trusted_proxies && deadlines(a) == deadlines(b)
}

/// Stands in for a source while its endpoints are checked.
pub(super) struct NullIntake;

#[async_trait]
impl Intake for NullIntake {
    async fn offer(&self, _: Event) -> Outcome {
        Outcome::Unavailable {
            message: "not started".to_owned(),
            retry_after: Duration::from_secs(1),
        }
    }
}
