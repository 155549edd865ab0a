//! Lanes: a connector's instances, and the calls into them.
//!
//! A lane is a place for one instance and a lock: calls on one lane come after each other, calls on different lanes run
//! beside each other. An instance is in its place only between calls. A call takes it out, runs on the workers, and puts
//! it back only if nothing went wrong; so whatever happens (a trap, a panic in the host, a caller that goes away), no
//! call ever meets an instance that another left half way. An empty place is filled by the next call: from an artifact
//! that is in memory that takes microseconds, and whatever `initialize` takes.
//!
//! A caller that is on the workers already ([`Sandbox::spawn`]) calls where it stands. For any other, the call becomes a
//! task there, and waking two sleeping threads costs ten times an empty call. A connector that is new, or holds threads for
//! long, is called apart, whoever calls ([`Conduct`]). A call ends with its caller, wherever it runs.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use danube_wasm_model::{
    ConnectorId, TopicName,
    columns::Rejection,
    door::{Failure, GuestError},
};
use futures_util::FutureExt;
use tokio::{runtime::Handle, sync::Mutex};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{Store, component::InstancePre};

use crate::{
    bindings::danube::connector::types as wit,
    budget::{self, Budget},
    capability::{self, wasi::ambient::View},
    conduct::Conduct,
    guest::{Answer, Guest},
    limiter::Limiter,
    limits::{GuestLimits, ORIGIN_COST_NS, cure},
    recording::{Recording, Sight},
    sandbox::{Compiled, Sandbox},
    state::GuestState,
    stretch::Stretch,
    trap,
};

/// Everything that an instance of one connector is made from.
pub(crate) struct Plan<G: Guest> {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) id: ConnectorId,
    pub(crate) settings: String,
    /// The settings as they may be kept; see [`crate::LoadSpec::settings_kept`].
    pub(crate) settings_kept: Option<String>,
    pub(crate) topics: Vec<TopicName>,
    pub(crate) limits: GuestLimits,
    pub(crate) shared: capability::Shared,
    pub(crate) pre: InstancePre<GuestState>,
    pub(crate) indices: G::Indices,
    /// Keeps the compiled code in memory for whoever loads the same component again.
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) conduct: Arc<Conduct>,
}

/// An instance that has been initialized.
pub(crate) struct Live<G> {
    store: Store<GuestState>,
    guest: G,
    calls: u64,
    /// Inputs of the last call.
    inputs: usize,
}

/// Where an instance is between calls.
struct Place<G> {
    live: Option<Live<G>>,
    /// What the last call saw, if its instance is gone.
    gone: Option<Gone>,
}

/// An instance that ended in a call.
struct Gone {
    calls_before: u64,
    inputs: usize,
    start: Sight,
    call: Sight,
}

/// The lanes of one connector.
pub(crate) struct Lanes<G: Guest> {
    plan: Arc<Plan<G>>,
    places: Vec<Arc<Mutex<Place<G>>>>,
}

impl<G: Guest> Lanes<G> {
    /// So many lanes, the first with this instance.
    pub(crate) fn new(plan: Arc<Plan<G>>, first: Live<G>, lanes: usize) -> Self {
        let rest = (1..lanes).map(|_| None);
        let places = std::iter::once(Some(first)).chain(rest);
        let place = |live| Arc::new(Mutex::new(Place { live, gone: None }));
        Self {
            plan,
            places: places.map(place).collect(),
        }
    }

