//! Tables, and what the publication has of them.

use postgres_protocol::escape::{escape_identifier, escape_literal};

use crate::{
    config::{Postgres, TableName},
    refusal::PgError,
    sql::{Sql, flag, optional, text},
};

/// A configured table as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublishedTable {
    pub(crate) name: TableName,
    pub(crate) oid: u32,
    /// Its rows are in partitions.
    pub(crate) is_partitioned: bool,
    /// `d`, `n`, `f` or `i`.
    pub(crate) identity: String,
    pub(crate) has_primary_key: bool,
    /// The role may read its rows.
    pub(crate) is_readable: bool,
    /// The publication has it.
    pub(crate) is_published: bool,
    /// What of its rows is published.
    pub(crate) filter: Option<String>,
}

impl PublishedTable {
    /// Whether its updates and deletes can be read; else the server refuses them to whoever makes them.
    pub(crate) fn has_identity(&self) -> bool {
        match self.identity.as_str() {
            "n" => false,
            "d" => self.has_primary_key,
            _ => true,
        }
    }

    /// The statement that reads its published rows.
    pub(crate) fn select(&self, columns: &[String]) -> String {
        let columns: Vec<_> = columns.iter().map(|name| escape_identifier(name)).collect();
        // Tables that inherit from it are published under their own names.
        let only = if self.is_partitioned { "" } else { "ONLY " };
        let filter = self.filter.as_ref().map(|filter| format!(" WHERE {filter}"));
        format!(
            "SELECT {} FROM {only}{}.{}{}",
            columns.join(", "),
            escape_identifier(self.name.schema()),
            escape_identifier(self.name.table()),
            filter.unwrap_or_default()
        )
    }
}

/// The configured tables, in the file's order; one that is not there is an error.
pub(crate) async fn published_tables(sql: &Sql, config: &Postgres) -> Result<Vec<PublishedTable>, PgError> {
    let mut tables = Vec::new();
    for route in &config.tables {
        let name = &route.table;
        let (schema, table) = (escape_literal(name.schema()), escape_literal(name.table()));
        let publication = escape_literal(&config.publication);
        let statement = format!(
            "SELECT c.oid, c.relkind, c.relreplident, has_table_privilege(c.oid, 'SELECT') AS is_readable, p.tablename IS NOT NULL AS \
             is_published, p.rowfilter, EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_publication_tables p ON p.pubname = {publication} AND p.schemaname = n.nspname AND p.tablename = c.relname \
             WHERE n.nspname = {schema} AND c.relname = {table} AND c.relkind IN ('r', 'p')"
        );
        let rows = sql.rows(&format!("looking for the table `{name}`"), &statement).await?;
        let row = rows.first().ok_or_else(|| {
            PgError::permanent(format!(
                "{} has no table `{name}`: correct `table`, as the catalogs have it, or create it",
                config.url
            ))
        })?;
        tables.push(PublishedTable {
            name: name.clone(),
            oid: text(row, "oid").parse().unwrap_or_default(),
            is_partitioned: text(row, "relkind") == "p",
            identity: text(row, "relreplident"),
            has_primary_key: flag(row, "has_key"),
            is_readable: flag(row, "is_readable"),
            is_published: flag(row, "is_published"),
            filter: optional(row, "rowfilter"),
        });
    }
    Ok(tables)
}

/// Name and type of the columns that the publication has of a table, in their order.
pub(crate) async fn snapshot_columns(
    sql: &Sql,
    publication: &str,
    table: &PublishedTable,
) -> Result<Vec<(String, u32)>, PgError> {
    let name = &table.name;
    let statement = format!(
        "SELECT a.attname, a.atttypid FROM pg_attribute a JOIN pg_publication_tables p ON a.attname = ANY (p.attnames) \
         WHERE a.attrelid = {} AND a.attnum > 0 AND NOT a.attisdropped \
         AND (a.attgenerated = '' OR current_setting('server_version_num')::int >= 180000) \
         AND p.pubname = {} AND p.schemaname = {} AND p.tablename = {} ORDER BY a.attnum",
        table.oid,
        escape_literal(publication),
        escape_literal(name.schema()),
        escape_literal(name.table())
    );
    let rows = sql
        .rows(&format!("asking for the columns of `{name}`"), &statement)
        .await?;
    let columns = rows
        .iter()
        .map(|row| (text(row, "attname"), text(row, "atttypid").parse().unwrap_or_default()));
    Ok(columns.collect())
}

/// Columns that tell a table's rows apart: those of the index that is its replica identity, else of its primary key. None if it
/// has neither, or is not there any more.
pub(crate) async fn key_columns(sql: &Sql, oid: u32, identity: &str) -> Result<Vec<String>, PgError> {
    let index = if identity == "i" {
        "indisreplident"
    } else {
        "indisprimary"
    };
    let statement = format!(
        "SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) \
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum \
         WHERE i.indrelid = {oid} AND i.{index} ORDER BY k.place"
    );
    let rows = sql.rows("asking for the key of a table", &statement).await?;
    Ok(rows.iter().map(|row| text(row, "attname")).collect())
}
