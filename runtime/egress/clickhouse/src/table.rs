//! A table that is written to.

use std::sync::Arc;

use danube_wasm_egress_common::bisect::Attempt as _;
use danube_wasm_model::door::Write;
use tokio::{sync::Mutex, task::coop::consume_budget};

use crate::{
    client::Client,
    config::{ClickHouse, Dedup, TableOptions},
    exception::Fault,
    insert::{Inserts, Item, Written},
    layout::Layout,
    lookup,
    row::RowMaker,
    server::TableInfo,
};

/// A table that is written to, and what was read of it.
pub(crate) struct Table {
    pub(crate) name: Arc<str>,
    pub(crate) options: TableOptions,
    database: String,
    settings: Vec<(String, String)>,
    client: Arc<Client>,
    layout: Mutex<Option<Arc<Layout>>>,
}

/// What became of the writes to a table.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) written: Written,
    /// How many were stored already.
    pub(crate) unchanged: usize,
}

impl Table {
    pub(crate) fn new(name: &str, options: &TableOptions, config: &ClickHouse, client: Arc<Client>) -> Self {
        Self {
            name: name.into(),
            options: options.clone(),
            database: config.database.clone(),
            settings: config.settings.clone(),
            client,
            layout: Mutex::default(),
        }
    }

    /// Writes what can be written. A document that does not fit, and an insert that does not, may be right for a table that
    /// was changed meanwhile: then it is looked at again, once.
    pub(crate) async fn write(&self, writes: Vec<(usize, &Write)>) -> Outcome {
        let all = || writes.iter().map(|(place, _)| *place).collect::<Vec<_>>();
        let layout = match self.layout().await {
            Ok(layout) => layout,
            Err(fault) => return Outcome::failed(all(), fault),
        };
        let (mut items, mut refused) = self.rows(&layout, &writes).await;
        let mut current = layout.clone();
        if !refused.is_empty() {
            match self.read_again(&layout).await {
                Ok(Some(changed)) => {
                    (items, refused) = self.rows(&changed, &writes).await;
                    current = changed;
                }
                Ok(None) => {}
                Err(fault) => return Outcome::failed(all(), fault),
            }
        }
        let mut outcome = self.insert(&current, items).await;
        if let Some((places, Fault::Layout(_))) = &outcome.written.failed
            && let Ok(Some(changed)) = self.read_again(&current).await
        {
            let open: Vec<_> = writes
                .iter()
                .filter(|(place, _)| places.contains(place))
                .copied()
                .collect();
            let (items, misfits) = self.rows(&changed, &open).await;
            refused.extend(misfits);
            outcome = outcome.followed_by(self.insert(&changed, items).await);
        }
        outcome.written.refused.extend(refused);
        outcome
    }

    /// What the table is. It is asked for when it is first written to, and when something does not fit.
    pub(crate) async fn layout(&self) -> Result<Arc<Layout>, Fault> {
        let mut known = self.layout.lock().await;
        if let Some(layout) = &*known {
            return Ok(layout.clone());
        }
        let layout = self.read().await?;
        *known = Some(layout.clone());
        Ok(layout)
    }

    /// Inserts no row, which needs the right to insert some.
    pub(crate) async fn try_empty(&self, layout: &Layout) -> Result<(), Fault> {
        let name = (self.database.as_str(), &*self.name);
        Inserts::new(&self.client, name, layout, &self.settings).probe().await
    }

    /// What the table is now, if that is something else than before.
    async fn read_again(&self, before: &Arc<Layout>) -> Result<Option<Arc<Layout>>, Fault> {
        let mut known = self.layout.lock().await;
        let other = known.as_ref().filter(|known| !Arc::ptr_eq(known, before));
        if let Some(other) = other {
            return Ok(Some(other.clone()));
        }
        *known = None;
        let layout = self.read().await?;
        let is_same = layout.info == before.info;
        *known = Some(if is_same { before.clone() } else { layout.clone() });
        Ok((!is_same).then_some(layout))
    }

    async fn read(&self) -> Result<Arc<Layout>, Fault> {
        let info = TableInfo::read(&self.client, &self.database, &self.name).await;
        // Without a table there is nothing to look at again.
        let info = info.map_err(|fault| match fault {
            Fault::Layout(message) | Fault::Record { message, .. } => Fault::Unfit(message),
            fault => fault,
        })?;
        let layout = Layout::new(info, &self.options).map_err(|why| {
            let (who, database, table) = (&self.client.who, &self.database, &self.name);
            Fault::Unfit(format!(
                "the table `{database}`.`{table}` of {who} cannot be written to: {why}. Its rows wait"
            ))
        })?;
        Ok(Arc::new(layout))
    }

    /// Rows, and places of the writes that do not fit.
    async fn rows<'w>(&self, layout: &Layout, writes: &[(usize, &'w Write)]) -> (Vec<Item<'w>>, Vec<(usize, String)>) {
        let maker = RowMaker {
            layout,
            options: &self.options,
        };
        let (mut items, mut refused) = (Vec::with_capacity(writes.len()), Vec::new());
        for (place, write) in writes {
            consume_budget().await;
            match maker.make(write) {
                Ok(row) => items.push(Item {
                    place: *place,
                    write,
                    row: Arc::new(row),
                }),
                Err(reason) => refused.push((*place, reason)),
            }
        }
        (items, refused)
    }

    async fn insert(&self, layout: &Layout, mut items: Vec<Item<'_>>) -> Outcome {
        let name = (self.database.as_str(), &*self.name);
        let mut unchanged = 0;
        if self.options.dedup == Dedup::Lookup {
            match lookup::stored(&self.client, name, layout, &items).await {
                Ok(stored) => {
                    unchanged = stored.len();
                    items.retain(|item| !stored.contains(&item.place));
                }
                Err(fault) => return Outcome::failed(items.iter().map(|item| item.place).collect(), fault),
            }
        }
        let inserts = Inserts::new(&self.client, name, layout, &self.settings);
        Outcome {
            written: inserts.write(items).await,
            unchanged,
        }
    }
}

impl Outcome {
    fn failed(places: Vec<usize>, fault: Fault) -> Self {
        Self {
            written: Written {
                refused: Vec::new(),
                failed: Some((places, fault)),
            },
            unchanged: 0,
        }
    }

    /// Together with what became of those that had failed.
    fn followed_by(mut self, later: Self) -> Self {
        self.written.refused.extend(later.written.refused);
        self.written.failed = later.written.failed;
        self.unchanged += later.unchanged;
        self
    }
}
