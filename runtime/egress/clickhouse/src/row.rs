//! Documents to rows.

mod fields;
mod own;

use danube_wasm_model::{FieldNode, FieldTypes, door::Write, message::Operation};

use crate::{
    config::{TableOptions, UnknownFields},
    layout::{Column, Layout, Source},
    value::{Document, Misfit, Values, pointer, put_null},
};
use fields::{Fields, Slot};

/// A row, in the form `RowBinary`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its values, in the table's order.
    pub(crate) bytes: Vec<u8>,
    /// Places of columns that it has no value for: the server's defaults are to fill them.
    pub(crate) left_out: Vec<usize>,
    /// What its partition is computed of.
    pub(crate) partition: Vec<u8>,
    /// Its id and its order, as it is found again by.
    pub(crate) key: Vec<u8>,
}

/// Makes rows of a table.
#[derive(Clone, Copy)]
pub(crate) struct RowMaker<'l> {
    pub(crate) layout: &'l Layout,
    pub(crate) options: &'l TableOptions,
}

/// For what is a change of a row, its source is the one that can say more.
const NO_MERGE: &str = "a merge sets some fields of a document, and a row of ClickHouse is written as a whole: send all fields, as an \
    upsert (of a table of PostgreSQL, `REPLICA IDENTITY FULL` has them sent)";

impl RowMaker<'_> {
    /// The row of a write. The error is a sentence for the sender.
    pub(crate) fn make(&self, write: &Write) -> Result<Row, String> {
        match write.operation {
            Operation::Delete => return self.tombstone(write),
            Operation::Merge => return Err(NO_MERGE.to_owned()),
            Operation::Insert | Operation::Upsert => {}
        }
        let document = Document::parse(&write.body)?;
        let fields = Fields::sort(&document, self.layout)?;
        self.check_unknown(&fields)?;
        let values = Values {
            conversion: &self.options.conversion,
            types: write.types.as_deref(),
        };
        let mut row = RowBytes::new(self.layout);
        for (place, column) in self.layout.columns.iter().enumerate() {
            let start = row.bytes.len();
            match &column.source {
                Source::Id | Source::Order | Source::Deleted => {
                    own::put(column, write, &mut row.bytes)?;
                    own::check(column, fields.own(&column.name), write, &row.bytes[start..], &values)?;
                }
                Source::Rest => own::put_rest(column, &fields.unknown, &mut row.bytes)?,
                Source::Field => {
                    let schema = schema_of(write.types.as_deref(), &column.name);
                    self.put_field(column, fields.slots[place].as_ref(), &values, schema, &mut row, place)?;
                }
                Source::Pointer(pointer) => {
                    let found = document
                        .find(pointer.steps())
                        .map_err(|misfit| fits(column, pointer.as_str(), &misfit))?;
                    let slot = found.map(|value| Slot::At(value, pointer.as_str().to_owned()));
                    self.put_field(column, slot.as_ref(), &values, None, &mut row, place)?;
                }
            }
            row.keep(place, start);
        }
        Fields::check_lengths(self.layout, &row.starts)?;
        if row.left_out.len() == self.layout.columns.len() {
            return Err("the document has no field for any column of the table".to_owned());
        }
        Ok(row.finish())
    }

    fn put_field(
        &self,
        column: &Column,
        slot: Option<&Slot<'_>>,
        values: &Values<'_>,
        schema: Option<usize>,
        row: &mut RowBytes<'_>,
        place: usize,
    ) -> Result<(), String> {
        match slot {
            Some(slot) => {
                let put = slot.put(&column.of, values, schema, &mut row.bytes);
                put.map_err(|misfit| fits(column, &slot.pointer(&column.name), &misfit))
            }
            None if column.has_default || self.options.fill_missing && !column.of.takes_null() => {
                row.left_out.push(place);
                Ok(())
            }
            None if column.of.takes_null() => {
                put_null(&column.of, &mut row.bytes);
                Ok(())
            }
            None => {
                let at = match &column.source {
                    Source::Pointer(pointer) => pointer.as_str().to_owned(),
                    _ => pointer(&column.name),
                };
                let (name, of) = (&column.name, &column.of_text);
                Err(format!(
                    "`{at}` is missing, and column `{name}` {of} is not Nullable and has no DEFAULT (`missing_fields = \
                     \"fill\"` fills it)"
                ))
            }
        }
    }

    /// The row that stands for a delete: its id, its order, and that it is one.
    fn tombstone(&self, write: &Write) -> Result<Row, String> {
        if let Some(why) = self.layout.no_deletes() {
            return Err(format!("the table `{}` takes no deletes: {why}", write.target));
        }
        let mut row = RowBytes::new(self.layout);
        for (place, column) in self.layout.columns.iter().enumerate() {
            let start = row.bytes.len();
            match column.source {
                Source::Id | Source::Order | Source::Deleted => own::put(column, write, &mut row.bytes)?,
                _ => row.left_out.push(place),
            }
            row.keep(place, start);
        }
        Ok(row.finish())
    }

    fn check_unknown(&self, fields: &Fields<'_>) -> Result<(), String> {
        match (&self.options.unknown_fields, fields.unknown.first()) {
            (UnknownFields::Refuse, Some((name, value))) => Err(format!(
                "`{}` is {}, and the table has no column of that name (`unknown_fields` says what else becomes of such fields)",
                pointer(name),
                Misfit::of(value, "").shown()
            )),
            _ => Ok(()),
        }
    }
}

/// The sentence for a value that a column does not hold.
fn fits(column: &Column, at: &str, misfit: &Misfit) -> String {
    misfit.in_column(at, &column.name, &column.of_text)
}

/// The node of a field in the schema's types.
fn schema_of(types: Option<&FieldTypes>, name: &str) -> Option<usize> {
    match types?.root() {
        FieldNode::Object(members) => members.get(name).copied(),
        FieldNode::Map(of) => Some(*of),
        _ => None,
    }
}

/// A row that is being made.
struct RowBytes<'l> {
    layout: &'l Layout,
    bytes: Vec<u8>,
    left_out: Vec<usize>,
    partition: Vec<u8>,
    key: Vec<u8>,
    /// For columns of a Nested, how many elements each has.
    starts: Vec<(usize, Vec<u8>)>,
}

impl<'l> RowBytes<'l> {
    fn new(layout: &'l Layout) -> Self {
        Self {
            layout,
            bytes: Vec::with_capacity(256),
            left_out: Vec::new(),
            partition: Vec::new(),
            key: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Remembers what is needed of a column's value.
    fn keep(&mut self, place: usize, start: usize) {
        let value = &self.bytes[start..];
        if self.layout.keys.partition.contains(&place) {
            // The highest byte first, so that what is near is side by side when it is sorted.
            self.partition.extend(value.iter().rev());
            self.partition.push(0);
        }
        if self.layout.own.id == Some(place) || self.layout.own.order == Some(place) {
            self.key.extend_from_slice(value);
        }
        if self.layout.columns[place].name.contains('.') && !value.is_empty() {
            self.starts.push((place, value[..value.len().min(10)].to_vec()));
        }
    }

    fn finish(self) -> Row {
        Row {
            bytes: self.bytes,
            left_out: self.left_out,
            partition: self.partition,
            key: self.key,
        }
    }
}

#[cfg(test)]
mod tests;
