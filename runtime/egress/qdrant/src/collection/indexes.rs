//! Indexes of the payload: those of the file, and those that this sink's own filters need in Qdrant's strict mode.

use qdrant_client::qdrant::{
    CollectionInfo, CreateFieldIndexCollection, FieldType, IntegerIndexParams, KeywordIndexParams, Memory,
    PayloadIndexParams, payload_index_params::IndexParams,
};

use super::Collection;
use crate::{
    fault::Fault,
    fields::{MODEL, ORDER_HI, ORDER_LO, RECORD},
    link::Session,
};

/// An index that is to be there.
pub(crate) struct WantedIndex {
    pub(crate) field: String,
    kind: FieldType,
    params: Option<IndexParams>,
}

/// Every index that a collection is to have.
pub(crate) fn wanted(collection: &Collection) -> Vec<WantedIndex> {
    let own = |field: &str, kind, params| WantedIndex {
        field: field.to_owned(),
        kind,
        params: Some(params),
    };
    let spec = &collection.spec;
    let listed = spec.payload_indexes.iter().map(|index| WantedIndex {
        field: index.field.clone(),
        kind: index.kind,
        params: None,
    });
    let mut wanted: Vec<_> = listed.collect();
    // From disk: they are read for points that come again, not for searches.
    let orders = [ORDER_HI, ORDER_LO].map(|field| own(field, FieldType::Integer, integer()));
    wanted.extend(orders);
    wanted.push(own(RECORD, FieldType::Keyword, keyword(false)));
    wanted.extend(
        collection
            .embedding
            .iter()
            .map(|_| own(MODEL, FieldType::Keyword, keyword(false))),
    );
    if let Some(tenant) = &spec.tenant_field {
        wanted.retain(|index| index.field != *tenant);
        wanted.push(own(tenant, FieldType::Keyword, keyword(true)));
    }
    wanted
}

fn integer() -> IndexParams {
    IndexParams::IntegerIndexParams(IntegerIndexParams {
        lookup: Some(true),
        range: Some(true),
        enable_hnsw: Some(false),
        memory: Some(Memory::Cold.into()),
        ..on_disk_integer()
    })
}

fn keyword(is_tenant: bool) -> IndexParams {
    IndexParams::KeywordIndexParams(KeywordIndexParams {
        is_tenant: is_tenant.then_some(true),
        enable_hnsw: (!is_tenant).then_some(false),
        memory: (!is_tenant).then_some(Memory::Cold.into()),
        ..on_disk_keyword(!is_tenant)
    })
}

// What servers before 1.19 know in place of `memory`.
#[expect(deprecated, reason = "older servers know nothing else")]
fn on_disk_integer() -> IntegerIndexParams {
    IntegerIndexParams {
        on_disk: Some(true),
        ..IntegerIndexParams::default()
    }
}

#[expect(deprecated, reason = "older servers know nothing else")]
fn on_disk_keyword(on_disk: bool) -> KeywordIndexParams {
    KeywordIndexParams {
        on_disk: on_disk.then_some(true),
        ..KeywordIndexParams::default()
    }
}

/// Makes those that are not there.
pub(super) async fn create(collection: &Collection, session: &Session, info: &CollectionInfo) -> Result<(), Fault> {
    let missing = wanted(collection).into_iter();
    for index in missing.filter(|index| !info.payload_schema.contains_key(&index.field)) {
        let what = format!("an index of `{}` in collection `{}`", index.field, collection.name);
        let request = session.request(CreateFieldIndexCollection {
            collection_name: collection.name.to_string(),
            wait: Some(true),
            field_name: index.field,
            field_type: Some(index.kind.into()),
            field_index_params: index.params.map(|params| PayloadIndexParams {
                index_params: Some(params),
            }),
            timeout: Some(session.server_timeout()),
            ..CreateFieldIndexCollection::default()
        });
        match session.call(&what, session.points().create_field_index(request)).await {
            Err(Fault::Refused(message)) => {
                return Err(Fault::Unfit(format!(
                    "{message}. Correct `payload_indexes`; its records wait"
                )));
            }
            answer => answer.map(drop)?,
        }
    }
    Ok(())
}
