//! Rows by partition, as what files are written of.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::Schema;
use arrow_select::filter::filter_record_batch;

use crate::{
    columns,
    error::TableError,
    layout::Layout,
    row::{Row, RowId},
    table::{DataFile, Part},
    value::Cell,
    window::IdWindow,
};

/// Rows of one file.
pub(super) struct FileRows {
    values: Vec<(String, Cell)>,
    rows: RecordBatch,
    pub(super) ids: Vec<RowId>,
    /// The file, once it is written.
    pub(super) file: Option<DataFile>,
}

/// Divides rows by partition, and each partition's by the size of files.
pub(super) fn divide(layout: &Layout, rows: Vec<Row>, bytes_max: usize) -> Result<Vec<FileRows>, TableError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut files: Vec<(Vec<Row>, usize)> = Vec::new();
    for row in rows {
        let partition: Vec<_> = layout.partition.iter().map(|place| &row.cells[*place]).collect();
        let partition = format!("{partition:?}");
        let place = *places.entry(partition.clone()).or_insert(files.len());
        let place = match files.get(place) {
            Some((_, bytes)) if bytes + row.bytes > bytes_max => {
                places.insert(partition, files.len());
                files.len()
            }
            _ => place,
        };
        if place == files.len() {
            files.push((Vec::new(), 0));
        }
        files[place].1 += row.bytes;
        files[place].0.push(row);
    }
    files.into_iter().map(|(rows, _)| FileRows::new(layout, rows)).collect()
}

impl FileRows {
    fn new(layout: &Layout, rows: Vec<Row>) -> Result<Self, TableError> {
        let fields = layout.schema.fields();
        let mut columns: Vec<Vec<Cell>> = fields.iter().map(|_| Vec::with_capacity(rows.len())).collect();
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            ids.push(row.id);
            columns
                .iter_mut()
                .zip(row.cells)
                .for_each(|(column, cell)| column.push(cell));
        }
        let name = |place: &usize| layout.schema.field(*place).name().clone();
        let value = |place: &usize| columns[*place].first().cloned().unwrap_or(Cell::Null);
        let values = layout
            .partition
            .iter()
            .map(|place| (name(place), value(place)))
            .collect();
        let is_data = |place: &usize| !layout.partition.contains(place);
        let data: Vec<_> = (0..fields.len()).filter(is_data).collect();
        let schema = Schema::new(
            data.iter()
                .map(|place| layout.schema.field(*place).clone())
                .collect::<Vec<_>>(),
        );
        let columns = data.iter().map(|place| std::mem::take(&mut columns[*place])).collect();
        let rows = columns::batch(Arc::new(schema), columns).map_err(unfit)?;
        Ok(Self {
            values,
            rows,
            ids,
            file: None,
        })
    }

    /// Leaves out rows that the table has meanwhile. A file that has one is not used.
    pub(super) fn leave_out(&mut self, known: &IdWindow) -> Result<(), TableError> {
        if !self.ids.iter().any(|id| known.contains(id)) {
            return Ok(());
        }
        let is_new: BooleanArray = self.ids.iter().map(|id| Some(!known.contains(id))).collect();
        self.rows = filter_record_batch(&self.rows, &is_new).map_err(unfit)?;
        self.ids.retain(|id| !known.contains(id));
        self.file = None;
        Ok(())
    }

    /// What its file is written of.
    pub(super) fn part(&self) -> Part {
        Part {
            values: self.values.clone(),
            rows: self.rows.clone(),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn unfit(error: arrow_schema::ArrowError) -> TableError {
    TableError::Unfit(format!("the columns of a file cannot be made: {error}"))
}
