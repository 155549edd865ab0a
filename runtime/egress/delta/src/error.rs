//! Why a table was not written to, by who must act.

use std::fmt;

use danube_wasm_model::door::EgressError;

/// Why a table was not written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TableError {
    /// The store is out of reach, busy or full.
    Transient(String),
    /// The table cannot take writes until somebody acts.
    Unfit(String),
    /// The sink must stop: it would do harm.
    Fatal(String),
    /// The table is not as it was, its columns have changed or it was made anew: it is opened again, and the rows are made anew.
    Changed,
}

impl TableError {
    /// As the pipeline knows it.
    pub(crate) fn of_target(self, target: &str) -> EgressError {
        match self {
            Self::Unfit(message) => EgressError::Unfit {
                target: target.into(),
                message,
            },
            Self::Fatal(message) => EgressError::Configuration { message },
            Self::Transient(message) => EgressError::Transient {
                message,
                retry_after: None,
            },
            Self::Changed => EgressError::Transient {
                message: format!("table `{target}` changes again and again"),
                retry_after: None,
            },
        }
    }

    /// The same with what was done when it happened in front.
    pub(crate) fn when(self, what: impl fmt::Display) -> Self {
        let told = |message: String| format!("{what}: {message}");
        match self {
            Self::Transient(message) => Self::Transient(told(message)),
            Self::Unfit(message) => Self::Unfit(told(message)),
            Self::Fatal(message) => Self::Fatal(told(message)),
            Self::Changed => Self::Changed,
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transient(message) | Self::Unfit(message) | Self::Fatal(message) => f.write_str(message),
            Self::Changed => f.write_str("the table has changed"),
        }
    }
}

impl From<object_store::Error> for TableError {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        let said = chain(&error);
        match error {
            E::PermissionDenied { .. } | E::Unauthenticated { .. } => Self::Unfit(format!(
                "the store refuses the credentials, or they may not do this: {said}; correct `storage` or what they may do"
            )),
            E::NotImplemented { .. } | E::NotSupported { .. } | E::UnknownConfigurationKey { .. } => Self::Unfit(said),
            _ if said.contains("NoSuchBucket") || said.contains("ContainerNotFound") => Self::Unfit(format!(
                "the bucket or container is not there: {said}; create it, or correct the table's `url`"
            )),
            _ => Self::Transient(said),
        }
    }
}

/// An error and what caused it, in one line, without repetitions and without the end of a long answer.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    const CHARS_MAX: usize = 400;
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    let mut line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(CHARS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}
