//! Data files of a table.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use delta_kernel::{
    engine::arrow_data::ArrowEngineData,
    expressions::{DecimalData, Scalar},
    schema::{DataType, DecimalType, PrimitiveType},
};

use super::{DeltaTable, error, parquet};
use crate::{error::TableError, value::Cell};

/// Rows of one partition.
pub(crate) struct Part {
    /// The value of each partition column.
    pub(crate) values: Vec<(String, Cell)>,
    /// The other columns.
    pub(crate) rows: RecordBatch,
}

/// A file that is in the store. It is in the table when it is committed.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// As the kernel knows it.
    pub(super) metadata: RecordBatch,
}

impl DeltaTable {
    /// Writes a file.
    pub(crate) fn write_file(&self, part: Part) -> Result<DataFile, TableError> {
        let state = self.transaction(None)?.write_state().map_err(error::of)?;
        let mut context = state.write_context_builder();
        if !part.values.is_empty() {
            let values = part.values.into_iter().map(|(column, cell)| {
                let value = self.scalar(&column, cell)?;
                Ok((column, value))
            });
            context = context.with_partition_values(values.collect::<Result<HashMap<_, _>, TableError>>()?);
        }
        let context = context.build().map_err(error::of)?;
        let written = parquet::write(&self.store, &self.engine, part.rows, &context)?;
        let metadata = ArrowEngineData::try_from_engine_data(written).map_err(error::of)?;
        Ok(DataFile {
            metadata: metadata.record_batch().clone(),
        })
    }

    fn scalar(&self, column: &str, cell: Cell) -> Result<Scalar, TableError> {
        let schema = self.snapshot.schema();
        let of = schema.field(column).map(|field| field.data_type().clone());
        let wrong = || {
            TableError::Unfit(format!(
                "partition column `{column}` has a type that partitions do not have"
            ))
        };
        scalar(of.ok_or_else(wrong)?, cell).ok_or_else(wrong)
    }
}

/// The value of a partition.
fn scalar(of: DataType, cell: Cell) -> Option<Scalar> {
    use PrimitiveType as P;
    let DataType::Primitive(primitive) = &of else {
        return None;
    };
    Some(match (cell, primitive) {
        (Cell::Null, _) => Scalar::Null(of),
        (Cell::Text(value), P::String) => Scalar::String(value),
        (Cell::Boolean(value), P::Boolean) => Scalar::Boolean(value),
        (Cell::Integer(value), P::Long) => Scalar::Long(value),
        (Cell::Integer(value), P::Integer) => Scalar::Integer(value.try_into().ok()?),
        (Cell::Integer(value), P::Short) => Scalar::Short(value.try_into().ok()?),
        (Cell::Integer(value), P::Byte) => Scalar::Byte(value.try_into().ok()?),
        (Cell::Integer(value), P::Date) => Scalar::Date(value.try_into().ok()?),
        (Cell::Integer(value), P::Timestamp) => Scalar::Timestamp(value),
        (Cell::Integer(value), P::TimestampNtz) => Scalar::TimestampNtz(value),
        (Cell::Decimal(value), P::Decimal(of)) => decimal(value, *of)?,
        _ => return None,
    })
}

fn decimal(value: i128, of: DecimalType) -> Option<Scalar> {
    DecimalData::try_new(value, of).ok().map(Scalar::Decimal)
}
