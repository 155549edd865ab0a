//! Conversion of the pipeline file's settings to the options of other crates.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use danube_wasm_config as config;
use danube_wasm_model::{OnFailure, OnInvalid, TopicName};
use danube_wasm_pipeline::{ErrorBudget, PullParts, RetryPolicy, SourceLimits, SourceParts};
use danube_wasm_sandbox::GuestLimits;
use danube_wasm_schema::{Declaration, VersionStrategy};

use crate::Failure;

/// Batches of the largest size whose events a pull source may have in flight: one at the component, one at the broker,
/// two waiting.
const IN_FLIGHT_BATCHES: usize = 4;

/// Returns a source's limits.
pub(crate) fn source_limits(source: &config::Source) -> SourceLimits {
    SourceLimits {
        queue_events_max: source.batch.queue_events,
        batch_events_max: source.batch.max_events,
        batch_bytes_max: source.batch.max_bytes,
    }
}

/// Returns what each endpoint does with refused events.
pub(crate) fn on_invalid(source: &config::Source) -> HashMap<String, OnInvalid> {
    let routes = source.routes().into_iter();
    routes.map(|route| (route.endpoint, route.on_invalid)).collect()
}

/// Returns what each endpoint answers for an event that crashed the component.
pub(crate) fn on_failure(source: &config::Source) -> HashMap<String, OnFailure> {
    let routes = source.routes().into_iter();
    routes.map(|route| (route.endpoint, route.on_failure)).collect()
}

/// Returns the topics whose records keep their order even without a key.
pub(crate) fn ordered(source: &config::Source) -> HashSet<TopicName> {
    let ordered = source.routes().into_iter().filter(|route| route.ordered);
    ordered.map(|route| route.topic).collect()
}

/// Returns the parts of a pull source.
pub(crate) fn pull_parts(source: &config::Source, parts: SourceParts, independent_keys: bool) -> PullParts {
    PullParts {
        source: parts,
        in_flight_bytes_max: source.batch.max_bytes.saturating_mul(IN_FLIGHT_BATCHES),
        independent_keys,
    }
}

/// Returns how a connector retries, and when it stops.
pub(crate) fn retry_policy(letters: config::MaxDeadLetters) -> RetryPolicy {
    RetryPolicy {
        dead_letters: ErrorBudget {
            count: letters.count,
            per: letters.per,
        },
        ..RetryPolicy::default()
    }
}

/// Returns the limits of a component: what the pipeline file says, and `own`, those of its class, for the rest.
pub(crate) fn guest_limits(limits: &config::Limits, mut own: GuestLimits) -> GuestLimits {
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

/// Returns the declaration of a topic's schema.
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