    pub(crate) fn plan(&self) -> &Plan<G> {
        &self.plan
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// What the last call on this lane was given besides its input; `None` while another is running, and where none has
    /// got as far as the component.
    pub(crate) fn recall(&self, lane: usize) -> Option<Recording> {
        let place = self.places[lane % self.places.len()].try_lock().ok()?;
        let gone = match &*place {
            Place { gone: Some(gone), .. } => return Some(self.plan.recording(gone)),
            Place { live: Some(live), .. } if live.calls > 0 => live.gone(live.calls - 1),
            Place { .. } => return None,
        };
        Some(self.plan.recording(&gone))
    }

    /// Calls into the component on this lane; lane numbers wrap around.
    pub(crate) async fn call(&self, lane: usize, input: Arc<G::Input>) -> Result<G::Output, GuestError> {
        let place = Arc::clone(&self.places[lane % self.places.len()]);
        let plan = Arc::clone(&self.plan);
        let mut place = place.lock_owned().await;
        let workers = self.plan.sandbox.workers();
        let is_apart = plan.is_apart();
        let call = async move { plan.call(&mut place, &input).await };
        if !is_apart && Handle::try_current().is_ok_and(|here| here.id() == workers.among().id()) {
            let panicked = |_| Err(host_error("a function of the host panicked during the call"));
            return AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(panicked);
        }
        let task = match is_apart {
            true => workers.spawn_apart(call),
            false => workers.among().spawn(call),
        };
        AbortOnDropHandle::new(task).await.unwrap_or_else(|error| {
            Err(host_error(if error.is_panic() {
                "a function of the host panicked during the call"
            } else {
                "the sandbox is shutting down"
            }))
        })
    }
}

fn host_error(message: &str) -> GuestError {
    GuestError::Host {
        message: message.into(),
    }
}

impl<G: Guest> Plan<G> {
    /// A fresh instance, initialized, and what it asked for; or the stage that failed, and how.
    pub(crate) async fn start(
        &self,
        stretch: &Stretch,
    ) -> Result<(Live<G>, wit::Interests), (&'static str, GuestError)> {
        let mut store = self.store();
        self.begin(&mut store, (self.limits.initialize_ms, cure::INITIALIZE), stretch);
        let instance = match self.pre.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(("instantiation", trap::classify(&error, store.data_mut()))),
        };
        let guest = match G::load(&mut store, &self.indices, &instance) {
            Ok(guest) => guest,
            Err(error) => return Err(("instantiation", trap::classify(&error, store.data_mut()))),
        };
        let configuration = wit::Configuration {
            connector: self.id.connector(),
            settings: &self.settings,
        };
        let answer = guest.initialize(&mut store, configuration).await;
        let interests = settle(&mut store, answer).map_err(|error| ("initialize", error))?;
        let live = Live {
            store,
            guest,
            calls: 0,
            inputs: 0,
        };
        Ok((live, interests))
    }

    /// The topics that the component names.
    pub(crate) async fn configs(&self, live: &mut Live<G>, stretch: &Stretch) -> Result<Vec<G::Config>, GuestError> {
        self.begin(&mut live.store, (self.limits.call_base_ms, cure::CONFIGS), stretch);
        live.view().begin_call();
        let answer = live.guest.configs(&mut live.store).await;
        settle(&mut live.store, answer)
    }

    fn is_apart(&self) -> bool {
        self.conduct.is_apart(self.sandbox.ticker().ticks().load(Relaxed))
    }

    async fn call(&self, place: &mut Place<G>, input: &G::Input) -> Result<G::Output, GuestError> {
        self.sandbox.workers().processors().spread();
        let _ticking = self.sandbox.ticker().running();
        let stretch = self.stretch();
        let among = !self.is_apart();
        let outcome = self.call_within(&stretch, place, input).await;
        stretch.end();
        if among && self.is_apart() {
            tracing::info!(
                connector = %self.id,
                "a call held a thread of the component's workers for several milliseconds: the next ones run apart from \
                 other connectors' calls for a while. Smaller batches or outputs take less at once"
            );
        }
        stretch.give_way().await;
        self.conduct.called();
        outcome
    }

