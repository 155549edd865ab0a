//! Question: what does a record cost to cross into a component and back?
//!
//! Every side does the same work on the same events (85-byte payload, key, time, two attributes): it makes a copy of
//! each event whose payload is changed, with key, attributes, topic and origin. So nothing can be passed on by reference,
//! and every byte crosses twice.
//!
//! * `columns`: our sandbox and contract as the pipeline calls them, `SourceGuest::poll` from a task on the sandbox's
//!   threads: budget, limits, and every check of what comes back. The component works on the columns themselves.
//! * `columns, SDK`: the same, with a component written as a connector author writes it, event by event.
//! * `list<record>`: the obvious interface, with the same engine settings, called where it stands: no hop, no budget,
//!   no limits, no checks. None of our crates.
//! * `native`: Rust functions, on columns and on records of their own. None of our crates.

mod columns;
mod events;
mod native;
mod records;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use danube_wasm_benches::{
    Child, Scale, Table, component, median,
    report::{aim, number},
};
use danube_wasm_sandbox::Sandbox;

use self::events::{Event, Made};

/// Batch sizes, and the one that the aim is about.
const BATCHES: [usize; 4] = [1, 50, 500, 2000];
const AIM_BATCH: usize = 500;
const AIM_NS: f64 = 20.0;

/// Shortest time that one figure is taken over.
const SLICE: Duration = Duration::from_millis(30);

/// What is compared.
#[async_trait]
trait Side: Send {
    fn name(&self) -> &'static str;

    /// From now on a batch is these.
    fn prepare(&mut self, events: &[Event]);

    /// Calls so often with the batch; the number of records that came out.
    async fn call(&mut self, times: usize) -> Result<usize>;

    /// Calls once, for what came out.
    async fn made(&mut self) -> Result<Vec<Made>>;
}

fn main() -> Result<std::process::ExitCode> {
    if Child::role().as_deref() == Some(columns::COMPILE) {
        return Ok(danube_wasm_sandbox::compile_child_main());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let sandbox = columns::sandbox(directory.path())?;
    let comparing = sandbox.spawn(compare(sandbox.clone(), Scale::from_arguments()));
    runtime.block_on(comparing)??;
    Ok(std::process::ExitCode::SUCCESS)
}

async fn compare(sandbox: Arc<Sandbox>, scale: Scale) -> Result<()> {
    let mut sides: Vec<Box<dyn Side>> = vec![
        Box::new(native::Columns::default()),
        Box::new(native::Records::default()),
        Box::new(columns::Columns::load("columns", &sandbox, component::load("bench-columns")?).await?),
        Box::new(columns::Columns::load("columns, SDK", &sandbox, component::load("bench-author")?).await?),
        Box::new(records::Records::load(&component::load("bench-records")?).await?),
    ];
    let mut figures = vec![Vec::new(); sides.len()];
    for batch in std::iter::once(0).chain(BATCHES) {
        let events = events::sample(batch);
        for side in &mut sides {
            side.prepare(&events);
            ensure!(
                side.made().await? == events::expected(&events),
                "`{}` made something else",
                side.name()
            );
        }
        let mut rounds = vec![Vec::new(); sides.len()];
        for _ in 0..scale.pick(15, 3) {
            for (side, figures) in sides.iter_mut().zip(&mut rounds) {
                figures.push(ns(&mut **side, batch).await?);
            }
        }
        for (figures, rounds) in figures.iter_mut().zip(rounds) {
            figures.push(median(rounds));
        }
    }
    report(&sides, &figures);
    Ok(())
}

/// Time of a record; of a call, if the batch is empty.
async fn ns(side: &mut dyn Side, batch: usize) -> Result<f64> {
    let times = (4000 / batch.max(40)).max(1);
    let mut calls = 0;
    let started = Instant::now();
    while started.elapsed() < SLICE {
        let made = side.call(times).await?;
        ensure!(
            made == times * batch,
            "`{}` made {made} records of {}",
            side.name(),
            times * batch
        );
        calls += times;
    }
    Ok(started.elapsed().as_nanos() as f64 / (calls * batch.max(1)) as f64)
}

fn report(sides: &[Box<dyn Side>], figures: &[Vec<f64>]) {
    println!("\nboundary: what does a record cost to cross into a component and back?");
    println!("  ns a record (a call, where it is empty), medians; payloads changed, all checks on\n");
    let headings: Vec<String> = BATCHES.iter().map(|n| format!("batch {n}")).collect();
    let headings = ["", "empty call"]
        .into_iter()
        .chain(headings.iter().map(String::as_str));
    let mut table = Table::new(headings);
    for (side, figures) in sides.iter().zip(figures) {
        table.row(std::iter::once(side.name().to_owned()).chain(figures.iter().map(|ns| number(*ns))));
    }
    let of = |name: &str| {
        sides
            .iter()
            .zip(figures)
            .find(|(side, _)| side.name() == name)
            .map(|(_, figures)| figures)
    };
    let mut ratio = |label: &str, over: &str, under: &str| {
        if let (Some(over), Some(under)) = (of(over), of(under)) {
            let cells = over.iter().zip(under).map(|(over, under)| number(over / under));
            table.row(std::iter::once(label.to_owned()).chain(cells));
        }
    };
    ratio("list<record> / columns", "list<record>", "columns");
    ratio("list<record> / columns, SDK", "list<record>", "columns, SDK");
    ratio("columns / native columns", "columns", "native columns");
    ratio("columns / native records", "columns", "native records");
    println!("{table}");
    // The first figure is of the empty call.
    let at = BATCHES.iter().position(|n| *n == AIM_BATCH).unwrap_or_default() + 1;
    let reached = of("columns").is_some_and(|figures| figures[at] <= AIM_NS);
    aim(
        &format!("columns at most {AIM_NS} ns a record at batch {AIM_BATCH}"),
        reached,
    );
}
