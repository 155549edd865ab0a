//! What a table can promise, in words.

use crate::{
    config::{Dedup, TableOptions},
    layout::{Layout, Source},
};

/// How often a record is in the table, for `check --connect`.
pub(crate) fn of(layout: &Layout, options: &TableOptions) -> String {
    let name = &layout.engine.name;
    let often = match layout.replaces() {
        true => replacing(layout),
        false => appending(layout, options),
    };
    let deletes = match layout.no_deletes() {
        None => "deletes are rows".to_owned(),
        Some(why) => format!("deletes are refused: {why}"),
    };
    format!("{name}: {often}; {deletes}")
}

fn replacing(layout: &Layout) -> String {
    let key = &layout.info.engine.partition_key;
    if !layout.keys.partitioned_by_id {
        return format!(
            "each id once for who reads with `FINAL`; merges keep one row of it in each partition, since `{key}` may be another \
             one for each row"
        );
    }
    let newest = match (&layout.engine.version, layout.own.order) {
        (_, Some(_)) => "the newest row of an id remains",
        (Some(version), None) => {
            return format!(
                "each id once, with `FINAL` or after merges; of its rows the one with the highest `{version}` remains"
            );
        }
        (None, None) => "the row that was inserted last remains: add a version column, or late writes win",
    };
    format!("each id once, with `FINAL` or after merges; {newest}")
}

fn appending(layout: &Layout, options: &TableOptions) -> String {
    let sorting = &layout.info.engine.sorting_key;
    let why = match (layout.engine.is_replacing, layout.own.id) {
        (true, None) => " (it replaces rows by its sorting key: add `id_column` for one row of each id)".to_owned(),
        (true, Some(_)) => format!(" (it is sorted by `{sorting}`, which is another one for each row of an id)"),
        (false, _) => String::new(),
    };
    let again = match (options.dedup, layout.engine.remembers_tokens) {
        (Dedup::Lookup, _) => "rows that come again are looked up by id before they are inserted",
        (_, true) => "an insert that is sent again as it was is recognised while the server remembers its token",
        (_, false) => {
            "a row is stored twice if it is sent twice; `dedup = \"lookup\"`, or an engine that replaces, prevents that"
        }
    };
    format!("at least once{why}; {again}")
}

/// What may surprise.
pub(crate) fn warnings(layout: &Layout) -> Vec<String> {
    let mut warnings = Vec::new();
    for column in &layout.info.columns {
        let is_default = column.default_kind == "DEFAULT" || column.default_kind == "MATERIALIZED";
        if is_default && layout.engine.remembers_tokens && layout.changes(&column.default_expression) {
            let (name, expression) = (&column.name, &column.default_expression);
            warnings.push(format!(
                "its column `{name}` is by default `{expression}`, another value each time: where an insert is sent again and \
                 another replica takes it, replicas may differ. Fill it from documents"
            ));
        }
    }
    let is_lossy = match layout.engine.name.as_str() {
        "Buffer" => Some("it keeps rows in memory: what it has not written to its table is lost when the server stops"),
        "Memory" | "Null" | "Set" | "Join" => Some("its rows are not kept on a disk"),
        "Distributed" => Some("what its shards promise is not known here: check their tables"),
        _ => None,
    };
    warnings.extend(is_lossy.map(str::to_owned));
    let orders = layout.columns.iter().any(|column| column.source == Source::Order);
    if layout.own.id.is_none() && orders {
        warnings.push("orders are stored and ids are not: add `id_column`".to_owned());
    }
    warnings
}
