//! Kinds of sources.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::{
    Route,
    door::Intake,
    event::Interests,
    upstream::{Connect, Notebook, PullDriver},
};
use danube_wasm_settings::Section;
use serde_json::{Map, Value};
use tokio::{task::JoinHandle, time::Instant};

use crate::{Context, Finding, ProbeContext, StartError, States, Unfit};

/// A kind of source. Its configuration is a table of `[[sources]]`, such as `[sources.webhook]`.
#[async_trait]
pub trait SourceConnector: Send + Sync + 'static {
    /// Name of its table.
    const KIND: &'static str;

    /// Its table.
    type Config: Section + Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// What all sources of this kind share in a host. `()` for nothing.
    type Shared: Default + Send + Sync + 'static;

    /// What its endpoints publish.
    fn routes(config: &Self::Config) -> Vec<Route>;

    /// What no other connector may have at the same time, by name: an address and path, a replication slot.
    fn claims(_: &Self::Config) -> Vec<String> {
        Vec::new()
    }

    /// How its events come.
    fn flow(_: &Self::Config) -> Flow {
        Flow::Push
    }

    /// What its component is told of the configuration. Never a secret.
    fn guest_settings(config: &Self::Config) -> Map<String, Value>;

    /// Where the events of an endpoint come from, for people, before it has started: an address without credentials.
    fn location(_: &Self::Config, endpoint: &str) -> String {
        endpoint.to_owned()
    }

    /// What the built-in component does not do of this configuration.
    fn unfit_for_builtin(_: &Self::Config) -> Vec<Unfit> {
        Vec::new()
    }

    /// What is wrong with the configuration that reading it does not find, without binding or connecting.
    fn validate(_: &Self::Config, _: Interests) -> Result<(), String> {
        Ok(())
    }

    /// Whether what it needs can be reached: for `check --connect`. Changes nothing.
    async fn probe(_: &Self::Config, _: ProbeContext<Self::Shared>) -> Vec<Finding> {
        Vec::new()
    }

    /// Starts taking events in. A source that replaces another one of the same name takes over its endpoints without a gap.
    async fn start(
        config: &Self::Config,
        context: Context<Self::Shared>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError>;

    /// The operator asked to read files again (SIGHUP): certificates.
    async fn reload(_: &Self::Shared) {}
}

/// How the events of a source come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Senders bring them, and wait for an answer.
    Push,
    /// The source reads them from an upstream that keeps what was not confirmed.
    Pull {
        /// Events of one key keep their order, those of one stream need not: the lanes share a stream.
        independent_keys: bool,
    },
}

/// Where a source's events go.
#[derive(Clone)]
pub struct Pipeline {
    /// What takes them, as the source's [`SourceConnector::flow`] says.
    pub feed: Feed,
    /// What its component wants to know of each event.
    pub interests: Interests,
    /// What it remembers beside what its upstream does.
    pub notebook: Arc<dyn Notebook>,
}

/// What takes the events of a source.
#[derive(Clone)]
pub enum Feed {
    /// Takes events whose senders wait.
    Push(Arc<dyn Intake>),
    /// Reads from the source's upstreams.
    Pull(Arc<dyn PullDriver>),
}

impl Pipeline {
    /// What takes events whose senders wait.
    pub fn intake(&self) -> Result<Arc<dyn Intake>, StartError> {
        match &self.feed {
            Feed::Push(intake) => Ok(intake.clone()),
            Feed::Pull(_) => Err(StartError::permanent("the host started it as a source that reads")),
        }
    }

    /// What reads from the source's upstreams.
    pub fn pull_driver(&self) -> Result<Arc<dyn PullDriver>, StartError> {
        match &self.feed {
            Feed::Pull(driver) => Ok(driver.clone()),
            Feed::Push(_) => Err(StartError::permanent("the host started it as a source that is sent to")),
        }
    }

    /// What this source has noted, now or in an earlier process: a last position, which of the sender's numbers was which
    /// event. Durable once [`Notebook::put`] has returned, and not another connector's.
    pub fn notebook(&self) -> Arc<dyn Notebook> {
        self.notebook.clone()
    }

    /// Reads from these upstreams until the source is closed: all that a source does which only reads.
    pub fn read(&self, upstreams: Arc<dyn Connect>) -> Result<Box<dyn Ingress>, StartError> {
        let driver = self.pull_driver()?;
        // How it ends is in the connector's status.
        let reading = tokio::spawn(async move { drop(driver.drive(upstreams).await) });
        Ok(Box::new(Reading(reading)))
    }
}

