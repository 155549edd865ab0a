//! What a server is told to do for some writes, no two of which are of one point.

use danube_wasm_model::{door::Write, message::Operation as What};
use qdrant_client::qdrant::{
    Condition, Filter, PointId, PointVectors, PointsIdsList, PointsSelector, PointsUpdateOperation, UpdateMode,
    WriteOrderingType,
    points_selector::PointsSelectorOneOf,
    points_update_operation::{DeletePoints, Operation, PointStructList, SetPayload, UpdateVectors},
};

use crate::{conditions::has_id, item::Item, link::Version, order::is_newer};

/// The operations of a round.
pub(crate) fn of_round(items: &[&mut Item<'_>], version: Version) -> Vec<PointsUpdateOperation> {
    let of = |what: What| {
        items
            .iter()
            .filter(move |item| item.operation == what)
            .map(|item| &**item)
    };
    let mut operations = Vec::new();
    operations.extend(inserts(&of(What::Insert).collect::<Vec<_>>(), version));
    let (ordered, plain): (Vec<_>, Vec<_>) = of(What::Upsert).partition(|item| item.is_ordered());
    operations.extend(upserts(&plain, None));
    let filter = version.filters_upserts().then(|| unless_newer(&ordered));
    operations.extend(upserts(&ordered, filter.flatten()));
    merges(&of(What::Merge).collect::<Vec<_>>(), version, &mut operations);
    let (ordered, plain): (Vec<_>, Vec<_>) = of(What::Delete).partition(|item| item.is_ordered());
    operations.extend(delete(&plain, points(&plain)));
    operations.extend(delete(&ordered, points_unless_newer(&ordered)));
    let wrapped = operations.into_iter().map(|operation| PointsUpdateOperation {
        operation: Some(operation),
    });
    wrapped.collect()
}

/// What remembers the deletes of a round, in the collection of deletes; none if nothing with an order is deleted.
pub(crate) fn remembering_deletes(items: &[&mut Item<'_>]) -> Option<PointsUpdateOperation> {
    let deletes = items
        .iter()
        .filter(|item| item.operation == What::Delete && item.is_ordered());
    let deletes: Vec<_> = deletes.map(|item| &**item).collect();
    let upsert = (!deletes.is_empty()).then(|| {
        Operation::Upsert(PointStructList {
            points: deletes.iter().map(|item| item.mark()).collect(),
            update_filter: unless_newer(&deletes),
            ..PointStructList::default()
        })
    })?;
    Some(PointsUpdateOperation {
        operation: Some(upsert),
    })
}

/// Points of a round that a delete may have removed before they came.
pub(crate) fn ids_to_check(items: &[&mut Item<'_>]) -> Vec<PointId> {
    let written = items
        .iter()
        .filter(|item| item.operation != What::Delete && item.is_ordered());
    written.map(|item| item.id()).collect()
}

/// Removes points again that are older than their deletes, each of which is a point and a write with its order.
pub(crate) fn deleting_again(deletes: &[(PointId, Write)]) -> PointsUpdateOperation {
    let newer = deletes.iter().map(|(point, delete)| is_newer(point, delete)).collect();
    let filter = Filter {
        must: vec![has_id(deletes.iter().map(|(point, _)| point.clone()).collect())],
        must_not: newer,
        ..Filter::default()
    };
    PointsUpdateOperation {
        operation: Some(Operation::DeletePoints(DeletePoints {
            points: Some(PointsSelector {
                points_selector_one_of: Some(PointsSelectorOneOf::Filter(filter)),
            }),
            ..DeletePoints::default()
        })),
    }
}

/// What an order of writes must be kept by: one replica decides where writes look at what is there.
pub(crate) fn ordering(items: &[&mut Item<'_>]) -> WriteOrderingType {
    match items.iter().all(|item| item.operation == What::Insert) {
        true => WriteOrderingType::Weak,
        false => WriteOrderingType::Medium,
    }
}

fn inserts(items: &[&Item<'_>], version: Version) -> Option<Operation> {
    let mode = version.inserts_only().then_some(UpdateMode::InsertOnly.into());
    (!items.is_empty()).then(|| {
        Operation::Upsert(PointStructList {
            points: items.iter().map(|item| item.point()).collect(),
            update_mode: mode,
            ..PointStructList::default()
        })
    })
}

fn upserts(items: &[&Item<'_>], filter: Option<Filter>) -> Option<Operation> {
    (!items.is_empty()).then(|| {
        Operation::Upsert(PointStructList {
            points: items.iter().map(|item| item.point()).collect(),
            update_filter: filter,
            ..PointStructList::default()
        })
    })
}

/// Points that are not there are inserted; of those that are there, the given vectors and fields are set. The vectors first: what
/// is set of the payload says that the write is done.
fn merges(items: &[&Item<'_>], version: Version, operations: &mut Vec<Operation>) {
    operations.extend(inserts(items, version));
    let with_vectors: Vec<_> = items.iter().filter(|item| item.vectors().is_some()).copied().collect();
    if !with_vectors.is_empty() {
        let vectors = |item: &&Item<'_>| PointVectors {
            id: Some(item.id()),
            vectors: item.vectors(),
        };
        operations.push(Operation::UpdateVectors(UpdateVectors {
            points: with_vectors.iter().map(vectors).collect(),
            update_filter: unless_newer(&with_vectors),
            ..UpdateVectors::default()
        }));
    }
    operations.extend(items.iter().map(|item| {
        let selector = match item.is_ordered() {
            true => points_unless_newer(&[item]),
            false => points(&[item]),
        };
        Operation::SetPayload(SetPayload {
            payload: item.payload(),
            points_selector: Some(selector),
            ..SetPayload::default()
        })
    }));
}

fn delete(items: &[&Item<'_>], selector: PointsSelector) -> Option<Operation> {
    (!items.is_empty()).then_some(Operation::DeletePoints(DeletePoints {
        points: Some(selector),
        ..DeletePoints::default()
    }))
}

fn ids(items: &[&Item<'_>]) -> Vec<PointId> {
    items.iter().map(|item| item.id()).collect()
}

fn points(items: &[&Item<'_>]) -> PointsSelector {
    PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Points(PointsIdsList { ids: ids(items) })),
    }
}

fn points_unless_newer(items: &[&Item<'_>]) -> PointsSelector {
    let filter = Filter {
        must: vec![has_id(ids(items))],
        ..unless_newer(items).unwrap_or_default()
    };
    PointsSelector {
        points_selector_one_of: Some(PointsSelectorOneOf::Filter(filter)),
    }
}

/// Matches the points that are to be replaced; `None` if all are.
fn unless_newer(items: &[&Item<'_>]) -> Option<Filter> {
    let ordered = items.iter().filter(|item| item.is_ordered());
    let newer: Vec<Condition> = ordered.map(|item| is_newer(&item.id(), item.source())).collect();
    (!newer.is_empty()).then(|| Filter {
        must_not: newer,
        ..Filter::default()
    })
}
