//! What sources and sinks have in common, so that lanes and loading are written once.

use danube_wasm_model::{
    columns::{Origins, PayloadAt, Payloads, Rejection},
    door::GuestError,
    event::Interests,
};
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    admission::Role,
    bindings::danube::connector::types as wit,
    limits::{GuestLimits, exceeded, name},
    state::GuestState,
};

/// What an export returns: a trap, a failure that the component reports, or a value.
pub(crate) type ExportResult<T> = wasmtime::Result<Result<T, wit::Failure>>;

/// The exports of one world, on an instance. Implemented by the generated types.
pub(crate) trait Guest: Sized + Send + Sync + 'static {
    /// Which world.
    const ROLE: Role;
    /// Whether it must export what fetches.
    const FETCHES: bool = false;
    /// The export that names the topics, for messages.
    const CONFIGS: &'static str;
    /// Where its exports are in a component, looked up once.
    type Indices: Send + Sync + 'static;
    /// A batch in.
    type Input: Send + Sync + 'static;
    /// A batch out.
    type Output: Send + 'static;
    /// A topic and how it is used.
    type Config: Send + 'static;

    fn indices(pre: &InstancePre<GuestState>) -> wasmtime::Result<Self::Indices>;

    fn load(store: &mut Store<GuestState>, indices: &Self::Indices, instance: &Instance) -> wasmtime::Result<Self>;

    fn initialize(
        &self,
        store: &mut Store<GuestState>,
        configuration: wit::Configuration<'_>,
    ) -> impl Future<Output = ExportResult<wit::Interests>> + Send;

    fn configs(&self, store: &mut Store<GuestState>) -> impl Future<Output = ExportResult<Vec<Self::Config>>> + Send;

    /// Calls it with a batch, in the forms that it wants: payloads as strings, orders as bytes.
    fn call(
        &self,
        store: &mut Store<GuestState>,
        input: &Self::Input,
        wants: Interests,
    ) -> impl Future<Output = ExportResult<Self::Output>> + Send;

    /// Number of inputs of a batch: its budget grows with it.
    fn len(input: &Self::Input) -> usize;

    /// The inputs that it rejected, and why.
    fn rejections(output: &mut Self::Output) -> &mut [Rejection];

    /// Which inputs an output came from, where it says so.
    fn origins(output: &Self::Output) -> &Origins;

    /// Checks that an output keeps the contract and the limits.
    fn check(output: &Self::Output, input: &Self::Input, limits: &GuestLimits) -> Result<(), GuestError>;
}

/// Checks the number of records, writes or rejections. It comes first, because the other checks take time for each.
pub(crate) fn check_count(outputs: usize, limits: &GuestLimits) -> Result<(), GuestError> {
    check_below(name::OUTPUT_RECORDS, outputs, limits.output_records_max)
}

/// Checks the number of origins: the host visits each of them after the call.
pub(crate) fn check_origins(origins: &Origins, limits: &GuestLimits) -> Result<(), GuestError> {
    check_below(name::OUTPUT_ORIGINS, origins.index.len(), limits.output_origins_max)
}

/// Checks the number of topic or target names: at most one for each output, or as many as the configuration may have.
pub(crate) fn check_names(names: usize, limits: &GuestLimits) -> Result<(), GuestError> {
    let names_max = limits.output_records_max.max(limits.topics_max);
    check_below(name::OUTPUT_RECORDS, names, names_max)
}

fn check_below(limit: &'static str, returned: usize, max: usize) -> Result<(), GuestError> {
    if returned <= max {
        return Ok(());
    }
    let what = match limit {
        name::OUTPUT_ORIGINS => "origins",
        _ => "records, writes, rejections or names",
    };
    Err(exceeded(
        limit,
        format_args!("it returned {returned} {what}, {max} are allowed"),
    ))
}

/// Checks the bytes of payloads, with reused inputs counted at full size each time they are named: naming one costs the
/// component four bytes, and sending or storing it the whole payload.
pub(crate) fn check_payload_bytes(
    payloads: &Payloads,
    input_bytes: impl Fn(usize) -> usize,
    limits: &GuestLimits,
) -> Result<(), GuestError> {
    if payloads.reuse.is_empty() {
        // All of them crossed the boundary, which has counted them.
        return Ok(());
    }
    let bytes = payloads.places().fold(0_usize, |sum, place| {
        sum.saturating_add(match place {
            PayloadAt::New(i) => payloads.bytes.get(i).len(),
            PayloadAt::Input(i) => input_bytes(i),
        })
    });
    if bytes <= limits.output_bytes_max {
        return Ok(());
    }
    Err(exceeded(
        name::OUTPUT_BYTES,
        format_args!(
            "its payloads have {bytes} bytes with reused inputs, {} are allowed",
            limits.output_bytes_max
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_counted_at_the_limit_and_one_past_it() {
        let limits = GuestLimits {
            output_records_max: 3,
            ..Default::default()
        };
        check_count(3, &limits).expect("at the limit");
        assert!(matches!(
            check_count(4, &limits),
            Err(GuestError::Limit {
                limit: "output_records_max",
                ..
            })
        ));
    }

    #[test]
    fn origins_are_counted_at_the_limit_and_one_past_it() {
        let limits = GuestLimits {
            output_origins_max: 3,
            ..Default::default()
        };
        let mut origins = Origins::default();
        origins.push(&[0, 1]);
        origins.push(&[1]);
        check_origins(&origins, &limits).expect("at the limit");
        origins.push(&[0]);
        assert!(matches!(
            check_origins(&origins, &limits),
            Err(GuestError::Limit {
                limit: "output_origins_max",
                ..
            })
        ));
    }

    #[test]
    fn a_reused_input_counts_as_often_as_it_is_named() {
        let mut payloads = Payloads::default();
        payloads.push(b"new");
        payloads.push_input(0);
        payloads.push_input(0);
        let limits = |output_bytes_max| GuestLimits {
            output_bytes_max,
            ..Default::default()
        };
        check_payload_bytes(&payloads, |_| 100, &limits(203)).expect("at the limit");
        assert!(matches!(
            check_payload_bytes(&payloads, |_| 100, &limits(202)),
            Err(GuestError::Limit {
                limit: "output_bytes_max",
                ..
            })
        ));
    }
}
