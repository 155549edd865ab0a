//! Our side: a source and a sink over one client, put together as the host does it.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use danube_wasm_benches::child::own_cpu;
use danube_wasm_broker::Broker;
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::{
    clock::OrderClock,
    door::{Intake as _, Outcome},
    event::Event,
};
use danube_wasm_pipeline::{Instruments, RetryPolicy, Sink, SinkParts, Source, SourceLimits, SourceParts};
use danube_wasm_schema::Schemas;
use futures_util::future::try_join_all;

use crate::{
    Work, document,
    guests::{Forward, Insert},
    target::Rows,
    topic,
};

/// First argument of this process.
pub(crate) const ROLE: &str = "pipelines";

/// Each waits for the fate of one event, as who sends a webhook does.
const SENDERS: usize = 512;
/// Before the clock starts: connections and sessions are made by them.
const FIRST_MESSAGES: usize = 1_000;
/// Longest wait for everything.
const WAIT_MAX: Duration = Duration::from_secs(120);

/// From events to acknowledged rows.
pub(crate) async fn run(work: Work) -> Result<()> {
    let mut options = DanubeOptions::new([work.url()]);
    options.in_flight_max = Some(work.in_flight);
    let broker: Arc<dyn Broker> = Danube::open(options)?;
    let source = Source::start(source_parts(&broker)?).await?;
    let rows = Arc::new(Rows::new());
    let sink = Sink::start(sink_parts(&broker, &rows)?).await?;
    pass(&source, &rows, 0, FIRST_MESSAGES).await?;

    let (started, cpu) = (Instant::now(), own_cpu()?);
    pass(&source, &rows, FIRST_MESSAGES, work.messages).await?;
    let deadline = tokio::time::Instant::now() + WAIT_MAX;
    sink.drain(deadline).await;
    let (elapsed, cpu) = (started.elapsed(), own_cpu()?.saturating_sub(cpu));

    source.drain(deadline).await;
    broker.close().await?;
    let kept = *rows.count().borrow() - FIRST_MESSAGES;
    ensure!(kept == work.messages, "{kept} rows of {} messages", work.messages);
    println!(
        "messages={kept} seconds={} cpu_seconds={}",
        elapsed.as_secs_f64(),
        cpu.as_secs_f64()
    );
    Ok(())
}

/// Offers so many events, from a number on, until all of them are rows.
async fn pass(source: &Arc<Source>, rows: &Rows, first: usize, messages: usize) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(first));
    let senders = (0..SENDERS).map(|_| tokio::spawn(send(source.clone(), next.clone(), first + messages)));
    for sent in try_join_all(senders).await? {
        sent?;
    }
    let mut count = rows.count();
    tokio::time::timeout(WAIT_MAX, count.wait_for(|rows| *rows >= first + messages)).await??;
    Ok(())
}

async fn send(source: Arc<Source>, next: Arc<AtomicUsize>, end: usize) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= end {
            return Ok(());
        }
        let event = Event::json("/in", format!("event-{number}"), document(number));
        let outcome = source.offer(event).await;
        ensure!(
            matches!(outcome, Outcome::Accepted { .. }),
            "event {number}: {outcome:?}"
        );
    }
}

fn source_parts(broker: &Arc<dyn Broker>) -> Result<SourceParts> {
    Ok(SourceParts {
        guest: Arc::new(Forward::to(topic()?)?),
        broker: broker.clone(),
        ordered: HashSet::new(),
        validators: HashMap::new(),
        limits: SourceLimits::default(),
        on_invalid: HashMap::new(),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: OrderClock::system(),
        instruments: Instruments::default(),
    })
}

fn sink_parts(broker: &Arc<dyn Broker>, rows: &Arc<Rows>) -> Result<SinkParts> {
    Ok(SinkParts {
        guest: Arc::new(Insert::from(topic()?)?),
        broker: broker.clone(),
        consumer: "bench".into(),
        schemas: Arc::new(Schemas::new(broker.registry())),
        egress: rows.clone(),
        batches: Vec::new(),
        retry_policy: RetryPolicy::default(),
        instruments: Instruments::default(),
    })
}
