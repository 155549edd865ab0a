//! The component under test: loaded into the real sandbox, with the real limits, and a time and chance that are always the
//! same.

use std::{path::Path, sync::Arc};

use danube_wasm_model::{
    ConnectorId,
    columns::PayloadAt,
    door::{GuestError, SinkGuest, SourceGuest},
};
use danube_wasm_sandbox::{
    Ambient, AmbientReads, CompileLimits, ComponentInfo, Grants, GuestLimits, HttpAccess, HttpLimits, LoadError,
    LoadSpec, OutgoingHttp, PollerComponent, Profile, Readings, Recording, Role, Sandbox, Seed, SinkComponent,
    SourceComponent,
};
use serde_json::json;

use crate::{
    input::{Defaults, Input},
    output::{self, Output},
    read::{CaseConfig, Mistakes, Project},
    recorder::Recorder,
};

/// A component as a file has it.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its file, as messages name it.
    pub file: String,
    /// What it is.
    pub info: ComponentInfo,
    bytes: Arc<[u8]>,
}

/// A component that was started.
pub struct Guest {
    kind: GuestKind,
    place: String,
    now_ms: u64,
    /// What it says.
    pub recorder: Arc<Recorder>,
}

enum GuestKind {
    Source(Arc<SourceComponent>),
    Sink(Arc<SinkComponent>),
}

/// Why a component was not started.
#[derive(Debug)]
pub enum StartError {
    /// The host would never run it: one sentence.
    Refused(String),
    /// It is what it said itself, or what befell it while it started: an output of the case.
    Output(Output),
}

impl StartError {
    /// What happened, for a sentence about the component.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Refused(why) => format!("was refused: {why}"),
            Self::Output(output) => format!("does not start: {}", output.to_line()),
        }
    }
}

impl Component {
    /// Reads a component, and refuses one that no pipeline could name.
    pub fn read(file: &Path) -> Result<Self, Mistakes> {
        let mut mistakes = Mistakes::default();
        let name = file.display().to_string();
        let read = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"));
        let inspected = read.and_then(|bytes| {
            let bytes_max = CompileLimits::default().component_bytes_max;
            let info = danube_wasm_sandbox::inspect(&name, &bytes, bytes_max).map_err(|error| error.to_string())?;
            Ok((info, bytes))
        });
        match inspected {
            Ok((info, bytes)) => Ok(Self {
                file: name,
                info,
                bytes: bytes.into(),
            }),
            Err(why) => {
                // The sentence names the file, too.
                mistakes.add(file, 0, why.strip_prefix(&format!("`{name}` ")).unwrap_or(&why));
                Err(mistakes)
            }
        }
    }

    /// Refuses a component that is not what its folder says.
    pub fn check_role(&self, project: &Project) -> Result<(), Mistakes> {
        let mut mistakes = Mistakes::default();
        if let Some(role) = project.role.filter(|role| *role != self.info.role) {
            let (is, says) = (self.info.role.as_str(), role.as_str());
            let message = format!(
                "`kind` is \"{says}\", but {} is a {is}: write `kind = \"{is}\"`, or build it again",
                self.file
            );
            mistakes.add(&project.manifest, 0, message);
        }
        mistakes.check()
    }

    /// What it may use where nobody says otherwise.
    pub fn usual_limits(&self) -> GuestLimits {
        self.info.limits
    }

