//! Our side: every room between the socket and the disk, put together as the binary does it.

use std::{collections::HashMap, net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use danube_wasm_benches::{child, component};
use danube_wasm_broker::{
    Broker, ConsumerOptions, StartAt,
    embedded::{EmbeddedBroker, EmbeddedOptions},
};
use danube_wasm_ingress_http::{
    ApiKey, Auth, ContentKind, Endpoint, EndpointOptions, HttpListener, ListenerOptions, Observer, Secret, Secrets,
};
use danube_wasm_model::{ConnectorId, SubscriptionType, TopicName, clock::OrderClock, door::SourceGuest as _};
use danube_wasm_pipeline::{Instruments, RetryPolicy, Source, SourceLimits, SourceParts};
use danube_wasm_sandbox::{Compiler, LoadSpec, Sandbox, SandboxOptions, SourceComponent, TracingHost};
use danube_wasm_schema::{Declaration, SchemaType, Schemas, Validator, VersionStrategy};
use danube_wasm_telemetry::{Metrics, Tracing};

use crate::{API_KEY, PATH, syncs::CountingDisk};

/// First argument of this process.
pub(crate) const ROLE: &str = "ours";
/// The same, without `webhook.*` attributes.
pub(crate) const ROLE_PLAIN: &str = "ours-without-metadata";
/// The same, with requests of many lines.
pub(crate) const ROLE_LINES: &str = "ours-with-lines";
/// First argument of the process that compiles components.
pub(crate) const COMPILE: &str = "compile";

const TOPIC: &str = "/stripe/payments";
const SUBSCRIPTION: &str = "later";
const PARTITIONS: u32 = 4;
const SCHEMA: &str = include_str!("../../examples/stripe-payments/schemas/payment.json");

/// Longest wait for what is under way when it is over.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until the parent says that it is over.
pub(crate) async fn serve(metadata: bool, content: ContentKind) -> Result<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let disk = Arc::new(CountingDisk::default());
    let broker = open(directory.path(), disk.clone()).await?;
    let metrics = Metrics::new()?;
    let source = source(directory.path(), &broker, &metrics, metadata).await?;
    let wants = source.1.interests();
    let source = source.0;
    keep(&broker).await?;
    let listener = listen(&source, wants.headers, wants.attributes, content, metrics.clone()).await?;
    let syncs_before = disk.syncs();
    println!("{}", listener.local_addr());

    tokio::task::spawn_blocking(child::wait_for_parent).await?;
    listener.drain(DRAIN).await;
    source.drain(tokio::time::Instant::now() + DRAIN).await;
    let syncs = disk.syncs() - syncs_before;
    let kept = broker
        .lag()
        .await?
        .into_iter()
        .find(|lag| lag.subscription == SUBSCRIPTION);
    let kept = kept.context("the subscription is not there")?.messages;
    broker.close().await?;
    let calls = metric(&metrics, "danube_connector_batch_size_count")?;
    let events = metric(&metrics, "danube_connector_batch_size_sum")?;
    println!(
        "done={kept} batch={} commit={}",
        events / calls,
        kept as f64 / syncs as f64
    );
    Ok(())
}

async fn open(directory: &Path, disk: Arc<CountingDisk>) -> Result<Arc<dyn Broker>> {
    let directory = directory.join("log");
    let options = EmbeddedOptions {
        disk,
        ..EmbeddedOptions::default()
    };
    Ok(tokio::task::spawn_blocking(move || EmbeddedBroker::open(&directory, options)).await??)
}

/// The running source and its component.
async fn source(
    directory: &Path,
    broker: &Arc<dyn Broker>,
    metrics: &Arc<Metrics>,
    metadata: bool,
) -> Result<(Arc<Source>, Arc<SourceComponent>)> {
    let sandbox = sandbox(directory)?;
    let guest = component(&sandbox, metadata).await?;
    let topic: TopicName = TOPIC.parse()?;
    let instruments = Instruments::new(metrics.connector(guest.id()), Tracing::default());
    let parts = SourceParts {
        guest: guest.clone(),
        broker: broker.clone(),
        ordered: Default::default(),
        validators: HashMap::from([(topic, schema(broker).await?)]),
        limits: SourceLimits::default(),
        on_invalid: HashMap::new(),
        on_failure: HashMap::new(),
        retry_policy: RetryPolicy::default(),
        clock: OrderClock::system(),
        instruments,
    };
    Ok((sandbox.spawn(Source::start(parts)).await??, guest))
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

async fn component(sandbox: &Arc<Sandbox>, metadata: bool) -> Result<Arc<SourceComponent>> {
    let id = ConnectorId::try_new("bench", "webhook")?;
    let spec = LoadSpec {
        settings: format!(
            r#"{{"endpoints":[{{"path":"{PATH}","danube_topic":"{TOPIC}","partitions":{PARTITIONS}}}],
                "config":{{"include_metadata":{metadata}}}}}"#
        ),
        topics: vec![TOPIC.parse()?],
        ..LoadSpec::new(id, "webhook_source.wasm", component::load("webhook-source")?)
    };
    Ok(sandbox.load_source(spec, Arc::new(TracingHost)).await?)
}

async fn schema(broker: &Arc<dyn Broker>) -> Result<Arc<Validator>> {
    let declaration = Declaration {
        topic: TOPIC.parse()?,
        subject: "stripe-payment-v1".to_owned(),
        schema_type: SchemaType::JsonSchema,
        definition: Some(SCHEMA.to_owned()),
        message: None,
        auto_register: true,
        version: VersionStrategy::Latest,
    };
    Ok(Schemas::new(broker.registry()).declare(declaration).await?)
}

/// A subscription that nobody reads: it keeps every record, and its lag counts them.
async fn keep(broker: &Arc<dyn Broker>) -> Result<()> {
    let options = ConsumerOptions {
        topic: TOPIC.parse()?,
        subscription: SUBSCRIPTION.to_owned(),
        subscription_type: SubscriptionType::Shared,
        consumer: "nobody".to_owned(),
        start: StartAt::Earliest,
        unacknowledged_max: 1,
    };
    drop(broker.subscribe(options).await?);
    Ok(())
}

async fn listen(
    source: &Arc<Source>,
    headers: bool,
    attributes: bool,
    content: ContentKind,
    metrics: Arc<Metrics>,
) -> Result<HttpListener> {
    let keys = Secrets::try_new(vec![Secret::try_new(API_KEY)?])?;
    let options = EndpointOptions {
        auth: Auth::ApiKey(ApiKey::new(&keys)),
        headers,
        attributes,
        content: content.into(),
        ..EndpointOptions::new(PATH)
    };
    let listener = HttpListener::bind(ListenerOptions {
        observer: Arc::new(Counting(metrics)),
        ..ListenerOptions::new((Ipv4Addr::LOCALHOST, 0).into())
    })
    .await?;
    listener.set_routes([Arc::new(Endpoint::try_new(options, source.clone())?)])?;
    Ok(listener)
}

/// Counts requests as the binary does.
struct Counting(Arc<Metrics>);

impl Observer for Counting {
    fn request_finished(&self, endpoint: &str, status: u16, elapsed: Duration, _: usize) {
        self.0.http_request(endpoint, status, elapsed);
    }
}

/// The value of a metric that has one label set.
fn metric(metrics: &Arc<Metrics>, name: &str) -> Result<f64> {
    let text = metrics.render();
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .with_context(|| format!("no metric {name}"))?;
    Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
}
