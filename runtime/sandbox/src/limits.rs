//! Every limit on a component, in one place, each with its default and its reason.
//!
//! Three groups by owner: [`GuestLimits`] belong to one connector, [`CompileLimits`] to the compiler's child process,
//! [`PoolLimits`] to the process that all connectors share.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use danube_wasm_model::door::GuestError;
use serde::Serialize;

use crate::admission::GuestClass;

/// Length of one tick of the clock that interrupts components. A budget is counted in these; shorter ticks cost more
/// wake-ups, longer ones make a busy component a worse neighbour.
pub const TICK: Duration = Duration::from_millis(1);

/// Frames of a trap's backtrace that are kept: enough to find the culprit, little enough for one log line.
pub const BACKTRACE_FRAMES_MAX: usize = 16;

/// Partitions that a component may ask for: each costs the broker a log of its own.
pub const PARTITIONS_MAX: u32 = 1_024;

/// Processor time that a call is charged for each origin it names, in nanoseconds: the host visits them after the call, where
/// nothing measures it, to find what belongs together and to make ids. An estimate on the high side, not a measurement.
pub const ORIGIN_COST_NS: u64 = 300;

/// What one connector may use. Values are for each instance (lane), unless they say "connector". The defaults are those of
/// class `small`; [`GuestLimits::of`] has those of any class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GuestLimits {
    /// Linear memory, summed over all memories of the instance. Default 64 MiB: a batch of 1 MiB in, its parsed form
    /// and a batch out take about 10; a leak is noticed before it hurts. Of an interpreter 128 MiB.
    pub memory_bytes_max: usize,
    /// Table elements, summed over all tables. Default 20,000: one is needed for each function whose address is taken.
    pub table_elements_max: usize,
    /// Core instances. Default 64: a component built by the Rust toolchain has about 4, a Python interpreter 19 to 38.
    pub instances_max: usize,
    /// Linear memories. Default 4: one for the program and one for an adapter, with room.
    pub memories_max: usize,
    /// Tables. Default 8: a component built by the Rust toolchain has 2.
    pub tables_max: usize,
    /// Time a call may run, however few its records, in milliseconds of ticks that it ran. Default 500: a garbage
    /// collection or a first regular expression fit in. Of an interpreter 1,000.
    pub call_base_ms: u64,
    /// Time a call may run in addition for each input, in microseconds. Default 1,000: a thousand times what reshaping
    /// a JSON record takes.
    pub call_per_record_us: u64,
    /// Time that instantiation and `initialize` together may run, in milliseconds. Default 2,000: tables and templates
    /// are built then. Of an interpreter 5,000.
    pub initialize_ms: u64,
    /// Time a call may wait in the host (a sleep), in milliseconds of wall clock. Default 1,000: components have
    /// nothing to wait for.
    pub wait_ms_max: u64,
    /// Bytes that a call may return, and that one call into the host may carry; reused inputs count as if they had been
    /// copied. Default 32 MiB, so that a batch can grow a lot but not without end.
    pub output_bytes_max: usize,
    /// Records or writes that a call may return, and as many names of topics or targets, and rejections beside them.
    /// Default 100,000: about fifty for each input of a large batch.
    pub output_records_max: usize,
    /// Origins of what a call returns, summed over its records or writes, where it names them. Default 200,000: one for each
    /// record there may be, and as many again for those that are made of several inputs. The host visits each of them.
    pub output_origins_max: usize,
    /// Topics that a component may name in its configurations. Default 256.
    pub topics_max: usize,
    /// Handles to host resources (streams, pollables) held at once. Default 256; the standard library holds fewer
    /// than ten.
    pub handles_max: usize,
    /// Host resources behind those handles. Default 256.
    pub resources_max: usize,
    /// Bytes of randomness in one call. Default 64 KiB: keys and seeds are far smaller.
    pub random_bytes_max: u64,
    /// Log lines a second, connector. Default 100; four seconds' worth may come at once.
    pub log_lines_per_s: u32,
    /// Log bytes a second, connector. Default 64 KiB; four seconds' worth may come at once.
    pub log_bytes_per_s: u32,
    /// Bytes of one log line; the rest is cut off. Default 1 KiB, as the contract says.
    pub log_line_bytes_max: usize,
    /// Distinct metric names, connector. Default 64: each is a time series for ever.
    pub metric_names_max: usize,
}

