//! Kinds of sources.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::{
    Route,
    door::Intake,
    event::Interests,
    poller::PollerGuest,
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

    /// The type of its table.
    type Config: Section + Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// State that all sources of this kind share in a host; `()` for none.
    type Shared: Default + Send + Sync + 'static;

    /// Returns the routes of its endpoints.
    fn routes(config: &Self::Config) -> Vec<Route>;

    /// Returns the names of resources that no other connector may use at the same time: an address and path, a
    /// replication slot.
    fn claims(_: &Self::Config) -> Vec<String> {
        Vec::new()
    }

    /// Returns whether events are pushed or pulled.
    fn flow(_: &Self::Config) -> Flow {
        Flow::Push
    }

    /// Returns whether its component fetches its events itself: then it has a [`Pipeline::poller`].
    fn fetches(_: &Self::Config) -> bool {
        false
    }

    /// Returns the settings for its component. Must not contain secrets.
    fn guest_settings(config: &Self::Config) -> Map<String, Value>;

    /// Returns the address of an endpoint before the start, for display, without credentials.
    fn location(_: &Self::Config, endpoint: &str) -> String {
        endpoint.to_owned()
    }

    /// Returns the settings that the built-in component does not support.
    fn unfit_for_builtin(_: &Self::Config) -> Vec<Unfit> {
        Vec::new()
    }

    /// Returns the largest event that may come, in bytes, if the source bounds it: its component must have memory for it.
    fn event_bytes_max(_: &Self::Config) -> Option<usize> {
        None
    }

    /// Checks what reading the table does not, without binding or connecting.
    fn validate(_: &Self::Config, _: Interests) -> Result<(), String> {
        Ok(())
    }

    /// Checks whether what it needs is reachable, for `check --connect`. Changes nothing.
    async fn probe(_: &Self::Config, _: ProbeContext<Self::Shared>) -> Vec<Finding> {
        Vec::new()
    }

    /// Starts to take events. A source that replaces another one with the same name takes its endpoints over without a
    /// gap.
    async fn start(
        config: &Self::Config,
        context: Context<Self::Shared>,
        pipeline: Pipeline,
    ) -> Result<Box<dyn Ingress>, StartError>;

    /// Reloads files such as certificates, at the operator's request (SIGHUP).
    async fn reload(_: &Self::Shared) {}
}

/// Whether the events of a source are pushed or pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Senders push events, and wait for an answer.
    Push,
    /// The source pulls events from an upstream, which keeps them until they are confirmed.
    Pull {
        /// Whether only events of one key must keep their order, and not those of a stream: then lanes share a stream.
        independent_keys: bool,
    },
}

/// The receiver of a source's events.
#[derive(Clone)]
pub struct Pipeline {
    /// The intake or driver, depending on the source's [`SourceConnector::flow`].
    pub feed: Feed,
    /// The parts of an event that its component wants.
    pub interests: Interests,
    /// What it remembers beside what its upstream does.
    pub notebook: Arc<dyn Notebook>,
    /// The component, of a source that [`fetches`](SourceConnector::fetches).
    pub poller: Option<Arc<dyn PollerGuest>>,
}

/// What takes the events of a source.
#[derive(Clone)]
pub enum Feed {
    /// For events whose senders wait.
    Push(Arc<dyn Intake>),
    /// Pulls events from the source's upstreams.
    Pull(Arc<dyn PullDriver>),
}

impl Pipeline {
    /// Returns the intake for events whose senders wait.
    pub fn intake(&self) -> Result<Arc<dyn Intake>, StartError> {
        match &self.feed {
            Feed::Push(intake) => Ok(intake.clone()),
            Feed::Pull(_) => Err(StartError::permanent("the host started it as a source that reads")),
        }
    }

    /// Returns the driver that pulls from the source's upstreams.
    pub fn pull_driver(&self) -> Result<Arc<dyn PullDriver>, StartError> {
        match &self.feed {
            Feed::Pull(driver) => Ok(driver.clone()),
            Feed::Push(_) => Err(StartError::permanent("the host started it as a source that is sent to")),
        }
    }

    /// Returns the component that fetches.
    pub fn poller(&self) -> Result<Arc<dyn PollerGuest>, StartError> {
        let none = || StartError::permanent("the host started it with a component that does not fetch");
        self.poller.clone().ok_or_else(none)
    }

