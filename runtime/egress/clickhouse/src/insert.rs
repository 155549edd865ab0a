//! Rows to inserts, and which of them the table refuses.
//!
//! An insert is all or nothing within a partition, and a row that the server refuses takes its neighbours with it. The server
//! says which row it was: that one is tried alone, and the rest again. Where it does not say, the insert is halved. Rows of one
//! id are of one insert, and of those only the ones that count.
//!
//! The columns that rows leave to the server's defaults are left out of the insert as a whole, so rows that leave out others
//! are of other inserts.

mod item;
mod progress;
mod request;
mod units;

use std::sync::atomic::AtomicBool;

use danube_wasm_egress_common::{
    Chain,
    bisect::{self, Attempt},
};
use parking_lot::Mutex;

use crate::{client::Client, exception::Fault, layout::Layout, limits::SENT_AGAIN_ROWS_MAX};
pub(crate) use item::Item;
use progress::Progress;
pub(crate) use progress::Written;
use units::Unit;

/// Inserts into one table, which is as the layout says.
pub(crate) struct Inserts<'t> {
    pub(crate) client: &'t Client,
    pub(crate) database: &'t str,
    pub(crate) table: &'t str,
    pub(crate) layout: &'t Layout,
    /// The file's, for every insert.
    pub(crate) settings: &'t [(String, String)],
    /// Places of rows that are stored.
    stored: Mutex<Vec<usize>>,
    /// Whether also small inserts are made without others' rows.
    sends_alone: AtomicBool,
}

impl<'t> Inserts<'t> {
    pub(crate) fn new(
        client: &'t Client,
        (database, table): (&'t str, &'t str),
        layout: &'t Layout,
        settings: &'t [(String, String)],
    ) -> Self {
        Self {
            client,
            database,
            table,
            layout,
            settings,
            stored: Mutex::default(),
            sends_alone: AtomicBool::new(false),
        }
    }

    /// Inserts rows, until all are stored or refused, or the table fails.
    pub(crate) async fn write(&self, items: Vec<Item<'_>>) -> Written {
        let (progress, chains) = Progress::of(items, self.layout.replaces());
        let mut pending = units::cut(chains, self.layout);
        pending.reverse();
        let (mut refused, mut failed) = (Vec::new(), None);
        while let Some(mut unit) = pending.pop() {
            let before = refused.len();
            match self.write_unit(&mut unit, &mut refused).await {
                Ok(()) => {}
                Err(fault @ Fault::Unfit(_)) => {
                    // Then what it said of rows is not about them.
                    refused.truncate(before);
                    failed = Some(fault);
                    break;
                }
                Err(fault) if fault.asks_for_less() && unit.0.len() > 1 => pending.extend(unit.halves()),
                Err(fault) => {
                    // What is behind it would fail, too, or pass it.
                    failed = Some(fault);
                    break;
                }
            }
        }
        progress.result(&self.stored.lock(), refused, failed)
    }

    /// Inserts a unit but for what the table refuses.
    async fn write_unit(&self, unit: &mut Unit<'_>, refused: &mut Vec<(usize, String)>) -> Result<(), Fault> {
        let (all, before) = (unit.0.len(), refused.len());
        if self.drop_named(unit, refused).await? == Dropped::Rest {
            let done = bisect::write(self, &mut unit.0).await?;
            refused.extend(done.refused);
        }
        let refused = &refused[before..];
        if refused.len() > 1 && refused.len() >= all {
            self.check_views(refused)?;
        }
        Ok(())
    }

    /// Tries the rows, and as long as the server says which one it refuses, that one alone and the others again.
    async fn drop_named(&self, unit: &mut Unit<'_>, refused: &mut Vec<(usize, String)>) -> Result<Dropped, Fault> {
        for _ in 0..tries(unit.0.len()) {
            let fault = match self.attempt(&mut unit.0).await {
                Ok(_) => return Ok(Dropped::All),
                Err(fault) => fault,
            };
            let row = match fault {
                Fault::Record { row, .. } => row,
                // What is too large alone is refused.
                fault if fault.asks_for_less() && unit.0.len() == 1 => None,
                fault => return Err(fault),
            };
            let named = row.and_then(|row| unit.position(row)).filter(|_| unit.0.len() > 1);
            let Some(named) = named else { break };
            // Numbers of rows count from the beginning of a block, and blocks are the server's affair.
            let mut named = vec![unit.0.remove(named)];
            let done = bisect::write(self, &mut named).await?;
            let was_innocent = done.refused.is_empty();
            refused.extend(done.refused);
            if was_innocent {
                break;
            }
        }
        Ok(Dropped::Rest)
    }

    /// That not every row was refused by a view behind the table: then the view is at fault, and no row.
    fn check_views(&self, refused: &[(usize, String)]) -> Result<(), Fault> {
        let of_view = |(_, reason): &(usize, String)| reason.contains("while pushing to view");
        match refused.first().filter(|_| refused.iter().all(of_view)) {
            None => Ok(()),
            Some((_, reason)) => Err(Fault::Unfit(format!(
                "a view of the table `{}` refuses every row: {reason}; correct the view. Its rows wait",
                self.table
            ))),
        }
    }
}

/// Whether the rows that were not dropped are stored.
#[derive(PartialEq, Eq)]
enum Dropped {
    All,
    Rest,
}

/// How often rows are sent again without one of them: as often as they would be halved, and more often if they are few.
fn tries(rows: usize) -> usize {
    let halvings = rows.checked_ilog2().map_or(0, |log| log as usize + 1);
    halvings.max(SENT_AGAIN_ROWS_MAX.checked_div(rows).unwrap_or(0))
}

impl<'w> Attempt<Item<'w>> for Inserts<'_> {
    type Fault = Fault;

    async fn attempt(&self, chains: &mut [Chain<Item<'w>>]) -> Result<usize, Fault> {
        let needed = chains.iter_mut().flat_map(Chain::needed).map(|item| item.clone());
        for items in units::by_columns(needed.collect()) {
            self.insert(&items).await?;
            self.stored.lock().extend(items.iter().map(|item| item.place));
        }
        Ok(0)
    }

    /// An insert without rows: it needs the table, its columns and the right to write to it, and stores nothing.
    async fn probe(&self) -> Result<(), Fault> {
        self.insert(&[]).await
    }
}
