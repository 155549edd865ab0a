//! Loading a component: admit, compile, link, start, ask for its topics.

use std::sync::Arc;

use danube_wasm_model::{ConnectorId, TopicName, door::GuestError, event::Interests};
use wasmtime::component::Linker;

use crate::{
    Ambient,
    admission::{self, ComponentInfo},
    bindings::danube::connector::types as wit,
    capability::{self, Grants},
    compile::CompileError,
    conduct::Conduct,
    error::LoadError,
    guest::Guest,
    host::GuestHost,
    lane::{Lanes, Live, Plan},
    limits::{GuestLimits, exceeded, name},
    sandbox::{Sandbox, blocking},
    secrets::Secrets,
    sink::{self, SinkComponent},
    source::{self, SourceComponent},
    stretch::Stretch,
};

/// What to load, for whom, and what it may do.
#[derive(Clone)]
pub struct LoadSpec {
    /// Whom it belongs to.
    pub id: ConnectorId,
    /// How messages name the component: the file's name or `builtin:…`.
    pub file: String,
    /// The component.
    pub component: Arc<[u8]>,
    /// Its settings, JSON text; see `configuration` in `wit/types.wit`.
    pub settings: String,
    /// The settings as recordings of calls may keep them: `${NAME}` for what came from the environment, which is also
    /// struck out of what the component says. `None` keeps nothing.
    pub settings_kept: Option<String>,
    /// What it may use.
    pub limits: GuestLimits,
    /// What it may reach.
    pub grants: Grants,
    /// Calls that run beside each other; at least one. The instances of all but the first start when they are called.
    pub lanes: usize,
    /// The topics that the pipeline file grants it.
    pub topics: Vec<TopicName>,
    /// What it sees of time and chance.
    pub ambient: Ambient,
}

impl LoadSpec {
    /// Default limits and grants, one lane, no topics yet.
    pub fn new(id: ConnectorId, file: impl Into<String>, component: Arc<[u8]>) -> Self {
        Self {
            id,
            file: file.into(),
            component,
            settings: "{}".into(),
            settings_kept: None,
            limits: GuestLimits::default(),
            grants: Grants::default(),
            lanes: 1,
            topics: Vec::new(),
            ambient: Ambient::default(),
        }
    }
}

impl Sandbox {
    /// Loads a source component. When this returns, its first lane is ready.
    pub async fn load_source(
        self: &Arc<Self>,
        spec: LoadSpec,
        host: Arc<dyn GuestHost>,
    ) -> Result<Arc<SourceComponent>, LoadError> {
        let loaded = self.load(spec, host).await?;
        let configs = source::check_configs(loaded.configs, &loaded.spec.topics);
        Ok(Arc::new(SourceComponent {
            configs: configs.map_err(|message| topics_error(&loaded.spec, message))?,
            interests: loaded.interests,
            lanes: loaded.lanes,
        }))
    }

    /// Loads a sink component. When this returns, its first lane is ready.
    pub async fn load_sink(
        self: &Arc<Self>,
        spec: LoadSpec,
        host: Arc<dyn GuestHost>,
    ) -> Result<Arc<SinkComponent>, LoadError> {
        let loaded = self.load(spec, host).await?;
        let configs = sink::check_configs(loaded.configs, &loaded.spec.topics);
        Ok(Arc::new(SinkComponent {
            configs: configs.map_err(|message| topics_error(&loaded.spec, message))?,
            interests: loaded.interests,
            lanes: loaded.lanes,
        }))
    }

    async fn load<G: Guest>(
        self: &Arc<Self>,
        spec: LoadSpec,
        host: Arc<dyn GuestHost>,
    ) -> Result<Loaded<G>, LoadError> {
        let sandbox = Arc::clone(self);
        let task = self
            .workers()
            .spawn_apart(async move { load(sandbox, spec, host).await });
        task.await.unwrap_or_else(|error| {
            Err(LoadError::Compile(CompileError::Unavailable {
                message: format!("a task of the host ended early: {error}"),
            }))
        })
    }
}

/// A component that runs, and what it said of itself.
struct Loaded<G: Guest> {
    spec: LoadSpec,
    lanes: Lanes<G>,
    interests: Interests,
    configs: Vec<G::Config>,
}

fn topics_error(spec: &LoadSpec, message: String) -> LoadError {
    LoadError::Topics {
        file: spec.file.clone(),
        connector: spec.id.clone(),
        message,
    }
}