impl Default for GuestLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 64 << 20,
            table_elements_max: 20_000,
            instances_max: 64,
            memories_max: 4,
            tables_max: 8,
            call_base_ms: 500,
            call_per_record_us: 1_000,
            initialize_ms: 2_000,
            wait_ms_max: 1_000,
            output_bytes_max: 32 << 20,
            output_records_max: 100_000,
            output_origins_max: 200_000,
            topics_max: 256,
            handles_max: 256,
            resources_max: 256,
            random_bytes_max: 64 << 10,
            log_lines_per_s: 100,
            log_bytes_per_s: 64 << 10,
            log_line_bytes_max: 1 << 10,
            metric_names_max: 64,
        }
    }
}

impl GuestLimits {
    /// The defaults of a class of guest.
    pub fn of(class: GuestClass) -> Self {
        match class {
            GuestClass::Small => Self::default(),
            // Python and StarlingMonkey begin with 10 to 20 MiB, and level off below 80 or are replaced before their limit.
            // Their first call builds what others have built before they are shipped.
            GuestClass::Interpreter => Self {
                memory_bytes_max: 128 << 20,
                call_base_ms: 1_000,
                initialize_ms: 5_000,
                ..Self::default()
            },
        }
    }

    /// The defaults of a component, by its class.
    pub fn for_component(bytes: &[u8]) -> Self {
        Self::of(GuestClass::of_component(bytes))
    }

    /// Budget of a call with this many inputs, in milliseconds.
    pub fn call_budget_ms(&self, records: usize) -> u64 {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        let more_us = records.saturating_mul(self.call_per_record_us);
        self.call_base_ms.saturating_add(more_us.div_ceil(1_000))
    }
}

/// Every field, by its name, for those who keep limits as text.
macro_rules! fields {
    ($($field:ident),* $(,)?) => {
        impl GuestLimits {
            /// The limits that are not the default, by name.
            pub(crate) fn changes(&self) -> BTreeMap<String, u64> {
                // Taken apart so that a new field is not forgotten.
                let Self { $($field),* } = *self;
                let usual = Self::default();
                let mut changes = BTreeMap::new();
                $(if $field != usual.$field {
                    let value = u64::try_from($field).unwrap_or(u64::MAX);
                    changes.insert(stringify!($field).to_owned(), value);
                })*
                changes
            }

            /// The default with these changes; names that are not known are ignored.
            pub(crate) fn from_changes(changes: &BTreeMap<String, u64>) -> Self {
                let mut limits = Self::default();
                $(if let Some(value) = changes.get(stringify!($field)) {
                    limits.$field = (*value).try_into().unwrap_or(limits.$field);
                })*
                limits
            }
        }
    };
}

fields!(
    memory_bytes_max,
    table_elements_max,
    instances_max,
    memories_max,
    tables_max,
    call_base_ms,
    call_per_record_us,
    initialize_ms,
    wait_ms_max,
    output_bytes_max,
    output_records_max,
    output_origins_max,
    topics_max,
    handles_max,
    resources_max,
    random_bytes_max,
    log_lines_per_s,
    log_bytes_per_s,
    log_line_bytes_max,
    metric_names_max,
);

/// The keys of a connector's `limits` in a pipeline file, each with the limit that it changes and its default.
pub fn keys() -> [(&'static str, &'static str, u64); 9] {
    keys_of(GuestClass::Small)
}

