//! One trial: a behaviour is loaded and called once, and what comes of it is compared with what it declares.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use danube_wasm_model::{
    ConnectorId,
    columns::{Attributes, Blobs, Labels},
    door::{GuestError, SinkGuest, SourceGuest},
    event::EventBatch,
    message::MessageBatch,
};
use danube_wasm_sandbox::{AdmissionError, CompileError, LoadError, LoadSpec, LogLevel, Role, Sandbox};

use super::manifest::{Behaviour, Given, Output, Verdict};
use crate::support::{DEADLINE, Recorded, Recorder, spec};

/// A behaviour in one world.
pub struct Case<'a> {
    pub behaviour: &'a Behaviour,
    pub role: Role,
    pub verdict: &'a Verdict,
    pub component: Arc<[u8]>,
    pub given: Batch,
}

/// What a behaviour is given.
#[derive(Clone)]
pub enum Batch {
    Events(Arc<EventBatch>),
    Messages(Arc<MessageBatch>),
}

impl Case<'_> {
    /// Runs it, called from the sandbox's own threads or from this one; what is not as declared.
    pub async fn run(&self, sandbox: &Arc<Sandbox>, inside: bool) -> Vec<String> {
        let (host, start) = (Arc::new(Recorder::default()), Instant::now());
        let loaded = Loaded::load(sandbox, self.role, self.spec(), &host);
        let outcome = async {
            let loaded = loaded.await?;
            let call = loaded.call(self.given.clone());
            let answer = match inside {
                true => sandbox.spawn(call).await.expect("no panic"),
                false => call.await,
            };
            answer.map_err(|error| ("call", said(&error)))
        };
        let mut complaints = Vec::new();
        match tokio::time::timeout(DEADLINE, outcome).await {
            Ok(outcome) => complaints.extend(self.compare(outcome)),
            Err(_) => complaints.push(format!("no end after {} s", DEADLINE.as_secs())),
        }
        complaints.extend(self.compare_counters(&host.recorded(), start.elapsed()));
        complaints
    }

    fn spec(&self) -> LoadSpec {
        LoadSpec {
            id: ConnectorId::try_new("hostile", self.role.as_str()).expect("a name"),
            limits: self.behaviour.limits,
            ..spec(Arc::clone(&self.component))
        }
    }

    fn compare(&self, outcome: Result<(), (&'static str, ErrorText)>) -> Option<String> {
        let (stage, kind, text) = match outcome {
            Ok(()) => ("call", "ok", String::new()),
            Err((stage, (kind, text))) => (stage, kind, text),
        };
        let wanted = self.verdict;
        let met = wanted.stage == stage && wanted.kind == kind && text.contains(&wanted.detail);
        (!met).then(|| format!("declared {wanted:?}, found {stage} {kind} {text}"))
    }

    fn compare_counters(&self, recorded: &Recorded, took: Duration) -> Vec<String> {
        let dropped = |name| {
            recorded
                .dropped
                .iter()
                .filter(|(what, _)| *what == name)
                .map(|(_, n)| n)
                .sum()
        };
        let own = |(level, line): &&(LogLevel, String)| {
            *level != LogLevel::Warn || !line.ends_with("the connector logs more than it may")
        };
        let numbers = recorded.counters.len() + recorded.gauges.len() + recorded.observations.len();
        // A quota fills again while a trial takes its time: so many more may be kept.
        let refilled = (took.as_secs() + 1) * u64::from(self.behaviour.limits.log_lines_per_s);
        let lines = recorded.lines.iter().filter(own).count() as u64;
        let checks = [
            ("log lines", self.behaviour.lines, lines, dropped("log_lines"), refilled),
            ("numbers", self.behaviour.numbers, numbers as u64, dropped("metrics"), 0),
        ];
        let complaint = |(what, declared, kept, dropped, refilled): (_, Output, u64, u64, u64)| {
            let met = match declared {
                Output::Exactly { offered, kept: all } if offered == all => (kept, dropped) == (all, 0),
                Output::Exactly { offered, kept: least } => {
                    kept + dropped == offered && (least..=least + refilled).contains(&kept)
                }
                Output::Endless => kept > 0 && dropped == 0,
                Output::Flood { kept: least } => dropped > 0 && (least..=least + refilled).contains(&kept),
            };
            (!met).then(|| format!("{what}: declared {declared:?}, kept {kept}, dropped {dropped}"))
        };
        checks.into_iter().filter_map(complaint).collect()
    }
}

