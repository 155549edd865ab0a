//! Lanes: a connector's instances, and the calls into them.
//!
//! A lane holds one instance and a lock: calls on one lane run one after the other, calls on different lanes run
//! concurrently. An instance is in its lane only between calls. A call takes it out, runs on the workers, and puts it
//! back only if it succeeded. So after a trap, a panic in the host or a caller that is cancelled no call meets an
//! instance that another left half way. The next call on an empty lane starts a new instance: microseconds if the
//! compiled code is in memory, plus the time of `initialize`.
//!
//! An instance whose memory has grown over three quarters of its limit is replaced in the same way: linear memory never
//! shrinks, and the runtimes of languages leak. So a leak costs a start now and then, instead of a trap.
//!
//! A caller that is already on the workers ([`Sandbox::spawn`]) runs the call in its own task. For any other caller the
//! call becomes a task there, and waking two sleeping threads costs ten times an empty call. Calls of a connector that
//! is new, or holds threads for long, run isolated ([`CpuClass`]) whoever makes them. A call is cancelled with its
//! caller, wherever it runs.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use danube_wasm_model::{
    ConnectorId, TopicName,
    columns::Rejection,
    door::{Failure, GuestError},
    event::Interests,
};
use futures_util::FutureExt;
use tokio::{runtime::Handle, sync::Mutex};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::{
    Store,
    component::{Instance, InstancePre},
};

use crate::{
    bindings::danube::connector::types as wit,
    budget::{self, Budget},
    capability::{self, wasi::ambient::AmbientView},
    cpu_class::CpuClass,
    cpu_slice::CpuSlice,
    guest::{ExportResult, Guest},
    limiter::Limiter,
    limits::{GuestLimits, ORIGIN_COST_NS, cure},
    profile::{Profile, Sampler},
    recording::{AmbientReads, Recording},
    sandbox::{Compiled, Sandbox},
    state::GuestState,
    trap,
};

/// Everything that an instance of one connector is made from.
pub(crate) struct InstanceTemplate<G: Guest> {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) id: ConnectorId,
    pub(crate) settings: String,
    /// The settings as recordings may keep them; see [`crate::LoadSpec::settings_kept`].
    pub(crate) settings_kept: Option<String>,
    pub(crate) topics: Vec<TopicName>,
    pub(crate) limits: GuestLimits,
    /// How long a call may wait in the host.
    pub(crate) wait_max: Duration,
    /// How long a call may take in all, where it may wait for streams, which are not charged. `None` where it cannot.
    pub(crate) wall_max: Option<Duration>,
    pub(crate) shared: capability::Shared,
    pub(crate) pre: InstancePre<GuestState>,
    pub(crate) indices: G::Indices,
    /// Keeps the compiled code in memory, so that loading the same component again does not compile it.
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) cpu_class: Arc<CpuClass>,
    /// Where its calls spend their time, if somebody measures that.
    pub(crate) profile: Option<Arc<Profile>>,
    /// Most bytes of memory that one of its instances had after a call.
    pub(crate) memory_peak: AtomicUsize,
}

/// An instance that has been initialized.
pub(crate) struct LiveInstance<G> {
    store: Store<GuestState>,
    instance: Instance,
    guest: G,
    calls: u64,
    /// Inputs of the last call.
    inputs: usize,
    /// Its memory when it had been initialized, in bytes.
    memory_at_start: usize,
    /// In which forms it wants its input.
    wants: Interests,
}

/// A lane's instance between calls.
struct LaneSlot<G> {
    live: Option<LiveInstance<G>>,
    /// The recording of the last call, if it ended its instance.
    ended: Option<EndedCall>,
}

/// What is known of the last call of an instance.
struct EndedCall {
    calls_before: u64,
    inputs: usize,
    start: AmbientReads,
    call: AmbientReads,
}

/// The lanes of one connector.
pub(crate) struct Lanes<G: Guest> {
    template: Arc<InstanceTemplate<G>>,
    slots: Vec<Arc<Mutex<LaneSlot<G>>>>,
}

impl<G: Guest> Lanes<G> {
    /// Makes `lanes` lanes; the first holds this instance.
    pub(crate) fn new(template: Arc<InstanceTemplate<G>>, first: LiveInstance<G>, lanes: usize) -> Self {
        let rest = (1..lanes).map(|_| None);
        let slots = std::iter::once(Some(first)).chain(rest);
        let slot = |live| Arc::new(Mutex::new(LaneSlot { live, ended: None }));
        Self {
            template,
            slots: slots.map(slot).collect(),
        }
    }

