//! Deletes that are remembered, for collections whose file says so.
//!
//! A delete leaves its order in a collection beside the other one before it removes the point. A write looks there after it was
//! applied, and where it is older than a delete the point is removed again:
//!
//! ```text
//! delete: mark → remove what is older          write: write unless newer → marks? → remove what is older than its mark
//! ```
//!
//! Whatever the order of these steps between two processes, one of them comes after both the mark and the write. A crash between two
//! steps leaves the message unacknowledged, and all of them are done again.

use danube_wasm_model::{RecordId, door::Write, message::Operation};
use qdrant_client::qdrant::{
    Filter, PointId, PointsUpdateOperation, RetrievedPoint, ScrollPoints, Value, WithPayloadSelector,
    WriteOrderingType, value::Kind, with_payload_selector::SelectorOptions,
};

use crate::{
    collection::Collection,
    conditions::has_id,
    fault::Fault,
    fields::{ORDER_HI, ORDER_LO, RECORD},
    item::Item,
    operations,
    payload::text_of,
    update::Update,
};

/// What a round has to do with deletes.
pub(crate) struct Deletes<'u, 'e> {
    update: &'u Update<'e>,
    collection: &'e Collection,
    mark: Option<PointsUpdateOperation>,
    to_check: Vec<PointId>,
}

impl<'u, 'e> Deletes<'u, 'e> {
    /// `None` if they are not remembered.
    pub(crate) fn of(update: &'u Update<'e>, round: &[&mut Item<'_>]) -> Option<Self> {
        let collection = update.collection.deletes.as_deref()?;
        Some(Self {
            update,
            collection,
            mark: operations::remembering_deletes(round),
            to_check: operations::ids_to_check(round),
        })
    }

    /// Before points are removed.
    pub(crate) async fn remember(&self) -> Result<(), Fault> {
        match &self.mark {
            None => Ok(()),
            Some(mark) => {
                let marks = vec![mark.clone()];
                let sent = self
                    .update
                    .send_to(&self.collection.name, marks, WriteOrderingType::Medium)
                    .await;
                sent.map_err(of_deletes)
            }
        }
    }

    /// After points were written.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        if self.to_check.is_empty() {
            return Ok(());
        }
        let marks = self.marks().await?;
        let deletes: Vec<_> = marks.into_iter().filter_map(delete_of).collect();
        match deletes.is_empty() {
            true => Ok(()),
            false => {
                let again = vec![operations::deleting_again(&deletes)];
                self.update.send(again, WriteOrderingType::Medium).await
            }
        }
    }

    async fn marks(&self) -> Result<Vec<RetrievedPoint>, Fault> {
        let session = self.update.session;
        let request = session.request(ScrollPoints {
            collection_name: self.collection.name.to_string(),
            filter: Some(Filter {
                must: vec![has_id(self.to_check.clone())],
                ..Filter::default()
            }),
            limit: Some(u32::try_from(self.to_check.len()).unwrap_or(u32::MAX)),
            with_payload: Some(WithPayloadSelector {
                selector_options: Some(SelectorOptions::Enable(true)),
            }),
            ..ScrollPoints::default()
        });
        let what = format!("a look for deletes in collection `{}`", self.collection.name);
        let answer = session.call(&what, session.points().scroll(request)).await;
        Ok(answer.map_err(of_deletes)?.result)
    }
}

/// That the collection of deletes refuses something is never about a record.
fn of_deletes(fault: Fault) -> Fault {
    match fault {
        Fault::Refused(message) => Fault::Unfit(format!("{message}. Check `keep_deletes`; its records wait")),
        Fault::NoCollection(message) => Fault::transient(format!("{message}. It is looked for again")),
        fault => fault,
    }
}

/// The delete that has left a mark, as a write of its order.
fn delete_of(mark: RetrievedPoint) -> Option<(PointId, Write)> {
    let half = |field: &str| mark.payload.get(field).and_then(number);
    let order = (half(ORDER_HI)? << 32) | half(ORDER_LO)?;
    let record = mark.payload.get(RECORD).and_then(text_of);
    let delete = Write {
        target: "".into(),
        id: String::new(),
        operation: Operation::Delete,
        order,
        record: record.map(|record| RecordId::from_broker(record.to_owned())),
        body: "".into(),
        types: None,
        key: None,
        redelivered: false,
    };
    Some((mark.id?, delete))
}

fn number(value: &Value) -> Option<u64> {
    match value.kind.as_ref()? {
        Kind::IntegerValue(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
