//! Our side: from messages in the log to acknowledged rows, put together as the binary does it.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use danube_wasm_bench_sink::{BATCH, NAMESPACE, TABLE, document, open, record_id, update, verify, verify_updates};
use danube_wasm_benches::{child::own_cpu, component};
use danube_wasm_broker::{
    Broker, Outgoing, SchemaRef, TopicSpec,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_egress_surrealdb::{Connections, SurrealEgress, SurrealOptions, SurrealUrl};
use danube_wasm_model::{
    ConnectorId, RecordId, Targets, TopicName, clock::OrderClock, door::Egress as _, identity::ORDER_ATTRIBUTE,
};
use danube_wasm_pipeline::{BatchPolicy, Instruments, RetryPolicy, Sink, SinkParts};
use danube_wasm_sandbox::{Compiler, LoadSpec, Sandbox, SandboxOptions, SinkComponent, TracingHost};
use danube_wasm_schema::{Declaration, SchemaType, Schemas, VersionStrategy};

/// First argument of this process.
pub(crate) const ROLE: &str = "ours";
/// The same, on one lane.
pub(crate) const ROLE_ONE_LANE: &str = "ours-one-lane";
/// The same, with updates of so few documents.
pub(crate) const ROLE_UPDATES: &str = "ours-updates";
/// First argument of the process that compiles components.
pub(crate) const COMPILE: &str = "compile";

const TOPIC: &str = "/stripe/payments";
const SUBJECT: &str = "stripe-payment-v1";
const SCHEMA: &str = include_str!("../../examples/stripe-payments/schemas/payment.json");
const PARTITIONS: u32 = 4;

/// How often to look whether all is acknowledged.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Longest wait for that, and for the end.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// Writes so many rows, or so many updates of as many documents as `ids` says.
pub(crate) async fn run(rows: usize, ids: Option<usize>, lanes: usize) -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let log = directory.path().join("log");
    let broker: Arc<dyn Broker> =
        tokio::task::spawn_blocking(move || EmbeddedBroker::open(&log, EmbeddedOptions::default())).await??;
    let schemas = Arc::new(Schemas::new(broker.registry()));
    fill(&broker, &schemas, rows, ids).await?;
    let store = directory.path().join("store");
    let egress = egress(&store).await?;
    let sandbox = sandbox(directory.path())?;
    let parts = SinkParts {
        guest: component(&sandbox, lanes, ids.is_some()).await?,
        broker: broker.clone(),
        consumer: "consumer".into(),
        schemas,
        egress: egress.clone(),
        batches: vec![BatchPolicy {
            messages_max: BATCH,
            ..BatchPolicy::default()
        }],
        retry_policy: RetryPolicy::default(),
        instruments: Instruments::default(),
    };

    let (started, cpu) = (Instant::now(), own_cpu()?);
    let sink = sandbox.spawn(Sink::start(parts)).await??;
    until_acknowledged(&*broker).await?;
    let (elapsed, cpu) = (started.elapsed(), own_cpu()? - cpu);

    sink.drain(tokio::time::Instant::now() + WAIT_MAX).await;
    egress.close().await?;
    broker.close().await?;
    let store = open(&store).await?;
    match ids {
        Some(ids) => verify_updates(&store, rows, ids).await?,
        None => verify(&store, rows).await?,
    }
    println!(
        "rows={rows} seconds={} cpu_seconds={}",
        elapsed.as_secs_f64(),
        cpu.as_secs_f64()
    );
    Ok(())
}

/// Publishes a message for each row.
async fn fill(broker: &Arc<dyn Broker>, schemas: &Schemas, rows: usize, ids: Option<usize>) -> Result<()> {
    let topic: TopicName = TOPIC.parse()?;
    let spec = TopicSpec {
        partitions: PARTITIONS,
        reliable_dispatch: true,
        ..TopicSpec::default()
    };
    broker.create_topic(&topic, spec).await?;
    let declaration = Declaration {
        topic: topic.clone(),
        subject: SUBJECT.to_owned(),
        schema_type: SchemaType::JsonSchema,
        definition: Some(SCHEMA.to_owned()),
        message: None,
        auto_register: true,
        version: VersionStrategy::Latest,
    };
    let schema = schemas.declare(declaration).await?.reference();
    let publisher = broker.publisher("bench/load").await?;
    let clock = OrderClock::system();
    let body = |i| ids.map_or_else(|| document(i), |ids| update(i, ids));
    let places: Vec<usize> = (0..rows).collect();
    for places in places.chunks(1000) {
        let groups = places
            .iter()
            .map(|i| vec![message(&topic, schema, *i, body(*i), clock.next())])
            .collect();
        for published in publisher.publish(groups).await {
            ensure!(published?.durable, "the log is not durable");
        }
    }
    Ok(())
}

/// As a source hands it to the broker.
fn message(topic: &TopicName, schema: SchemaRef, i: usize, body: String, order: u64) -> Outgoing {
    Outgoing {
        topic: topic.clone(),
        key: None,
        payload: body.into(),
        attributes: vec![(ORDER_ATTRIBUTE.to_owned(), order.to_string())],
        id: RecordId::from_broker(record_id(i)),
        schema: Some(schema),
    }
}

async fn egress(store: &Path) -> Result<Arc<SurrealEgress>> {
    let url = SurrealUrl::parse(&format!("surrealkv://{}", store.display()), Path::new("/"))?;
    let options = SurrealOptions {
        tables: Targets::from_iter([TABLE]),
        ..SurrealOptions::new(url, NAMESPACE, NAMESPACE)
    };
    let egress = Connections::new().connect(options).await?;
    egress.ready().await?;
    Ok(egress)
}

fn sandbox(directory: &Path) -> Result<Arc<Sandbox>> {
    let compiler = Compiler::Child {
        program: std::env::current_exe()?,
        args: vec![COMPILE.to_owned()],
    };
    Ok(Sandbox::try_new(SandboxOptions::new(
        directory.join("components"),
        compiler,
    ))?)
}

async fn component(sandbox: &Arc<Sandbox>, lanes: usize, by_id: bool) -> Result<Arc<SinkComponent>> {
    let id_pointer = match by_id {
        true => r#","id_pointer":"/customer_id""#,
        false => "",
    };
    let spec = LoadSpec {
        settings: format!(
            r#"{{"topic_mappings":[{{"topic":"{TOPIC}","subscription":"rows","subscription_type":"Shared",
                "expected_schema_subject":"{SUBJECT}","table":"{TABLE}","include_danube_metadata":false{id_pointer}}}]}}"#
        ),
        lanes,
        topics: vec![TOPIC.parse()?],
        ..LoadSpec::new(
            ConnectorId::try_new("bench", "rows")?,
            "document_sink.wasm",
            component::load("document-sink")?,
        )
    };
    Ok(sandbox.load_sink(spec, Arc::new(TracingHost)).await?)
}

/// Until every message is acknowledged, durably.
async fn until_acknowledged(broker: &dyn Broker) -> Result<()> {
    let done = async {
        loop {
            let lags = broker.lag().await?;
            if lags.iter().all(|lag| lag.messages == 0) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, done).await?
}