/// An error as it is declared: its kind, and its text; of limits and columns, only their name.
type ErrorText = (&'static str, String);

fn said(error: &GuestError) -> ErrorText {
    let text = match error {
        GuestError::Limit { limit, .. } => (*limit).to_owned(),
        GuestError::InvalidOutput(column) => column.column.to_owned(),
        other => other.to_string(),
    };
    (error.kind(), text)
}

fn refused(error: LoadError) -> (&'static str, ErrorText) {
    let text = error.to_string();
    match &error {
        LoadError::Admission(refusal) => {
            let kind = match refusal {
                AdmissionError::NotAComponent { .. } => "not_a_component",
                AdmissionError::TooLarge { .. } => "too_large",
                AdmissionError::NotAConnector { .. } => "not_a_connector",
                AdmissionError::WrongRole { .. } => "wrong_role",
                AdmissionError::NotGranted { .. } => "not_granted",
            };
            ("admission", (kind, text))
        }
        LoadError::Compile(failure) => {
            let kind = match failure {
                CompileError::Invalid { .. } => "invalid",
                CompileError::Limit { .. } => "limit",
                CompileError::Crashed { .. } => "crashed",
                CompileError::Unavailable { .. } => "unavailable",
            };
            ("compile", (kind, text))
        }
        LoadError::Limits { .. } => ("limits", ("refused", text)),
        LoadError::Contract { .. } => ("contract", ("refused", text)),
        LoadError::Topics { .. } => ("topics", ("refused", text)),
        LoadError::Start { stage, error, .. } => {
            let stage = if stage.ends_with("-configs") { "configs" } else { stage };
            (stage, said(error))
        }
    }
}

/// A behaviour that started.
enum Loaded {
    Source(Arc<dyn SourceGuest>),
    Sink(Arc<dyn SinkGuest>),
}

impl Loaded {
    async fn load(
        sandbox: &Arc<Sandbox>,
        role: Role,
        spec: LoadSpec,
        host: &Arc<Recorder>,
    ) -> Result<Self, (&'static str, ErrorText)> {
        let host = Arc::clone(host) as _;
        match role {
            Role::Source => Ok(Self::Source(sandbox.load_source(spec, host).await.map_err(refused)?)),
            Role::Sink => Ok(Self::Sink(sandbox.load_sink(spec, host).await.map_err(refused)?)),
        }
    }

    /// Calls it once, then drops it.
    async fn call(self, given: Batch) -> Result<(), GuestError> {
        match (self, given) {
            (Self::Source(guest), Batch::Events(events)) => guest.poll(0, events).await.map(|_| ()),
            (Self::Sink(guest), Batch::Messages(messages)) => guest.process_batch(0, messages).await.map(|_| ()),
            _ => unreachable!("a source is given events, a sink messages"),
        }
    }
}

impl Given {
    /// The batch that a connector of this role is given.
    pub fn batch(self, role: Role) -> Batch {
        match role {
            Role::Source => Batch::Events(Arc::new(self.events())),
            Role::Sink => Batch::Messages(Arc::new(self.messages())),
        }
    }

    fn events(self) -> EventBatch {
        EventBatch {
            endpoints: self.labels("/hook"),
            payloads: self.payloads(),
            attributes: self.sets(),
            headers: self.sets(),
            ..Default::default()
        }
    }

    fn messages(self) -> MessageBatch {
        MessageBatch {
            topics: self.labels("/t/a"),
            payloads: self.payloads(),
            attributes: self.sets(),
            ..Default::default()
        }
    }

    fn labels(self, name: &str) -> Labels {
        let mut labels = Labels::default();
        (0..self.events).for_each(|_| labels.push(name));
        labels
    }

    fn payloads(self) -> Blobs {
        let payload = vec![b'x'; self.payload_bytes];
        (0..self.events).map(|_| &payload[..]).collect()
    }

    fn sets(self) -> Attributes {
        let mut sets = Attributes::default();
        let value = "v".repeat(self.attribute_bytes);
        if self.attributes > 0 {
            (0..self.events).for_each(|_| sets.push((0..self.attributes).map(|_| ("name", &value[..]))));
        }
        sets
    }
}
