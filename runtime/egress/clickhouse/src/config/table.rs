//! How documents become rows of a table.

use danube_wasm_settings::{
    Section, Span, Table,
    kinds::{Choice, Flag, Parsed, Text},
    values::JsonPointer,
};

use super::UnknownFields;
use crate::value::{Conversion, Epoch};

/// How documents become rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// The column of a write's id.
    pub id_column: Option<String>,
    /// The column of a write's order; without, the version column of the table's engine.
    pub order_column: Option<String>,
    /// The column that says that a row stands for a delete; without, that of the table's engine.
    pub deleted_column: Option<String>,
    /// Columns that are not filled by the field of their name.
    pub columns: Vec<ColumnSource>,
    /// What becomes of fields without a column.
    pub unknown_fields: UnknownFields,
    /// Whether a column without a default is filled with its type's zero where its field is missing.
    pub fill_missing: bool,
    /// How values become those of columns.
    pub conversion: Conversion,
    /// How rows that may be stored already are found.
    pub dedup: Dedup,
}

/// Where a column's value is in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSource {
    /// The column.
    pub column: String,
    /// Where its value is.
    pub pointer: JsonPointer,
}

/// How rows that may be stored already are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dedup {
    /// By the table's engine, and the token of an insert that is sent again.
    #[default]
    Engine,
    /// By asking the table for their ids, too.
    Lookup,
}

impl Section for ColumnSource {
    const ABOUT: &'static str =
        "A column that is filled by a value elsewhere in the document than the field of its name.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let pointer = t
            .field(
                "pointer",
                Parsed::<JsonPointer>::new("a JSON pointer"),
                "Where the document has the value.",
            )
            .example("\"/customer/name\"")
            .required();
        let column = t
            .field("column", Text, "The column.")
            .example("\"customer_name\"")
            .required();
        Some(Self {
            column: column?,
            pointer: pointer?,
        })
    }
}

impl TableOptions {
    /// Reads the keys.
    pub(super) fn read(t: &mut Table<'_>) -> Self {
        let (id_column, order_column, deleted_column) = own_columns(t);
        let columns = t.group("columns").each::<ColumnSource>();
        let unknown_fields = t
            .field(
                "unknown_fields",
                Parsed::<UnknownFields>::new("`\"refuse\"`, `\"drop\"` or `\"column:NAME\"`"),
                "What becomes of fields that the table has no column for: the document is refused, they are left out, or they \
                 are stored as one JSON object in the column NAME, which holds texts or JSON. Those in a field that `columns` \
                 point into count as known.",
            )
            .or(UnknownFields::Refuse);
        let fill_missing = t
            .field(
                "missing_fields",
                Choice::of(&[("refuse", false), ("fill", true)]),
                "What becomes of a document without a field whose column is not Nullable and has no DEFAULT: it is refused, or \
                 the column is filled with 0, an empty text and so on.",
            )
            .or(false);
        let conversion = conversion(t);
        let dedup = t
            .field(
                "dedup",
                Choice::of(&[("engine", Dedup::Engine), ("lookup", Dedup::Lookup)]),
                "How a row that may be stored already is found: by the table's engine, which ReplacingMergeTree does; or, for \
                 other engines, by asking the table for its id before it is inserted. Only rows that come again are asked for.",
            )
            .or(Dedup::Engine);
        if dedup == Dedup::Lookup && !t.given("id_column") {
            t.session().error(
                &t.span("dedup"),
                "`dedup = \"lookup\"` asks for ids, and no column has them",
                "add `id_column`",
            );
        }
        Self {
            id_column,
            order_column,
            deleted_column,
            columns,
            unknown_fields,
            fill_missing,
            conversion,
            dedup,
        }
    }
}

fn own_columns(t: &mut Table<'_>) -> (Option<String>, Option<String>, Option<String>) {
    let id = t
        .field(
            "id_column",
            Text,
            "The column of a document's id. With the engine ReplacingMergeTree, sorted by this column, each id is once in the \
             table.",
        )
        .example("\"id\"")
        .optional();
    let order = t
        .field(
            "order_column",
            Text,
            "The column of a write's order, UInt64: of two rows of an id, the one with the higher order is the newer.",
        )
        .example("\"_order\"")
        .defaults_to("the version column of the table's ReplacingMergeTree, if it is UInt64");
    let deleted = t
        .field(
            "deleted_column",
            Text,
            "The column, UInt8 or Bool, that is 1 in a row that stands for a delete. Without one, deletes are refused.",
        )
        .example("\"_deleted\"")
        .defaults_to("the `is_deleted` column of the table's ReplacingMergeTree");
    (id, order, deleted)
}

fn conversion(t: &mut Table<'_>) -> Conversion {
    let epoch = t
        .field(
            "epoch",
            Choice::of(&[("s", Epoch::Seconds), ("ms", Epoch::Millis), ("us", Epoch::Micros)]),
            "What numbers in columns of dates count, since 1970-01-01 UTC: seconds, milliseconds or microseconds. Without, only \
             texts are accepted: RFC 3339, or a date.",
        )
        .example("\"ms\"")
        .optional();
    let truncate = t
        .field(
            "truncate",
            Flag,
            "Cut what is finer than its column: parts of a second, the time of a date, digits behind the point of a decimal; \
             whole numbers that a float does not hold. Otherwise such documents are refused.",
        )
        .or(false);
    let json_to_string = t
        .field(
            "json_to_string",
            Flag,
            "Store numbers, booleans, arrays and objects in columns of texts, as their JSON text.",
        )
        .or(false);
    Conversion {
        epoch,
        truncate,
        json_to_string,
    }
}

/// The tables that mappings name, each with where, in which sink, and how documents become its rows.
#[derive(Default)]
pub(super) struct TablesSeen(Vec<(Span, String, String, TableOptions)>);

impl TablesSeen {
    /// A mapping of this sink writes to a table in this way.
    pub(super) fn leave(t: &Table<'_>, key: &str, table: &str, options: &TableOptions) {
        let seen = (t.span(key), t.item(), table.to_owned(), options.clone());
        t.session().facts::<Self>().0.push(seen);
    }

    /// That mappings that write to one table do so in one way: a write says its table, and not its mapping.
    pub(super) fn compare(t: &Table<'_>) {
        let item = t.item();
        let seen = std::mem::take(&mut t.session().facts::<Self>().0);
        let own: Vec<_> = seen.iter().filter(|(_, of, _, _)| *of == item).collect();
        for (place, (span, _, table, options)) in own.iter().enumerate() {
            let differs =
                |(_, _, other, before): &&&(Span, String, String, TableOptions)| other == table && before != options;
            if own[..place].iter().any(|before| differs(&before)) {
                t.session().error(
                    span,
                    format!("another mapping writes to the table `{table}` in another way"),
                    "give both mappings the same keys about the table's rows, or put one of them into a sink of its own",
                );
            }
        }
    }
}
