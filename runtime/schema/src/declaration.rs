//! A topic's declared schema, and which registered version it means.

use std::borrow::Cow;

use danube_wasm_broker::{RegisteredSchema, Registry};
use danube_wasm_model::TopicName;

use crate::{SchemaError, SchemaType, evolution::Incompatibility, examine, schemas::examine_blocking, with_message};

/// A topic's schema, as a pipeline file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The topic.
    pub topic: TopicName,
    /// The subject.
    pub subject: String,
    /// The type.
    pub schema_type: SchemaType,
    /// The text, for types that have one. `None` uses the registered one.
    pub definition: Option<String>,
    /// The message of a Protobuf text, by its full name. `None` takes the one that the text names in a comment line
    /// `// message: shop.Order`, or its first.
    pub message: Option<String>,
    /// Register the text if it is new.
    pub auto_register: bool,
    /// Which version.
    pub version: VersionStrategy,
}

/// Which version of a subject to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionStrategy {
    /// The newest. A declared text that differs from it becomes the next version if all that was valid stays valid.
    #[default]
    Latest,
    /// This one. A declared text must be the same.
    Pinned(u32),
    /// The newest, if it is at least this one.
    Minimum(u32),
}

/// What a declaration requires.
pub(crate) enum RegistrationPlan {
    /// Use this version.
    Use(RegisteredSchema),
    /// Register this text as a version after the newest one.
    Register {
        text: String,
        after: Option<RegisteredSchema>,
    },
}

impl Declaration {
    /// Checks that the declared text is a schema of its type, without a registry.
    pub async fn examine(&self) -> Result<(), SchemaError> {
        match self.text()? {
            Some(text) => examine(&self.subject, self.schema_type, &text).await,
            None => Ok(()),
        }
    }

    /// Blocking form of [`Self::examine`]. It takes milliseconds.
    pub fn examine_blocking(&self) -> Result<(), SchemaError> {
        match self.text()? {
            Some(text) => examine_blocking(&self.subject, self.schema_type, &text),
            None => Ok(()),
        }
    }