async fn load<G: Guest>(
    sandbox: Arc<Sandbox>,
    spec: LoadSpec,
    host: Arc<dyn GuestHost>,
) -> Result<Loaded<G>, LoadError> {
    check_limits(&sandbox, &spec)?;
    let info = inspect(&sandbox, &spec).await?;
    admission::admit(&spec.file, &info, G::ROLE, &spec.grants, &spec.id)?;
    let compiled = sandbox.compiled(&spec.file, &info.digest, &spec.component).await?;

    let contract = |error: wasmtime::Error| LoadError::Contract {
        file: spec.file.clone(),
        message: format!("{error:#}"),
    };
    let mut linker = Linker::new(sandbox.engine());
    capability::link(&mut linker, &spec.grants).map_err(contract)?;
    let pre = linker.instantiate_pre(compiled.component()).map_err(contract)?;
    let indices = G::indices(&pre).map_err(contract)?;
    let plan = Arc::new(Plan::<G> {
        conduct: Arc::new(Conduct::new(sandbox.options().calls_to_know)),
        id: spec.id.clone(),
        settings: spec.settings.clone(),
        settings_kept: spec.settings_kept.clone(),
        topics: spec.topics.clone(),
        limits: spec.limits,
        shared: capability::Shared::new(
            &spec.id,
            &spec.limits,
            &host,
            spec.ambient.clone(),
            Secrets::of(&spec.settings, spec.settings_kept.as_deref()),
        ),
        sandbox,
        pre,
        indices,
        compiled,
    });

    let failed = |(stage, error): (&'static str, GuestError)| LoadError::Start {
        file: spec.file.clone(),
        connector: spec.id.clone(),
        stage,
        error,
    };
    let _ticking = plan.sandbox.ticker().running();
    let stretch = plan.stretch();
    let started = start(&plan, &stretch).await;
    stretch.end();
    stretch.give_way().await;
    let (live, interests, configs) = started.map_err(failed)?;
    if configs.len() > spec.limits.topics_max {
        return Err(failed((
            G::CONFIGS,
            exceeded(
                name::TOPICS,
                format_args!(
                    "it named {} topics, {} are allowed",
                    configs.len(),
                    spec.limits.topics_max
                ),
            ),
        )));
    }
    Ok(Loaded {
        interests: Interests::from_names(interests.iter().map(String::as_str)),
        lanes: Lanes::new(Arc::clone(&plan), live, spec.lanes.max(1)),
        configs,
        spec,
    })
}

/// The first instance, and what it says of itself; or the stage that failed, and how.
async fn start<G: Guest>(
    plan: &Plan<G>,
    stretch: &Stretch,
) -> Result<(Live<G>, wit::Interests, Vec<G::Config>), (&'static str, GuestError)> {
    let (mut live, interests) = plan.start(stretch).await?;
    let configs = plan.configs(&mut live, stretch).await;
    Ok((live, interests, configs.map_err(|error| (G::CONFIGS, error))?))
}

async fn inspect(sandbox: &Sandbox, spec: &LoadSpec) -> Result<ComponentInfo, LoadError> {
    let (file, bytes) = (spec.file.clone(), Arc::clone(&spec.component));
    let bytes_max = sandbox.options().compile.component_bytes_max;
    let inspected = blocking(move || admission::inspect(&file, &bytes, bytes_max)).await?;
    Ok(inspected?)
}

/// That the connector's limits can be kept in this process.
fn check_limits(sandbox: &Sandbox, spec: &LoadSpec) -> Result<(), LoadError> {
    let pool = &sandbox.options().pool;
    let refuse = |name: &str, value: usize, max: usize| {
        Err(LoadError::Limits {
            connector: spec.id.clone(),
            message: format!("`limits.{name}` is {value}, but no instance of this process may have more than {max}"),
        })
    };
    let lanes_max = usize::try_from(pool.instances_max).unwrap_or(usize::MAX);
    if spec.limits.memory_bytes_max > pool.memory_bytes_max {
        refuse("memory_bytes", spec.limits.memory_bytes_max, pool.memory_bytes_max)
    } else if spec.limits.table_elements_max > pool.table_elements_max {
        refuse(
            "table_elements",
            spec.limits.table_elements_max,
            pool.table_elements_max,
        )
    } else if spec.lanes > lanes_max {
        Err(LoadError::Limits {
            connector: spec.id.clone(),
            message: format!(
                "{} lanes are more than the {lanes_max} instances of this process",
                spec.lanes
            ),
        })
    } else {
        Ok(())
    }
}
