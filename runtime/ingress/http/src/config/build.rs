//! Builds endpoints, limits and credentials from the configuration.

use std::{fmt::Display, sync::Arc, time::Duration};

use danube_wasm_model::{door::Intake, event::Interests};
use danube_wasm_settings as settings;

use super::{AuthConfig, EndpointConfig, HmacForm, JwtKeys, Webhook};
use crate::{ApiKey, Auth, Endpoint, EndpointOptions, Hmac, HttpLimits, Jwt, Secret, Secrets, TrustedProxies};

/// The proxies in front of a listener.
pub(crate) fn trusted_proxies(webhook: &Webhook) -> TrustedProxies {
    TrustedProxies::new(webhook.trusted_proxies.clone())
}

/// The deadlines of a listener.
pub(crate) fn limits(webhook: &Webhook) -> HttpLimits {
    HttpLimits {
        header_read_ms_max: millis(webhook.header_timeout),
        body_read_ms_max: millis(webhook.body_timeout),
        request_ms_max: millis(webhook.request_deadline),
        ..HttpLimits::default()
    }
}

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
        auth: auth(&config.auth).map_err(refused)?,
        event_id: config.event_id.clone(),
        id_reuse: config.on_id_reuse,
        key: config.key_pointer.clone(),
        rate: config.rate_limit,
        body_bytes_max: webhook.body_bytes_max(config),
        content: config.content_type,
        headers: wants.headers,
        attributes: wants.attributes,
        ..EndpointOptions::new(path)
    };
    let endpoint = Endpoint::try_new(options, intake);
    endpoint.map(Arc::new).map_err(|e| refused(e.to_string()))
}

fn auth(auth: &AuthConfig) -> Result<Auth, String> {
    let text = |e: &dyn Display| e.to_string();
    Ok(match auth {
        AuthConfig::None => Auth::None,
        AuthConfig::ApiKey {
            header: name,
            secrets: keys,
        } => Auth::ApiKey(ApiKey::new(&secrets(keys)?).with_header(name.clone().into())),
        AuthConfig::Hmac {
            form,
            header: name,
            unsigned_get,
            secrets: keys,
        } => {
            let keys = secrets(keys)?;
            let hmac = match form {
                HmacForm::Stripe { tolerance } => Hmac::stripe(&keys)
                    .try_with_tolerance(tolerance.as_secs())
                    .map_err(|e| text(&e))?,
                HmacForm::Github => Hmac::github(&keys),
            };
            let hmac = hmac.with_header(name.clone().into());
            Auth::Hmac(if *unsigned_get { hmac.with_unsigned_get() } else { hmac })
        }
        AuthConfig::Jwt { keys, issuer, audience } => {
            let mut jwt = match keys {
                JwtKeys::Hs256(keys) => Jwt::try_hs256(&secrets(keys)?).map_err(|e| text(&e))?,
                JwtKeys::Rs256(keys) => {
                    Jwt::try_rs256(keys.iter().map(|key| key.pem.as_bytes())).map_err(|e| text(&e))?
                }
            };
            if let Some(issuer) = issuer {
                jwt = jwt.try_with_issuer(issuer).map_err(|e| text(&e))?;
            }
            if let Some(audience) = audience {
                jwt = jwt.try_with_audience(audience).map_err(|e| text(&e))?;
            }
            Auth::Jwt(jwt)
        }
    })
}

fn secrets(secrets: &[settings::Secret]) -> Result<Secrets, String> {
    let secrets: Result<Vec<_>, _> = secrets.iter().map(|secret| Secret::try_new(secret.expose())).collect();
    Secrets::try_new(secrets.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
