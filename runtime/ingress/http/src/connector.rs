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
    config::{self, Webhook},
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

    /// The built-in component publishes request bodies, and GET requests have none.
    fn unfit_for_builtin(webhook: &Webhook) -> Vec<Unfit> {
        let gets = webhook
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.methods.contains(&Method::GET));
        let paths: Vec<_> = gets.map(|endpoint| endpoint.path.as_str()).collect();
        if paths.is_empty() {
            return Vec::new();
        }
        vec![Unfit {
            message: format!(
                "publishes the bodies of requests, and those of GET have none: {}",
                paths.join(", ")
            ),
            help: "remove `\"GET\"` from `methods`, or write a component that answers these requests".to_owned(),
        }]
    }

    fn event_bytes_max(webhook: &Webhook) -> Option<usize> {
        webhook
            .endpoints
            .iter()
            .map(|endpoint| webhook.body_bytes_max(endpoint))
            .max()
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
