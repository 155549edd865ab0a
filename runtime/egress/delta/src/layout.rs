//! From documents to the rows of a table.

mod compare;
mod desired;
mod source;

use std::{collections::HashSet, sync::Arc};

use arrow_schema::{Field, Schema};
use danube_wasm_egress_common::json::{Document, pointer};
use danube_wasm_model::{door::Write, message::Operation};
pub(crate) use desired::desired;
use source::Source;

use crate::{
    column_type,
    config::{Table, UnknownFields},
    row::{Row, RowId},
    value::{Cell, Values},
};

/// What a change table has beside the documents' columns.
pub(crate) const ID: &str = "_id";
/// What was done: `insert`, `upsert` or `delete`.
pub(crate) const OP: &str = "_op";
/// Which one of an id is the latest.
pub(crate) const ORDER: &str = "_order";
/// What the built-in component adds to documents.
pub(crate) const METADATA: &str = "_danube_metadata";

/// How documents become rows of a table as it is now.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The table's columns, those of partitions among them.
    pub(crate) schema: Arc<Schema>,
    /// Which of them partitions are made by.
    pub(crate) partition: Vec<usize>,
    sources: Vec<Source>,
    /// Fields of documents that have a column.
    known: HashSet<String>,
    unknown: UnknownFields,
}

impl Layout {
    /// The error is a sentence: the table and the file do not fit.
    pub(crate) fn new(config: &Table, schema: Schema, partition: &[String]) -> Result<Self, String> {
        compare::compare(config, &schema, partition)?;
        let sources: Vec<_> = schema.fields().iter().map(|field| source::of(config, field)).collect();
        let known = sources.iter().filter_map(Source::field).map(str::to_owned);
        let place = |name: &String| schema.index_of(name).map_err(|error| error.to_string());
        Ok(Self {
            partition: partition.iter().map(place).collect::<Result<_, _>>()?,
            known: known.collect(),
            sources,
            unknown: config.unknown_fields(),
            schema: Arc::new(schema),
        })
    }

    /// Whether a table with these columns takes the rows of this layout.
    pub(crate) fn fits(&self, schema: &Schema) -> bool {
        *self.schema == *schema
    }

    /// The row of a write. The error is a sentence for the sender: the document does not fit.
    pub(crate) fn row(&self, write: &Write) -> Result<Row, String> {
        let is_deletion = write.operation == Operation::Delete;
        let body: &[u8] = if is_deletion { b"{}" } else { &write.body };
        let document = Document::parse(body)?;
        let values = Values {
            types: write.types.as_deref(),
        };
        let rest = if is_deletion { None } else { self.rest(&document)? };
        let cell = |(field, source): (&Arc<Field>, &Source)| match source {
            Source::Rest => Ok(rest.clone().map_or(Cell::Null, Cell::Text)),
            _ if is_deletion && source.field().is_some() => deleted(field),
            source => source.cell(field, &document, values, write),
        };
        let cells = self
            .schema
            .fields()
            .iter()
            .zip(&self.sources)
            .map(cell)
            .collect::<Result<Vec<_>, _>>()?;
        self.check_partition(&cells)?;
        Ok(Row {
            id: RowId::of(write),
            cells,
            bytes: write.body.len(),
        })
    }

    /// Whether the table can do an operation.
    pub(crate) fn accepts(has_changes: bool, operation: Operation) -> bool {
        match operation {
            Operation::Insert => true,
            Operation::Upsert | Operation::Delete => has_changes,
            Operation::Merge => false,
        }
    }

    /// The fields that have no column, as JSON; an error if they are refused.
    fn rest(&self, document: &Document<'_>) -> Result<Option<String>, String> {
        let unknown = || document.0.0.iter().filter(|(name, _)| !self.known.contains(&**name));
        match &self.unknown {
            UnknownFields::Drop => Ok(None),
            UnknownFields::Refuse => match unknown().next() {
                None => Ok(None),
                Some((name, _)) => Err(format!(
                    "`{}` has no column in the table: add one, or write `unknown_fields = \"drop\"` or a `rest_column`",
                    pointer(name)
                )),
            },
            UnknownFields::Rest(_) => {
                let members: Vec<_> = unknown().map(|(name, value)| member(name, value)).collect();
                Ok((!members.is_empty()).then(|| format!("{{{}}}", members.join(","))))
            }
        }
    }

    /// An empty text becomes null in the name of a partition.
    fn check_partition(&self, cells: &[Cell]) -> Result<(), String> {
        let is_empty = |place: &&usize| matches!(&cells[**place], Cell::Text(text) if text.is_empty());
        match self.partition.iter().find(is_empty) {
            None => Ok(()),
            Some(place) => Err(format!(
                "column `{}` makes partitions, in which an empty text is null: it is not stored",
                self.schema.field(*place).name()
            )),
        }
    }
}

fn deleted(field: &Field) -> Result<Cell, String> {
    match field.is_nullable() {
        true => Ok(Cell::Null),
        false => Err(format!(
            "a deletion has no value for column `{}` {}, which may not be null",
            field.name(),
            column_type::name(field.data_type())
        )),
    }
}

fn member(name: &str, value: &str) -> String {
    format!("{}:{value}", serde_json::Value::from(name))
}
