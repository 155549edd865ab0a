//! The registry of kinds of connectors.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use danube_wasm_settings::Table;

use crate::{Builtin, SinkConfig, SinkConnector, SourceConfig, SourceConnector, States};

/// The kinds of connectors of a program. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry(Arc<Kinds>);

#[derive(Clone, Default)]
struct Kinds {
    sources: Vec<Kind<SourceConfig>>,
    sinks: Vec<Kind<SinkConfig>>,
    left_out: Vec<LeftOut>,
    shared: Vec<(Role, Builtin)>,
    no_danube: bool,
    /// Likewise of NATS.
    no_nats: bool,
}

/// A kind of source (`C` is [`SourceConfig`]) or of sink ([`SinkConfig`]).
pub struct Kind<C> {
    /// Name of its table: `webhook` for `[sources.webhook]`.
    pub name: &'static str,
    /// Its built-in component.
    pub builtin: Builtin,
    read: fn(&mut Table<'_>) -> Option<C>,
    reload: fn(&States) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>,
}

/// A kind that the program was built without, for the error about a file that uses it.
#[derive(Debug, Clone, Copy)]
pub struct LeftOut {
    /// Whether it is a source or a sink.
    pub role: Role,
    /// Name of its table and of the cargo feature that includes it.
    pub kind: &'static str,
    /// Name of its built-in component, after `builtin:`.
    pub builtin: &'static str,
}

impl LeftOut {
    /// Returns what to do about it.
    pub fn help(&self) -> String {
        format!("build it with `--features {}`", self.kind)
    }
}

impl<C> Clone for Kind<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Kind<C> {}

impl<C> Kind<C> {
    /// Reads the kind's table, which is optional, inside a connector's table; when describing, documents it.
    pub fn read(&self, connector: &mut Table<'_>) -> Option<C> {
        (self.read)(connector)
    }
}

/// Whether a connector is a source or a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes events in.
    Source,
    /// Writes messages to a target.
    Sink,
}

impl Role {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Sink,
            Self::Sink => Self::Source,
        }
    }

    /// The word in a sentence.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

impl Registry {
    /// Adds a kind of source.
    pub fn with_source<S: SourceConnector>(mut self, builtin: Builtin) -> Self {
        Arc::make_mut(&mut self.0).sources.push(Kind {
            name: S::KIND,
            builtin,
            read: |table| table.group(S::KIND).optional::<S::Config>().map(SourceConfig::new::<S>),
            reload: |states| {
                let shared = states.get::<S::Shared>();
                Box::pin(async move { S::reload(&shared).await })
            },
        });
        self
    }

    /// Adds a kind of sink.
    pub fn with_sink<S: SinkConnector>(mut self, builtin: Builtin) -> Self {
        Arc::make_mut(&mut self.0).sinks.push(Kind {
            name: S::KIND,
            builtin,
            read: |table| table.group(S::KIND).optional::<S::Config>().map(SinkConfig::new::<S>),
            reload: |states| {
                let shared = states.get::<S::Shared>();
                Box::pin(async move { S::reload(&shared).await })
            },
        });
        self
    }

    /// Adds a kind that the program was built without.
    pub fn without(mut self, left_out: LeftOut) -> Self {
        Arc::make_mut(&mut self.0).left_out.push(left_out);
        self
    }

    /// With a built-in component that every connector of this role may name, beside the one of its kind.
    pub fn with_builtin(mut self, role: Role, builtin: Builtin) -> Self {
        Arc::make_mut(&mut self.0).shared.push((role, builtin));
        self
    }

    /// In a program that was built without the client of Danube.
    pub fn without_danube(mut self) -> Self {
        Arc::make_mut(&mut self.0).no_danube = true;
        self
    }

    /// Whether pipelines may name a Danube cluster.
    pub fn has_danube(&self) -> bool {
        !self.0.no_danube
    }

    /// In a program that was built without the client of NATS.
    pub fn without_nats(mut self) -> Self {
        Arc::make_mut(&mut self.0).no_nats = true;
        self
    }

    /// Whether pipelines may name NATS.
    pub fn has_nats(&self) -> bool {
        !self.0.no_nats
    }

    /// The kinds of sources, in the order of their registration.
    pub fn sources(&self) -> &[Kind<SourceConfig>] {
        &self.0.sources
    }

    /// The kinds of sinks, in the order of their registration.
    pub fn sinks(&self) -> &[Kind<SinkConfig>] {
        &self.0.sinks
    }

    /// The kinds that the program was built without.
    pub fn left_out(&self, role: Role) -> impl Iterator<Item = &LeftOut> {
        self.0.left_out.iter().filter(move |left_out| left_out.role == role)
    }

    /// The built-in components for sources or for sinks, each once.
    pub fn builtins(&self, role: Role) -> Vec<Builtin> {
        let mut builtins: Vec<Builtin> = Vec::new();
        let of_kinds: Vec<_> = match role {
            Role::Source => self.sources().iter().map(|kind| kind.builtin).collect(),
            Role::Sink => self.sinks().iter().map(|kind| kind.builtin).collect(),
        };
        let shared = self.0.shared.iter().filter(|(of, _)| *of == role);
        for builtin in of_kinds.into_iter().chain(shared.map(|(_, builtin)| *builtin)) {
            if !builtins.contains(&builtin) {
                builtins.push(builtin);
            }
        }
        builtins
    }

    /// Whether every connector of its role may name this built-in component.
    pub fn is_shared(&self, builtin: Builtin) -> bool {
        self.0.shared.iter().any(|(_, shared)| *shared == builtin)
    }

    /// Lets every kind reload the files that it reads while it runs.
    pub async fn reload(&self, states: &States) {
        let sources = self.sources().iter().map(|kind| kind.reload);
        for reload in sources.chain(self.sinks().iter().map(|kind| kind.reload)) {
            reload(states).await;
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sources: Vec<_> = self.sources().iter().map(|kind| kind.name).collect();
        let sinks: Vec<_> = self.sinks().iter().map(|kind| kind.name).collect();
        f.debug_struct("Registry")
            .field("sources", &sources)
            .field("sinks", &sinks)
            .finish()
    }
}
