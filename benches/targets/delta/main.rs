//! Question: how many rows a second are appended to a Delta table from the log, against PyPI's `deltalake`?
//!
//! All sides append the same rows of 10 columns to a new table in a folder on disk, 10,000 rows to a commit; afterwards
//! `deltalake` reads the table, and its rows are counted and summed.
//!
//! * `write_deltalake`: tables of Arrow that were in memory before the clock started, a process of its own.
//! * `write_deltalake, from JSON`: the same from JSON lines in memory, as a program in Python would do it.
//! * `danube-wasm`: the real program, built with the feature `delta`, from JSON messages in the embedded log on disk, through the
//!   sandboxed `document-sink` and the egress, each row once and each commit synced to the disk, until the last message is
//!   acknowledged in the log.

mod rows;

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use danube_wasm_bench_targets::{Backlog, sum_below};
use danube_wasm_benches::{Comparison, Round, Scale, Side, child, comparison::OURS};
use danube_wasm_testkit::servers::python;

/// Rows of a commit, which is the sink's default.
const BATCH: u64 = 10_000;
const BARE: &str = "write_deltalake";
const AIM_SHARE: f64 = 0.80;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/delta/deltalake_rows.py");

fn main() -> Result<()> {
    // Without it, it is said so.
    if python("deltalake").is_none() {
        return Ok(());
    }
    let scale = Scale::from_arguments();
    let total = scale.pick(500_000, 20_000);
    let backlog = Backlog::fill(env!("CARGO_TARGET_TMPDIR"), total, rows::document)?;
    let lines = backlog.directory().join("rows.jsonl");
    let text: String = (0..total).map(|i| rows::document(i) + "\n").collect();
    std::fs::write(&lines, text)?;
    let bare = |what: &str| run(&backlog, total, |table| bare(what, table, &lines));
    let sides = vec![
        Side::new(BARE, BARE, |_| bare("write-ready")),
        Side::new("write_deltalake, from JSON", BARE, |_| bare("write")),
        Side::new(OURS, BARE, |_| run(&backlog, total, |table| ours(&backlog, table))),
    ];
    let comparison = Comparison {
        question: "delta: how many rows a second are appended to a Delta table from the log, against write_deltalake?",
        work: format!("{total} rows of 10 columns, {BATCH} to a commit, a folder on disk, medians"),
        unit: "row",
        aim: AIM_SHARE,
        warm_up: true,
    };
    comparison.run(scale, sides)
}

fn bare(what: &str, table: &Path, lines: &Path) -> Result<Round> {
    let batch = BATCH.to_string();
    let account = script(&[what, &table.display().to_string(), &lines.display().to_string(), &batch])?;
    Round::of_account(&account)
}

fn ours(backlog: &Backlog, table: &Path) -> Result<Round> {
    // The last rows do not fill a batch, and are not waited for.
    backlog.drain(|keys| {
        format!(
            r#"component = "builtin:document-sink"
[[sinks.delta.tables]]
name = "orders"
url = "{}"
create = true
field_mappings = {}
[[sinks.delta.topic_mappings]]
{keys}
table = "orders"
batch_size = {BATCH}
flush_interval_ms = 1000
idle_ms = 20"#,
            table.display(),
            rows::MAPPINGS
        )
    })
}

/// One side into a new table, and whether all rows are in it, each once.
fn run(backlog: &Backlog, total: u64, side: impl FnOnce(&Path) -> Result<Round>) -> Result<Round> {
    let folder = tempfile::tempdir_in(backlog.directory())?;
    let table = folder.path().join("table");
    let run = side(&table)?;
    let account = script(&["count", &table.display().to_string()])?;
    let of = |name| child::field(&account, name).map(|value| value as u64);
    ensure!(
        of("rows")? == total && of("distinct")? == total && of("sum")? == sum_below(total),
        "{total} rows were owed; there is {account}"
    );
    Ok(run)
}

/// What the script says at its end.
fn script(arguments: &[&str]) -> Result<String> {
    let mut command = python("deltalake").context("it was there")?;
    let output = command.arg(SCRIPT).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    said.lines().last().map(str::to_owned).context("it says nothing")
}