    /// The declared text, as it is registered; empty for types without.
    fn text(&self) -> Result<Option<Cow<'_, str>>, SchemaError> {
        if self.message.is_some() && self.schema_type != SchemaType::Protobuf {
            return Err(self.refused(format!(
                "`message` is for `protobuf`, and this is `{}`",
                self.schema_type
            )));
        }
        if !self.schema_type.has_definition() && self.definition.is_none() {
            return Ok(Some("".into()));
        }
        match (self.definition.as_deref(), self.message.as_deref()) {
            (Some(text), Some(message)) => {
                let text = with_message(text, message).map_err(|reason| self.refused(reason))?;
                Ok(Some(text.into()))
            }
            (text, _) => Ok(text.map(Cow::from)),
        }
    }

    /// Compares the declaration with the registered versions.
    pub(crate) async fn plan(&self, registry: &dyn Registry) -> Result<RegistrationPlan, SchemaError> {
        let failed = |source| SchemaError::Registry {
            subject: self.subject.clone(),
            source,
        };
        match self.version {
            VersionStrategy::Latest => self.plan_latest(registry.latest(&self.subject).await.map_err(failed)?),
            VersionStrategy::Minimum(minimum) => {
                let latest = registry.latest(&self.subject).await.map_err(failed)?;
                let there = latest.as_ref().map_or(0, |latest| latest.reference.version);
                let plan = self.plan_latest(latest)?;
                let version = if matches!(plan, RegistrationPlan::Register { .. }) {
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
                self.plan_pinned(version, registry.versions(&self.subject).await.map_err(failed)?)
            }
        }
    }

    fn plan_latest(&self, latest: Option<RegisteredSchema>) -> Result<RegistrationPlan, SchemaError> {
        let text = self.text()?;
        let Some(latest) = latest else {
            return match (self.auto_register, text) {
                (true, Some(text)) => Ok(RegistrationPlan::Register {
                    text: text.into_owned(),
                    after: None,
                }),
                (true, None) => Err(self.refused("it is not registered: give its text as `schema_file`")),
                (false, _) => Err(self.refused(
                    "it is not registered, and `auto_register` is false: register it, or set `auto_register = true`",
                )),
            };
        };
        self.check_type(&latest)?;
        let version = latest.reference.version;
        match text {
            Some(text) if self.is_same(&text, &latest) => Ok(RegistrationPlan::Use(latest)),
            Some(text) if self.auto_register => Ok(RegistrationPlan::Register {
                text: text.into_owned(),
                after: Some(latest),
            }),
            Some(_) => Err(self.refused(format!(
                "`schema_file` differs from the newest registered version, {version}, and `auto_register` is false: set \
                 `auto_register = true` to register it, `version_strategy = {{ pinned = N }}` to use an older one, or \
                 leave `schema_file` out to use what is registered"
            ))),
            None => Ok(RegistrationPlan::Use(latest)),
        }
    }

    fn plan_pinned(&self, version: u32, versions: Vec<RegisteredSchema>) -> Result<RegistrationPlan, SchemaError> {
        if versions.is_empty() && version == 1 {
            return self.plan_latest(None);
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
        self.check_type(&pinned)?;
        match self.text()? {
            Some(text) if !self.is_same(&text, &pinned) => Err(self.refused(format!(
                "`schema_file` differs from the pinned version, {version}: leave `schema_file` out, or use `latest` to \
                 register it as the next version"
            ))),
            _ => Ok(RegistrationPlan::Use(pinned)),
        }
    }

    /// All versions of a subject have one type: a reader of the older ones must be able to read the newer.
    fn check_type(&self, registered: &RegisteredSchema) -> Result<(), SchemaError> {
        if registered.schema_type == self.schema_type.as_str() {
            return Ok(());
        }
        Err(self.refused(format!(
            "it is registered with type `{}`, and declared with `{}`: use the registered type, or another subject",
            registered.schema_type, self.schema_type
        )))
    }

    /// The error of a declared text that is not compatible with the newest version.
    pub(crate) async fn incompatible(
        &self,
        latest: &RegisteredSchema,
        text: &str,
        incompatibility: Incompatibility,
        registry: &dyn Registry,
    ) -> SchemaError {
        let newest = latest.reference.version;
        // Only for a better message: if there is no answer, the message says less.
        let versions = registry.versions(&self.subject).await.unwrap_or_default();
        let is_older = |version: &&RegisteredSchema| self.is_same(text, version);
        self.refused(match versions.iter().find(is_older).map(|older| older.reference.version) {
            Some(older) => format!(
                "`schema_file` is version {older}, and the newest, {newest}, allows more ({incompatibility}): write \
                 `version_strategy = {{ pinned = {older} }}` to go back to it"
            ),
            None => format!(
                "`schema_file` is not compatible with the newest registered version, {newest}: {incompatibility}. Give it a new \
                 subject, or leave `schema_file` out and write `version_strategy = {{ pinned = {newest} }}` to stay with \
                 that version"
            ),
        })
    }

    /// Accepts the registered version, which may be an older one if the text is.
    pub(crate) fn accept(&self, registered: RegisteredSchema) -> Result<RegisteredSchema, SchemaError> {
        match self.version {
            VersionStrategy::Minimum(minimum) if registered.reference.version < minimum => Err(self.refused(format!(
                "`version_strategy = {{ minimum = {minimum} }}`, but `schema_file` is version {}: use a newer text, or ask \
                 for less",
                registered.reference.version
            ))),
            _ => Ok(registered),
        }
    }

    /// Whether a text is equivalent to a registered one: in JSON, white space and the order of keys do not count; in
    /// Protobuf, the ends of lines do not.
    pub(crate) fn is_same(&self, text: &str, registered: &RegisteredSchema) -> bool {
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        let registered = registered.definition.as_str();
        match self.schema_type {
            SchemaType::Protobuf => {
                let lines = |text| str::trim_end(text).lines().map(str::trim_end);
                lines(text).eq(lines(registered))
            }
            _ => text == registered || parsed(text).is_some_and(|text| Some(text) == parsed(registered)),
        }
    }

    fn refused(&self, reason: impl Into<String>) -> SchemaError {
        SchemaError::Declaration {
            subject: self.subject.clone(),
            topic: self.topic.to_string(),
            reason: reason.into(),
        }
    }
}
