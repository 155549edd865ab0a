//! The window, from the files beside the table.

use std::{collections::BTreeMap, time::SystemTime};

use object_store::ObjectMeta;

use super::TableWriter;
use crate::{
    error::TableError,
    ids_file::{IdsName, decode},
    limits::ORPHAN_AGE,
    log::LoggedCommit,
    row::RowId,
};

/// Files of one consumer.
type Files = Vec<(IdsName, ObjectMeta)>;

impl TableWriter {
    /// Reads the newest ids of all consumers of this connector, and where this one was.
    pub(super) fn load(&mut self) -> Result<(), TableError> {
        let identity = self.setup.identity.clone();
        let mut by_consumer: BTreeMap<String, Files> = BTreeMap::new();
        for (name, object) in self.setup.store.list(&identity.folder())? {
            if let Some(name) = IdsName::parse(&name) {
                by_consumer
                    .entry(name.consumer.clone())
                    .or_default()
                    .push((name, object));
            }
        }
        self.number = self
            .table
            .last_transaction(&identity.application())?
            .unwrap_or_default();
        let (mut counting, mut needless) = (Files::new(), Files::new());
        for (consumer, files) in by_consumer {
            let application = identity.application_of(&consumer);
            let last = self.table.last_transaction(&application)?.unwrap_or_default();
            let all = files.clone();
            let files = self.counting(&application, last, files)?;
            let others = all
                .into_iter()
                .filter(|(name, _)| !files.iter().any(|(counting, _)| counting == name));
            if consumer == identity.consumer() {
                let others = others.map(|(name, _)| name);
                (self.undecided, self.lost) = others.partition(|name| name.number > last);
                // A commit of the process before this one may still be on its way.
                let hashes = self.undecided.iter().map(|name| name.hash.clone());
                self.setup.tried.lock().extend(hashes);
            } else {
                needless.extend(others);
            }
            counting.extend(files);
        }
        counting.sort_by_key(|(_, object)| std::cmp::Reverse(object.last_modified));
        needless.extend(self.read(counting)?);
        self.remove_orphans(needless);
        self.absorbed = self.table.version();
        self.in_doubt = false;
        Ok(())
    }

    /// Those files that commits of the table name. Until a consumer's next commit there may be several for its last one.
    fn counting(&self, application: &str, last: i64, mut files: Files) -> Result<Files, TableError> {
        files.retain(|(name, _)| name.number <= last);
        let of_last = files.iter().filter(|(name, _)| name.number == last).count();
        if of_last > 1 {
            let hash = self.hash_of(application, last)?;
            files.retain(|(name, _)| name.number < last || Some(&name.hash) == hash.as_ref());
        }
        Ok(files)
    }

    /// The hash that the log has of a commit, the newest first: it is an application's last.
    fn hash_of(&self, application: &str, number: i64) -> Result<Option<String>, TableError> {
        for version in (0..=self.table.version()).rev() {
            let Some(commit) = LoggedCommit::read(&self.setup.store, version)? else {
                return Ok(None);
            };
            if commit.number_of(application) == Some(number) {
                return Ok(commit.ids.map(|(_, name)| name.hash));
            }
        }
        Ok(None)
    }

    /// Removes files that no window holds: of consumers that are gone, and of commits that never were. That they stay does no harm, but
    /// each start would list more of them.
    fn remove_orphans(&self, needless: Files) {
        let is_old = |object: &ObjectMeta| {
            let age = SystemTime::from(object.last_modified).elapsed();
            age.is_ok_and(|age| age > ORPHAN_AGE)
        };
        for (name, object) in needless {
            if name.consumer == self.setup.identity.consumer() || is_old(&object) {
                self.remove(&name);
            }
        }
    }

    /// Reads files, the newest first, until the window is full. Gives back those that are older.
    fn read(&mut self, files: Files) -> Result<Files, TableError> {
        let identity = self.setup.identity.clone();
        let (mut read, mut rows): (Vec<(IdsName, Vec<RowId>)>, usize) = (Vec::new(), 0);
        let mut older = Files::new();
        for (name, object) in files {
            if rows >= self.setup.config.window_rows {
                older.push((name, object));
                continue;
            }
            let path = identity.path(&name);
            let Some(bytes) = self.setup.store.get(&path)? else {
                continue;
            };
            let ids = decode(&bytes).ok_or_else(|| {
                TableError::Unfit(format!(
                    "{path} is no file of ids: which rows it stands for cannot be told"
                ))
            })?;
            rows += ids.len();
            read.push((name, ids));
        }
        self.files.clear();
        self.open_ids.clear();
        for (name, ids) in read.into_iter().rev() {
            self.window.extend(ids.iter().copied());
            if name.consumer == identity.consumer() {
                self.files.push((name, ids.len()));
                self.open_ids = match ids.len() < crate::limits::IDS_FILE_ROWS {
                    true => ids,
                    false => Vec::new(),
                };
            }
        }
        Ok(older)
    }
}
