//! Which broker the pipeline uses.

use std::{fmt, path::PathBuf};

use crate::reader::{Spot, kinds::Kind};

/// The broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceUrl {
    /// A durable log in this process.
    Embedded {
        /// Its directory, absolute.
        dir: PathBuf,
    },
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded { dir } => write!(f, "embedded://{}", dir.display()),
        }
    }
}

/// Reads `embedded://DIR`.
pub(crate) struct ServiceUrlKind;

impl Kind for ServiceUrlKind {
    type Value = ServiceUrl;

    fn what(&self) -> String {
        "a URL: `embedded://DIR`".to_owned()
    }

    fn show(&self, value: &ServiceUrl) -> String {
        format!("\"{value}\"")
    }

    fn read(&self, spot: &Spot<'_>) -> Option<ServiceUrl> {
        let text = spot.text(&self.what())?;
        match text.split_once("://") {
            Some(("embedded", dir)) if !dir.is_empty() && !dir.contains(char::is_control) => {
                Some(ServiceUrl::Embedded {
                    dir: spot.session.resolve(dir),
                })
            }
            Some(("http" | "https", _)) => spot.refuse_with(
                format!(
                    "`{}`: a Danube cluster is not supported by this version yet",
                    spot.name()
                ),
                "use `embedded://data/log`, a durable log in this process",
            ),
            _ => spot.refuse(format!("`{}` must be {}", spot.name(), self.what())),
        }
    }
}
