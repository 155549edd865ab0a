//! Cells to the arrays of a file.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema};

use crate::value::Cell;

/// Rows as a batch: `columns` has the cells of each column of the schema.
pub(crate) fn batch(schema: Arc<Schema>, columns: Vec<Vec<Cell>>) -> Result<RecordBatch, ArrowError> {
    let arrays = schema
        .fields()
        .iter()
        .zip(columns)
        .map(|(field, cells)| array(field, cells));
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, arrays)
}

fn array(field: &Field, cells: Vec<Cell>) -> Result<ArrayRef, ArrowError> {
    let wrong = || ArrowError::InvalidArgumentError(format!("a cell of column {} is of another type", field.name()));
    macro_rules! primitive {
        ($array:ty, $cell:ident as $type:ty) => {{
            #[expect(clippy::allow_attributes, reason = "only some of the conversions can truncate")]
            #[allow(clippy::cast_possible_truncation, reason = "values were checked when they were read")]
            let value = |cell: Cell| match cell {
                Cell::Null => Ok(None),
                Cell::$cell(value) => Ok(Some(value as $type)),
                _ => Err(wrong()),
            };
            cells.into_iter().map(value).collect::<Result<$array, _>>()?
        }};
    }
    macro_rules! bytes {
        ($array:ty, $cell:ident) => {{
            let value = |cell: Cell| match cell {
                Cell::Null => Ok(None),
                Cell::$cell(value) => Ok(Some(value)),
                _ => Err(wrong()),
            };
            let values = cells.into_iter().map(value).collect::<Result<Vec<_>, ArrowError>>()?;
            values.into_iter().collect::<$array>()
        }};
    }
    Ok(match field.data_type() {
        DataType::Boolean => Arc::new(primitive!(BooleanArray, Boolean as bool)),
        DataType::Int8 => Arc::new(primitive!(Int8Array, Integer as i8)),
        DataType::Int16 => Arc::new(primitive!(Int16Array, Integer as i16)),
        DataType::Int32 => Arc::new(primitive!(Int32Array, Integer as i32)),
        DataType::Int64 => Arc::new(primitive!(Int64Array, Integer as i64)),
        DataType::Float32 => Arc::new(primitive!(Float32Array, Float as f32)),
        DataType::Float64 => Arc::new(primitive!(Float64Array, Float as f64)),
        DataType::Date32 => Arc::new(primitive!(Date32Array, Integer as i32)),
        DataType::Decimal128(precision, scale) => {
            let array = primitive!(Decimal128Array, Decimal as i128);
            Arc::new(array.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Timestamp(_, zone) => {
            let array = primitive!(TimestampMicrosecondArray, Integer as i64);
            Arc::new(array.with_timezone_opt(zone.clone()))
        }
        DataType::Utf8 => Arc::new(bytes!(StringArray, Text)),
        DataType::Binary => Arc::new(bytes!(BinaryArray, Bytes)),
        DataType::Struct(fields) => Arc::new(structure(fields, cells, wrong)?),
        DataType::List(element) => Arc::new(list(element, cells, wrong)?),
        DataType::Map(entries, _) => Arc::new(map(entries, cells, wrong)?),
        _ => return Err(wrong()),
    })
}

fn structure(fields: &Fields, cells: Vec<Cell>, wrong: impl Fn() -> ArrowError) -> Result<StructArray, ArrowError> {
    let nulls: Vec<bool> = cells.iter().map(|cell| *cell != Cell::Null).collect();
    let mut columns: Vec<Vec<Cell>> = fields.iter().map(|_| Vec::with_capacity(cells.len())).collect();
    for cell in cells {
        match cell {
            Cell::Struct(values) if values.len() == columns.len() => {
                columns
                    .iter_mut()
                    .zip(values)
                    .for_each(|(column, value)| column.push(value));
            }
            Cell::Null => columns.iter_mut().for_each(|column| column.push(Cell::Null)),
            _ => return Err(wrong()),
        }
    }
    let arrays = fields
        .iter()
        .zip(columns)
        .map(|(field, cells)| array(&hidden(field, &cells), cells));
    let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
    StructArray::try_new(fields.clone(), arrays, Some(NullBuffer::from(nulls)))
}

/// A field of a struct that is null itself has nulls whatever it allows.
fn hidden(field: &Field, cells: &[Cell]) -> Field {
    let has_null = cells.contains(&Cell::Null);
    field.clone().with_nullable(has_null || field.is_nullable())
}

fn list(element: &Arc<Field>, cells: Vec<Cell>, wrong: impl Fn() -> ArrowError) -> Result<ListArray, ArrowError> {
    let (mut lengths, mut nulls, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        nulls.push(cell != Cell::Null);
        let of = match cell {
            Cell::List(of) => of,
            Cell::Null => Vec::new(),
            _ => return Err(wrong()),
        };
        lengths.push(of.len());
        elements.extend(of);
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    ListArray::try_new(
        element.clone(),
        offsets,
        array(element, elements)?,
        Some(NullBuffer::from(nulls)),
    )
}

fn map(entries: &Arc<Field>, cells: Vec<Cell>, wrong: impl Fn() -> ArrowError) -> Result<MapArray, ArrowError> {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(wrong());
    };
    let (mut lengths, mut nulls, mut of_all) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        nulls.push(cell != Cell::Null);
        let of = match cell {
            Cell::Map(of) => of,
            Cell::Null => Vec::new(),
            _ => return Err(wrong()),
        };
        lengths.push(of.len());
        of_all.extend(of.into_iter().map(|(key, value)| Cell::Struct(vec![key, value])));
    }
    let of_all = structure(fields, of_all, wrong)?;
    let of_all = StructArray::try_new(fields.clone(), of_all.columns().to_vec(), None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    MapArray::try_new(entries.clone(), offsets, of_all, Some(NullBuffer::from(nulls)), false)
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;

    use super::*;

    #[test]
    fn cells_become_the_arrays_that_their_columns_say() {
        let element = Arc::new(Field::new("element", DataType::Int16, true));
        let entries = Fields::from(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", DataType::Int64, true),
        ]);
        let entries = Arc::new(Field::new("key_value", DataType::Struct(entries), false));
        let part = Fields::from(vec![Field::new("x", DataType::Boolean, false)]);
        let schema = Arc::new(Schema::new(vec![
            Field::new("list", DataType::List(element), true),
            Field::new("map", DataType::Map(entries, false), true),
            Field::new("struct", DataType::Struct(part), true),
            Field::new("price", DataType::Decimal128(10, 2), true),
        ]));
        let columns = vec![
            vec![
                Cell::List(vec![Cell::Integer(1), Cell::Null]),
                Cell::Null,
                Cell::List(Vec::new()),
            ],
            vec![
                Cell::Map(vec![(Cell::Text("a".into()), Cell::Null)]),
                Cell::Map(Vec::new()),
                Cell::Null,
            ],
            vec![
                Cell::Struct(vec![Cell::Boolean(true)]),
                Cell::Null,
                Cell::Struct(vec![Cell::Boolean(false)]),
            ],
            vec![Cell::Decimal(-1), Cell::Null, Cell::Decimal(12_345)],
        ];
        let batch = batch(schema, columns).expect("a batch");
        assert_eq!(batch.num_rows(), 3);
        for (column, nulls) in batch.columns().iter().zip([1, 1, 1, 1]) {
            assert_eq!(column.null_count(), nulls, "{column:?}");
        }
        let prices = batch
            .column(3)
            .as_any()
            .downcast_ref::<Decimal128Array>()
            .expect("decimals");
        assert_eq!((prices.value(0), prices.value(2)), (-1, 12_345));
    }
}
