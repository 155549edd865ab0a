//! Where a column's values come from.

use arrow_schema::{DataType, Field, TimeUnit};
use danube_wasm_egress_common::json::{Document, pointer};
use danube_wasm_model::{door::Write, message::Operation};
use danube_wasm_settings::values::JsonPointer;

use super::{ID, METADATA, OP, ORDER};
use crate::{
    column_type,
    config::{Table, UnknownFields},
    value::{Cell, Values, day_of},
};

/// Where a column's values come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A place in the document.
    Value { steps: Vec<String>, pointer: String },
    /// The day of the moment at a place in the document.
    DateOf { steps: Vec<String>, pointer: String },
    /// What of the document has no column.
    Rest,
    /// The document's id.
    Id,
    /// What is done to it.
    Operation,
    /// Its order.
    Order,
    /// Nothing: null.
    Nothing,
}

/// Where the values of a table's column come from.
pub(super) fn of(config: &Table, column: &Field) -> Source {
    let name = column.name().as_str();
    let is_rest = matches!(&config.unknown_fields(), UnknownFields::Rest(rest) if rest == name);
    let date_of = config
        .partition
        .iter()
        .find(|by| by.column == name)
        .and_then(|by| by.date_of.as_ref());
    let mapped = config.field_mappings.iter().find(|mapping| mapping.column == name);
    match name {
        ID if config.changes => Source::Id,
        OP if config.changes => Source::Operation,
        ORDER if config.changes => Source::Order,
        _ if is_rest => Source::Rest,
        _ if let Some(date_of) = date_of => Source::DateOf {
            steps: date_of.steps().to_vec(),
            pointer: date_of.as_str().to_owned(),
        },
        _ if let Some(mapped) = mapped => Source::value(&mapped.pointer),
        _ if !config.field_mappings.is_empty() && name != METADATA => Source::Nothing,
        name => Source::Value {
            steps: vec![name.to_owned()],
            pointer: pointer(name),
        },
    }
}

impl Source {
    fn value(at: &JsonPointer) -> Self {
        Self::Value {
            steps: at.steps().to_vec(),
            pointer: at.as_str().to_owned(),
        }
    }

    /// The field of documents that it is in.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            Self::Value { steps, .. } | Self::DateOf { steps, .. } => steps.first().map(String::as_str),
            _ => None,
        }
    }

    /// Reads it. The error is a sentence for the sender.
    pub(super) fn cell(
        &self,
        column: &Field,
        document: &Document<'_>,
        values: Values<'_>,
        write: &Write,
    ) -> Result<Cell, String> {
        let (steps, at) = match self {
            Self::Value { steps, pointer } | Self::DateOf { steps, pointer } => (steps, pointer),
            Self::Id => return Ok(Cell::Text(write.id.clone())),
            Self::Operation => return Ok(Cell::Text(operation(write.operation).to_owned())),
            Self::Order => {
                let order = i64::try_from(write.order).map(Cell::Integer);
                return order.map_err(|_| format!("its order {} does not fit column `{ORDER}` long", write.order));
            }
            Self::Rest | Self::Nothing => return Ok(Cell::Null),
        };
        let shown = format!("({})", column_type::name(column.data_type()));
        let found = document
            .find(steps)
            .map_err(|misfit| misfit.in_column(at, column.name(), &shown))?;
        let schema = values.schema_at(steps);
        let Some(found) = found else {
            return match column.is_nullable() {
                true => Ok(Cell::Null),
                false => Err(format!(
                    "`{at}` is not there, and column `{}` {shown} may not be null",
                    column.name()
                )),
            };
        };
        let cell = match self {
            Self::DateOf { .. } => {
                let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let moment = Field::new(column.name(), moment, column.is_nullable());
                values.cell(&moment, found, schema).map(|cell| match cell {
                    Cell::Integer(micros) => Cell::Integer(day_of(micros)),
                    other => other,
                })
            }
            _ => values.cell(column, found, schema),
        };
        cell.map_err(|misfit| misfit.in_column(at, column.name(), &shown))
    }
}

fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "insert",
        Operation::Upsert => "upsert",
        Operation::Merge => "merge",
        Operation::Delete => "delete",
    }
}
