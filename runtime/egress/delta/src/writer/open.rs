//! From a table's part of the file to its writer: the store, the table, its columns.

use std::sync::Arc;

use arrow_schema::Schema;

use super::{Setup, TableWriter};
use crate::{
    config::Table,
    error::TableError,
    layout::{Layout, desired},
    limits::CONFLICTS_MAX,
    table::{CommitOutcome, DeltaTable},
    window::IdWindow,
};

/// What a table is, without a change.
pub(crate) enum Survey {
    /// As the file says.
    Fits,
    /// It will be made.
    ToBeMade,
}

/// Looks at a table and its store.
pub(crate) fn survey(setup: &Setup) -> Result<Survey, TableError> {
    check_store(setup)?;
    let Some(table) = DeltaTable::open(&setup.store)? else {
        return match setup.config.create {
            true => Ok(Survey::ToBeMade),
            false => Err(absent(&setup.config)),
        };
    };
    match layout(&setup.config, &table) {
        Err(TableError::Unfit(_)) if setup.config.evolve => Ok(Survey::ToBeMade),
        layout => layout.map(|_| Survey::Fits),
    }
}

/// Whether the store keeps two commits of one version apart.
fn check_store(setup: &Setup) -> Result<(), TableError> {
    let probe = format!(
        "{}/probe-{}",
        setup.identity.folder(),
        hex::encode(rand::random::<[u8; 16]>())
    );
    setup.store.check_conditional_put(&probe)
}

impl TableWriter {
    /// Opens a table, or makes it.
    pub(crate) fn open(setup: Setup) -> Result<Self, TableError> {
        check_store(&setup)?;
        let mut table = match DeltaTable::open(&setup.store)? {
            Some(table) => table,
            None => create(&setup)?,
        };
        if setup.config.evolve {
            evolve(&setup.config, &mut table)?;
        }
        let mut writer = Self {
            layout: Arc::new(layout(&setup.config, &table)?),
            window: IdWindow::new(setup.config.window_rows),
            number: 0,
            absorbed: table.version(),
            files: Vec::new(),
            open_ids: Vec::new(),
            undecided: Vec::new(),
            lost: Vec::new(),
            in_doubt: false,
            commits: 0,
            checkpoint: None,
            table,
            setup,
        };
        writer.load()?;
        Ok(writer)
    }
}

/// How rows are made for a table as it is.
pub(super) fn layout(config: &Table, table: &DeltaTable) -> Result<Layout, TableError> {
    let partition = table.partition_columns()?;
    let layout = Layout::new(config, table.schema()?, &partition);
    layout.map_err(|why| TableError::Unfit(format!("{}: {why}", config.shown())))
}

fn create(setup: &Setup) -> Result<DeltaTable, TableError> {
    let config = &setup.config;
    let columns = match desired(config) {
        Some(columns) if config.create && setup.may_create => columns,
        _ => return Err(absent(config)),
    };
    let partition: Vec<_> = config.partition.iter().map(|by| by.column.clone()).collect();
    DeltaTable::create(&setup.store, &columns, &partition)?;
    tracing::info!("{} was made", config.shown());
    DeltaTable::open(&setup.store)?.ok_or_else(|| absent(config))
}

fn absent(config: &Table) -> TableError {
    TableError::Unfit(format!(
        "{} is not there: make it, or write `create = true` and `field_mappings`; or correct `url`",
        config.shown()
    ))
}

/// Adds the columns that the file has and the table has not.
fn evolve(config: &Table, table: &mut DeltaTable) -> Result<(), TableError> {
    let Some(desired) = desired(config) else { return Ok(()) };
    for _ in 0..CONFLICTS_MAX {
        let present = table.schema()?;
        let is_absent = |name: &str| {
            !present
                .fields()
                .iter()
                .any(|field| field.name().eq_ignore_ascii_case(name))
        };
        let absent = desired.fields().iter().filter(|field| is_absent(field.name()));
        let absent: Vec<_> = absent.map(|field| field.as_ref().clone().with_nullable(true)).collect();
        if absent.is_empty() {
            return Ok(());
        }
        let outcome = table.add_columns(&Schema::new(absent))?;
        table.refresh(false)?;
        if let CommitOutcome::Unknown(error) = outcome {
            return Err(error);
        }
    }
    Err(TableError::Transient(format!(
        "{}: other writers are always first to change it",
        config.shown()
    )))
}
