//! Kinds of sinks.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use async_trait::async_trait;
use danube_wasm_model::{Mapping, door::Egress};
use danube_wasm_settings::Section;
use serde_json::{Map, Value};

use crate::{Context, Finding, ProbeContext, StartError, States, Unfit};

/// A kind of sink. Its configuration is a table of `[[sinks]]`, such as `[sinks.surrealdb]`.
#[async_trait]
pub trait SinkConnector: Send + Sync + 'static {
    /// Name of its table.
    const KIND: &'static str;

    /// Its table.
    type Config: Section + Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// What all sinks of this kind share in a host. `()` for nothing.
    type Shared: Default + Send + Sync + 'static;

    /// What it consumes and where that goes.
    fn mappings(config: &Self::Config) -> Vec<Mapping>;

    /// What its component is told of the configuration. Never a secret.
    fn guest_settings(config: &Self::Config) -> Map<String, Value>;

    /// Where its writes go, for people: an address without credentials.
    fn target(config: &Self::Config) -> String;

    /// What the built-in component does not do of this configuration.
    fn unfit_for_builtin(_: &Self::Config) -> Vec<Unfit> {
        Vec::new()
    }

    /// What is wrong with the configuration that reading it does not find, without connecting.
    fn validate(_: &Self::Config) -> Result<(), String> {
        Ok(())
    }

    /// Whether what it needs can be reached: for `check --connect`. Changes nothing.
    async fn probe(_: &Self::Config, _: ProbeContext<Self::Shared>) -> Vec<Finding> {
        Vec::new()
    }

    /// Opens its target. One that is a server may come later: then writes wait for it.
    async fn open(config: &Self::Config, context: Context<Self::Shared>) -> Result<Arc<dyn Egress>, StartError>;

    /// The operator asked to read files again (SIGHUP): certificates.
    async fn reload(_: &Self::Shared) {}
}

/// The configuration of a sink of any kind: its table, as its kind understands it.
#[derive(Clone)]
pub struct SinkConfig(Arc<dyn AnySink>);

impl SinkConfig {
    /// Of this kind.
    pub fn new<S: SinkConnector>(config: S::Config) -> Self {
        Self(Arc::new(Of::<S>(config)))
    }

    /// As its own kind knows it.
    pub fn downcast<S: SinkConnector>(&self) -> Option<&S::Config> {
        self.0.as_any().downcast_ref::<Of<S>>().map(|of| &of.0)
    }
}

impl Deref for SinkConfig {
    type Target = dyn AnySink;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for SinkConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_same(&*other.0)
    }
}

impl fmt::Debug for SinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A configured sink of any kind: [`SinkConnector`] behind a pointer. Its methods are those of the trait.
#[async_trait]
pub trait AnySink: fmt::Debug + Send + Sync + 'static {
    /// Name of its kind: that of its table.
    fn kind(&self) -> &'static str;
    /// See [`SinkConnector::mappings`].
    fn mappings(&self) -> Vec<Mapping>;
    /// See [`SinkConnector::guest_settings`].
    fn guest_settings(&self) -> Map<String, Value>;
    /// See [`SinkConnector::target`].
    fn target(&self) -> String;
    /// See [`SinkConnector::unfit_for_builtin`].
    fn unfit_for_builtin(&self) -> Vec<Unfit>;
    /// See [`SinkConnector::validate`].
    fn validate(&self) -> Result<(), String>;
    /// See [`SinkConnector::probe`].
    async fn probe(&self, context: ProbeContext<States>) -> Vec<Finding>;
    /// See [`SinkConnector::open`].
    async fn open(&self, context: Context<States>) -> Result<Arc<dyn Egress>, StartError>;
    /// Whether it is of the same kind and configured alike.
    fn is_same(&self, other: &dyn AnySink) -> bool;
    /// Itself.
    fn as_any(&self) -> &dyn Any;
}

/// The configuration of a kind.
struct Of<S: SinkConnector>(S::Config);

impl<S: SinkConnector> fmt::Debug for Of<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl<S: SinkConnector> AnySink for Of<S> {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn mappings(&self) -> Vec<Mapping> {
        S::mappings(&self.0)
    }

    fn guest_settings(&self) -> Map<String, Value> {
        S::guest_settings(&self.0)
    }

    fn target(&self) -> String {
        S::target(&self.0)
    }

    fn unfit_for_builtin(&self) -> Vec<Unfit> {
        S::unfit_for_builtin(&self.0)
    }

    fn validate(&self) -> Result<(), String> {
        S::validate(&self.0)
    }

    async fn probe(&self, context: ProbeContext<States>) -> Vec<Finding> {
        S::probe(&self.0, context.of_kind()).await
    }

    async fn open(&self, context: Context<States>) -> Result<Arc<dyn Egress>, StartError> {
        S::open(&self.0, context.of_kind()).await
    }

    fn is_same(&self, other: &dyn AnySink) -> bool {
        let other = other.as_any().downcast_ref::<Self>();
        other.is_some_and(|other| other.0 == self.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
