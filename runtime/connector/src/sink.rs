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

    /// The type of its table.
    type Config: Section + Clone + PartialEq + fmt::Debug + Send + Sync + 'static;

    /// State that all sinks of this kind share in a host; `()` for none.
    type Shared: Default + Send + Sync + 'static;

    /// Returns the topics that it consumes, and their targets.
    fn mappings(config: &Self::Config) -> Vec<Mapping>;

    /// Returns the settings for its component. Must not contain secrets.
    fn guest_settings(config: &Self::Config) -> Map<String, Value>;

    /// Returns the address of the target for display, without credentials.
    fn target(config: &Self::Config) -> String;

    /// Returns the settings that the built-in component does not support.
    fn unfit_for_builtin(_: &Self::Config) -> Vec<Unfit> {
        Vec::new()
    }

    /// Checks what reading the table does not, without connecting.
    fn validate(_: &Self::Config) -> Result<(), String> {
        Ok(())
    }

    /// Checks whether what it needs is reachable, for `check --connect`. Changes nothing.
    async fn probe(_: &Self::Config, _: ProbeContext<Self::Shared>) -> Vec<Finding> {
        Vec::new()
    }

    /// Opens its target. A server may be unavailable: then writes wait for it.
    async fn open(config: &Self::Config, context: Context<Self::Shared>) -> Result<Arc<dyn Egress>, StartError>;

    /// Reloads files such as certificates, at the operator's request (SIGHUP).
    async fn reload(_: &Self::Shared) {}
}

/// The configuration of a sink of any kind.
#[derive(Clone)]
pub struct SinkConfig(Arc<dyn AnySink>);

impl SinkConfig {
    /// Wraps the configuration of one kind.
    pub fn new<S: SinkConnector>(config: S::Config) -> Self {
        Self(Arc::new(TypedConfig::<S>(config)))
    }

    /// Returns the configuration if it is of the kind `S`.
    pub fn downcast<S: SinkConnector>(&self) -> Option<&S::Config> {
        self.0.as_any().downcast_ref::<TypedConfig<S>>().map(|of| &of.0)
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

/// A configured sink of any kind: the object-safe form of [`SinkConnector`].
#[async_trait]
pub trait AnySink: fmt::Debug + Send + Sync + 'static {
    /// Name of its kind and of its table.
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
    /// Whether the other one has the same kind and configuration.
    fn is_same(&self, other: &dyn AnySink) -> bool;
    /// Returns itself, for downcasts.
    fn as_any(&self) -> &dyn Any;
}

/// The configuration of one kind.
struct TypedConfig<S: SinkConnector>(S::Config);

impl<S: SinkConnector> fmt::Debug for TypedConfig<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl<S: SinkConnector> AnySink for TypedConfig<S> {
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
