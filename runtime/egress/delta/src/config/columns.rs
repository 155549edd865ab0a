//! How fields of documents become columns.

use danube_wasm_settings::{
    Section, Table as Reader,
    kinds::{Choice, Flag, Parsed, Text},
    values::JsonPointer,
};

use crate::column_type::ColumnType;

/// A field of documents and its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldMapping {
    /// Where the value is in documents.
    pub pointer: JsonPointer,
    /// The column's name.
    pub column: String,
    /// The column's type.
    pub of: ColumnType,
    /// Whether it may be null, or missing in a document.
    pub nullable: bool,
}

/// A column that partitions are made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBy {
    /// The column's name.
    pub column: String,
    /// A moment in documents whose day is the column's value.
    pub date_of: Option<JsonPointer>,
}

/// What becomes of fields without a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownFields {
    /// The document is refused.
    Refuse,
    /// They are left out.
    Drop,
    /// They go into this column, as JSON.
    Rest(String),
}

/// The keys about columns.
pub(super) fn read(t: &mut Reader<'_>, create: bool) -> (Vec<FieldMapping>, Vec<PartitionBy>, Option<UnknownFields>) {
    let field_mappings = t.group("field_mappings").each::<FieldMapping>();
    let partition = t.group("partition").each::<PartitionBy>();
    let unknown = t
        .field(
            "unknown_fields",
            Choice::of(&[("refuse", UnknownFields::Refuse), ("drop", UnknownFields::Drop)]),
            "What becomes of a document with fields that have no column.",
        )
        .defaults_to("`\"drop\"` with `field_mappings`, else `\"refuse\"`");
    let rest = t
        .field(
            "rest_column",
            Text,
            "A column of type string for the fields that have no other, as a JSON object.",
        )
        .example("\"rest\"")
        .optional();
    if create && !t.has_items("field_mappings") && t.session().manual().is_none() {
        t.session().error(
            &t.span("create"),
            "`create` needs `field_mappings`: they are the columns of the new table",
            "add a `[[sinks.delta.tables.field_mappings]]` for each column, or remove `create` and make the table elsewhere",
        );
    }
    if rest.is_some() && unknown.is_some() {
        t.session().error(
            &t.span("rest_column"),
            "`rest_column` is where fields without a column go, and `unknown_fields` says otherwise",
            "leave one of them out",
        );
    }
    check_names(t, &field_mappings, &partition);
    (field_mappings, partition, rest.map(UnknownFields::Rest).or(unknown))
}

/// That no column is named twice, as Delta compares names, and that partitions are made by columns that have values.
fn check_names(t: &Reader<'_>, mappings: &[FieldMapping], partition: &[PartitionBy]) {
    let derived = partition.iter().filter(|by| by.date_of.is_some()).map(|by| &by.column);
    let names: Vec<_> = mappings
        .iter()
        .map(|mapping| &mapping.column)
        .chain(derived)
        .map(|name| name.to_lowercase())
        .collect();
    if let Some(twice) = names
        .iter()
        .enumerate()
        .find(|(place, name)| names[..*place].contains(name))
    {
        t.session().error(
            &t.span("field_mappings"),
            format!(
                "two columns are named `{}`: upper and lower case are the same to Delta",
                twice.1
            ),
            "give each a name of its own",
        );
    }
    let unmapped = partition
        .iter()
        .find(|by| by.date_of.is_none() && !names.contains(&by.column.to_lowercase()));
    if let Some(by) = unmapped.filter(|_| !mappings.is_empty()) {
        t.session().error(
            &t.span("partition"),
            format!("column `{}` of `partition` has no field", by.column),
            "add it to `field_mappings`, or write its `date_of`",
        );
    }
}

impl Section for FieldMapping {
    const ABOUT: &'static str = "A field of documents and the column that it goes to. With `field_mappings`, columns that none of them names \
        are null. A table that is there must have the columns with these types.";

    fn read(t: &mut Reader<'_>) -> Option<Self> {
        let pointer = t
            .field(
                "pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where the value is in documents.",
            )
            .example("\"/customer/id\"")
            .required();
        let column = t
            .field("column", Text, "The column's name.")
            .example("\"customer_id\"")
            .required();
        let of = t
            .field(
                "type",
                Parsed::<ColumnType>::new("a type of a column"),
                "The column's type: `string` (a string, or anything as JSON), `long`, `integer`, `short`, `byte`, `double`, `float`, \
                 `decimal(P,S)` (a number or its digits as a string), `boolean`, `binary` (Base64), `date` (`2024-01-31`), `timestamp` \
                 (RFC 3339 with an offset, or microseconds since 1970), `timestamp_ntz` (without an offset). A value that does not fit \
                 is refused.",
            )
            .aliases(&["data_type"])
            .example("\"long\"")
            .required();
        let nullable = t
            .field("nullable", Flag, "Whether it may be null, or missing in a document.")
            .or(true);
        Some(Self {
            pointer: pointer?,
            column: column?,
            of: of?,
            nullable,
        })
    }
}

impl Section for PartitionBy {
    const ABOUT: &'static str = "A column that partitions are made by, in order. A table that is there has partitions of its own, which these \
        must be equal to. Without, it keeps those that it has.";

    fn read(t: &mut Reader<'_>) -> Option<Self> {
        let column = t
            .field("column", Text, "The column's name.")
            .example("\"day\"")
            .required();
        let date_of = t
            .field(
                "date_of",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "A moment in documents: the column is its day in UTC, of type date.",
            )
            .example("\"/created_at\"")
            .optional();
        Some(Self {
            column: column?,
            date_of,
        })
    }
}
