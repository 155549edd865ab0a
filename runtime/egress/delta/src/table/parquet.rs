//! Parquet files: compressed with zstd, with the statistics that the table asks for. The kernel's own writer does not compress.

use std::sync::Arc;

use arrow_array::RecordBatch;
use delta_kernel::{
    Engine as _, EngineData, FileMeta,
    engine::{arrow_conversion::TryIntoKernel as _, arrow_data::ArrowEngineData},
    schema::StructType,
    transaction::BoundWriteContext,
};
use delta_kernel_default_engine::{build_add_file_metadata, parquet::DataFileMetadata, stats::collect_stats};
use object_store::path::Path;
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
};

use super::{engine::TableEngine, error};
use crate::{error::TableError, storage::TableStore};

/// Rows of a row group: all of a file that this sink writes.
const ROW_GROUP_ROWS: usize = 1 << 20;

/// Writes rows to a new file, and returns what the log says of it.
pub(super) fn write(
    store: &TableStore,
    engine: &TableEngine,
    rows: RecordBatch,
    context: &BoundWriteContext,
) -> Result<Box<dyn EngineData>, TableError> {
    let physical = physical(engine, rows, context)?;
    let columns = context.stats_columns();
    let stats = collect_stats(&physical, columns, context.physical_data_schema()).map_err(error::of)?;
    let bytes = encode(&physical).map_err(|error| TableError::Unfit(format!("a file cannot be written: {error}")))?;
    let size = bytes.len() as u64;
    let name = format!("{}.parquet", hex::encode(rand::random::<[u8; 16]>()));
    let url = context
        .write_dir()
        .join(&name)
        .map_err(|error| TableError::Unfit(error.to_string()))?;
    let path = Path::from_url_path(url.path()).map_err(|error| TableError::Unfit(error.to_string()))?;
    let modified = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let modified = modified.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    store.put_at(&path, bytes)?;
    let written = DataFileMetadata::new(FileMeta::new(url, modified, size), stats);
    build_add_file_metadata(written, context).map_err(error::of)
}

/// The rows under the names that the table's files have for its columns.
fn physical(engine: &TableEngine, rows: RecordBatch, context: &BoundWriteContext) -> Result<RecordBatch, TableError> {
    let logical: StructType = rows
        .schema()
        .try_into_kernel()
        .map_err(|error| TableError::Unfit(format!("Delta tables have no such column: {error}")))?;
    let renamed = engine
        .evaluation_handler()
        .new_expression_evaluator(
            Arc::new(logical),
            context.logical_to_physical(),
            context.physical_data_schema().clone().into(),
        )
        .and_then(|evaluator| evaluator.evaluate(&ArrowEngineData::new(rows)))
        .and_then(ArrowEngineData::try_from_engine_data);
    renamed.map(|data| data.record_batch().clone()).map_err(error::of)
}

fn encode(rows: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(super::ENGINE_INFO.to_owned());
    // Without Arrow's own description of the columns: other readers could take it for more than the table says.
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, rows.schema(), options)?;
    writer.write(rows)?;
    writer.close()?;
    Ok(bytes)
}
