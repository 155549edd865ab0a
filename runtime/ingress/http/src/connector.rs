//! The source connector `webhook`.

use std::sync::Arc;

use async_trait::async_trait;
use danube_wasm_connector::{Context, Finding, Ingress, Pipeline, ProbeContext, SourceConnector, StartError, Unfit};
use danube_wasm_ingress_listener::{HttpObserver, Listeners};
use danube_wasm_model::{
    Route,
    door::{Intake, Outcome},
    event::{Event, Interests},
};
use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Endpoint,
    config::{self, EndpointConfig, Webhook},
    limits::EVENT_BYTES_MAX_DEFAULT,
};

/// The source connector of `[sources.webhook]`: receives events as HTTP requests.
pub struct WebhookSource;

#[async_trait]
impl SourceConnector for WebhookSource {
    const KIND: &'static str = "webhook";

    type Config = Webhook;
    type Shared = Listeners<Endpoint>;

    fn routes(webhook: &Webhook) -> Vec<Route> {
        webhook
            .endpoints
            .iter()
            .flat_map(|endpoint| endpoint.routes())
            .collect()
    }

    fn claims(webhook: &Webhook) -> Vec<String> {
        // Each port 0 becomes another free port.
        let endpoints = webhook.endpoints.iter().filter(|_| webhook.listener.listen.port != 0);
        endpoints
            .map(|endpoint| format!("{}{}", webhook.listener.listen, endpoint.path))
            .collect()
    }

    fn guest_settings(webhook: &Webhook) -> Map<String, Value> {
        let endpoints: Vec<_> = webhook.endpoints.iter().map(|endpoint| endpoint.settings()).collect();
        Map::from_iter([("endpoints".to_owned(), json!(endpoints))])
    }

    fn location(webhook: &Webhook, endpoint: &str) -> String {
        let listener = &webhook.listener;
        format!("{}://{}{endpoint}", listener.scheme(), listener.listen)
    }

    /// The built-in component publishes request bodies, each as a record, and GET requests have none.
    fn unfit_for_builtin(webhook: &Webhook) -> Vec<Unfit> {
        unfit_for_get(webhook)
            .into_iter()
            .chain(unfit_for_size(webhook))
            .collect()
    }

    fn event_bytes_max(webhook: &Webhook) -> Option<usize> {
        let endpoints = webhook.endpoints.iter();
        endpoints.map(|endpoint| webhook.event_bytes_max(endpoint)).max()
    }

    fn validate(webhook: &Webhook, interests: Interests) -> Result<(), String> {
        let intake: Arc<dyn Intake> = Arc::new(NullIntake);
        config::endpoints(webhook, &intake, interests).map(drop)
    }

    async fn probe(webhook: &Webhook, context: ProbeContext<Self::Shared>) -> Vec<Finding> {
        webhook.listener.probe(context.is_running).await.into_iter().collect()
    }

    async fn start(
        webhook: &Webhook,
        context: Context<Self::Shared>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError> {
        let endpoints =
            config::endpoints(webhook, &pipeline.intake()?, pipeline.interests).map_err(StartError::Permanent)?;
        let observer = Arc::new(HttpObserver {
            metrics: context.metrics,
            tracing: context.tracing,
        });
        let routes = context
            .shared
            .serve(&context.id, &webhook.listener, endpoints, observer)
            .await?;
        for endpoint in &webhook.endpoints {
            tracing::info!(connector = %context.id, address = %routes.address(), path = endpoint.path.as_str(), topic = %endpoint.topic, "listening for webhooks");
        }
        Ok(Box::new(routes))
    }

    async fn reload(listeners: &Self::Shared) {
        listeners.reload_tls().await;
    }
}

fn unfit_for_get(webhook: &Webhook) -> Option<Unfit> {
    let gets = |endpoint: &&EndpointConfig| endpoint.methods.contains(&Method::GET);
    let paths = paths(webhook, gets)?;
    Some(Unfit {
        message: format!("publishes the bodies of requests, and those of GET have none: {paths}"),
        help: "remove `\"GET\"` from `methods`, or write a component that answers these requests".to_owned(),
    })
}

fn unfit_for_size(webhook: &Webhook) -> Option<Unfit> {
    let is_longer = |endpoint: &&EndpointConfig| webhook.event_bytes_max(endpoint) > EVENT_BYTES_MAX_DEFAULT;
    let paths = paths(webhook, is_longer)?;
    Some(Unfit {
        message: format!(
            "publishes each event as one record, which has at most {EVENT_BYTES_MAX_DEFAULT} bytes, and `max_event_bytes` is \
             more: {paths}"
        ),
        help: "lower `max_event_bytes`, or write a component that makes several records of an event".to_owned(),
    })
}

/// Of these endpoints, if there are any.
fn paths(webhook: &Webhook, of: impl Fn(&&EndpointConfig) -> bool) -> Option<String> {
    let paths: Vec<_> = webhook
        .endpoints
        .iter()
        .filter(of)
        .map(|endpoint| endpoint.path.as_str())
        .collect();
    (!paths.is_empty()).then(|| paths.join(", "))
}

/// Replaces the intake of a source while its endpoints are validated.
struct NullIntake;

#[async_trait]
impl Intake for NullIntake {
    async fn offer(&self, _: Event) -> Outcome {
        Outcome::Unavailable {
            message: "not started".to_owned(),
            retry_after: std::time::Duration::from_secs(1),
        }
    }
}
