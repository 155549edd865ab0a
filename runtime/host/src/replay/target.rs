//! The component to call and its circumstances: as recorded, else from the pipeline file, with a note.

use std::{path::Path, sync::Arc};

use danube_wasm_config::{self as config, ProcessEnvironment};
use danube_wasm_model::{ConnectorId, Targets, TopicName};
use danube_wasm_oci::ComponentStore;
use danube_wasm_sandbox::{
    Ambient, AmbientReads, CompileLimits, GuestLimits, LoadSpec, LogLevel, Readings, Recording, Seed,
};

use super::{connector::Connector, dead_letter::DeadLetter, schemas as schema_files};
use crate::{
    Failure, assemble,
    dead_letters::{RecordedCall, RecordedInput},
    settings,
};

/// The component to call and its circumstances.
pub(super) struct Target {
    pub(super) load: LoadSpec,
    /// SHA-256 of the component.
    pub(super) digest: String,
    /// The schemas of a source's topics.
    pub(super) schemas: Vec<config::Schema>,
    /// Notes about differences from the recorded call, certain or possible.
    pub(super) notes: Vec<String>,
    /// The tables that a sink may write to, from its pipeline file or else from the recorded settings.
    pub(super) targets: Option<Targets>,
    expected_subject: Option<String>,
}

impl Target {
    /// Prepares the call for a dead letter, with `component` in place of the one in the pipeline file.
    pub(super) async fn of(letter: &DeadLetter, component: Option<&Path>) -> Result<Self, Failure> {
        let id: ConnectorId = letter.dumped.connector.parse().map_err(Failure::usage)?;
        let file = letter.file.as_ref();
        let connector = file.and_then(|loaded| Connector::find(&loaded.pipeline, &id));
        // The pipeline file gives what was not recorded.
        let recorded = letter
            .case
            .recording
            .as_ref()
            .and_then(|recording| recording.settings.as_ref());
        if let (Some(loaded), None) = (file, recorded) {
            assemble::require_settings(loaded, &id)?;
        }
        let own = file.zip(connector.as_ref());
        let own = own.map(|(loaded, connector)| (assemble::component_store(&loaded.pipeline), connector));
        let (file, bytes) = read(&id, component, own).await?;
        let info = danube_wasm_sandbox::inspect(&file, &bytes, CompileLimits::default().component_bytes_max);
        let digest = info.map_err(Failure::configuration)?.digest;
        let mut notes = Vec::new();
        let load = LoadSpec {
            lanes: super::FRESH_LANE + 1,
            ..load(
                LoadSpec::new(id, file, bytes),
                &letter.case,
                connector.as_ref(),
                &mut notes,
            )?
        };
        let schemas = connector.as_ref().map(|c| c.schemas.clone()).unwrap_or_default();
        if matches!(letter.case.input, Some(RecordedInput::Event { .. })) {
            match &letter.file {
                None => notes.push(
                    "what it publishes is not checked by a schema: name the pipeline file, too, for that".to_owned(),
                ),
                Some(_) => notes.extend(incomplete_schema_notes(&schemas)),
            }
        }
        let targets = match &connector {
            Some(connector) => Some(connector.targets.clone()),
            None => targets_of(&load.settings),
        };
        Ok(Self {
            load,
            digest,
            schemas,
            notes,
            targets,
            expected_subject: connector.and_then(|c| c.expected_subject(&letter.dumped.origin)),
        })
    }

    /// Returns the levels of log lines that the component is told are enabled.
    pub(super) fn log_levels(&self) -> Vec<LogLevel> {
        match &self.load.ambient {
            Ambient::Recorded(recording) => recording.log_levels.clone(),
            Ambient::Live(_) => LogLevel::ALL.to_vec(),
        }
    }

    /// Returns the reason for which the connector would not pass this input to its component, if there is one.
    pub(super) fn refusal(&self, input: &RecordedInput) -> Option<String> {
        let (Some(expected), RecordedInput::Message { schema, .. }) = (&self.expected_subject, input) else {
            return None;
        };
        match schema.rsplit_once('@') {
            Some((subject, _)) if subject == expected => None,
            Some((subject, _)) => Some(format!("the message's schema is `{subject}`; `{expected}` is expected")),
            None => Some(format!("the message has no schema; `{expected}` is expected")),
        }
    }
}

/// Returns the tables in a sink's settings, if there are any.
fn targets_of(settings: &str) -> Option<Targets> {
    let settings: serde_json::Value = serde_json::from_str(settings).ok()?;
    let mappings = settings.get("topic_mappings")?.as_array()?;
    let tables = mappings.iter().flat_map(|mapping| {
        let more = mapping.get("tables").and_then(serde_json::Value::as_array);
        mapping.get("table").into_iter().chain(more.into_iter().flatten())
    });
    let tables: Targets = tables.filter_map(serde_json::Value::as_str).collect();
    (tables != Targets::default()).then_some(tables)
}

