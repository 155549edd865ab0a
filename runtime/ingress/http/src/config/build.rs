//! Builds endpoints from the configuration.

use std::sync::Arc;

use danube_wasm_model::{door::Intake, event::Interests};

use super::{EndpointConfig, Webhook};
use crate::{Endpoint, EndpointOptions};

/// The endpoints of a source. They offer their events to `intake`, with the headers and attributes that its component asked
/// for.
pub(crate) fn endpoints(
    webhook: &Webhook,
    intake: &Arc<dyn Intake>,
    wants: Interests,
) -> Result<Vec<Arc<Endpoint>>, String> {
    let endpoints = webhook.endpoints.iter();
    endpoints
        .map(|config| endpoint(webhook, config, intake.clone(), wants))
        .collect()
}

fn endpoint(
    webhook: &Webhook,
    config: &EndpointConfig,
    intake: Arc<dyn Intake>,
    wants: Interests,
) -> Result<Arc<Endpoint>, String> {
    let path = config.path.as_str();
    let refused = |why: String| format!("endpoint {path}: {why}");
    let options = EndpointOptions {
        methods: config.methods.clone(),
        auth: config.auth.build().map_err(refused)?,
        event_id: config.event_id.clone(),
        missing_id: config.on_missing_id,
        id_reuse: config.on_id_reuse,
        on_invalid: config.on_invalid,
        key: config.key_pointer.clone(),
        rate: config.rate_limit,
        body_bytes_max: webhook.body_bytes_max(config),
        event_bytes_max: webhook.event_bytes_max(config),
        content: config.content_type.clone(),
        headers: wants.headers,
        attributes: wants.attributes,
        policy: config.policy.build().map_err(refused)?,
        query: config
            .include
            .as_ref()
            .map_or(Vec::new(), |include| include.query.clone()),
        ..EndpointOptions::new(path)
    };
    let endpoint = Endpoint::try_new(options, intake);
    endpoint.map(Arc::new).map_err(|e| refused(e.to_string()))
}
