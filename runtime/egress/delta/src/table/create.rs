//! New tables, and columns as the kernel knows them.

use std::sync::Arc;

use arrow_schema::Schema;
use delta_kernel::{
    committer::FileSystemCommitter,
    engine::arrow_conversion::TryIntoKernel as _,
    schema::{StructField, StructType},
    transaction::{CommitResult, create_table::create_table, data_layout::DataLayout},
};

use super::{DeltaTable, ENGINE_INFO, engine, error};
use crate::{error::TableError, storage::TableStore};

impl DeltaTable {
    /// Creates a table. If another writer was first, that is no error: its table is there.
    pub(crate) fn create(store: &TableStore, columns: &Schema, partition: &[String]) -> Result<(), TableError> {
        match try_create(store, columns, partition) {
            Err(_) if store.has_log()? => Ok(()),
            created => created,
        }
    }
}

fn try_create(store: &TableStore, columns: &Schema, partition: &[String]) -> Result<(), TableError> {
    let engine = engine::of(store);
    let schema: StructType = columns.try_into_kernel().map_err(not_delta)?;
    let mut builder = create_table(store.root(), Arc::new(schema), ENGINE_INFO, false);
    if !partition.is_empty() {
        builder = builder.with_data_layout(DataLayout::partitioned(partition));
    }
    let committer = Box::new(FileSystemCommitter::new());
    let transaction = builder.build(&engine, committer).map_err(error::of)?;
    match transaction.commit(&engine).map_err(error::of)? {
        CommitResult::Committed(_) | CommitResult::Conflicted(_) => Ok(()),
        CommitResult::Retryable(retryable) => Err(error::of(retryable.error)),
    }
}

/// Columns as the kernel knows them.
pub(super) fn fields(columns: &Schema) -> Result<Vec<StructField>, TableError> {
    let schema: StructType = columns.try_into_kernel().map_err(not_delta)?;
    Ok(schema.fields().cloned().collect())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn not_delta(error: arrow_schema::ArrowError) -> TableError {
    TableError::Unfit(format!("Delta tables have no such column: {error}"))
}
