//! Who owns what: every budget, cache entry, metric label and consumer name belongs to one connector.

use std::{fmt, str::FromStr, sync::Arc};

/// Tenant of everything that runs outside the hosted platform.
pub const DEFAULT_TENANT: &str = "default";

/// A name was not one: say which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{value}` is not a valid {what} name: use 1 to 64 of a-z, A-Z, 0-9, `_`, `-`, `.`, beginning with a letter or digit"
)]
pub struct InvalidName {
    what: &'static str,
    value: String,
}

/// Owner of a component instance and of everything done on its behalf.
///
/// Cheap to clone. Displayed as `pipeline/connector`, or `tenant/pipeline/connector` outside the default tenant; the
/// number of segments tells the two apart, and no segment contains `/` or `:`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectorId(Arc<Parts>);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Parts {
    tenant: String,
    pipeline: String,
    connector: String,
    text: String,
}

impl ConnectorId {
    /// A connector of the default tenant.
    pub fn try_new(pipeline: &str, connector: &str) -> Result<Self, InvalidName> {
        Self::try_with_tenant(DEFAULT_TENANT, pipeline, connector)
    }

    /// A connector of a named tenant.
    pub fn try_with_tenant(tenant: &str, pipeline: &str, connector: &str) -> Result<Self, InvalidName> {
        check("tenant", tenant)?;
        check("pipeline", pipeline)?;
        check("connector", connector)?;
        let text = if tenant == DEFAULT_TENANT {
            format!("{pipeline}/{connector}")
        } else {
            format!("{tenant}/{pipeline}/{connector}")
        };
        Ok(Self(Arc::new(Parts {
            tenant: tenant.into(),
            pipeline: pipeline.into(),
            connector: connector.into(),
            text,
        })))
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.0.tenant
    }

    /// The pipeline, unique in its tenant.
    pub fn pipeline(&self) -> &str {
        &self.0.pipeline
    }

    /// The connector, unique in its pipeline.
    pub fn connector(&self) -> &str {
        &self.0.connector
    }

    /// Name of a directory for what is kept of it. No name has an `@`.
    pub fn directory(&self) -> String {
        self.0.text.replace('/', "@")
    }

    /// The displayed form, without allocating.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }
}

/// Why a text is no displayed form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no connector: it is `pipeline/connector`, or `tenant/pipeline/connector`")]
pub struct InvalidId(String);

impl FromStr for ConnectorId {
    type Err = InvalidId;

    /// From the displayed form.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parts: Vec<_> = text.split('/').collect();
        let id = match parts[..] {
            [pipeline, connector] => Self::try_new(pipeline, connector),
            [tenant, pipeline, connector] => Self::try_with_tenant(tenant, pipeline, connector),
            _ => return Err(InvalidId(text.chars().take(240).collect())),
        };
        id.map_err(|_| InvalidId(text.chars().take(240).collect()))
    }
}

impl fmt::Display for ConnectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// Whether `value` may name a tenant, a pipeline or a connector.
pub fn check(what: &'static str, value: &str) -> Result<(), InvalidName> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let starts_well = value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && value.len() <= 64 && value.chars().all(legal) {
        Ok(())
    } else {
        Err(InvalidName {
            what,
            value: value.chars().take(80).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_tells_tenants_apart() {
        let plain = ConnectorId::try_new("stripe", "webhook").expect("valid");
        let tenant = ConnectorId::try_with_tenant("acme", "stripe", "webhook").expect("valid");
        assert_eq!(plain.to_string(), "stripe/webhook");
        assert_eq!(tenant.to_string(), "acme/stripe/webhook");
        for id in [plain, tenant] {
            assert_eq!(id.as_str().parse(), Ok(id));
        }
        for text in ["", "a", "a/b/c/d", "a/b/", "a//b"] {
            assert!(text.parse::<ConnectorId>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_could_escape_a_path_or_a_scope_are_refused() {
        for name in ["", "..", "a/b", "a:b", "-a", "ä", &"a".repeat(65)] {
            assert!(ConnectorId::try_new(name, "x").is_err(), "{name}");
        }
    }
}
