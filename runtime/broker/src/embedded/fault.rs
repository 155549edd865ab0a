//! What the storage engine reports, as callers and operators understand it.

use std::{io, path::Path};

use super::codec::Malformed;
use crate::{BrokerError, ErrorKind};

/// A failure below the broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The engine or the disk.
    #[error(transparent)]
    Engine(Box<redb::Error>),
    /// What is stored makes no sense.
    #[error("{0}")]
    Damaged(String),
    /// Stored by a newer version, or not by this program.
    #[error("{0}")]
    Foreign(String),
    /// Not open at the moment: why.
    #[error(transparent)]
    Down(BrokerError),
}

macro_rules! from_engine {
    ($($error:ident),*) => {$(
        impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Engine(Box::new(error.into()))
            }
        }
    )*};
}
from_engine!(StorageError, TableError, TransactionError, CommitError, DatabaseError);

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Engine(Box::new(redb::Error::Io(error)))
    }
}

impl Fault {
    /// Something stored that cannot be read.
    pub(super) fn damaged(what: impl std::fmt::Display, why: Malformed) -> Self {
        Self::Damaged(format!("{what} cannot be read: {why}"))
    }

    /// What the engine does with a file that may be damaged: it panics at a page that makes no sense.
    pub(super) fn instead_of_panic<T>(f: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        // What was under way is dropped with the panic.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|_| {
            Err(Self::Damaged(
                "the storage engine could not make sense of a page".to_owned(),
            ))
        })
    }

    /// Whether the engine must be opened again before it does anything else.
    pub(super) fn ends_the_engine(&self) -> bool {
        matches!(self, Self::Engine(_))
    }

    /// Whether the disk has no room.
    pub(super) fn is_full_disk(&self) -> bool {
        let Self::Engine(error) = self else { return false };
        matches!(&**error, redb::Error::Io(e) if is_full(e))
    }

    /// For a caller: what happened, where, and what to do.
    pub(super) fn at(self, directory: &Path) -> BrokerError {
        let place = directory.display();
        let (kind, message) = match self {
            Self::Down(error) => return error,
            Self::Foreign(message) => (ErrorKind::Incompatible, format!("{place}: {message}")),
            Self::Damaged(message) => (ErrorKind::Incompatible, damaged(&place, &message)),
            Self::Engine(error) => engine(&place, *error),
        };
        BrokerError::new(kind, message)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn engine(place: &std::path::Display<'_>, error: redb::Error) -> (ErrorKind, String) {
    match error {
        redb::Error::DatabaseAlreadyOpen => (ErrorKind::Conflict, in_use(place)),
        redb::Error::Io(e) if is_full(&e) => (
            ErrorKind::Storage,
            format!("the disk that holds the log in {place} is full ({e}): free space; the log goes on by itself"),
        ),
        redb::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => (
            ErrorKind::Incompatible,
            format!("the log in {place} is not one ({e}): point `embedded://` at another directory"),
        ),
        redb::Error::Io(e) if e.kind() == io::ErrorKind::PermissionDenied => (
            ErrorKind::Denied,
            format!("the log in {place} cannot be opened ({e}): give this user read and write access to the directory"),
        ),
        redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableIsMultimap(_) => (
            ErrorKind::Incompatible,
            format!(
                "the log in {place} has a layout that this version does not know ({error}): use the version that wrote it"
            ),
        ),
        redb::Error::Corrupted(why) => (ErrorKind::Incompatible, damaged(place, &why)),
        error => (
            ErrorKind::Storage,
            format!(
                "the disk failed under the log in {place} ({error}): see the system log; the log recovers when it does"
            ),
        ),
    }
}

fn damaged(place: &std::path::Display<'_>, why: &str) -> String {
    format!("the log in {place} is damaged ({why}): restore it from a copy, or start with another directory")
}

/// Two processes on one log.
pub(super) fn in_use(place: &std::path::Display<'_>) -> String {
    format!(
        "the log in {place} is in use by another process: stop that one, or point `embedded://` at another directory"
    )
}
