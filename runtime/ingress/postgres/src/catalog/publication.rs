//! The publication, and whether it has what is configured.

use postgres_protocol::escape::{escape_identifier, escape_literal};

use super::{PublishedTable, published_tables};
use crate::{
    config::{Postgres, TableName},
    refusal::PgError,
    sql::Sql,
};

/// The configured tables, once the publication has all of them. Makes it so where it is asked for and `may_change`.
pub(crate) async fn ensure_publication(
    sql: &Sql,
    config: &Postgres,
    may_change: bool,
) -> Result<Vec<PublishedTable>, PgError> {
    let name = &config.publication;
    let statement = format!("SELECT FROM pg_publication WHERE pubname = {}", escape_literal(name));
    let is_there = !sql
        .rows(&format!("looking for the publication `{name}`"), &statement)
        .await?
        .is_empty();
    let mut tables = published_tables(sql, config).await?;
    let lacking: Vec<_> = tables
        .iter()
        .filter(|table| !table.is_published)
        .map(|table| table.name.clone())
        .collect();
    if is_there && lacking.is_empty() {
        return Ok(tables);
    }
    let statement = change(config, is_there, &lacking);
    if !config.create_publication {
        return Err(PgError::permanent(cure(config, is_there, &lacking, &statement)));
    }
    if may_change {
        sql.rows(&format!("making the publication `{name}` (`{statement}`)"), &statement)
            .await?;
        tables = published_tables(sql, config).await?;
        // A partition of a table that is published by its root.
        if let Some(table) = tables.iter().find(|table| !table.is_published) {
            return Err(PgError::permanent(format!(
                "{}: the publication `{name}` publishes the table `{}` under another name: write the root of its partitions, or `ALTER \
                 PUBLICATION {} SET (publish_via_partition_root = true)`",
                config.url,
                table.name,
                escape_identifier(name).trim()
            )));
        }
    }
    Ok(tables)
}

/// What an operator would write.
fn change(config: &Postgres, is_there: bool, lacking: &[TableName]) -> String {
    let name = escape_identifier(&config.publication);
    let list: Vec<_> = lacking.iter().map(quoted).collect();
    let list = list.join(", ");
    match is_there {
        true => format!("ALTER PUBLICATION {name} ADD TABLE {list}"),
        // None at all: messages are sent whatever is in it.
        false if lacking.is_empty() => format!("CREATE PUBLICATION {name}"),
        false => format!("CREATE PUBLICATION {name} FOR TABLE {list} WITH (publish_via_partition_root = true)"),
    }
}

fn cure(config: &Postgres, is_there: bool, lacking: &[TableName], statement: &str) -> String {
    let (url, name) = (&config.url, &config.publication);
    let and = "or write `create_publication = true`";
    match (is_there, lacking) {
        (false, _) => format!("{url} has no publication `{name}`: `{statement}`, {and}"),
        (true, lacking) => {
            let names: Vec<_> = lacking.iter().map(|table| format!("`{table}`")).collect();
            format!(
                "{url}: the publication `{name}` does not have {}, so no change of it would come: `{statement}`, {and}. If it is \
                 partitioned and its partitions are published: `ALTER PUBLICATION {} SET (publish_via_partition_root = true)`",
                names.join(", "),
                escape_identifier(name).trim()
            )
        }
    }
}

fn quoted(table: &TableName) -> String {
    format!(
        "{}.{}",
        escape_identifier(table.schema()),
        escape_identifier(table.table())
    )
}
