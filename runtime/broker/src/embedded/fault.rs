//! Errors of the storage engine, and how callers and operators see them.

use std::{io, path::Path};

use super::codec::Malformed;
use crate::{BrokerError, ErrorKind};

/// A failure below the broker.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The engine or the disk.
    #[error(transparent)]
    Engine(Box<redb::Error>),
    /// A stored value makes no sense.
    #[error("{0}")]
    Damaged(String),
    /// Written by a newer version, or not by this program.
    #[error("{0}")]
    UnknownFormat(String),
    /// The log is not open; the reason.
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
    /// A stored value that cannot be read.
    pub(super) fn damaged(what: impl std::fmt::Display, why: Malformed) -> Self {
        Self::Damaged(format!("{what} cannot be read: {why}"))
    }

    /// Catches the panic of the engine at a damaged page.
    pub(super) fn catch_panic<T>(f: impl FnOnce() -> Result<T, Self>) -> Result<T, Self> {
        // Work in progress is dropped with the panic.
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|_| {
            Err(Self::Damaged(
                "the storage engine could not make sense of a page".to_owned(),
            ))
        })
    }

    /// Whether the engine must be opened again before it does anything else.
    pub(super) fn requires_reopen(&self) -> bool {
        matches!(self, Self::Engine(_))
    }

    /// Whether the disk has no room.
    pub(super) fn is_full_disk(&self) -> bool {
        let Self::Engine(error) = self else { return false };
        matches!(&**error, redb::Error::Io(e) if is_full(e))
    }

    /// For a caller: what happened, where, and what to do about it.
    pub(super) fn into_broker_error(self, directory: &Path) -> BrokerError {
        let directory = directory.display();
        let (kind, message) = match self {
            Self::Down(error) => return error,
            Self::UnknownFormat(message) => (ErrorKind::Incompatible, format!("{directory}: {message}")),
            Self::Damaged(message) => (ErrorKind::Incompatible, damaged(&directory, &message)),
            Self::Engine(error) => engine(&directory, *error),
        };
        BrokerError::new(kind, message)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn engine(directory: &std::path::Display<'_>, error: redb::Error) -> (ErrorKind, String) {
    match error {
        redb::Error::DatabaseAlreadyOpen => (ErrorKind::Conflict, in_use(directory)),
        redb::Error::Io(e) if is_full(&e) => (
            ErrorKind::Storage,
            format!("the disk that holds the log in {directory} is full ({e}): free space; the log goes on by itself"),
        ),
        redb::Error::Io(e) if e.kind() == io::ErrorKind::InvalidData => (
            ErrorKind::Incompatible,
            format!("the log in {directory} is not one ({e}): point `embedded://` at another directory"),
        ),
        redb::Error::Io(e) if e.kind() == io::ErrorKind::PermissionDenied => (
            ErrorKind::Denied,
            format!(
                "the log in {directory} cannot be opened ({e}): give this user read and write access to the directory"
            ),
        ),
        redb::Error::UpgradeRequired(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableIsMultimap(_) => (
            ErrorKind::Incompatible,
            format!(
                "the log in {directory} has a layout that this version does not know ({error}): use the version that wrote it"
            ),
        ),
        redb::Error::Corrupted(why) => (ErrorKind::Incompatible, damaged(directory, &why)),
        error => (
            ErrorKind::Storage,
            format!(
                "the disk failed under the log in {directory} ({error}): see the system log; the log recovers when it does"
            ),
        ),
    }
}

fn damaged(directory: &std::path::Display<'_>, why: &str) -> String {
    format!("the log in {directory} is damaged ({why}): restore it from a copy, or start with another directory")
}

/// Two processes on one log.
pub(super) fn in_use(directory: &std::path::Display<'_>) -> String {
    format!(
        "the log in {directory} is in use by another process: stop that one, or point `embedded://` at another directory"
    )
}
