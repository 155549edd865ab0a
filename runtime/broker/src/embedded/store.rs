//! The database file: opened, read, written, closed, and opened again after a failure.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, RwLock};
use redb::{Builder, Database, ReadTransaction, ReadableDatabase, TableError, TableHandle, WriteTransaction};

use super::{
    disk::{DiskFactory, sync_directory},
    fault::{Fault, in_use},
    tables::{
        CURSORS, DOOMED, FORMAT, HEADS, MESSAGES, META, META_FORMAT, NOTES, SCHEMAS, SUBJECTS, SUBSCRIPTIONS, TOPICS,
    },
    tracked::{Tracked, Unsynced},
};
use crate::{BrokerError, ErrorKind, Result};

/// Name of the database file in the directory.
const FILE: &str = "log.redb";
/// Name of the file whose lock says who owns the directory. The engine locks its own file too, but lets go of it
/// while it is reopened.
const LOCK: &str = "lock";

/// The database, which may be out of order for a while.
pub(super) struct Store {
    directory: PathBuf,
    disk: Arc<dyn DiskFactory>,
    cache_bytes: usize,
    unsynced: Arc<Unsynced>,
    state: RwLock<State>,
    lock: Mutex<Option<File>>,
}

enum State {
    /// Every opening has a number, so that a failure seen late is not taken for a new one.
    Open {
        database: Database,
        generation: u64,
    },
    Down {
        why: BrokerError,
        generation: u64,
    },
}

impl Store {
    /// Takes the directory, creating it if it is not there, and opens the database in it.
    pub(super) fn open(directory: &Path, disk: Arc<dyn DiskFactory>, cache_bytes: usize) -> Result<Self> {
        let lock = take(directory)?;
        let why = BrokerError::new(ErrorKind::Unavailable, "the log is being opened");
        let store = Self {
            directory: directory.to_owned(),
            disk,
            cache_bytes,
            unsynced: Arc::default(),
            state: RwLock::new(State::Down { why, generation: 0 }),
            lock: Mutex::new(Some(lock)),
        };
        store.reopen().map_err(|fault| fault.at(directory))?;
        Ok(store)
    }

    /// The directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Number of the current opening.
    pub(super) fn generation(&self) -> u64 {
        match &*self.state.read() {
            State::Open { generation, .. } | State::Down { generation, .. } => *generation,
        }
    }

    /// Why it cannot be used now, if it cannot.
    pub(super) fn ready(&self) -> Result<()> {
        match &*self.state.read() {
            State::Open { .. } => Ok(()),
            State::Down { why, .. } => Err(why.clone()),
        }
    }

    /// Reads a consistent view. Waits for the disk: not for an asynchronous thread.
    pub(super) fn read<T>(&self, f: impl FnOnce(&ReadTransaction) -> Result<T, Fault>) -> Result<T, Fault> {
        match &*self.state.read() {
            State::Open { database, .. } => Fault::instead_of_panic(|| f(&database.begin_read()?)),
            State::Down { why, .. } => Err(Fault::Down(why.clone())),
        }
    }

    /// Runs one durable transaction, or none of it when `f` fails or says that nothing changed. After `Err` it may
    /// nevertheless be on disk: only reopening tells.
    pub(super) fn write<T>(&self, f: impl FnOnce(&WriteTransaction) -> Result<(bool, T), Fault>) -> Result<T, Fault> {
        match &*self.state.read() {
            State::Open { database, .. } => {
                let transaction = database.begin_write()?;
                let (changed, value) = f(&transaction)?;
                if changed {
                    transaction.commit()?;
                } else {
                    transaction.abort()?;
                }
                Ok(value)
            }
            State::Down { why, .. } => Err(Fault::Down(why.clone())),
        }
    }

    /// Closes what is open and says why until it is opened again.
    pub(super) fn take_down(&self, why: BrokerError) {
        let mut state = self.state.write();
        let generation = match &*state {
            State::Open { generation, .. } | State::Down { generation, .. } => *generation,
        };
        let before = std::mem::replace(&mut *state, State::Down { why, generation });
        if let State::Open { database, .. } = before {
            // Its error is the one that brought us here, and so is its panic.
            let _ = Fault::instead_of_panic(|| Ok(database.close()?));
        }
    }