/// A source that takes events in.
#[async_trait]
pub trait Ingress: Send + Sync + 'static {
    /// Where the events of an endpoint come from, for people: `http://127.0.0.1:8080/in`.
    fn location(&self, endpoint: &str) -> String {
        endpoint.to_owned()
    }

    /// Takes nothing new in and answers what is under way; what is left at the deadline is cut off. What a successor has
    /// taken over goes on.
    async fn close(&self, deadline: Instant);
}

/// A source that only reads.
struct Reading(JoinHandle<()>);

#[async_trait]
impl Ingress for Reading {
    /// By now the driver has ended its sessions.
    async fn close(&self, _: Instant) {
        self.0.abort();
    }
}

/// The configuration of a source of any kind: its table, as its kind understands it.
#[derive(Clone)]
pub struct SourceConfig(Arc<dyn AnySource>);

impl SourceConfig {
    /// Of this kind.
    pub fn new<S: SourceConnector>(config: S::Config) -> Self {
        Self(Arc::new(Of::<S>(config)))
    }

    /// As its own kind knows it.
    pub fn downcast<S: SourceConnector>(&self) -> Option<&S::Config> {
        self.0.as_any().downcast_ref::<Of<S>>().map(|of| &of.0)
    }
}

impl Deref for SourceConfig {
    type Target = dyn AnySource;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for SourceConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&*other.0)
    }
}

impl fmt::Debug for SourceConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A configured source of any kind: [`SourceConnector`] behind a pointer. Its methods are those of the trait.
#[async_trait]
pub trait AnySource: fmt::Debug + Send + Sync + 'static {
    /// Name of its kind: that of its table.
    fn kind(&self) -> &'static str;
    /// See [`SourceConnector::routes`].
    fn routes(&self) -> Vec<Route>;
    /// See [`SourceConnector::claims`].
    fn claims(&self) -> Vec<String>;
    /// See [`SourceConnector::flow`].
    fn flow(&self) -> Flow;
    /// See [`SourceConnector::guest_settings`].
    fn guest_settings(&self) -> Map<String, Value>;
    /// See [`SourceConnector::location`].
    fn location(&self, endpoint: &str) -> String;
    /// See [`SourceConnector::unfit_for_builtin`].
    fn unfit_for_builtin(&self) -> Vec<Unfit>;
    /// See [`SourceConnector::validate`].
    fn validate(&self, interests: Interests) -> Result<(), String>;
    /// See [`SourceConnector::probe`].
    async fn probe(&self, context: ProbeContext<States>) -> Vec<Finding>;
    /// See [`SourceConnector::start`].
    async fn start(&self, context: Context<States>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError>;
    /// Whether it is of the same kind and configured alike.
    fn is_same(&self, other: &dyn AnySource) -> bool;
    /// Itself.
    fn as_any(&self) -> &dyn Any;
}

/// The configuration of a kind.
struct Of<S: SourceConnector>(S::Config);

impl<S: SourceConnector> fmt::Debug for Of<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl<S: SourceConnector> AnySource for Of<S> {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn routes(&self) -> Vec<Route> {
        S::routes(&self.0)
    }

    fn claims(&self) -> Vec<String> {
        S::claims(&self.0)
    }

    fn flow(&self) -> Flow {
        S::flow(&self.0)
    }

    fn guest_settings(&self) -> Map<String, Value> {
        S::guest_settings(&self.0)
    }

    fn location(&self, endpoint: &str) -> String {
        S::location(&self.0, endpoint)
    }

    fn unfit_for_builtin(&self) -> Vec<Unfit> {
        S::unfit_for_builtin(&self.0)
    }

    fn validate(&self, interests: Interests) -> Result<(), String> {
        S::validate(&self.0, interests)
    }

    async fn probe(&self, context: ProbeContext<States>) -> Vec<Finding> {
        S::probe(&self.0, context.of_kind()).await
    }

    async fn start(&self, context: Context<States>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError> {
        S::start(&self.0, context.of_kind(), pipeline).await
    }

    fn is_same(&self, other: &dyn AnySource) -> bool {
        let other = other.as_any().downcast_ref::<Self>();
        other.is_some_and(|other| other.0 == self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
