//! What a server refuses, in a sentence with its cure.

use std::fmt;

use danube_wasm_model::upstream::UpstreamError;
use pgwire_replication::protocol::ErrorFields;
use tokio_postgres::error::DbError;

use crate::config::Postgres;

/// Something went wrong between here and the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PgError {
    /// What happened and what to do.
    pub(crate) message: String,
    pub(crate) kind: Kind,
    /// SQLSTATE, if the server said it.
    pub(crate) code: Option<String>,
}

/// Who can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Time, perhaps.
    Transient,
    /// Somebody who changes something.
    Permanent,
    /// The upstream has lost something.
    Gap,
}

/// A refusal as the server words it.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl PgError {
    pub(crate) fn transient(message: impl fmt::Display) -> Self {
        Self::new(Kind::Transient, message)
    }

    pub(crate) fn permanent(message: impl fmt::Display) -> Self {
        Self::new(Kind::Permanent, message)
    }

    pub(crate) fn gap(message: impl fmt::Display) -> Self {
        Self::new(Kind::Gap, message)
    }

    fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            kind,
            code: None,
        }
    }

    /// A source that has read before goes on trying: a server that is restored or fails over may refuse at first.
    pub(crate) fn into_upstream(self, has_read: bool) -> UpstreamError {
        let message = self.message;
        match self.kind {
            Kind::Gap => UpstreamError::Gap { message },
            Kind::Permanent if !has_read => UpstreamError::Configuration { message },
            Kind::Permanent | Kind::Transient => UpstreamError::Transient {
                message,
                retry_after: None,
            },
        }
    }
}

impl From<&DbError> for Said {
    fn from(error: &DbError) -> Self {
        Self {
            code: error.code().code().to_owned(),
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
        }
    }
}

impl From<ErrorFields> for Said {
    fn from(fields: ErrorFields) -> Self {
        Self {
            code: fields.code.unwrap_or_default(),
            message: fields.message.unwrap_or_default(),
            hint: fields.hint,
        }
    }
}

/// The server refused something: `what` says what was tried.
pub(crate) fn refused(config: &Postgres, what: &str, said: Said) -> PgError {
    let (kind, cure) = cure(config, &said);
    let cure = cure.or_else(|| said.hint.clone()).map(|cure| format!(". {cure}"));
    let message = format!(
        "{}: {what} is refused: {} (SQLSTATE {}){}",
        config.url,
        said.message,
        said.code,
        cure.unwrap_or_default()
    );
    PgError {
        message,
        kind,
        code: Some(said.code),
    }
}

/// Who can help, and how. By SQLSTATE: messages are translated.
fn cure(config: &Postgres, said: &Said) -> (Kind, Option<String>) {
    let Postgres {
        user,
        slot,
        publication,
        url,
        ..
    } = config;
    let permanent = |cure: String| (Kind::Permanent, Some(cure));
    match said.code.as_str() {
        "28P01" => permanent("Correct `user` and `password`".to_owned()),
        "28000" => permanent(format!(
            "Let the role `{user}` in: LOGIN and REPLICATION (`ALTER ROLE \"{user}\" LOGIN REPLICATION`), and a line for it in the \
             server's pg_hba.conf"
        )),
        "3D000" => permanent(format!(
            "Correct the database in `url`: the server has no `{}`",
            url.database()
        )),
        "42501" => permanent(format!(
            "Give the role `{user}` what it lacks: REPLICATION (`ALTER ROLE \"{user}\" REPLICATION`), SELECT on the tables, and to make \
             a publication CREATE on the database and ownership of the tables"
        )),
        "42P01" | "3F000" => permanent("Correct `tables`, or create the table".to_owned()),
        "53400" => {
            permanent("Raise `max_replication_slots` at the server, or drop a slot that nobody reads".to_owned())
        }
        "55000" => permanent(format!(
            "The server must be started with `wal_level = logical`, and the slot `{slot}` must be one of `pgoutput` in this database"
        )),
        "42704" => permanent(format!(
            "The publication `{publication}` or the slot `{slot}` is not there: create the publication, or write \
             `create_publication = true`"
        )),
        "42710" => (
            Kind::Transient,
            Some("A session of before still has it; it is tried again until the server has noticed its end".to_owned()),
        ),
        // In use, too many connections, starting up, shutting down, deadlocks, cancelled: it passes.
        "55006" => (
            Kind::Transient,
            Some(format!(
                "Somebody else reads the slot `{slot}`; it is tried again until that ends"
            )),
        ),
        code if ["08", "53", "57", "40", "XX", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            (Kind::Transient, None)
        }
        _ => (Kind::Permanent, None),
    }
}
