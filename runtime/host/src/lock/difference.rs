//! What differs between what is approved and what is asked for.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::Asked;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The connector is not in the lock.
    Unknown,
    /// The component is another one.
    Digest {
        /// What is approved.
        approved: Option<String>,
        /// What there is.
        found: String,
    },
    /// The built-in component of this name is another one: this is another version of the program.
    Builtin {
        /// What is approved.
        approved: String,
        /// What there is.
        found: String,
    },
    /// It asks for something more.
    More {
        /// `capability`, `host` or `credential`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// It no longer asks for something.
    Less {
        /// As above.
        what: &'static str,
        /// Which.
        name: String,
    },
}

impl Change {
    /// Whether it must be approved.
    pub fn is_more(&self) -> bool {
        !matches!(self, Self::Less { .. } | Self::Builtin { .. })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("it is new"),
            Self::Digest { approved, found } => {
                let approved = approved.as_deref().unwrap_or("one that was built in");
                write!(f, "its component is {found}, approved is {approved}")
            }
            Self::Builtin { approved, found } => write!(f, "its built-in component is {found}, it was {approved}"),
            Self::More { what, name } => write!(f, "+ {what} {name}"),
            Self::Less { what, name } => write!(f, "- {what} {name}"),
        }
    }
}

/// What is asked for and not approved, and the other way round.
pub(super) fn between(approved: Option<&Asked>, asked: &Asked) -> Vec<Change> {
    let none = BTreeSet::new();
    let of = |set: fn(&Asked) -> &BTreeSet<String>| (approved.map_or(&none, set), set(asked));
    let mut changes = Vec::new();
    match approved {
        None => changes.push(Change::Unknown),
        Some(approved) => changes.extend(digest(approved, asked)),
    }
    let sets = [
        ("capability", of(|asked| &asked.capabilities)),
        ("host", of(|asked| &asked.hosts)),
        ("credential", of(|asked| &asked.credentials)),
    ];
    for (what, (approved, asked)) in sets {
        let name = |name: &String| name.clone();
        changes.extend(
            asked
                .difference(approved)
                .map(name)
                .map(|name| Change::More { what, name }),
        );
        changes.extend(
            approved
                .difference(asked)
                .map(name)
                .map(|name| Change::Less { what, name }),
        );
    }
    changes
}

fn digest(approved: &Asked, asked: &Asked) -> Option<Change> {
    let found = asked
        .digest
        .clone()
        .filter(|found| approved.digest.as_ref() != Some(found))?;
    if !(asked.is_builtin() && asked.component == approved.component) {
        let approved = approved.digest.clone();
        return Some(Change::Digest { approved, found });
    }
    // A lock of version 1 has no digest of it to compare with.
    let approved = approved.digest.clone()?;
    Some(Change::Builtin { approved, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(digest: &str, hosts: &[&str]) -> Asked {
        Asked {
            connector: "shop/orders".to_owned(),
            component: "orders.wasm".to_owned(),
            digest: Some(digest.to_owned()),
            contract: Some("danube:connector@0.1.0".to_owned()),
            capabilities: ["log".to_owned(), "http".to_owned()].into(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            credentials: BTreeSet::new(),
        }
    }

    fn said(approved: Option<&Asked>, found: &Asked) -> Vec<(String, bool)> {
        between(approved, found)
            .iter()
            .map(|change| (change.to_string(), change.is_more()))
            .collect()
    }

    #[test]
    fn only_what_is_more_must_be_approved() {
        let approved = asked("sha256:a", &["a.example", "b.example"]);
        assert_eq!(said(Some(&approved), &approved), []);
        let less = asked("sha256:a", &["a.example"]);
        assert_eq!(said(Some(&approved), &less), [("- host b.example".to_owned(), false)]);
        let other = asked("sha256:b", &["a.example", "c.example"]);
        assert_eq!(
            said(Some(&approved), &other),
            [
                ("its component is sha256:b, approved is sha256:a".to_owned(), true),
                ("+ host c.example".to_owned(), true),
                ("- host b.example".to_owned(), false),
            ]
        );
        let new = said(None, &less);
        assert_eq!(new[0].0, "it is new");
        assert_eq!(new.len(), 4, "and all that it asks for: {new:?}");
    }

    #[test]
    fn another_version_of_what_is_built_in_need_not_be_approved_and_another_component_must() {
        let builtin = |name: &str, digest: &str| Asked {
            component: format!("builtin:{name}"),
            ..asked(digest, &[])
        };
        let (approved, newer) = (builtin("orders", "sha256:a"), builtin("orders", "sha256:b"));
        assert_eq!(
            said(Some(&approved), &newer),
            [("its built-in component is sha256:b, it was sha256:a".to_owned(), false)]
        );
        let older = Asked {
            digest: None,
            contract: None,
            ..approved.clone()
        };
        assert_eq!(said(Some(&older), &newer), [], "version 1 had no digest of it");
        let others = [builtin("doors", "sha256:b"), asked("sha256:b", &[])];
        for other in others {
            assert_eq!(
                said(Some(&approved), &other),
                [("its component is sha256:b, approved is sha256:a".to_owned(), true)]
            );
        }
        let file = asked("sha256:b", &[]);
        assert_eq!(
            said(Some(&older), &file),
            [(
                "its component is sha256:b, approved is one that was built in".to_owned(),
                true
            )]
        );
    }
}
