//! What a component costs: time of a record, memory, and how much of it is the sandbox's.

use std::{
    fmt::Write as _,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_model::event::{EventBatch, Interests, RecordBatch};
use danube_wasm_sandbox::{Profile, ProfileSample, Sandbox};
use serde::Serialize;

use crate::{
    allocations,
    component::{Component, StartError},
    input::{Defaults, Input, NOW_MS},
    measure::{cycle, fastest, nanoseconds, speed},
    read::CaseConfig,
};

/// Sizes of batches that are measured.
pub const BATCHES: [usize; 4] = [1, 10, 50, 500];
/// Starts that are measured; the fastest counts.
const STARTS: usize = 10;
/// Head-room of a recommended limit: a busy or slower machine, and samples that are larger than these.
const HEAD_ROOM: f64 = 20.0;

/// What a component costs.
#[derive(Debug, Clone, Serialize)]
pub struct Bench {
    /// Its file.
    pub component: String,
    /// `source` or `sink`.
    pub role: &'static str,
    /// Bytes of the component.
    pub size_bytes: usize,
    /// Time to start an instance and to initialize it, in milliseconds. Its code was compiled before.
    pub start_ms: f64,
    /// Linear memory of a fresh instance, in bytes.
    pub memory_fresh_bytes: usize,
    /// Linear memory after all calls, in bytes: it never shrinks, so this is the most that it had.
    pub memory_after_bytes: usize,
    /// For each size of batches.
    pub rows: Vec<Row>,
    /// Whether its allocations were counted.
    pub allocations: Allocations,
    /// Limits with head-room over what was measured, by the keys of a pipeline file.
    pub recommended: Vec<(&'static str, u64)>,
}

/// Batches of one size.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Row {
    /// Inputs in each call.
    pub batch: usize,
    /// Nanoseconds for each of them.
    pub ns_a_record: f64,
    /// The same batches passed on by native code that does nothing else.
    pub native_ns_a_record: f64,
    /// Allocations for each of them, if they were counted.
    pub allocations_a_record: Option<f64>,
    /// Bytes of these allocations.
    pub allocated_bytes_a_record: Option<f64>,
}

/// Whether the allocations of a component were counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Allocations {
    /// Calls of these functions of the component; of those that call each other, the outermost.
    Counted(Vec<String>),
    /// Why not.
    NotCounted(String),
}

/// Measures a component on these inputs, about so long for each size of batches.
pub async fn bench(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    config: &CaseConfig,
    inputs: &[Input],
    time: Duration,
) -> Result<Bench, String> {
    // The first one waits for the compiler, and keeps what it made.
    let _compiled = component.start(sandbox, config).await.map_err(start_failed)?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        component.start(sandbox, config).await.map_err(start_failed)?;
        starts.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let start_ms = fastest(starts);
    let guest = Arc::new(component.start(sandbox, config).await.map_err(start_failed)?);
    let memory_fresh_bytes = guest.memory_bytes();
    let mut rows = Vec::new();
    for batch in BATCHES {
        let speed = speed(&guest, sandbox, inputs, batch, time).await?;
        rows.push(Row {
            batch,
            ns_a_record: speed.ns_a_record,
            native_ns_a_record: native(inputs, batch),
            allocations_a_record: None,
            allocated_bytes_a_record: None,
        });
    }
    let allocations = count(&mut rows, component, sandbox, config, inputs).await;
    let mut bench = Bench {
        component: component.file.clone(),
        role: component.info.role.as_str(),
        size_bytes: component.info.size_bytes,
        start_ms,
        memory_fresh_bytes,
        memory_after_bytes: guest.memory_bytes(),
        rows,
        allocations,
        recommended: Vec::new(),
    };
    bench.recommended = bench.recommend();
    Ok(bench)
}

/// Counts allocations, apart from what was measured with a clock.
async fn count(
    rows: &mut [Row],
    component: &Component,
    sandbox: &Arc<Sandbox>,
    config: &CaseConfig,
    inputs: &[Input],
) -> Allocations {
    match allocations::measure(component, sandbox, config, inputs, &BATCHES).await {
        Ok(measured) => {
            for (row, allocated) in rows.iter_mut().zip(measured.batches) {
                let (times, bytes) = allocated.a_record(row.batch);
                row.allocations_a_record = Some(times);
                row.allocated_bytes_a_record = Some(bytes);
            }
            Allocations::Counted(measured.functions)
        }
        Err(why) => Allocations::NotCounted(why),
    }
}

/// Batches of this size are profiled: as many as a busy pipeline has.
const PROFILED_BATCH: usize = 50;

