//! Question: how many rows a second reach SurrealDB through a sink, against the `surrealdb` crate's own bulk insert?
//!
//! All sides write the same documents under the same ids into an empty `surrealkv` store on disk that syncs every commit,
//! 500 rows to a statement, `INSERT $rows RETURN NONE`, on two threads; each run is a process of its own, and at its end
//! the rows are counted and looked at.
//!
//! * `direct, from JSON`: JSON text in memory is read into the crate's values and inserted. None of our crates.
//! * `direct, ready values`: the same with values that were read before the clock started, which no connector can do.
//! * `danube-wasm`: messages in the embedded log on disk, checked against their schema, through the sandboxed
//!   `document-sink` (no metadata added, so that documents are the same) and the egress, until the last one is
//!   acknowledged durably in the log; two lanes, which is a sink's default, so that one batch is prepared while another
//!   is written.
//! * `danube-wasm, lanes = 1`: the same with one lane.
//!
//! Then the same question for updates: as many messages, each a whole new document of one of 10,000, of 100 or of a single
//! id.
//!
//! * `direct`: JSON text in memory is read into the crate's values; of each 500 the last of each id is upserted, all in one
//!   statement.
//! * `danube-wasm`: messages with the order of their records through `document-sink` with `id_pointer`, on two lanes.

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
/// The same for updates.
const AIM_SHARE_UPDATES: f64 = 0.60;
/// Of how many documents the updates are.
const IDS: [usize; 3] = [10_000, 100, 1];

/// What is compared, by name and role.
const SIDES: [(&str, &str); 4] = [
    ("direct, from JSON", direct::ROLE),
    ("direct, ready values", direct::ROLE_READY),
    ("danube-wasm", ours::ROLE),
    ("danube-wasm, lanes = 1", ours::ROLE_ONE_LANE),
];

fn main() -> Result<ExitCode> {
    let number = |at| -> Result<usize> { Ok(std::env::args().nth(at).unwrap_or_default().parse()?) };
    let (rows, ids) = (|| number(2), || number(3));
    match Child::role().as_deref() {
        Some(ours::COMPILE) => return Ok(danube_wasm_sandbox::compile_child_main()),
        Some(direct::ROLE) => in_runtime(direct::run(rows()?, false))?,
        Some(direct::ROLE_READY) => in_runtime(direct::run(rows()?, true))?,
        Some(ours::ROLE) => in_runtime(ours::run(rows()?, None, 2))?,
        Some(ours::ROLE_ONE_LANE) => in_runtime(ours::run(rows()?, None, 1))?,
        Some(direct::ROLE_UPDATES) => in_runtime(direct::run_updates(rows()?, ids()?))?,
        Some(ours::ROLE_UPDATES) => in_runtime(ours::run(rows()?, Some(ids()?), 2))?,
        Some(role) => bail!("`{role}` is not a role"),
        None => {
            compare(Scale::from_arguments())?;
            compare_updates(Scale::from_arguments())?;
        }
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

fn compare_updates(scale: Scale) -> Result<()> {
    let updates = scale.pick(100_000, 20_000);
    println!(
        "\nsink: how many updates a second reach SurrealDB, against the crate's own, the last of each id in a batch?"
    );
    println!("  {updates} updates, {BATCH} to a batch, surrealkv on disk, every commit synced, medians\n");
    let mut table = Table::new(["ids", "direct, messages/s", "danube-wasm, messages/s", "of direct"]);
    let mut shares = Vec::new();
    for ids in IDS {
        let (mut direct, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..scale.pick(5, 1) {
            for (role, rates) in [(direct::ROLE_UPDATES, &mut direct), (ours::ROLE_UPDATES, &mut ours)] {
                let account = Child::start(role, &[&updates.to_string(), &ids.to_string()])?.finish()?;
                rates.push(updates as f64 / child::field(&account, "seconds")?);
            }
        }
        let (direct, ours) = (median(direct), median(ours));
        shares.push(ours / direct);
        table.row([number(ids as f64), number(direct), number(ours), percent(ours / direct)]);
    }
    println!("{table}");
    aim(
        &format!("updates at least {} of direct", percent(AIM_SHARE_UPDATES)),
        shares.iter().all(|share| *share >= AIM_SHARE_UPDATES),
    );
    Ok(())
}