    pub(crate) fn template(&self) -> &InstanceTemplate<G> {
        &self.template
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Most bytes of memory that one instance had after a call.
    pub(crate) fn memory_peak(&self) -> usize {
        self.template.memory_peak.load(Relaxed)
    }

    /// Most bytes of memory that an instance may have.
    pub(crate) fn memory_bytes_max(&self) -> usize {
        self.template.limits.memory_bytes_max
    }

    /// What the last call on this lane was given besides its input. `None` while a call is running on it, and if no
    /// call has reached the component.
    pub(crate) fn recall(&self, lane: usize) -> Option<Recording> {
        let slot = self.slots[lane % self.slots.len()].try_lock().ok()?;
        let ended = match &*slot {
            LaneSlot { ended: Some(ended), .. } => return Some(self.template.recording(ended)),
            LaneSlot { live: Some(live), .. } if live.calls > 0 => live.ended(live.calls - 1),
            LaneSlot { .. } => return None,
        };
        Some(self.template.recording(&ended))
    }

    /// Linear memory of the lane's instance, in bytes; 0 while a call is running on it, and if it has none.
    pub(crate) fn memory_bytes(&self, lane: usize) -> usize {
        let slot = self.slots[lane % self.slots.len()].try_lock();
        let live = slot.as_ref().ok().and_then(|slot| slot.live.as_ref());
        live.map_or(0, |live| live.store.data().limiter.memory_bytes())
    }

    /// What an export without parameters returns: a number. `None` if the lane has no instance, or that no such export.
    pub(crate) async fn number(&self, lane: usize, export: &str) -> Option<u64> {
        let slot = Arc::clone(&self.slots[lane % self.slots.len()]);
        let (template, export) = (Arc::clone(&self.template), export.to_owned());
        let task = self.template.sandbox.workers().spawn_isolated(async move {
            let mut slot = slot.lock_owned().await;
            // As for a call: an instance that fails is not met again.
            let mut live = slot.live.take()?;
            let number = template.number(&mut live, &export).await.ok()?;
            slot.live = Some(live);
            Some(number)
        });
        AbortOnDropHandle::new(task).await.ok()?
    }

    /// Calls into the component on this lane; lane numbers wrap around.
    pub(crate) async fn call(&self, lane: usize, input: Arc<G::Input>) -> Result<G::Output, GuestError> {
        let slot = Arc::clone(&self.slots[lane % self.slots.len()]);
        let template = Arc::clone(&self.template);
        let mut slot = slot.lock_owned().await;
        let workers = self.template.sandbox.workers();
        let is_isolated = template.is_isolated();
        let call = async move { template.call(&mut slot, &input).await };
        if !is_isolated && Handle::try_current().is_ok_and(|here| here.id() == workers.shared().id()) {
            let panicked = |_| Err(host_error("a function of the host panicked during the call"));
            return AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(panicked);
        }
        let task = match is_isolated {
            true => workers.spawn_isolated(call),
            false => workers.shared().spawn(call),
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

fn waited_too_long(wait_max: Duration) -> GuestError {
    GuestError::Budget {
        budget_ms: u64::try_from(wait_max.as_millis()).unwrap_or(u64::MAX),
        cure: cure::WAIT,
    }
}

fn host_error(message: &str) -> GuestError {
    GuestError::Host {
        message: message.into(),
    }
}

impl<G: Guest> InstanceTemplate<G> {
    /// Starts and initializes an instance. Returns the columns that it asked for, or the stage that failed and its
    /// error.
    pub(crate) async fn start(
        &self,
        slice: &CpuSlice,
    ) -> Result<(LiveInstance<G>, wit::Interests), (&'static str, GuestError)> {
        let mut store = self.store();
        self.begin(&mut store, (self.limits.initialize_ms, cure::INITIALIZE), slice);
        let instance = match self.pre.instantiate_async(&mut store).await {
            Ok(instance) => instance,
            Err(error) => return Err(("instantiation", self.guest_error(&error, store.data_mut()))),
        };
        let guest = match G::load(&mut store, &self.indices, &instance) {
            Ok(guest) => guest,
            Err(error) => return Err(("instantiation", self.guest_error(&error, store.data_mut()))),
        };
        let configuration = wit::Configuration {
            connector: self.id.connector(),
            settings: &self.settings,
        };
        let answer = guest.initialize(&mut store, configuration).await;
        let interests = self
            .result_of(&mut store, answer)
            .map_err(|error| ("initialize", error))?;
        let live = LiveInstance {
            memory_at_start: store.data().limiter.memory_bytes(),
            wants: Interests::from_names(interests.iter().map(String::as_str)),
            store,
            instance,
            guest,
            calls: 0,
            inputs: 0,
        };
        Ok((live, interests))
    }

    /// The topics that the component names.
    pub(crate) async fn configs(
        &self,
        live: &mut LiveInstance<G>,
        slice: &CpuSlice,
    ) -> Result<Vec<G::Config>, GuestError> {
        self.begin(&mut live.store, (self.limits.call_base_ms, cure::CONFIGS), slice);
        live.view().begin_call();
        let answer = live.guest.configs(&mut live.store).await;
        self.result_of(&mut live.store, answer)
    }

    async fn number(&self, live: &mut LiveInstance<G>, export: &str) -> wasmtime::Result<u64> {
        let _ticking = self.sandbox.ticker().running();
        let slice = self.slice();
        self.begin(&mut live.store, (self.limits.call_base_ms, cure::CALL), &slice);
        live.view().begin_call();
        let export = live.instance.get_typed_func::<(), (u64,)>(&mut live.store, export)?;
        let (number,) = export.call_async(&mut live.store, ()).await?;
        live.store.data_mut().capabilities.wasi.end_call();
        slice.end();
        Ok(number)
    }

    fn is_isolated(&self) -> bool {
        self.cpu_class.is_isolated(self.sandbox.ticker().ticks().load(Relaxed))
    }

    async fn call(&self, slot: &mut LaneSlot<G>, input: &G::Input) -> Result<G::Output, GuestError> {
        self.sandbox.workers().placement().avoid_busy_cpu();
        let _ticking = self.sandbox.ticker().running();
        let slice = self.slice();
        let was_shared = !self.is_isolated();
        let outcome = self.call_within(&slice, slot, input).await;
        slice.end();
        if was_shared && self.is_isolated() {
            tracing::info!(
                connector = %self.id,
                "a call held a thread of the component's workers for several milliseconds: the next ones run apart from \
                 other connectors' calls for a while. Smaller batches or outputs take less at once"
            );
        }
        slice.yield_to_others().await;
        self.cpu_class.record_call();
        outcome
    }

    async fn call_within(
        &self,
        slice: &CpuSlice,
        slot: &mut LaneSlot<G>,
        input: &G::Input,
    ) -> Result<G::Output, GuestError> {
        slot.ended = None;
        let mut live = match slot.live.take() {
            Some(live) => live,
            None => self.start(slice).await.map_err(|(_, error)| error)?.0,
        };
        live.inputs = G::len(input);
        let budget = (self.limits.call_budget_ms(live.inputs), cure::CALL);
        self.begin(&mut live.store, budget, slice);
        live.view().begin_call();
        let call = live.guest.call(&mut live.store, input, live.wants);
        let answer = match self.wall_max {
            None => call.await,
            Some(wall_max) => match tokio::time::timeout(wall_max, call).await {
                Ok(answer) => answer,
                Err(_) => {
                    slot.ended = Some(live.ended(live.calls));
                    return Err(waited_too_long(self.wait_max));
                }
            },
        };
        self.memory_peak
            .fetch_max(live.store.data().limiter.memory_bytes(), Relaxed);
        let output = self.result_of(&mut live.store, answer).and_then(|mut output| {
            G::check(&output, input, &self.limits)?;
            for rejection in G::rejections(&mut output) {
                let log = &live.store.data().capabilities.log;
                rejection.message = log.redacted(&rejection.message, Rejection::MESSAGE_BYTES_MAX);
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
                self.keep_or_replace(live, slot);
                Ok(output)
            }
            Err(error) => {
                slot.ended = Some(live.ended(live.calls));
                Err(error)
            }
        }
    }

    /// Puts an instance back into its lane, unless it is near its limit of memory: then the next call starts another.
    fn keep_or_replace(&self, live: LiveInstance<G>, slot: &mut LaneSlot<G>) {
        if !live.is_near_limit(self.limits.memory_bytes_max) {
            slot.live = Some(live);
            return;
        }
        let (memory_bytes, calls) = (live.store.data().limiter.memory_bytes(), live.calls);
        tracing::debug!(connector = %self.id, memory_bytes, calls, "an instance near its limit of memory is replaced");
        self.shared.replaced(&self.id);
        slot.ended = Some(live.ended(calls - 1));
    }

    /// Charges the call for the host's work since the component returned, and for the origins that it named.
    async fn charge_host(&self, live: &mut LiveInstance<G>, origins: usize) -> Result<(), GuestError> {
        let origins = u64::try_from(origins).unwrap_or(u64::MAX);
        let to_come = Duration::from_nanos(origins.saturating_mul(ORIGIN_COST_NS));
        let state = live.store.data_mut();
        let charged = state.budget.charge_host(to_come).await;
        charged.map_err(|error| self.guest_error(&error, state))
    }

    /// What a trap of the component was, with the lines of its source if they are known.
    fn guest_error(&self, error: &wasmtime::Error, state: &mut GuestState) -> GuestError {
        trap::classify(error, state, self.compiled.lines())
    }

    /// Turns what an export returned into a result, with redacted messages.
    fn result_of<T>(&self, store: &mut Store<GuestState>, answer: ExportResult<T>) -> Result<T, GuestError> {
        let state = store.data_mut();
        let settled = match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(mut failure)) => {
                let log = &state.capabilities.log;
                failure.message = log.redacted(&failure.message, Failure::MESSAGE_BYTES_MAX);
                Err(GuestError::Failure(Failure::from(failure)))
            }
            Err(error) => Err(self.guest_error(&error, state)),
        };
        state.capabilities.wasi.end_call();
        settled
    }

    fn recording(&self, ended: &EndedCall) -> Recording {
        let settings = self.settings_kept.clone();
        Recording {
            role: G::ROLE.as_str().to_owned(),
            settings: settings.filter(|settings| settings.len() <= Recording::SETTINGS_BYTES_MAX),
            limits: self.limits.changes(),
            topics: self.topics.iter().map(ToString::to_string).collect(),
            log_levels: self.shared.log_levels(),
            inputs: ended.inputs,
            calls_before: ended.calls_before,
            start: ended.start.clone(),
            call: ended.call.clone(),
        }
    }

    fn store(&self) -> Store<GuestState> {
        let state = GuestState {
            capabilities: self.shared.instance(&self.limits),
            limiter: Limiter::new(&self.limits),
            budget: Budget::none(),
            sampler: self
                .profile
                .clone()
                .map(|profile| Sampler::new(profile, self.compiled.clone())),
        };
        let mut store = Store::new(self.sandbox.engine(), state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.limits.output_bytes_max);
        store.set_max_component_handles(self.limits.handles_max);
        budget::install(&mut store);
        store
    }

    /// The first slice of a call.
    pub(crate) fn slice(&self) -> CpuSlice {
        CpuSlice::start(self.sandbox.ticker().ticks(), &self.cpu_class)
    }

    fn begin(&self, store: &mut Store<GuestState>, budget: (u64, &'static str), slice: &CpuSlice) {
        budget::begin(store, budget, self.wait_max, slice);
        let state = store.data_mut();
        state.limiter.begin_call();
        state.capabilities.log.begin_call();
        state.capabilities.wasi.begin_call();
        state.capabilities.http.begin_call();
    }
}

impl<G> LiveInstance<G> {
    fn view(&self) -> &AmbientView {
        self.store.data().capabilities.wasi.view()
    }

    /// Whether its memory has grown over three quarters of its limit. One that began there is not replaced before it
    /// grows: another would be no smaller.
    fn is_near_limit(&self, memory_bytes_max: usize) -> bool {
        let memory_bytes = self.store.data().limiter.memory_bytes();
        memory_bytes > memory_bytes_max / 4 * 3 && memory_bytes > self.memory_at_start
    }

    fn ended(&self, calls_before: u64) -> EndedCall {
        let (start, call) = self.view().reads();
        EndedCall {
            calls_before,
            inputs: self.inputs,
            start,
            call,
        }
    }
}
