//! Question: how many rows a second reach SurrealDB through a sink, against the `surrealdb` crate's own bulk insert?
//!
//! All sides write the same documents under the same ids into an empty `surrealkv` store on disk that syncs every commit,
//! 500 rows to a statement, `INSERT $rows RETURN NONE`, on two threads; each run is a process of its own, and at its end
//! the rows are counted and looked at.
//!
//! * `direct, from JSON`: JSON text in memory is read into the crate's values and inserted. None of our crates.
//! * `direct, ready values`: the same with values that were read before the clock started, which no connector can do.
//! * `danube-wasm`: messages in the embedded log on disk, checked against their schema, through the sandboxed
//!   `surrealdb-sink` (no metadata added, so that documents are the same) and the egress, until the last one is
//!   acknowledged durably in the log; two lanes, which is a sink's default, so that one batch is prepared while another
//!   is written.
//! * `danube-wasm, lanes = 1`: the same with one lane.

mod direct;
mod ours;

use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use danube_wasm_bench_sink::{BATCH, STACK_BYTES, THREADS};
use danube_wasm_benches::{
    Child, Scale, Table, child, median,
    report::{aim, number, percent},
};

const AIM_SHARE: f64 = 0.70;

/// What is compared, by name and role.
const SIDES: [(&str, &str); 4] = [
    ("direct, from JSON", direct::ROLE),
    ("direct, ready values", direct::ROLE_READY),
    ("danube-wasm", ours::ROLE),
    ("danube-wasm, lanes = 1", ours::ROLE_ONE_LANE),
];

fn main() -> Result<ExitCode> {
    let rows = || -> Result<usize> { Ok(std::env::args().nth(2).unwrap_or_default().parse()?) };
    match Child::role().as_deref() {
        Some(ours::COMPILE) => return Ok(danube_wasm_sandbox::compile_child_main()),
        Some(direct::ROLE) => in_runtime(direct::run(rows()?, false))?,
        Some(direct::ROLE_READY) => in_runtime(direct::run(rows()?, true))?,
        Some(ours::ROLE) => in_runtime(ours::run(rows()?, 2))?,
        Some(ours::ROLE_ONE_LANE) => in_runtime(ours::run(rows()?, 1))?,
        Some(role) => bail!("`{role}` is not a role"),
        None => compare(Scale::from_arguments())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_runtime(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(THREADS)
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()?;
    // A task, so that no side runs on a thread more than another.
    runtime.block_on(async { tokio::spawn(work).await })?
}

fn compare(scale: Scale) -> Result<()> {
    let rows = scale.pick(100_000, 5_000);
    let mut rates = vec![Vec::new(); SIDES.len()];
    let mut cpu_us = vec![Vec::new(); SIDES.len()];
    for _ in 0..scale.pick(5, 1) {
        for (i, (name, role)) in SIDES.iter().enumerate() {
            let account = Child::start(role, &[&rows.to_string()])?.finish()?;
            ensure!(
                child::field(&account, "rows")? as usize == rows,
                "`{name}` wrote {account}"
            );
            rates[i].push(rows as f64 / child::field(&account, "seconds")?);
            cpu_us[i].push(child::field(&account, "cpu_seconds")? * 1e6 / rows as f64);
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    println!("\nsink: how many rows a second reach SurrealDB, against the surrealdb crate's own bulk insert?");
    println!("  {rows} rows, {BATCH} to a statement, surrealkv on disk, every commit synced, medians\n");
    let mut table = Table::new([
        "",
        "rows/s",
        "of direct, from JSON",
        "of direct, ready values",
        "CPU µs/row",
    ]);
    for (((name, _), rate), cpu_us) in SIDES.iter().zip(&rates).zip(cpu_us) {
        table.row([
            (*name).to_owned(),
            number(*rate),
            percent(rate / rates[0]),
            percent(rate / rates[1]),
            number(median(cpu_us)),
        ]);
    }
    println!("{table}");
    aim(
        &format!("danube-wasm at least {} of direct, from JSON", percent(AIM_SHARE)),
        rates[2] >= AIM_SHARE * rates[0],
    );
    Ok(())
}
