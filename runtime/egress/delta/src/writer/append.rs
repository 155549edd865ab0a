//! One commit, until it is known to be in the table.

use std::{collections::HashSet, sync::mpsc, thread, time::Duration};

use rand::Rng as _;

use super::{
    TableWriter,
    parts::{FileRows, divide},
};
use crate::{
    error::TableError,
    ids_file::{IdsName, encode},
    limits::{CONFLICT_WAIT, CONFLICTS_MAX, PARTITIONS_MAX},
    log::{self, IDS_PARAMETER},
    row::{Row, RowId},
    table::{CommitInfo, CommitOutcome, DataFile},
};

/// What became of a commit that was tried.
enum Tried {
    Committed,
    /// Another one is the next version, or this one is and its answer was lost.
    Lost,
    /// There was no answer.
    Unknown(TableError),
}

impl TableWriter {
    /// Appends the rows that the table does not have, and returns how many it has already. Rows are made for [`Self::layout`].
    pub(crate) fn append(&mut self, rows: Vec<Row>) -> Result<usize, TableError> {
        if self.in_doubt {
            self.catch_up(false)?;
        }
        let all = rows.len();
        let mut own = HashSet::new();
        let is_new = |row: &Row| !self.window.contains(&row.id) && own.insert(row.id);
        let rows: Vec<_> = rows.into_iter().filter(is_new).collect();
        let known = all - rows.len();
        let mut files = divide(&self.layout, rows, self.setup.config.file_bytes_max)?;
        while !files.is_empty() {
            let rest = files.split_off(files.len().min(PARTITIONS_MAX));
            self.commit(files)?;
            files = rest;
        }
        Ok(known)
    }

    fn commit(&mut self, mut files: Vec<FileRows>) -> Result<(), TableError> {
        let mut unanswered = false;
        for attempt in 0..=CONFLICTS_MAX {
            if self.in_doubt {
                if attempt > 1 {
                    self.setup.store.pause(wait(attempt));
                }
                self.catch_up(false)?;
            }
            for file in &mut files {
                file.leave_out(&self.window)?;
            }
            files.retain(|file| !file.ids.is_empty());
            if files.is_empty() {
                return Ok(());
            }
            self.write_files(&mut files)?;
            match self.try_commit(&files)? {
                Tried::Committed => return self.after_commit(),
                Tried::Lost => {}
                Tried::Unknown(error) if unanswered => return Err(error),
                Tried::Unknown(error) => {
                    tracing::debug!(%error, "whether a commit was made is looked up");
                    unanswered = true;
                }
            }
        }
        Err(TableError::Transient(format!(
            "{}: other writers were first {CONFLICTS_MAX} times",
            self.setup.config.shown()
        )))
    }

    fn write_files(&self, files: &mut [FileRows]) -> Result<(), TableError> {
        for file in files.iter_mut().filter(|file| file.file.is_none()) {
            let written = self.table.write_file(file.part());
            file.file = Some(written.map_err(|error| error.when("a data file was not written"))?);
        }
        Ok(())
    }

    fn try_commit(&mut self, files: &[FileRows]) -> Result<Tried, TableError> {
        while let Some(lost) = self.lost.last() {
            let removed = self.setup.store.remove(&self.setup.identity.path(lost));
            removed.map_err(|error| error.when("a file of ids was not removed"))?;
            self.lost.pop();
        }
        // If the table was made anew, its versions begin anew: a commit after the last one known would leave a hole in its log.
        if !self.setup.store.has(&log::path(self.table.version()))? {
            return Err(TableError::Changed);
        }
        let number = self.number + 1;
        let new = files.iter().flat_map(|file| &file.ids);
        let ids: Vec<RowId> = self.open_ids.iter().chain(new).copied().collect();
        let name = self.write_ids(number, &ids)?;
        let application = self.setup.identity.application();
        let info = CommitInfo {
            transaction: (&application, number),
            parameters: vec![
                ("mode", "Append".to_owned()),
                (IDS_PARAMETER, self.setup.identity.path(&name)),
            ],
        };
        let data: Vec<DataFile> = files.iter().filter_map(|file| file.file.clone()).collect();
        self.in_doubt = true;
        match self.table.commit(&data, info)? {
            CommitOutcome::Committed(version) => {
                self.number = number;
                self.absorbed = version;
                self.in_doubt = false;
                self.committed(name, ids);
                Ok(Tried::Committed)
            }
            CommitOutcome::Conflict => Ok(Tried::Lost),
            CommitOutcome::Unknown(error @ (TableError::Unfit(_) | TableError::Fatal(_))) => Err(error),
            CommitOutcome::Unknown(error) => Ok(Tried::Unknown(error)),
        }
    }

    fn write_ids(&mut self, number: i64, ids: &[RowId]) -> Result<IdsName, TableError> {
        let bytes = encode(ids);
        let name = IdsName::of(&self.setup.identity, number, &bytes);
        // Before it is written: of a write without an answer nobody knows, and a file that is there must not be forgotten.
        if !self.undecided.contains(&name) {
            self.setup.tried.lock().insert(name.hash.clone());
            self.undecided.push(name.clone());
        }
        let put = self.setup.store.put(&self.setup.identity.path(&name), bytes);
        put.map_err(|error| error.when("the ids of rows were not written"))?;
        Ok(name)
    }

    /// Now and then: a checkpoint, beside the writing; and the table anew from one, so that what is kept of its log stays small.
    fn after_commit(&mut self) -> Result<(), TableError> {
        let every = self.setup.config.checkpoint_commits;
        self.commits += 1;
        if self.table.version().is_multiple_of(every) {
            let (write, table) = (self.table.checkpoint(), self.setup.config.shown());
            let (writing, written) = mpsc::channel();
            let write = move || {
                let _writing: mpsc::Sender<()> = writing;
                if let Err(error) = write() {
                    tracing::warn!(%error, "{table}: no checkpoint was written; the next one is tried after some commits");
                }
            };
            let begun = thread::Builder::new().name("delta-checkpoint".to_owned()).spawn(write);
            self.checkpoint = begun.is_ok().then_some(written);
        }
        if self.commits.is_multiple_of(every) {
            // The rows are in the table: that it changed, or is out of reach, matters to the next commit.
            self.in_doubt = true;
            match self.catch_up(true) {
                Err(error @ TableError::Fatal(_)) => return Err(error),
                Err(error) => tracing::debug!(%error, "the table is read again with the next commit"),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// Longer each time, and not as long as others: of writers that met, one is first next time.
fn wait(attempt: u32) -> Duration {
    let (first, longest) = CONFLICT_WAIT;
    let longest = first.saturating_mul(1 << attempt.min(10)).min(longest);
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(rand::rng().random_range(0..=micros))
}
