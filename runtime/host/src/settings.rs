//! What the pipeline file says, in the words of the rooms that are told it.

use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    path::Path,
    sync::Arc,
    time::Duration,
};

use danube_wasm_config as config;
use danube_wasm_egress_surrealdb as surrealdb;
use danube_wasm_ingress_http as http;
use danube_wasm_model::{OnFailure, OnInvalid, Targets, TopicName, door::Intake, event::Interests};
use danube_wasm_pipeline::{ErrorBudget, Patience, SourceLimits};
use danube_wasm_sandbox::GuestLimits;
use danube_wasm_schema::{Declaration, VersionStrategy};

use crate::Failure;

/// A source's limits.
pub(crate) fn source_limits(source: &config::Source) -> SourceLimits {
    SourceLimits {
        queue_events_max: source.batch.queue_events,
        batch_events_max: source.batch.max_events,
        batch_bytes_max: source.batch.max_bytes,
    }
}

/// What each endpoint does with refused events.
pub(crate) fn on_invalid(source: &config::Source) -> HashMap<String, OnInvalid> {
    let routes = source.routes().into_iter();
    routes.map(|route| (route.endpoint, route.on_invalid)).collect()
}

/// What each endpoint tells the sender of an event that the component crashed on.
pub(crate) fn on_failure(source: &config::Source) -> HashMap<String, OnFailure> {
    let routes = source.routes().into_iter();
    routes.map(|route| (route.endpoint, route.on_failure)).collect()
}

/// Topics whose records keep their order also where they have no key.
pub(crate) fn ordered(source: &config::Source) -> HashSet<TopicName> {
    let ordered = source.routes().into_iter().filter(|route| route.ordered);
    ordered.map(|route| route.topic).collect()
}

/// What a connector puts up with.
pub(crate) fn retry_policy(letters: config::MaxDeadLetters) -> Patience {
    Patience {
        dead_letters: ErrorBudget {
            count: letters.count,
            per: letters.per,
        },
        ..Patience::default()
    }
}

/// The deadlines of a listener.
pub(crate) fn http_limits(webhook: &config::Webhook) -> http::HttpLimits {
    http::HttpLimits {
        header_read_ms_max: millis(webhook.header_timeout),
        body_read_ms_max: millis(webhook.body_timeout),
        request_ms_max: millis(webhook.request_deadline),
        ..http::HttpLimits::default()
    }
}

/// The endpoints of a source, which offer their events to `intake` with what its component wants to know of them.
pub(crate) fn endpoints(
    source: &config::Source,
    intake: &Arc<dyn Intake>,
    wants: Interests,
) -> Result<Vec<Arc<http::Endpoint>>, Failure> {
    let endpoints = source.webhook.endpoints.iter();
    endpoints
        .map(|endpoint| self::endpoint(&source.webhook, endpoint, intake.clone(), wants))
        .collect()
}

fn endpoint(
    webhook: &config::Webhook,
    endpoint: &config::Endpoint,
    intake: Arc<dyn Intake>,
    wants: Interests,
) -> Result<Arc<http::Endpoint>, Failure> {
    let path = endpoint.path.as_str();
    let mut options = http::EndpointOptions::new(path);
    options.methods = endpoint
        .methods
        .iter()
        .filter_map(|method| method.as_str().parse().ok())
        .collect();
    options.auth = auth(&endpoint.auth).map_err(|e| refused(path, e))?;
    options.event_id = match &endpoint.event_id {
        config::EventId::WellKnown => http::EventIdSource::WellKnown,
        config::EventId::Minted => http::EventIdSource::Minted,
        config::EventId::Header(name) => http::EventIdSource::Header(header(name).map_err(|e| refused(path, e))?),
        config::EventId::Pointer(pointer) => http::EventIdSource::JsonPointer(
            http::JsonPointer::try_new(pointer.as_str()).map_err(|e| refused(path, e))?,
        ),
    };
    options.id_reuse = match endpoint.on_id_reuse {
        config::OnIdReuse::Accept => http::IdReuse::Accept,
        config::OnIdReuse::Reject => http::IdReuse::Reject,
    };
    options.key = match &endpoint.key_pointer {
        Some(pointer) => Some(http::JsonPointer::try_new(pointer.as_str()).map_err(|e| refused(path, e))?),
        None => None,
    };
    options.rate = match &endpoint.rate_limit {
        Some(rate) => {
            let limit = http::RateLimit::try_new(rate.requests_per_sec.get(), Some(rate.burst.get()));
            Some(limit.map_err(|e| refused(path, e))?)
        }
        None => None,
    };
    options.headers = wants.headers;
    options.attributes = wants.attributes;
    options.body_bytes_max = webhook.body_bytes_max(endpoint);
    options.content = match endpoint.content_type {
        config::ContentType::Json => http::ContentKind::Json,
        config::ContentType::Any => http::ContentKind::Any,
    };
    http::Endpoint::try_new(options, intake)
        .map(Arc::new)
        .map_err(|e| refused(path, e))
}

