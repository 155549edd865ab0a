//! Loading a component: admit, compile, link, start, ask for its topics.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use danube_wasm_model::{ConnectorId, TopicName, door::GuestError, event::Interests};
use wasmtime::component::Linker;

use crate::{
    Ambient,
    admission::{self, ComponentInfo},
    bindings::danube::connector::types as wit,
    capability::{self, Grants, HttpAccess},
    compile::CompileError,
    cpu_class::CpuClass,
    cpu_slice::CpuSlice,
    error::LoadError,
    guest::Guest,
    host::GuestHost,
    lane::{InstanceTemplate, Lanes, LiveInstance},
    limits::{GuestLimits, exceeded, name},
    poller::{PollerComponent, PollingSource},
    profile::Profile,
    sandbox::{Sandbox, blocking},
    secrets::Secrets,
    sink::{self, SinkComponent},
    source::{self, SourceComponent},
};

/// A component to load: its connector, settings, limits and grants.
#[derive(Clone)]
pub struct LoadSpec {
    /// The connector that it belongs to.
    pub id: ConnectorId,
    /// How messages name the component: the file's name or `builtin:…`.
    pub file: String,
    /// The component.
    pub component: Arc<[u8]>,
    /// Its settings, JSON text; see `configuration` in `wit/types.wit`.
    pub settings: String,
    /// The settings as recordings of calls may keep them: with `${NAME}` in place of values from the environment. Those
    /// values are also redacted in everything that the component logs or reports. `None` keeps nothing.
    pub settings_kept: Option<String>,
    /// Its limits.
    pub limits: GuestLimits,
    /// The capabilities that it is granted.
    pub grants: Grants,
    /// The way out for its requests. Without it, a component that is granted `http` is told that no host is.
    pub http: Option<HttpAccess>,
    /// Calls that may run concurrently; at least one. All instances but the first are started by their first call.
    pub lanes: usize,
    /// The topics that the pipeline file grants it.
    pub topics: Vec<TopicName>,
    /// Where its clock readings and random bytes come from.
    pub ambient: Ambient,
    /// Collects where its calls spend their time. `None`, the default, costs nothing.
    pub profile: Option<Arc<Profile>>,
}

impl LoadSpec {
    /// Default grants and the limits of the component's class, one lane, no topics yet.
    pub fn new(id: ConnectorId, file: impl Into<String>, component: Arc<[u8]>) -> Self {
        Self {
            id,
            file: file.into(),
            limits: GuestLimits::for_component(&component),
            component,
            settings: "{}".into(),
            settings_kept: None,
            grants: Grants::default(),
            http: None,
            lanes: 1,
            topics: Vec::new(),
            ambient: Ambient::default(),
            profile: None,
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

    /// Loads the instance of a source component that fetches. Its other instances are loaded by [`Self::load_source`].
    pub async fn load_poller(
        self: &Arc<Self>,
        spec: LoadSpec,
        host: Arc<dyn GuestHost>,
    ) -> Result<Arc<PollerComponent>, LoadError> {
        let loaded = self.load::<PollingSource>(LoadSpec { lanes: 1, ..spec }, host).await?;
        Ok(Arc::new(PollerComponent { lanes: loaded.lanes }))
    }

    async fn load<G: Guest>(
        self: &Arc<Self>,
        spec: LoadSpec,
        host: Arc<dyn GuestHost>,
    ) -> Result<Loaded<G>, LoadError> {
        let sandbox = Arc::clone(self);
        let task = self
            .workers()
            .spawn_isolated(async move { load(sandbox, spec, host).await });
        task.await.unwrap_or_else(|error| {
            Err(LoadError::Compile(CompileError::Unavailable {
                message: format!("a task of the host ended early: {error}"),
            }))
        })
    }
}

/// A component that was started, and the columns and topics that it asked for.
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
    mut spec: LoadSpec,
    host: Arc<dyn GuestHost>,
) -> Result<Loaded<G>, LoadError> {
    if matches!(spec.ambient, Ambient::Recorded(_)) {
        // It meets nothing but the recording.
        spec.grants = Grants::everything();
    }
    check_limits(&sandbox, &spec)?;
    let info = inspect(&sandbox, &spec).await?;
    if G::FETCHES {
        admission::admit_poller(&spec.file, &info)?;
    }
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
    let template = Arc::new(InstanceTemplate::<G> {
        cpu_class: Arc::new(CpuClass::new(sandbox.options().calls_to_know)),
        profile: spec.profile.clone(),
        memory_peak: AtomicUsize::new(0),
        id: spec.id.clone(),
        settings: spec.settings.clone(),
        settings_kept: spec.settings_kept.clone(),
        topics: spec.topics.clone(),
        limits: spec.limits,
        wait_max: wait_max(&spec),
        wall_max: spec.http.is_some().then(|| wait_max(&spec) + WALL_MARGIN),
        shared: capability::Shared::new(
            &spec.id,
            &spec.limits,
            &host,
            spec.ambient.clone(),
            spec.http.clone(),
            Secrets::from_settings(&spec.settings, spec.settings_kept.as_deref()),
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
    let _ticking = template.sandbox.ticker().running();
    let slice = template.slice();
    let started = start(&template, &slice).await;
    slice.end();
    slice.yield_to_others().await;
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
        lanes: Lanes::new(Arc::clone(&template), live, spec.lanes.max(1)),
        configs,
        spec,
    })
}

/// Time that a call may take besides what it may wait: on a busy machine its own work takes long.
const WALL_MARGIN: Duration = Duration::from_secs(60);

/// How long a call may wait: as long as one request, if it may make any.
fn wait_max(spec: &LoadSpec) -> Duration {
    let request_ms = spec.http.as_ref().map_or(0, |http| http.limits.request_ms_max);
    Duration::from_millis(spec.limits.wait_ms_max.max(request_ms))
}

/// Starts the first instance and asks for its topics; or returns the stage that failed and its error.
async fn start<G: Guest>(
    template: &InstanceTemplate<G>,
    slice: &CpuSlice,
) -> Result<(LiveInstance<G>, wit::Interests, Vec<G::Config>), (&'static str, GuestError)> {
    let (mut live, interests) = template.start(slice).await?;
    let configs = template.configs(&mut live, slice).await;
    Ok((live, interests, configs.map_err(|error| (G::CONFIGS, error))?))
}

async fn inspect(sandbox: &Sandbox, spec: &LoadSpec) -> Result<ComponentInfo, LoadError> {
    let (file, bytes) = (spec.file.clone(), Arc::clone(&spec.component));
    let bytes_max = sandbox.options().compile.component_bytes_max;
    let inspected = blocking(move || admission::inspect(&file, &bytes, bytes_max)).await?;
    Ok(inspected?)
}

/// Checks that this process's pool can hold the connector's limits.
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