/// The same, with the defaults of a class of guest.
pub fn keys_of(class: GuestClass) -> [(&'static str, &'static str, u64); 9] {
    let usual = GuestLimits::of(class);
    let size = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    [
        ("memory_bytes", name::MEMORY_BYTES, size(usual.memory_bytes_max)),
        ("table_elements", name::TABLE_ELEMENTS, size(usual.table_elements_max)),
        ("call_budget_ms", "call_base_ms", usual.call_base_ms),
        ("record_budget_us", "call_per_record_us", usual.call_per_record_us),
        ("initialize_budget_ms", "initialize_ms", usual.initialize_ms),
        ("output_bytes", name::OUTPUT_BYTES, size(usual.output_bytes_max)),
        ("output_records", name::OUTPUT_RECORDS, size(usual.output_records_max)),
        ("output_origins", name::OUTPUT_ORIGINS, size(usual.output_origins_max)),
        ("log_lines_per_sec", "log_lines_per_s", usual.log_lines_per_s.into()),
    ]
}

/// The error of a component that went over a limit: what it asked for, and what changes the limit.
pub(crate) fn exceeded(limit: &'static str, what: impl Display) -> GuestError {
    let mut keys = keys().into_iter().zip(keys_of(GuestClass::Interpreter));
    let message = match keys.find(|((_, name, _), _)| *name == limit) {
        Some(((key, _, default), (_, _, of_interpreter))) if default != of_interpreter => format!(
            "{what}; the key is `limits.{key}`, by default {default}, and {of_interpreter} for what carries a language \
             runtime"
        ),
        Some(((key, _, default), _)) => format!("{what}; the key is `limits.{key}`, by default {default}"),
        None => format!("{what}; this is `{limit}`, which no key changes"),
    };
    GuestError::Limit { limit, message }
}

/// What changes the budgets of a component's calls.
pub(crate) mod cure {
    /// Of `poll` and `process-batch`.
    pub(crate) const CALL: &str = "it is `limits.call_budget_ms`, by default 500 (1000 for what carries a language runtime), and for \
        each record of the call `limits.record_budget_us`, by default 1000. Smaller batches take less";
    /// Of what names a component's topics.
    pub(crate) const CONFIGS: &str =
        "it is `limits.call_budget_ms`, by default 500 (1000 for what carries a language runtime)";
    /// Of instantiation and `initialize`.
    pub(crate) const INITIALIZE: &str =
        "it is `limits.initialize_budget_ms`, by default 2000 (5000 for what carries a language runtime)";
    /// Of waiting in the host.
    pub(crate) const WAIT: &str =
        "it waited in the host, for which there is no key: components have nothing to wait for";
}

/// Names of limits as errors and metrics carry them: a closed set.
pub mod name {
    /// [`super::GuestLimits::memory_bytes_max`].
    pub const MEMORY_BYTES: &str = "memory_bytes_max";
    /// [`super::GuestLimits::table_elements_max`].
    pub const TABLE_ELEMENTS: &str = "table_elements_max";
    /// [`super::GuestLimits::instances_max`], `memories_max` or `tables_max`.
    pub const INSTANCES: &str = "instances_max";
    /// [`super::GuestLimits::output_bytes_max`].
    pub const OUTPUT_BYTES: &str = "output_bytes_max";
    /// [`super::GuestLimits::output_records_max`].
    pub const OUTPUT_RECORDS: &str = "output_records_max";
    /// [`super::GuestLimits::output_origins_max`].
    pub const OUTPUT_ORIGINS: &str = "output_origins_max";
    /// [`super::GuestLimits::topics_max`].
    pub const TOPICS: &str = "topics_max";
    /// [`super::GuestLimits::handles_max`].
    pub const HANDLES: &str = "handles_max";
    /// [`super::GuestLimits::resources_max`].
    pub const RESOURCES: &str = "resources_max";
    /// [`super::GuestLimits::random_bytes_max`].
    pub const RANDOM_BYTES: &str = "random_bytes_max";
}