    /// A component with the same name and limits, of these bytes.
    pub(crate) fn with_bytes(&self, bytes: Vec<u8>) -> Self {
        Self {
            bytes: bytes.into(),
            ..self.clone()
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Starts it.
    pub async fn start(&self, sandbox: &Arc<Sandbox>, config: &CaseConfig) -> Result<Guest, StartError> {
        self.start_with(sandbox, config, None).await
    }

    /// Starts it, and collects where its calls spend their time.
    pub async fn start_with(
        &self,
        sandbox: &Arc<Sandbox>,
        config: &CaseConfig,
        profile: Option<Arc<Profile>>,
    ) -> Result<Guest, StartError> {
        let recorder = Arc::new(Recorder::default());
        let spec = LoadSpec {
            ambient: ambient(config.now_ms),
            profile,
            ..self.spec(config)?
        };
        let kind = match self.info.role {
            Role::Source => sandbox.load_source(spec, recorder.clone()).await.map(GuestKind::Source),
            Role::Sink => sandbox.load_sink(spec, recorder.clone()).await.map(GuestKind::Sink),
        };
        Ok(Guest {
            kind: kind.map_err(start_error)?,
            place: config.place.clone(),
            now_ms: config.now_ms,
            recorder,
        })
    }

    /// Starts one that fetches, with something that answers its requests. Its clocks run: a request may take time.
    pub(crate) async fn start_poller(
        &self,
        sandbox: &Arc<Sandbox>,
        config: &CaseConfig,
        client: Arc<dyn OutgoingHttp>,
    ) -> Result<Arc<PollerComponent>, StartError> {
        let spec = LoadSpec {
            http: Some(HttpAccess {
                client,
                limits: HttpLimits::default(),
            }),
            ..self.spec(config)?
        };
        let poller = sandbox.load_poller(spec, Arc::new(Recorder::default())).await;
        poller.map_err(start_error)
    }

    fn spec(&self, config: &CaseConfig) -> Result<LoadSpec, StartError> {
        let id = ConnectorId::try_new("test", "connector").map_err(|error| StartError::Refused(error.to_string()))?;
        Ok(LoadSpec {
            settings: config.settings.clone(),
            limits: config.limits(self.usual_limits()),
            topics: config.topics.clone(),
            // What it is granted is the pipeline file's to say. In a case nothing answers its requests.
            grants: Grants::everything(),
            ..LoadSpec::new(id, self.file.clone(), Arc::clone(&self.bytes))
        })
    }
}

impl Guest {
    /// Calls it with these inputs, each with its place in the whole case.
    pub async fn call(&self, inputs: &[(usize, &Input)]) -> Result<Vec<Output>, GuestError> {
        let defaults = Defaults {
            place: &self.place,
            now_ms: self.now_ms,
        };
        match &self.kind {
            GuestKind::Source(guest) => {
                let events = Arc::new(defaults.events(inputs, &guest.interests()));
                guest
                    .poll(0, events)
                    .await
                    .map(|records| output::of_records(&records, inputs))
            }
            GuestKind::Sink(guest) => {
                let messages = Arc::new(defaults.messages(inputs, &guest.interests()));
                let writes = guest.process_batch(0, messages).await;
                writes.map(|writes| output::of_writes(&writes, inputs))
            }
        }
    }

    /// Whether each payload that it returns is an input's own, by reference.
    pub(crate) async fn forwards(&self, inputs: &[(usize, &Input)]) -> Result<bool, GuestError> {
        let defaults = Defaults {
            place: &self.place,
            now_ms: self.now_ms,
        };
        let payloads = match &self.kind {
            GuestKind::Source(guest) => {
                let events = Arc::new(defaults.events(inputs, &guest.interests()));
                guest.poll(0, events).await?.payloads
            }
            GuestKind::Sink(guest) => {
                let messages = Arc::new(defaults.messages(inputs, &guest.interests()));
                guest.process_batch(0, messages).await?.payloads
            }
        };
        let mut places = payloads.places().enumerate();
        Ok(payloads.reuse.len() == inputs.len() && places.all(|(i, at)| at == PayloadAt::Input(i)))
    }

    /// Makes calls of the same inputs whose result nobody looks at: for measuring.
    pub async fn repeat(&self, inputs: &[(usize, &Input)], calls: usize) -> Result<(), GuestError> {
        let defaults = Defaults {
            place: &self.place,
            now_ms: self.now_ms,
        };
        match &self.kind {
            GuestKind::Source(guest) => {
                let events = Arc::new(defaults.events(inputs, &guest.interests()));
                for _ in 0..calls {
                    guest.poll(0, Arc::clone(&events)).await?;
                }
            }
            GuestKind::Sink(guest) => {
                let messages = Arc::new(defaults.messages(inputs, &guest.interests()));
                for _ in 0..calls {
                    guest.process_batch(0, Arc::clone(&messages)).await?;
                }
            }
        }
        Ok(())
    }

    /// Linear memory of its instance, in bytes; 0 when it has none, after a call that failed.
    pub fn memory_bytes(&self) -> usize {
        match &self.kind {
            GuestKind::Source(guest) => guest.memory_bytes(0),
            GuestKind::Sink(guest) => guest.memory_bytes(0),
        }
    }

    /// What an export of its instance says, if it has that.
    pub(crate) async fn number(&self, export: &str) -> Option<u64> {
        match &self.kind {
            GuestKind::Source(guest) => guest.number(0, export).await,
            GuestKind::Sink(guest) => guest.number(0, export).await,
        }
    }

    /// The topics that it names.
    pub fn topics(&self) -> Vec<String> {
        match &self.kind {
            GuestKind::Source(guest) => guest
                .producer_configs()
                .iter()
                .map(|config| config.topic.to_string())
                .collect(),
            GuestKind::Sink(guest) => guest
                .consumer_configs()
                .iter()
                .map(|config| config.topic.to_string())
                .collect(),
        }
    }
}

fn start_error(error: LoadError) -> StartError {
    match error {
        LoadError::Start { stage, error, .. } if stage != "instantiation" => {
            let told = Output::of_error(Vec::new(), &error);
            let (what, value) = told.members.0.into_iter().next().unwrap_or(("failure", json!(null)));
            StartError::Output(Output::new(Vec::new()).with("start", json!({ "stage": stage, (what): value })))
        }
        LoadError::Topics { message, .. } => {
            StartError::Output(Output::new(Vec::new()).with("start", json!({ "stage": "topics", "message": message })))
        }
        other => StartError::Refused(other.to_string()),
    }
}

/// The time stands still and every call draws the same numbers, so that a case comes out the same for ever.
fn ambient(now_ms: u64) -> Ambient {
    let clock = |first_ms| Readings {
        first_ms,
        ..Readings::default()
    };
    let reads = AmbientReads {
        wall: clock(now_ms),
        monotonic: clock(1),
        seed: Seed([7; 32]),
        http: Vec::new(),
    };
    Ambient::Recorded(Arc::new(Recording {
        role: String::new(),
        settings: None,
        limits: Default::default(),
        topics: Vec::new(),
        log_levels: Vec::new(),
        inputs: 1,
        calls_before: 0,
        start: reads.clone(),
        call: reads,
    }))
}
