//! The commits of one table.
//!
//! ```text
//! rows → those not in the window → file of ids → data files → commit ─┬→ done
//!          ↑                                                          └→ conflict, or no answer
//!          └──────────── what others, or this commit, have added ←───────┘
//! ```
//!
//! # Why each row is there once
//!
//! * A commit adds rows and says which file has their ids. Both or neither are in the table.
//! * The window has the ids of all versions up to the one that a commit builds on: those of each version are read before the next
//!   one is tried, whoever made it. A commit is the next version, or is refused by the store. So no row of another process of this
//!   connector is passed over.
//! * If a commit's answer is lost, or it is refused because its own first try was taken, the log tells: its ids are found like
//!   those of others, and nothing is left to write.
//! * After a crash the window is read from the files. One that was written for a commit that never was does not count
//!   ([`crate::ids_file`]).
//!
//! A message that comes again after more rows than the window holds is doubled.

mod append;
mod load;
mod open;
mod parts;

pub(crate) use open::{Survey, survey};

use std::{
    collections::HashSet,
    sync::{Arc, mpsc},
};

use parking_lot::Mutex;

use crate::{
    config::Table,
    error::TableError,
    ids_file::{Identity, IdsName, decode},
    layout::Layout,
    limits::CHECKPOINT_ENDS_WITHIN,
    log::LoggedCommit,
    row::RowId,
    storage::TableStore,
    table::DeltaTable,
    window::IdWindow,
};

/// What one table's commits are made with, in every session.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Its table of the file.
    pub(crate) config: Table,
    pub(crate) store: TableStore,
    pub(crate) identity: Identity,
    /// Hashes of the ids of every commit that this process tried and whose fate is not known yet.
    pub(crate) tried: Arc<Mutex<HashSet<String>>>,
    /// Whether a table may be made.
    pub(crate) may_create: bool,
}

/// Makes the commits of one table.
pub(crate) struct TableWriter {
    setup: Setup,
    table: DeltaTable,
    layout: Arc<Layout>,
    window: IdWindow,
    /// The number of this consumer's last commit.
    number: i64,
    /// The version up to which the window has everything.
    absorbed: u64,
    /// Files of committed ids of this consumer, oldest first, with their rows.
    files: Vec<(IdsName, usize)>,
    /// The ids of the last of these, if the next commit's are added to it.
    open_ids: Vec<RowId>,
    /// Files that were written for this consumer's next commit. One of them will be it.
    undecided: Vec<IdsName>,
    /// Files that were written for its commits so far and are none. They are removed before the next commit: by their numbers they
    /// would count after it.
    lost: Vec<IdsName>,
    /// Whether something may have been committed that is not absorbed.
    in_doubt: bool,
    commits: u64,
    /// Disconnected when the last checkpoint that was begun is written, or was not.
    checkpoint: Option<mpsc::Receiver<()>>,
}

/// The threads on which a store is asked may end after this: a checkpoint that is under way is waited for, or a sink that runs for
/// a short time at a time never writes one.
impl Drop for TableWriter {
    fn drop(&mut self) {
        if let Some(written) = self.checkpoint.take() {
            let _ = written.recv_timeout(CHECKPOINT_ENDS_WITHIN);
        }
    }
}

impl TableWriter {
    /// How rows are made for it now.
    pub(crate) fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Reads the newest version, and everything that was added since.
    fn catch_up(&mut self, anew: bool) -> Result<(), TableError> {
        self.table.refresh(anew)?;
        while self.absorbed < self.table.version() {
            let version = self.absorbed + 1;
            match LoggedCommit::read(&self.setup.store, version)? {
                Some(commit) => self.absorb(&commit)?,
                None => return self.load(),
            }
            self.absorbed = version;
        }
        self.in_doubt = false;
        match self.layout.fits(&self.table.schema()?) {
            true => Ok(()),
            false => Err(TableError::Changed),
        }
    }

    /// Takes the ids of a commit into the window.
    fn absorb(&mut self, commit: &LoggedCommit) -> Result<(), TableError> {
        let identity = &self.setup.identity;
        let own = commit.number_of(&identity.application());
        let hash = commit.ids.as_ref().map(|(_, name)| &name.hash);
        if let Some(number) = own {
            if !hash.is_some_and(|hash| self.setup.tried.lock().contains(hash)) {
                return Err(TableError::Fatal(format!(
                    "another process writes to {} as `{}`: give each its own name (`consumer_name`, or the id of the connector), \
                     so that none takes the other's commits for its own",
                    self.setup.config.shown(),
                    identity.application()
                )));
            }
            self.number = self.number.max(number);
        }
        let Some((folder, name)) = &commit.ids else {
            return Ok(());
        };
        if *folder != identity.folder() {
            return Ok(());
        }
        let Some(bytes) = self.setup.store.get(&identity.path(name))? else {
            return Ok(());
        };
        let ids = decode(&bytes).ok_or_else(|| {
            TableError::Unfit(format!(
                "{} is no file of ids: which rows it stands for cannot be told",
                identity.path(name)
            ))
        })?;
        if own.is_some() {
            self.committed(name.clone(), ids);
        } else {
            self.window.extend(ids);
        }
        Ok(())
    }

    /// This consumer's commit with this file of ids is in the table.
    fn committed(&mut self, name: IdsName, ids: Vec<RowId>) {
        self.window.extend(ids.iter().copied());
        let carried = match self.open_ids.is_empty() {
            true => None,
            false => self.files.pop(),
        };
        if let Some((carried, _)) = carried.filter(|(carried, _)| *carried != name) {
            self.remove(&carried);
        }
        let undecided = std::mem::take(&mut self.undecided);
        let mut tried = self.setup.tried.lock();
        for decided in undecided.iter().chain([&name]) {
            tried.remove(&decided.hash);
        }
        drop(tried);
        self.lost.extend(undecided.into_iter().filter(|other| *other != name));
        self.files.push((name, ids.len()));
        self.open_ids = match ids.len() < crate::limits::IDS_FILE_ROWS {
            true => ids,
            false => Vec::new(),
        };
        self.forget_old_files();
    }

    /// Removes files whose rows the window does not hold any more.
    fn forget_old_files(&mut self) {
        let mut newer: usize = self.files.iter().skip(1).map(|(_, rows)| rows).sum();
        while self.files.len() > 1 && newer >= self.setup.config.window_rows {
            let (name, _) = self.files.remove(0);
            self.remove(&name);
            newer -= self.files.first().map_or(0, |(_, rows)| *rows);
        }
    }

    /// Removes a file whose ids are in newer ones, or too old. That it stays does no harm.
    fn remove(&self, name: &IdsName) {
        let path = self.setup.identity.path(name);
        if let Err(error) = self.setup.store.remove(&path) {
            tracing::debug!(%error, path, "a file of ids that is not needed any more stays");
        }
    }
}