/// What compiling one component may use, in a child process of its own: the compiler's time and memory are in the hands
/// of whoever wrote the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Size of a component. Default 48 MiB: a Python interpreter compiled to WebAssembly has 35.
    pub component_bytes_max: usize,
    /// Size of the compiled artifact. Default 256 MiB, about five times the component.
    pub artifact_bytes_max: usize,
    /// CPU time in seconds. Default 120; a 120 KB component takes 0.1.
    pub cpu_s_max: u64,
    /// Address space in bytes. Default 4 GiB, which counts the compiler's own program as well.
    pub memory_bytes_max: u64,
    /// Wall-clock time. Default 180 s, for machines that are busy.
    pub wall_max: Duration,
    /// Components compiled at once. Default 1: start-up is when the machine has other things to do too.
    pub children_max: usize,
    /// Bytes of compiled artifacts kept on disk; the longest unused go first. Default 2 GiB.
    pub cache_bytes_max: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            component_bytes_max: 48 << 20,
            artifact_bytes_max: 256 << 20,
            cpu_s_max: 120,
            memory_bytes_max: 4 << 30,
            wall_max: Duration::from_secs(180),
            children_max: 1,
            cache_bytes_max: 2 << 30,
        }
    }
}

/// What all components of this process share. Sizes cost address space (4 GiB for each memory), not memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Instances alive at once, over all connectors and lanes. Default 512: 2 TiB of the 128 that there are.
    pub instances_max: u32,
    /// Largest linear memory of any instance, the ceiling of [`GuestLimits::memory_bytes_max`]. Default 512 MiB:
    /// interpreters need it.
    pub memory_bytes_max: usize,
    /// Largest table, the ceiling of [`GuestLimits::table_elements_max`]. Default 100,000: interpreters again.
    pub table_elements_max: usize,
    /// Stack of a component's own code, in bytes. Default 512 KiB; deeper recursion is a trap.
    pub wasm_stack_bytes_max: usize,
    /// Stack of a call: the component's and that of the host functions it calls, in bytes. Default 1.5 MiB.
    pub call_stack_bytes: usize,
}

impl PoolLimits {
    /// Core instances of all instances together. It is a count: the pool reserves nothing for them.
    pub(crate) fn core_instances_max(&self) -> u32 {
        let each = u32::try_from(GuestLimits::default().instances_max).unwrap_or(u32::MAX);
        self.instances_max.saturating_mul(each)
    }
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            instances_max: 512,
            memory_bytes_max: 512 << 20,
            table_elements_max: 100_000,
            wasm_stack_bytes_max: 512 << 10,
            call_stack_bytes: 1_536 << 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_key_and_its_default() {
        let error = exceeded(name::MEMORY_BYTES, "it asked for 9 in all, 8 are allowed").to_string();
        assert!(
            error.ends_with(
                "8 are allowed; the key is `limits.memory_bytes`, by default 67108864, and 134217728 for what carries a \
                 language runtime"
            ),
            "{error}"
        );
        let error = exceeded(name::HANDLES, "no").to_string();
        assert!(error.ends_with("`handles_max`, which no key changes"), "{error}");
        for (key, _, default) in keys() {
            let named = format!("`limits.{key}`, by default {default}");
            let is_budget = key.contains("budget");
            let cures = [cure::CALL, cure::CONFIGS, cure::INITIALIZE];
            assert_eq!(is_budget, cures.iter().any(|cure| cure.contains(&named)), "{named}");
        }
    }

    #[test]
    fn a_budget_is_a_base_and_so_much_a_record() {
        let limits = GuestLimits {
            call_base_ms: 10,
            call_per_record_us: 1_500,
            ..Default::default()
        };
        assert_eq!(limits.call_budget_ms(0), 10);
        assert_eq!(limits.call_budget_ms(1), 12);
        assert_eq!(limits.call_budget_ms(2), 13);
        assert_eq!(limits.call_budget_ms(usize::MAX), 10 + (u64::MAX).div_ceil(1_000));
    }
}