    async fn call_within(
        &self,
        stretch: &Stretch,
        place: &mut Place<G>,
        input: &G::Input,
    ) -> Result<G::Output, GuestError> {
        place.gone = None;
        let mut live = match place.live.take() {
            Some(live) => live,
            None => self.start(stretch).await.map_err(|(_, error)| error)?.0,
        };
        live.inputs = G::len(input);
        let budget = (self.limits.call_budget_ms(live.inputs), cure::CALL);
        self.begin(&mut live.store, budget, stretch);
        live.view().begin_call();
        let answer = live.guest.call(&mut live.store, input).await;
        let output = settle(&mut live.store, answer).and_then(|mut output| {
            G::check(&output, input, &self.limits)?;
            for rejection in G::rejections(&mut output) {
                let log = &live.store.data().capabilities.log;
                rejection.message = log.shown(&rejection.message, Rejection::MESSAGE_BYTES_MAX);
            }
            Ok(output)
        });
        let output = match output {
            Ok(output) => {
                let origins = G::origins(&output).index.len();
                self.charge_host(&mut live, origins).await.map(|()| output)
            }
            Err(error) => Err(error),
        };
        match output {
            Ok(output) => {
                live.calls += 1;
                place.live = Some(live);
                Ok(output)
            }
            Err(error) => {
                place.gone = Some(live.gone(live.calls));
                Err(error)
            }
        }
    }

    /// Charges the call for what the host did since the component returned, and will do for the origins that it named.
    async fn charge_host(&self, live: &mut Live<G>, origins: usize) -> Result<(), GuestError> {
        let origins = u64::try_from(origins).unwrap_or(u64::MAX);
        let to_come = Duration::from_nanos(origins.saturating_mul(ORIGIN_COST_NS));
        let state = live.store.data_mut();
        let charged = state.budget.charge_host(to_come).await;
        charged.map_err(|error| trap::classify(&error, state))
    }

    fn recording(&self, gone: &Gone) -> Recording {
        let settings = self.settings_kept.clone();
        Recording {
            role: G::ROLE.as_str().to_owned(),
            settings: settings.filter(|settings| settings.len() <= Recording::SETTINGS_BYTES_MAX),
            limits: self.limits.changes(),
            topics: self.topics.iter().map(ToString::to_string).collect(),
            log_levels: self.shared.log_levels(),
            inputs: gone.inputs,
            calls_before: gone.calls_before,
            start: gone.start.clone(),
            call: gone.call.clone(),
        }
    }

    fn store(&self) -> Store<GuestState> {
        let state = GuestState {
            capabilities: self.shared.instance(&self.limits),
            limiter: Limiter::new(&self.limits),
            budget: Budget::none(),
        };
        let mut store = Store::new(self.sandbox.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.limits.output_bytes_max);
        store.set_max_component_handles(self.limits.handles_max);
        budget::install(&mut store);
        store
    }

    /// The first stretch of a call.
    pub(crate) fn stretch(&self) -> Stretch {
        Stretch::begin(self.sandbox.ticker().ticks(), &self.conduct)
    }

    fn begin(&self, store: &mut Store<GuestState>, budget: (u64, &'static str), stretch: &Stretch) {
        let wait_max = Duration::from_millis(self.limits.wait_ms_max);
        budget::begin(store, budget, wait_max, stretch);
        let state = store.data_mut();
        state.limiter.begin_call();
        state.capabilities.log.begin_call();
        state.capabilities.wasi.begin_call();
    }
}

impl<G> Live<G> {
    fn view(&self) -> &View {
        self.store.data().capabilities.wasi.view()
    }

    fn gone(&self, calls_before: u64) -> Gone {
        let (start, call) = self.view().sights();
        Gone {
            calls_before,
            inputs: self.inputs,
            start,
            call,
        }
    }
}

/// Sorts what an export returned.
fn settle<T>(store: &mut Store<GuestState>, answer: Answer<T>) -> Result<T, GuestError> {
    let state = store.data_mut();
    let settled = match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(mut failure)) => {
            let log = &state.capabilities.log;
            failure.message = log.shown(&failure.message, Failure::MESSAGE_BYTES_MAX);
            Err(GuestError::Failure(Failure::from(failure)))
        }
        Err(error) => Err(trap::classify(&error, state)),
    };
    state.capabilities.wasi.end_call();
    settled
}
