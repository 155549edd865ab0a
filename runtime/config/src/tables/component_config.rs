//! The table `config` of a connector: settings that are passed to its component as they are.

use serde_json::{Map, Value};

use danube_wasm_settings::{
    Environment, Table,
    environment::{ExpandError, expand},
    kinds::{FreeTable, FreeTableValue},
};

/// The key of this table in a component's settings.
const MEMBER: &str = "config";

/// The component's own settings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ComponentConfig {
    /// The values.
    pub values: Map<String, Value>,
    /// The values with `${NAME}` in place of those from the environment.
    pub unresolved: Map<String, Value>,
}

impl ComponentConfig {
    /// Reads the key `config`.
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let read = t.field(
            MEMBER,
            FreeTable,
            "Given to the component as JSON. The component sees all of it: put no secret here that it should not have. \
             Dead letters keep it for `danube-wasm replay`, but of `${NAME}` only the name, and values of six bytes or \
             more that come so are struck out of what the component logs or says of a failure: write secrets so.",
        );
        let FreeTableValue { values, unresolved } = read.or(FreeTableValue::default());
        Self { values, unresolved }
    }
}

/// Returns a component's settings as JSON text: the connector's, with the component's own under `config`.
pub(super) fn settings(mut connector: Map<String, Value>, config: &Map<String, Value>) -> String {
    connector.insert(MEMBER.to_owned(), Value::Object(config.clone()));
    Value::Object(connector).to_string()
}

/// Replaces the references in stored settings. The result is the text that the component was given, if the environment
/// is the same.
pub fn resolve(kept: &str, env: &dyn Environment) -> Result<String, String> {
    let mut settings: Value = serde_json::from_str(kept).map_err(|error| format!("they are no JSON: {error}"))?;
    if let Some(config) = settings.get_mut(MEMBER) {
        replace(config, env)?;
    }
    Ok(settings.to_string())
}

fn replace(value: &mut Value, env: &dyn Environment) -> Result<(), String> {
    match value {
        Value::String(text) => {
            let expanded = expand(text, env).map_err(|error| match error {
                ExpandError::Unset(name) => {
                    format!("they need the environment variable `{name}`, which is not set: set it for this process")
                }
                ExpandError::Malformed(what) => format!("`{what}` in them is no reference to an environment variable"),
            })?;
            *text = expanded.text;
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| replace(item, env)),
        Value::Object(members) => members.values_mut().try_for_each(|member| replace(member, env)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