    fn open_checked(&self) -> Result<Database, Fault> {
        let backend = self.disk.open(&self.directory.join(FILE))?;
        let backend = Tracked::heal(backend, self.unsynced.clone())?;
        let checked = Arc::new(AtomicBool::new(false));
        let repairing = checked.clone();
        let mut database = Builder::new()
            .set_cache_size(self.cache_bytes)
            .set_repair_callback(move |_| repairing.store(true, Ordering::Relaxed))
            .create_with_backend(backend)?;
        // After a clean shutdown the engine would believe every page, and panic at one that makes no sense.
        if !checked.load(Ordering::Relaxed) && !database.check_integrity()? {
            tracing::error!(
                directory = %self.directory.display(),
                "the log was damaged since it was closed, and goes on with the newest state that is whole: what was \
                 published last may be missing; see the system log"
            );
        }
        check_format(&database)?;
        Ok(database)
    }

    /// Opens the database of a store that is down. The engine checks and repairs what a crash, a failed write or a bad
    /// disk left.
    pub(super) fn reopen(&self) -> Result<(), Fault> {
        let database = Fault::instead_of_panic(|| self.open_checked())?;
        let mut state = self.state.write();
        let generation = match &*state {
            State::Open { generation, .. } | State::Down { generation, .. } => generation + 1,
        };
        *state = State::Open { database, generation };
        Ok(())
    }

    /// Closes the database and lets go of the directory.
    pub(super) fn close(&self, why: BrokerError) -> Result<(), Fault> {
        let mut state = self.state.write();
        let generation = u64::MAX;
        let before = std::mem::replace(
            &mut *state,
            State::Down {
                why: why.clone(),
                generation,
            },
        );
        let result = match before {
            State::Open { database, .. } => database.close().map_err(Fault::from),
            State::Down { why, .. } => Err(Fault::Down(why)),
        };
        *self.lock.lock() = None;
        result
    }
}

/// Creates the directory if need be and locks it.
fn take(directory: &Path) -> Result<File> {
    let unusable = |e: std::io::Error| {
        let kind = match e.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Denied,
            _ => ErrorKind::Storage,
        };
        let place = directory.display();
        BrokerError::new(
            kind,
            format!(
                "the log's directory {place} cannot be used ({e}): it must be a directory that this user may write"
            ),
        )
    };
    let new: Vec<&Path> = directory
        .ancestors()
        .take_while(|ancestor| !ancestor.exists())
        .collect();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory).map_err(unusable)?;
    for created in new {
        // A relative path of one name is in the current directory.
        let parent = created.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_directory(Some(parent.unwrap_or(Path::new(".")))).map_err(unusable)?;
    }
    let mut options = File::options();
    let lock = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(directory.join(LOCK))
        .map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(BrokerError::new(ErrorKind::Conflict, in_use(&directory.display())))
        }
        Err(std::fs::TryLockError::Error(e)) => Err(unusable(e)),
    }
}

/// Makes the tables that are not there; refuses a database of another format.
fn check_format(database: &Database) -> Result<(), Fault> {
    match stored_format(&database.begin_read()?)? {
        Some(FORMAT) if has_all_tables(&database.begin_read()?)? => return Ok(()),
        Some(FORMAT) => {}
        Some(stored) => {
            return Err(Fault::Foreign(format!(
                "the log has format {stored} and this version of danube-wasm writes format {FORMAT}: use the version \
                 that wrote it or a newer one, or start with another directory"
            )));
        }
        None => {}
    }
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    transaction.open_table(TOPICS)?;
    transaction.open_table(HEADS)?;
    transaction.open_table(MESSAGES)?;
    transaction.open_table(SUBSCRIPTIONS)?;
    transaction.open_table(CURSORS)?;
    transaction.open_table(SUBJECTS)?;
    transaction.open_table(SCHEMAS)?;
    transaction.open_table(DOOMED)?;
    transaction.open_table(NOTES)?;
    transaction.commit()?;
    Ok(())
}

/// The tables that came after the first logs of this format; an older version leaves them alone.
fn has_all_tables(transaction: &ReadTransaction) -> Result<bool, Fault> {
    let tables = transaction.list_tables()?;
    let later = tables.filter(|table| table.name() == DOOMED.name() || table.name() == NOTES.name());
    Ok(later.count() == 2)
}

fn stored_format(transaction: &ReadTransaction) -> Result<Option<u64>, Fault> {
    let foreign = || Fault::Foreign("the database there is not a log of danube-wasm: use another directory".into());
    match transaction.open_table(META) {
        Ok(meta) => match meta.get(META_FORMAT)? {
            Some(format) => Ok(Some(format.value())),
            None => Err(foreign()),
        },
        Err(TableError::TableDoesNotExist(_)) if transaction.list_tables()?.next().is_none() => Ok(None),
        Err(TableError::TableDoesNotExist(_)) => Err(foreign()),
        Err(error) => Err(error.into()),
    }
}