    /// What this source has noted, now or in an earlier process: a last position, which of the sender's numbers was which
    /// event. Durable once [`Notebook::put`] has returned, and not another connector's.
    pub fn notebook(&self) -> Arc<dyn Notebook> {
        self.notebook.clone()
    }

    /// Pulls from these upstreams until the source is closed. A pull source needs nothing else.
    pub fn read(&self, upstreams: Arc<dyn Connect>) -> Result<Box<dyn Ingress>, StartError> {
        let driver = self.pull_driver()?;
        // The connector's status shows how it ends.
        let reading = tokio::spawn(async move { drop(driver.drive(upstreams).await) });
        Ok(Box::new(PullIngress(reading)))
    }
}

/// A running source.
#[async_trait]
pub trait Ingress: Send + Sync + 'static {
    /// Returns the address of an endpoint for display, such as `http://127.0.0.1:8080/in`.
    fn location(&self, endpoint: &str) -> String {
        endpoint.to_owned()
    }

    /// Takes no new events and answers those in flight; what is left at the deadline is cut off. Endpoints that a
    /// successor has taken over continue.
    async fn close(&self, deadline: Instant);
}

/// A running pull source.
struct PullIngress(JoinHandle<()>);

#[async_trait]
impl Ingress for PullIngress {
    /// The driver has ended its sessions already.
    async fn close(&self, _: Instant) {
        self.0.abort();
    }
}

/// The configuration of a source of any kind.
#[derive(Clone)]
pub struct SourceConfig(Arc<dyn AnySource>);

impl SourceConfig {
    /// Wraps the configuration of one kind.
    pub fn new<S: SourceConnector>(config: S::Config) -> Self {
        Self(Arc::new(TypedConfig::<S>(config)))
    }

    /// Returns the configuration if it is of the kind `S`.
    pub fn downcast<S: SourceConnector>(&self) -> Option<&S::Config> {
        self.0.as_any().downcast_ref::<TypedConfig<S>>().map(|of| &of.0)
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

/// A configured source of any kind: the object-safe form of [`SourceConnector`].
#[async_trait]
pub trait AnySource: fmt::Debug + Send + Sync + 'static {
    /// Name of its kind and of its table.
    fn kind(&self) -> &'static str;
    /// See [`SourceConnector::routes`].
    fn routes(&self) -> Vec<Route>;
    /// See [`SourceConnector::claims`].
    fn claims(&self) -> Vec<String>;
    /// See [`SourceConnector::flow`].
    fn flow(&self) -> Flow;
    /// See [`SourceConnector::fetches`].
    fn fetches(&self) -> bool;
    /// See [`SourceConnector::guest_settings`].
    fn guest_settings(&self) -> Map<String, Value>;
    /// See [`SourceConnector::location`].
    fn location(&self, endpoint: &str) -> String;
    /// See [`SourceConnector::unfit_for_builtin`].
    fn unfit_for_builtin(&self) -> Vec<Unfit>;
    /// See [`SourceConnector::event_bytes_max`].
    fn event_bytes_max(&self) -> Option<usize>;
    /// See [`SourceConnector::validate`].
    fn validate(&self, interests: Interests) -> Result<(), String>;
    /// See [`SourceConnector::probe`].
    async fn probe(&self, context: ProbeContext<States>) -> Vec<Finding>;
    /// See [`SourceConnector::start`].
    async fn start(&self, context: Context<States>, pipeline: Pipeline) -> Result<Box<dyn Ingress>, StartError>;
    /// Whether the other one has the same kind and configuration.
    fn is_same(&self, other: &dyn AnySource) -> bool;
    /// Returns itself, for downcasts.
    fn as_any(&self) -> &dyn Any;
}

/// The configuration of one kind.
struct TypedConfig<S: SourceConnector>(S::Config);

impl<S: SourceConnector> fmt::Debug for TypedConfig<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl<S: SourceConnector> AnySource for TypedConfig<S> {
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

    fn fetches(&self) -> bool {
        S::fetches(&self.0)
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

    fn event_bytes_max(&self) -> Option<usize> {
        S::event_bytes_max(&self.0)
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