/// Calls a component with these inputs for about so long, and returns where its calls were at each tick.
pub async fn profile(
    component: &Component,
    sandbox: &Arc<Sandbox>,
    config: &CaseConfig,
    inputs: &[Input],
    time: Duration,
) -> Result<Vec<ProfileSample>, String> {
    let profile = Arc::new(Profile::default());
    let started = component.start_with(sandbox, config, Some(profile.clone())).await;
    let guest = Arc::new(started.map_err(start_failed)?);
    // What it does once, at its start, is not what its calls cost.
    profile.take();
    speed(&guest, sandbox, inputs, PROFILED_BATCH, time).await?;
    Ok(profile.take())
}

fn start_failed(error: StartError) -> String {
    match error {
        StartError::Refused(why) => why,
        StartError::Output(output) => format!("it does not start: {}", output.to_line()),
    }
}

impl Bench {
    /// Room for what was measured, in round numbers.
    fn recommend(&self) -> Vec<(&'static str, u64)> {
        let slowest = self
            .rows
            .iter()
            .map(|row| row.ns_a_record * row.batch as f64)
            .fold(0.0, f64::max);
        let of_one = self.rows.first().map_or(0.0, |row| row.ns_a_record);
        let of_many = self.rows.last().map_or(0.0, |row| row.ns_a_record);
        let memory = (self.memory_after_bytes as u64 * 2)
            .next_multiple_of(1 << 20)
            .max(4 << 20);
        vec![
            ("memory_bytes", memory),
            (
                "call_budget_ms",
                round(of_one.max(slowest / 100.0) * HEAD_ROOM / 1e6).max(50),
            ),
            ("record_budget_us", round(of_many * HEAD_ROOM / 1e3).max(100)),
            ("initialize_budget_ms", round(self.start_ms * HEAD_ROOM).max(100)),
        ]
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!("{} ({}, {} bytes)\n\n", self.component, self.role, self.size_bytes);
        text.push_str("  batch   ns a record   native   allocations     bytes   sandbox's tax\n");
        let counted = |value: Option<f64>, digits: usize| value.map_or("-".to_owned(), |n| format!("{n:.digits$}"));
        for row in &self.rows {
            let (guest, native) = (row.ns_a_record, row.native_ns_a_record);
            let _ = writeln!(
                text,
                "  {:>5}   {guest:>11.0}   {native:>6.0}   {:>11}   {:>7}   {:>8.0} ns, {:.0} times",
                row.batch,
                counted(row.allocations_a_record, 1),
                counted(row.allocated_bytes_a_record, 0),
                guest - native,
                guest / native.max(1.0)
            );
        }
        let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
        let (fresh, after) = (mib(self.memory_fresh_bytes), mib(self.memory_after_bytes));
        let _ = writeln!(
            text,
            "\n  start {:.1} ms; memory {fresh:.1} MiB fresh, {after:.1} MiB at most",
            self.start_ms
        );
        text.push_str("  native: the same batches passed on by code that does nothing else. The tax has the component's own work in it.\n");
        let _ = match &self.allocations {
            Allocations::Counted(functions) => writeln!(
                text,
                "  allocations: calls of {} for each record, and the bytes that they ask for.",
                functions.join(", ")
            ),
            Allocations::NotCounted(why) => writeln!(text, "  allocations: not counted: {why}."),
        };
        let _ = writeln!(
            text,
            "\nLimits with head-room over this, for the pipeline file:\n\n  [{}s.limits]",
            self.role
        );
        for (key, value) in &self.recommended {
            let _ = writeln!(text, "  {key} = {value}");
        }
        text
    }
}

/// Rounded up to two digits.
fn round(value: f64) -> u64 {
    let digits = 10f64.powf(value.max(1.0).log10().floor() - 1.0).max(1.0);
    ((value / digits).ceil() * digits) as u64
}

/// Nanoseconds of a record in the same batches, passed on by native code: columns in, columns out, checked.
fn native(inputs: &[Input], batch: usize) -> f64 {
    let inputs = cycle(inputs, batch);
    let inputs: Vec<_> = inputs.iter().enumerate().collect();
    let defaults = Defaults {
        place: "/events",
        now_ms: NOW_MS,
    };
    let events = defaults.events(&inputs, &Interests::default());
    let rounds = (0..50).map(|_| {
        let calls = (2_000 / batch.max(1)).max(1);
        let began = Instant::now();
        for _ in 0..calls {
            black_box(pass_on(black_box(&events)));
        }
        nanoseconds(began.elapsed()) / (calls * batch.max(1)) as f64
    });
    fastest(rounds)
}

fn pass_on(events: &EventBatch) -> RecordBatch {
    let mut records = RecordBatch::default();
    for (i, payload) in events.payloads.iter().enumerate() {
        records.topics.push(events.endpoints.get(i));
        records.payloads.push(payload);
    }
    // What the host does with every batch. It holds.
    let _ = records.check(events.len());
    records
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn limits_are_round_numbers_that_are_not_less() {
        assert_eq!(
            [round(0.3), round(1.2), round(123.4), round(98_765.0)],
            [1, 2, 130, 99_000]
        );
    }
}