/// Returns notes about schemas that are not in the file.
fn incomplete_schema_notes(schemas: &[config::Schema]) -> impl Iterator<Item = String> {
    let incomplete = schemas.iter().filter(|schema| !schema_files::is_complete(schema));
    incomplete.map(|schema| {
        format!(
            "what it publishes to {} is not checked: schema `{}` is in the registry only",
            schema.topic, schema.subject
        )
    })
}

/// Reads the component and returns its name and bytes.
async fn read(
    id: &ConnectorId,
    component: Option<&Path>,
    own: Option<(ComponentStore, &Connector)>,
) -> Result<(String, Arc<[u8]>), Failure> {
    match (component, own) {
        (Some(file), _) => {
            let bytes = std::fs::read(file);
            let bytes = bytes.map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
            Ok((file.display().to_string(), bytes.into()))
        }
        (None, Some((store, connector))) => {
            let bytes = assemble::load(&store, id, &connector.component).await?;
            Ok((connector.component.to_string(), bytes))
        }
        (None, None) => Err(Failure::usage(format!(
            "which component? Name it with --component, or name a pipeline file that has connector {id}"
        ))),
    }
}

/// Assembles what the component is loaded with.
fn load(
    spec: LoadSpec,
    case: &RecordedCall,
    connector: Option<&Connector>,
    notes: &mut Vec<String>,
) -> Result<LoadSpec, Failure> {
    let Some(recording) = &case.recording else {
        let connector = connector.ok_or_else(|| unknown_settings(&spec.id))?;
        notes.push(
            "nothing was recorded of its last call: settings and limits are the pipeline file's, the clocks stand at the \
             input's time, chance is a fixed one"
                .to_owned(),
        );
        return Ok(LoadSpec {
            settings: connector.settings.clone(),
            settings_kept: Some(connector.settings_kept.clone()),
            limits: without_log_rate(settings::guest_limits(&connector.limits, spec.limits)),
            topics: connector.topics.clone(),
            ambient: Ambient::Recorded(Arc::new(default_recording(case))),
            ..spec
        });
    };
    let (settings, settings_kept) = match &recording.settings {
        Some(kept) => {
            let settings = config::resolve_settings(kept, &ProcessEnvironment)
                .map_err(|why| Failure::usage(format!("the settings that the letter was recorded with: {why}")))?;
            (settings, kept.clone())
        }
        None => {
            notes.push("its settings were too long to be recorded: they are the pipeline file's".to_owned());
            let connector = connector.ok_or_else(|| unknown_settings(&spec.id))?;
            (connector.settings.clone(), connector.settings_kept.clone())
        }
    };
    if connector.is_some_and(|connector| connector.settings_kept != settings_kept && connector.settings != settings) {
        notes.push("the pipeline file gives it other settings by now: it was called with the recorded ones".to_owned());
    }
    if !recording.is_exact() {
        notes.push(format!(
            "the recorded call had {} inputs, and its instance had answered {} calls before: what they left behind is not \
             here",
            recording.inputs, recording.calls_before
        ));
    }
    Ok(LoadSpec {
        settings,
        settings_kept: Some(settings_kept),
        limits: without_log_rate(recording.limits()),
        topics: topics(recording)?,
        ambient: Ambient::Recorded(Arc::new(recording.clone())),
        ..spec
    })
}

fn topics(recording: &Recording) -> Result<Vec<TopicName>, Failure> {
    let topics = recording
        .topics
        .iter()
        .map(|topic| topic.parse().map_err(Failure::usage));
    topics.collect()
}

fn unknown_settings(id: &ConnectorId) -> Failure {
    Failure::usage(format!(
        "the letter does not say which settings its component had: name a pipeline file that has connector {id}"
    ))
}

/// Lifts the limit of log lines a second, which depends on this machine's clock.
fn without_log_rate(limits: GuestLimits) -> GuestLimits {
    GuestLimits {
        log_lines_per_s: 1 << 20,
        log_bytes_per_s: 1 << 30,
        ..limits
    }
}

/// Returns the recording of a call of which only the input is known.
fn default_recording(case: &RecordedCall) -> Recording {
    let time_ms = match &case.input {
        Some(RecordedInput::Message { publish_time_ms, .. }) => *publish_time_ms,
        Some(RecordedInput::Event { received_ms, .. }) => *received_ms,
        None => 0,
    };
    let readings = |first_ms| Readings {
        first_ms,
        ..Readings::default()
    };
    let sight = AmbientReads {
        wall: readings(time_ms),
        monotonic: readings(0),
        seed: Seed([0; 32]),
        http: Vec::new(),
    };
    Recording {
        role: String::new(),
        settings: None,
        limits: Default::default(),
        topics: Vec::new(),
        log_levels: LogLevel::ALL.to_vec(),
        inputs: 1,
        calls_before: 0,
        start: sight.clone(),
        call: sight,
    }
}