fn auth(auth: &config::Auth) -> Result<http::Auth, String> {
    let said = |e: &dyn Display| e.to_string();
    Ok(match auth {
        config::Auth::None => http::Auth::None,
        config::Auth::ApiKey {
            header: name,
            secrets: keys,
        } => http::Auth::ApiKey(http::ApiKey::new(&secrets(keys)?).with_header(header(name)?)),
        config::Auth::Hmac {
            form,
            header: name,
            unsigned_get,
            secrets: keys,
        } => {
            let keys = secrets(keys)?;
            let hmac = match form {
                config::HmacForm::Stripe { tolerance } => http::Hmac::stripe(&keys)
                    .try_with_tolerance(tolerance.as_secs())
                    .map_err(|e| said(&e))?,
                config::HmacForm::Github => http::Hmac::github(&keys),
            };
            let hmac = hmac.with_header(header(name)?);
            http::Auth::Hmac(if *unsigned_get { hmac.with_unsigned_get() } else { hmac })
        }
        config::Auth::Jwt { keys, issuer, audience } => {
            let mut jwt = match keys {
                config::JwtKeys::Hs256(keys) => http::Jwt::try_hs256(&secrets(keys)?).map_err(|e| said(&e))?,
                config::JwtKeys::Rs256(keys) => {
                    http::Jwt::try_rs256(keys.iter().map(|key| key.pem.as_bytes())).map_err(|e| said(&e))?
                }
            };
            if let Some(issuer) = issuer {
                jwt = jwt.try_with_issuer(issuer).map_err(|e| said(&e))?;
            }
            if let Some(audience) = audience {
                jwt = jwt.try_with_audience(audience).map_err(|e| said(&e))?;
            }
            http::Auth::Jwt(jwt)
        }
    })
}

fn secrets(secrets: &[config::Secret]) -> Result<http::Secrets, String> {
    let secrets: Result<Vec<_>, _> = secrets
        .iter()
        .map(|secret| http::Secret::try_new(secret.expose()))
        .collect();
    http::Secrets::try_new(secrets.map_err(|e| e.to_string())?).map_err(|e| e.to_string())
}

fn header(name: &config::HeaderName) -> Result<::http::HeaderName, String> {
    name.as_str()
        .parse()
        .map_err(|e| format!("`{}` is not a header name: {e}", name.as_str()))
}

fn refused(path: &str, why: impl Display) -> Failure {
    Failure::configuration(format!("endpoint {path}: {why}"))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The tables that a sink may write to.
pub(crate) fn targets(target: &config::SurrealDb) -> Targets {
    target
        .topic_mappings
        .iter()
        .flat_map(config::TopicMapping::targets)
        .collect()
}

/// How to reach a sink's database.
pub(crate) fn surreal_options(sink: &config::Sink) -> Result<surrealdb::SurrealOptions, Failure> {
    let target = &sink.surrealdb;
    // The file's addresses are absolute already.
    let url = surrealdb::SurrealUrl::parse(&target.url.to_string(), Path::new("/"))
        .map_err(|e| Failure::configuration(format!("sink {}: {e}", sink.id)))?;
    let mut options = surrealdb::SurrealOptions::new(url, &target.namespace, &target.database);
    options.connect_timeout = target.connect_timeout;
    options.request_timeout = target.request_timeout;
    options.datetime_fields = [
        (surrealdb::DatetimeForm::Rfc3339, &target.datetime_fields),
        (surrealdb::DatetimeForm::EpochSeconds, &target.epoch_seconds_fields),
        (surrealdb::DatetimeForm::EpochMillis, &target.epoch_millis_fields),
    ]
    .into_iter()
    .flat_map(|(form, fields)| {
        let field = move |field: &config::FieldPath| surrealdb::DatetimeField {
            path: field.steps(),
            form,
        };
        fields.iter().map(field)
    })
    .collect();
    options.tables = targets(target);
    options.credentials = match &target.credentials {
        config::Credentials::None => None,
        config::Credentials::Token(token) => Some(surrealdb::Credentials::Token(token.expose().to_owned())),
        config::Credentials::User {
            level,
            username,
            password,
        } => {
            let (username, password) = (username.clone(), password.expose().to_owned());
            Some(match level {
                config::Level::Root => surrealdb::Credentials::Root { username, password },
                config::Level::Namespace => surrealdb::Credentials::Namespace { username, password },
                config::Level::Database => surrealdb::Credentials::Database { username, password },
            })
        }
    };
    Ok(options)
}

/// What a component may use.
pub(crate) fn guest_limits(limits: &config::Limits) -> GuestLimits {
    let mut own = GuestLimits::default();
    let set = |field: &mut usize, value: Option<usize>| *field = value.unwrap_or(*field);
    set(&mut own.memory_bytes_max, limits.memory_bytes);
    set(&mut own.output_bytes_max, limits.output_bytes);
    set(&mut own.output_records_max, limits.output_records);
    set(&mut own.output_origins_max, limits.output_origins);
    set(&mut own.table_elements_max, limits.table_elements);
    own.initialize_ms = limits.initialize_budget.map_or(own.initialize_ms, millis);
    own.log_lines_per_s = limits.log_lines_per_sec.unwrap_or(own.log_lines_per_s);
    own.call_base_ms = limits.call_budget.map_or(own.call_base_ms, millis);
    own.call_per_record_us = limits.record_budget.map_or(own.call_per_record_us, |budget| {
        u64::try_from(budget.as_micros()).unwrap_or(u64::MAX)
    });
    own
}

/// What a topic's schema is declared as.
pub(crate) fn declaration(schema: &config::Schema) -> Result<Declaration, Failure> {
    let schema_type = schema.schema_type.as_str().parse().map_err(Failure::configuration)?;
    Ok(Declaration {
        topic: schema.topic.clone(),
        subject: schema.subject.clone(),
        schema_type,
        definition: schema.definition.as_ref().map(|definition| definition.text.clone()),
        message: schema.message.clone(),
        auto_register: schema.auto_register,
        version: match schema.version_strategy {
            config::VersionStrategy::Latest => VersionStrategy::Latest,
            config::VersionStrategy::Pinned(version) => VersionStrategy::Pinned(version),
            config::VersionStrategy::Minimum(version) => VersionStrategy::Minimum(version),
        },
    })
}
