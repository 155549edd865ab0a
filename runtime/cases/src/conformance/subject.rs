//! The component that the suite runs on, and what points have in common.

use std::{path::Path, sync::Arc};

use danube_wasm_sandbox::{PollerComponent, Role, Sandbox};

use super::{Checked, Point, api::Api};
use crate::{
    chaos::chaos,
    component::{Component, Guest, StartError},
    input::Input,
    output::Output,
    read::{Case, CaseConfig, Mistakes, expected_lines},
    run::{Verdict, compare, numbered},
    settle::settle,
};

/// A point that is a case: settings, inputs, and what should come of them.
pub(super) type Sample = (&'static str, String, String, String);

pub(super) struct Subject<'a> {
    pub(super) component: &'a Component,
    pub(super) sandbox: &'a Arc<Sandbox>,
}

impl Subject<'_> {
    pub(super) fn role(&self) -> Role {
        self.component.info.role
    }

    pub(super) async fn start(&self, config: &str) -> Result<Guest, String> {
        let config = config_of(config, self.role());
        self.component
            .start(self.sandbox, &config)
            .await
            .map_err(|error| match error {
                StartError::Refused(why) => why,
                StartError::Output(output) => format!("it does not start: {}", output.to_line()),
            })
    }

    /// Starts one that fetches, with an API.
    pub(super) async fn start_poller(&self, config: &str, api: Arc<Api>) -> Result<Arc<PollerComponent>, String> {
        let config = config_of(config, self.role());
        let started = self.component.start_poller(self.sandbox, &config, api).await;
        started.map_err(|error| match error {
            StartError::Refused(why) => why,
            StartError::Output(output) => format!("it does not start: {}", output.to_line()),
        })
    }

    /// What it says to these settings, if it refuses them.
    pub(super) async fn start_output(&self, config: &str) -> Result<String, String> {
        let config = config_of(config, self.role());
        match self.component.start(self.sandbox, &config).await {
            Ok(_) => Err("it starts".to_owned()),
            Err(StartError::Refused(why)) => Err(why),
            Err(StartError::Output(output)) => Ok(output.to_line()),
        }
    }

    /// Makes a call as the host would, and gives what came out.
    pub(super) async fn outputs(&self, config: &str, inputs: &[Input]) -> Result<Vec<Output>, String> {
        let guest = self.start(config).await?;
        Ok(settle(&guest, &numbered(inputs)).await.outputs)
    }

    /// A point that is a case.
    pub(super) async fn sample(&self, (_, config, events, expected): &Sample) -> Checked {
        let inputs = inputs(events, self.role());
        let mut mistakes = Mistakes::default();
        let expected = expected_lines(Path::new("the suite"), expected, self.role(), &mut mistakes);
        mistakes.check().map_err(|mistakes| mistakes.to_string())?;
        let outputs = self.outputs(config, &inputs).await?;
        let actual: Vec<_> = outputs.iter().map(Output::value).collect();
        match compare(&expected, &actual) {
            Verdict::Differs(diff) => Err(diff),
            _ => Ok(None),
        }
    }

    /// The settings are refused, in a sentence with these words.
    pub(super) async fn refuses(&self, config: &str, words: &[&str]) -> Checked {
        let told = self.start_output(config).await?;
        if !told.contains(r#""kind":"configuration""#) {
            return Err(format!("it does not refuse its configuration, but says {told}"));
        }
        match words.iter().find(|word| !told.contains(*word)) {
            Some(word) => Err(format!("its refusal does not name `{word}`: {told}")),
            None => Ok(None),
        }
    }

    /// What comes of each input does not depend on the faults of the host.
    pub(super) async fn steady(&self, config: &str, inputs: Vec<Input>) -> Checked {
        let case = Case {
            name: "faults".to_owned(),
            directory: Default::default(),
            inputs,
            config: config_of(config, self.role()),
            expected: None,
        };
        let result = chaos(self.component, self.sandbox, &case).await?;
        match result.verdict {
            Verdict::Broken(why) => Err(why),
            _ if crate::run::by_input(&result.outputs, case.inputs.len()).is_none() => {
                Err("outputs do not come of one input each".to_owned())
            }
            _ => Ok(None),
        }
    }

    /// An uncaught error refuses its input and no other, with its message.
    pub(super) async fn uncaught(&self, config: &str, events: &str, message: &str) -> Checked {
        let outputs = self.outputs(config, &inputs(events, self.role())).await?;
        let of = |place: usize| outputs.iter().find(|output| output.from == [place]);
        for place in [0, 2] {
            let is_fine = |output: &Output| output.get("topic").is_some() || output.get("write").is_some();
            if !of(place).is_some_and(is_fine) {
                return Err(format!("input {place}, beside it, has no output of its own"));
            }
        }
        let broken = of(1).ok_or("nothing is said of the input")?;
        let text = |key: &str| broken.get(key).and_then(|value| value.as_str());
        let (told, note) = match (text("message"), text("trap")) {
            (Some(told), _) if broken.get("rejected").is_some() => (told, "caught"),
            (_, Some(trap)) => (trap, "a trap, found by halving"),
            _ => return Err(format!("it is {}", broken.to_line())),
        };
        match told.contains(message) {
            true => Ok(Some(note.to_owned())),
            false => Err(format!("`{message}` is not in what is told: {told}")),
        }
    }
}

/// A point and what its check gave.
pub(super) fn point(name: &'static str, checked: Checked) -> Point {
    let (note, wrong) = match checked {
        Ok(note) => (note, None),
        Err(wrong) => (None, Some(wrong)),
    };
    Point { name, wrong, note }
}

/// Settings of the suite.
pub(super) fn config(text: &str, role: Role) -> CaseConfig {
    config_of(text, role)
}

fn config_of(text: &str, role: Role) -> CaseConfig {
    CaseConfig::read(Path::new("the suite"), text, role, &mut Mistakes::default())
}

/// Inputs of the suite, one of a line.
pub(super) fn inputs(events: &str, role: Role) -> Vec<Input> {
    let read = |line: &str| match role {
        Role::Source => Input::event(line),
        Role::Sink => Input::message(line),
    };
    events
        .lines()
        .filter(|line| !line.trim().is_empty())
        .filter_map(|line| read(line).ok())
        .collect()
}
