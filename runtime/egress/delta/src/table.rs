//! A Delta table, as the kernel sees it. Only this module names the kernel.
//!
//! Its functions block: they are called on a table's own thread. Nothing here decides what is committed.

mod create;
mod engine;
mod error;
mod files;
mod parquet;

use std::sync::Arc;

use arrow_schema::Schema;
use delta_kernel::{
    Snapshot, SnapshotRef,
    committer::FileSystemCommitter,
    engine::{arrow_conversion::TryIntoArrow as _, arrow_data::ArrowEngineData},
    transaction::{CommitResult, Transaction, UpdateTableOperation},
};
use engine::TableEngine;
pub(crate) use files::{DataFile, Part};

use crate::{error::TableError, storage::TableStore};

/// What this program is called in the history of tables.
const ENGINE_INFO: &str = concat!("danube-wasm/", env!("CARGO_PKG_VERSION"));

/// A table at one version.
pub(crate) struct DeltaTable {
    store: TableStore,
    engine: Arc<TableEngine>,
    snapshot: SnapshotRef,
}

/// What is committed with files.
pub(crate) struct CommitInfo<'c> {
    /// Whose commit it is, and which one of theirs.
    pub(crate) transaction: (&'c str, i64),
    /// What the history says of it.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// What became of a commit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    /// The table has it, as this version.
    Committed(u64),
    /// There is such a version already: another writer's, or this commit, whose answer was lost.
    Conflict,
    /// Not known.
    Unknown(TableError),
}

impl DeltaTable {
    /// Reads the newest version. `None` if there is no table.
    pub(crate) fn open(store: &TableStore) -> Result<Option<Self>, TableError> {
        if !store.has_log()? {
            return Ok(None);
        }
        let engine = Arc::new(engine::of(store));
        let snapshot = Snapshot::builder_for(store.root()).build(&*engine).map_err(error::of)?;
        Ok(Some(Self {
            store: store.clone(),
            engine,
            snapshot,
        }))
    }

    /// Its version.
    pub(crate) fn version(&self) -> u64 {
        self.snapshot.version()
    }

    /// Its columns, those of partitions among them.
    pub(crate) fn schema(&self) -> Result<Schema, TableError> {
        self.snapshot.schema().as_ref().try_into_arrow().map_err(|error| {
            TableError::Unfit(format!(
                "a column of the table has a type that this sink does not know: {error}"
            ))
        })
    }

    /// The columns that its partitions are made by. Fails if the table asks of its writers what the kernel does not do.
    pub(crate) fn partition_columns(&self) -> Result<Vec<String>, TableError> {
        Ok(self.transaction(None)?.logical_partition_columns().to_vec())
    }

    /// Reads the newest version. With `anew`, from the newest checkpoint, so that what is kept of the log stays small.
    pub(crate) fn refresh(&mut self, anew: bool) -> Result<(), TableError> {
        let engine = &*self.engine;
        let snapshot = match anew {
            true => Snapshot::builder_for(self.snapshot.table_root()).build(engine),
            false => Snapshot::builder_from(self.snapshot.clone()).build(engine),
        };
        self.snapshot = snapshot.map_err(error::of)?;
        Ok(())
    }

    /// The last transaction of an application.
    pub(crate) fn last_transaction(&self, application: &str) -> Result<Option<i64>, TableError> {
        self.snapshot
            .get_app_id_version(application, &*self.engine)
            .map_err(error::of)
    }

    /// Commits files, as the version after this one.
    pub(crate) fn commit(&mut self, files: &[DataFile], info: CommitInfo<'_>) -> Result<CommitOutcome, TableError> {
        let mut transaction = self.transaction(Some(info))?;
        for file in files {
            transaction.add_files(Box::new(ArrowEngineData::new(file.metadata.clone())));
        }
        let committed = match transaction.commit(&*self.engine) {
            Ok(CommitResult::Committed(committed)) => committed,
            Ok(CommitResult::Conflicted(_)) => return Ok(CommitOutcome::Conflict),
            Ok(CommitResult::Retryable(retryable)) => return Ok(CommitOutcome::Unknown(error::of(retryable.error))),
            Err(error) => return Ok(CommitOutcome::Unknown(error::of(error))),
        };
        if let Some(snapshot) = committed.post_commit_snapshot() {
            self.snapshot = snapshot.clone();
        }
        Ok(CommitOutcome::Committed(committed.commit_version()))
    }

    /// Adds columns that may be null.
    pub(crate) fn add_columns(&mut self, columns: &Schema) -> Result<CommitOutcome, TableError> {
        let snapshot = self.snapshot.clone();
        let mut builder = snapshot.update_table(UpdateTableOperation::AlterTable, ENGINE_INFO, false);
        for column in create::fields(columns)? {
            builder = builder.add_column(column);
        }
        let transaction = builder
            .build(&*self.engine, Box::new(FileSystemCommitter::new()))
            .map_err(error::of)?;
        Ok(match transaction.commit(&*self.engine) {
            Ok(CommitResult::Committed(committed)) => CommitOutcome::Committed(committed.commit_version()),
            Ok(CommitResult::Conflicted(_)) => CommitOutcome::Conflict,
            Ok(CommitResult::Retryable(retryable)) => CommitOutcome::Unknown(error::of(retryable.error)),
            Err(error) => CommitOutcome::Unknown(error::of(error)),
        })
    }

    /// What writes a checkpoint of this version.
    pub(crate) fn checkpoint(&self) -> impl FnOnce() -> Result<(), TableError> + Send + 'static {
        let (snapshot, engine) = (self.snapshot.clone(), self.engine.clone());
        move || snapshot.checkpoint(&*engine, None).map(drop).map_err(error::of)
    }

    fn transaction(&self, info: Option<CommitInfo<'_>>) -> Result<Transaction, TableError> {
        let snapshot = self.snapshot.clone();
        let mut builder = snapshot.update_table(UpdateTableOperation::Write, ENGINE_INFO, true);
        if let Some(info) = info {
            let parameters = info.parameters.into_iter().map(|(name, value)| (name, Some(value)));
            let (application, version) = info.transaction;
            builder = builder
                .with_operation_parameters(parameters)
                .with_transaction_id(application, version)
                .with_blind_append();
        }
        builder
            .build(&*self.engine, Box::new(FileSystemCommitter::new()))
            .map_err(error::of)
    }
}
