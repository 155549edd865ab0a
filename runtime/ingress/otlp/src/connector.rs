//! The source connector `otlp`.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, Ingress, Pipeline, ProbeContext, SourceConnector, StartError};
use danube_wasm_ingress_listener::{HttpObserver, Listeners, Meter, ServedRoutes};
use danube_wasm_model::{Route, event::Interests};
use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    config::{Otlp, SignalConfig},
    receiver::{Endpoint, Receiver, Transport},
    signal::Signal,
};

/// The source connector of `[sources.otlp]`: receives telemetry.
pub struct OtlpSource;

#[async_trait]
impl SourceConnector for OtlpSource {
    const KIND: &'static str = "otlp";

    type Config = Otlp;
    type Shared = Listeners<Endpoint>;

    fn routes(otlp: &Otlp) -> Vec<Route> {
        otlp.signals.iter().map(|(_, signal)| signal.route.clone()).collect()
    }

    fn claims(otlp: &Otlp) -> Vec<String> {
        // Each port 0 becomes another free port.
        let listeners = otlp
            .listeners()
            .into_iter()
            .filter(|listener| listener.listen.port != 0);
        let paths = |listen: String| {
            let signals = otlp.signals.iter();
            signals.map(move |(signal, _)| format!("{listen}{}", signal.http_path()))
        };
        listeners
            .flat_map(|listener| paths(listener.listen.to_string()))
            .collect()
    }

    fn guest_settings(otlp: &Otlp) -> Map<String, Value> {
        let endpoints: Vec<_> = otlp.signals.iter().map(|(_, signal)| signal.settings()).collect();
        Map::from_iter([("endpoints".to_owned(), json!(endpoints))])
    }

    fn location(otlp: &Otlp, endpoint: &str) -> String {
        format!("{}://{}{endpoint}", otlp.listener.scheme(), otlp.listener.listen)
    }

    fn validate(otlp: &Otlp, _: Interests) -> Result<(), String> {
        otlp.auth.build().map(drop)
    }

    async fn probe(otlp: &Otlp, context: ProbeContext<Self::Shared>) -> Vec<Finding> {
        let listeners = otlp.listeners();
        let probes = listeners.iter().map(|listener| listener.probe(context.is_running));
        join_all(probes).await.into_iter().flatten().collect()
    }

    async fn start(
        otlp: &Otlp,
        context: Context<Self::Shared>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError> {
        let receiver = Arc::new(Receiver {
            auth: otlp.auth.build().map_err(StartError::Permanent)?,
            meter: Meter::new(otlp.rate_limit),
            body_bytes_max: otlp.max_body_bytes,
            answer_timeout: otlp.answer_timeout,
            wants: pipeline.interests,
            intake: pipeline.intake()?,
        });
        let served = serve(otlp, &context, &receiver).await?;
        for routes in &served.0 {
            let signals: Vec<_> = otlp.signals.iter().map(|(signal, _)| signal.name()).collect();
            tracing::info!(connector = %context.id, address = %routes.address(), signals = signals.join(", "), "listening for OTLP");
        }
        Ok(Box::new(served))
    }

    async fn reload(listeners: &Self::Shared) {
        listeners.reload_tls().await;
    }
}

/// Listens on the source's ports, or on none of them.
async fn serve(
    otlp: &Otlp,
    context: &Context<Listeners<Endpoint>>,
    receiver: &Arc<Receiver>,
) -> Result<Served, StartError> {
    let mut served = Served(Vec::new());
    for listener in otlp.listeners() {
        let observer = Arc::new(HttpObserver {
            metrics: context.metrics.clone(),
            tracing: context.tracing.clone(),
        });
        let endpoints = endpoints(otlp, receiver);
        match context.shared.serve(&context.id, &listener, endpoints, observer).await {
            Ok(routes) => served.0.push(routes),
            Err(error) => {
                served.close(Instant::now()).await;
                return Err(error);
            }
        }
    }
    Ok(served)
}

fn endpoints(otlp: &Otlp, receiver: &Arc<Receiver>) -> Vec<Arc<Endpoint>> {
    let signals = otlp.signals.iter();
    signals
        .flat_map(|(signal, config)| {
            [Transport::Http, Transport::Grpc].map(|transport| endpoint(otlp, *signal, config, transport, receiver))
        })
        .collect()
}

fn endpoint(
    otlp: &Otlp,
    signal: Signal,
    config: &SignalConfig,
    transport: Transport,
    receiver: &Arc<Receiver>,
) -> Arc<Endpoint> {
    let path = match transport {
        Transport::Http => signal.http_path(),
        Transport::Grpc => signal.grpc_path(),
    };
    Arc::new(Endpoint {
        path: path.into(),
        transport,
        signal,
        name: signal.http_path().into(),
        split: otlp.split(config),
        receiver: receiver.clone(),
    })
}

/// What is served of one start of a source.
struct Served(Vec<ServedRoutes<Endpoint>>);

#[async_trait]
impl Ingress for Served {
    fn location(&self, endpoint: &str) -> String {
        self.0
            .first()
            .map_or_else(|| endpoint.to_owned(), |routes| routes.location(endpoint))
    }

    async fn close(&self, deadline: Instant) {
        join_all(self.0.iter().map(|routes| routes.close(deadline))).await;
    }
}
