//! What a pipeline declares about a topic, and which registered version that means.

use danube_wasm_broker::{RegisteredSchema, Registry};
use danube_wasm_model::TopicName;

use crate::{SchemaError, SchemaType};

/// A topic's schema, as a pipeline file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The topic.
    pub topic: TopicName,
    /// The subject.
    pub subject: String,
    /// The type.
    pub schema_type: SchemaType,
    /// The text, for types that have one. `None` takes what is registered.
    pub definition: Option<String>,
    /// Register the text where it is new.
    pub auto_register: bool,
    /// Which version.
    pub version: VersionStrategy,
}

/// Which version of a subject is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionStrategy {
    /// The newest. A declared text that differs from it becomes the next version.
    #[default]
    Latest,
    /// This one. A declared text must be the same.
    Pinned(u32),
    /// The newest, if it is at least this one.
    Minimum(u32),
}

/// What to do about a declaration.
pub(crate) enum Plan {
    /// This version is the one.
    Use(RegisteredSchema),
    /// The declared text becomes a version.
    Register,
}

impl Declaration {
    /// The declared text; empty for types without.
    pub(crate) fn text(&self) -> Option<&str> {
        if self.schema_type.has_definition() {
            self.definition.as_deref()
        } else {
            Some("")
        }
    }

    /// Compares with what is registered. A compatibility check of a new text against the registered ones belongs here.
    pub(crate) async fn plan(&self, registry: &dyn Registry) -> Result<Plan, SchemaError> {
        let failed = |source| SchemaError::Registry {
            subject: self.subject.clone(),
            source,
        };
        match self.version {
            VersionStrategy::Latest => self.newest(registry.latest(&self.subject).await.map_err(failed)?),
            VersionStrategy::Minimum(minimum) => {
                let latest = registry.latest(&self.subject).await.map_err(failed)?;
                let there = latest.as_ref().map_or(0, |latest| latest.reference.version);
                let plan = self.newest(latest)?;
                let version = if matches!(plan, Plan::Register) {
                    there + 1
                } else {
                    there
                };
                if version < minimum {
                    return Err(self.refused(format!(
                        "`version_strategy = {{ minimum = {minimum} }}`, but this would be version {version}: register \
                         the versions up to {minimum}, or ask for less"
                    )));
                }
                Ok(plan)
            }
            VersionStrategy::Pinned(version) => {
                self.pinned(version, registry.versions(&self.subject).await.map_err(failed)?)
            }
        }
    }

    fn newest(&self, latest: Option<RegisteredSchema>) -> Result<Plan, SchemaError> {
        let Some(latest) = latest else {
            return match (self.auto_register, self.text()) {
                (true, Some(_)) => Ok(Plan::Register),
                (true, None) => Err(self.refused("it is not registered: give its text as `schema_file`")),
                (false, _) => Err(self.refused(
                    "it is not registered, and `auto_register` is false: register it, or set `auto_register = true`",
                )),
            };
        };
        self.same_type(&latest)?;
        let version = latest.reference.version;
        match self.text() {
            Some(text) if !same_text(text, &latest.definition) && self.auto_register => Ok(Plan::Register),
            Some(text) if !same_text(text, &latest.definition) => Err(self.refused(format!(
                "`schema_file` differs from the newest registered version, {version}, and `auto_register` is false: set \
                 `auto_register = true` to register it, `version_strategy = {{ pinned = N }}` to use an older one, or \
                 leave `schema_file` out to use what is registered"
            ))),
            _ => Ok(Plan::Use(latest)),
        }
    }

    fn pinned(&self, version: u32, versions: Vec<RegisteredSchema>) -> Result<Plan, SchemaError> {
        if versions.is_empty() && version == 1 {
            return self.newest(None);
        }
        let newest = versions.last().map_or(0, |newest| newest.reference.version);
        let Some(pinned) = versions.into_iter().find(|schema| schema.reference.version == version) else {
            return Err(self.refused(format!(
                "`version_strategy = {{ pinned = {version} }}`, but {}: pin a version that is there, or use `latest`",
                if newest == 0 {
                    "it is not registered".to_owned()
                } else {
                    format!("its newest version is {newest}")
                }
            )));
        };
        self.same_type(&pinned)?;
        match self.text() {
            Some(text) if !same_text(text, &pinned.definition) => Err(self.refused(format!(
                "`schema_file` differs from the pinned version, {version}: leave `schema_file` out, or use `latest` to \
                 register it as the next version"
            ))),
            _ => Ok(Plan::Use(pinned)),
        }
    }

    /// The versions of a subject are of one type: what reads the older ones must be able to read the newer.
    fn same_type(&self, registered: &RegisteredSchema) -> Result<(), SchemaError> {
        if registered.schema_type == self.schema_type.as_str() {
            return Ok(());
        }
        Err(self.refused(format!(
            "it is registered with type `{}`, and declared with `{}`: use the registered type, or another subject",
            registered.schema_type, self.schema_type
        )))
    }

    fn refused(&self, reason: impl Into<String>) -> SchemaError {
        SchemaError::Declaration {
            subject: self.subject.clone(),
            topic: self.topic.to_string(),
            reason: reason.into(),
        }
    }
}

/// Whether two texts say the same: white space and the order of keys do not count.
fn same_text(a: &str, b: &str) -> bool {
    fn parsed(text: &str) -> Option<serde_json::Value> {
        serde_json::from_str(text).ok()
    }
    a == b || parsed(a).is_some_and(|a| Some(a) == parsed(b))
}
