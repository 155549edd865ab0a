//! The window, from the files beside the table.

use std::collections::BTreeMap;

use object_store::ObjectMeta;

use super::TableWriter;
use crate::{
    error::TableError,
    ids_file::{IdsName, decode},
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
        let mut counting = Files::new();
        for (consumer, files) in by_consumer {
            let application = identity.application_of(&consumer);
            let last = self.table.last_transaction(&application)?.unwrap_or_default();
            let all: Vec<_> = files.iter().map(|(name, _)| name.clone()).collect();
            let files = self.counting(&application, last, files)?;
            if consumer == identity.consumer() {
                let others = all
                    .into_iter()
                    .filter(|name| !files.iter().any(|(counting, _)| counting == name));
                (self.undecided, self.lost) = others.partition(|name| name.number > last);
                // A commit of the process before this one may still be on its way.
                let hashes = self.undecided.iter().map(|name| name.hash.clone());
                self.setup.tried.lock().extend(hashes);
            }
            counting.extend(files);
        }
        counting.sort_by_key(|(_, object)| std::cmp::Reverse(object.last_modified));
        self.read(counting)?;
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

    /// Reads files, the newest first, until the window is full.
    fn read(&mut self, files: Files) -> Result<(), TableError> {
        let identity = self.setup.identity.clone();
        let (mut read, mut rows): (Vec<(IdsName, Vec<RowId>)>, usize) = (Vec::new(), 0);
        for (name, _) in files {
            if rows >= self.setup.config.window_rows {
                break;
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
        Ok(())
    }
}
