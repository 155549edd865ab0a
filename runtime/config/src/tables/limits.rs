//! Limits of a component.

use std::time::Duration;

use danube_wasm_settings::{
    Section, Table,
    kinds::{Integer, Millis},
};

/// Limits of a connector's component, for each of its instances. `None` keeps the sandbox's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Linear memory, in bytes.
    pub memory_bytes: Option<usize>,
    /// Elements of all tables together.
    pub table_elements: Option<usize>,
    /// Run time of a call, without the time for its records.
    pub call_budget: Option<Duration>,
    /// Additional run time of a call for each record of its batch.
    pub record_budget: Option<Duration>,
    /// Run time for starting an instance.
    pub initialize_budget: Option<Duration>,
    /// Size of a call's result, in bytes.
    pub output_bytes: Option<usize>,
    /// Size of a call's result, in records or writes.
    pub output_records: Option<usize>,
    /// Size of a call's result, in origins of its records or writes.
    pub output_origins: Option<usize>,
    /// Log lines a second of the whole connector.
    pub log_lines_per_sec: Option<u32>,
}

/// What an instance takes before its first call, in bytes; an estimate on the high side.
const MEMORY_AT_REST_BYTES: usize = 512 << 10;

/// The sandbox's own limits of a small component, in bytes. One with a language runtime has more memory, and says so here if it is
/// for events that need it.
const MEMORY_BYTES_DEFAULT: usize = 64 << 20;
const OUTPUT_BYTES_DEFAULT: usize = 32 << 20;

impl Limits {
    /// Refuses memory and output that the largest event of a source does not fit into: the component has it once as it came, and
    /// gives it back.
    pub(super) fn check_event(&self, t: &Table<'_>, event_bytes_max: Option<usize>) {
        let Some(event) = event_bytes_max else { return };
        let needed = [
            (
                "memory_bytes",
                self.memory_bytes.unwrap_or(MEMORY_BYTES_DEFAULT),
                event.saturating_add(MEMORY_AT_REST_BYTES),
            ),
            ("output_bytes", self.output_bytes.unwrap_or(OUTPUT_BYTES_DEFAULT), event),
        ];
        for (key, given, needed) in needed {
            if given < needed {
                t.session().error(
                    &t.span("limits"),
                    format!("an event of this source may have {event} bytes, and `{key}` does not hold it: it takes {needed}"),
                    format!("raise `{key}`, or lower the source's largest event (`max_event_bytes`, `max_body_bytes` or `max_packet_bytes`)"),
                );
            }
        }
    }
}

impl Limits {
    /// Warns of batches of a sink that its component has no memory for, where the file asks for larger ones than a component has
    /// memory by itself.
    pub(super) fn check_batch(&self, t: &Table<'_>, batch_bytes_max: usize) {
        let memory = self.memory_bytes.unwrap_or(MEMORY_BYTES_DEFAULT);
        let needed = batch_bytes_max.saturating_add(MEMORY_AT_REST_BYTES);
        if batch_bytes_max > MEMORY_BYTES_DEFAULT && memory < needed {
            t.session().warning(
                &t.span("limits"),
                format!(
                    "a batch may have {batch_bytes_max} bytes (`batch_bytes`), and `memory_bytes` is {memory}: the component is called \
                     with parts of it, and each part is written by itself"
                ),
                format!("raise `memory_bytes` to {needed} or more, or lower `batch_bytes`"),
            );
        }
    }
}

impl Section for Limits {
    const ABOUT: &'static str = "What the component may use. Its errors name the key of the limit that it went over.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let memory_bytes = t
            .field(
                "memory_bytes",
                Integer(1 << 20..=512 << 20),
                "Memory of one instance, in bytes. A connector has one instance for each lane. One that has three \
                 quarters of it after a call is replaced before the next one.",
            )
            .example("67108864")
            .defaults_to("`67108864`; with a language runtime (Python, JavaScript, Go) `134217728`");
        let table_elements = t
            .field(
                "table_elements",
                Integer(1..=100_000),
                "Elements of all tables of one instance. Interpreters need many.",
            )
            .example("20000")
            .defaults_to("`20000`");
        let call_budget = t
            .field("call_budget_ms", Millis(1..=60_000), "Time that a call may run.")
            .example("500")
            .defaults_to("`500`; with a language runtime `1000`");
        let record_budget_us = t
            .field(
                "record_budget_us",
                Integer(0..=1_000_000),
                "Time that a call may run besides, for each record of its batch, in microseconds.",
            )
            .example("1000")
            .defaults_to("`1000`");
        let initialize_budget = t
            .field(
                "initialize_budget_ms",
                Millis(1..=60_000),
                "Time that starting an instance may run.",
            )
            .example("2000")
            .defaults_to("`2000`; with a language runtime `5000`");
        let [output_bytes, output_records, output_origins] = outputs(t);
        let log_lines_per_sec = t
            .field(
                "log_lines_per_sec",
                Integer(1..=10_000),
                "Log lines a second. More are dropped and counted.",
            )
            .example("100")
            .defaults_to("`100`");
        Some(Self {
            memory_bytes,
            table_elements,
            call_budget,
            record_budget: record_budget_us.map(Duration::from_micros),
            initialize_budget,
            output_bytes,
            output_records,
            output_origins,
            log_lines_per_sec,
        })
    }
}

/// Reads the limits of a call's result.
fn outputs(t: &mut Table<'_>) -> [Option<usize>; 3] {
    let output_bytes = t
        .field(
            "output_bytes",
            Integer(1 << 10..=1 << 30),
            "What a call may return, in bytes.",
        )
        .example("33554432")
        .defaults_to("`33554432`");
    let output_records = t
        .field(
            "output_records",
            Integer(1..=1_000_000),
            "What a call may return, in records or writes, and in names of topics or targets.",
        )
        .example("100000")
        .defaults_to("`100000`");
    let output_origins = t
        .field(
            "output_origins",
            Integer(1..=10_000_000),
            "What a call may return, in origins of its records or writes, where it names them.",
        )
        .example("200000")
        .defaults_to("`200000`");
    [output_bytes, output_records, output_origins]
}
