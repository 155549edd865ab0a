//! What a sink consumes, and the collection that it goes to.

use danube_wasm_connector::keys::{DocumentId, IncludeAttributes, MappingKeys};
use danube_wasm_model::{BatchPolicy, Mapping, door::ConsumerConfig};
use danube_wasm_settings::{
    Kind, Section, Table, ValueRef,
    kinds::{Flag, List, quote},
};
use serde_json::Value;

use super::{CollectionSpec, agreement::Collections};
use crate::{BATCH_WISH, limits::COLLECTION_BYTES_MAX};

/// A topic, a subscription of it, and the collection that its messages are written to.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicMapping {
    /// The topic and the subscription, which holds the position.
    pub consumer: ConsumerConfig,
    /// When a batch is full, and what becomes of a message that cannot be processed.
    pub batch: BatchPolicy,
    /// The collection, for a component that writes to one.
    pub collection: Option<String>,
    /// More collections that a component may choose from, all alike.
    pub collections: Vec<String>,
    /// What the collections are.
    pub spec: CollectionSpec,
    /// Whether documents get `_danube_metadata`.
    pub include_danube_metadata: bool,
    /// Which attributes of their messages documents get.
    pub include_attributes: Option<IncludeAttributes>,
    /// Where a message has the id of its document.
    pub id: DocumentId,
}

impl TopicMapping {
    /// The same as the pipeline knows it.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            consumer: self.consumer.clone(),
            batch: self.batch,
            targets: self.targets().map(str::to_owned).collect(),
        }
    }

    /// Every collection that the component may write to; at least one.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.collection.iter().chain(&self.collections).map(String::as_str)
    }

    /// What the component is told of it.
    pub(crate) fn settings(&self) -> Value {
        let mut settings = self.id.settings(&self.consumer);
        settings["include_danube_metadata"] = self.include_danube_metadata.into();
        if let Some(include) = &self.include_attributes {
            settings["include_attributes"] = include.settings();
        }
        if let Some(collection) = &self.collection {
            settings["collection"] = collection.as_str().into();
        }
        if !self.collections.is_empty() {
            settings["collections"] = self.collections.clone().into();
        }
        settings
    }
}

impl Section for TopicMapping {
    const ABOUT: &'static str = "A topic that the sink consumes, and the collection that its messages go to.";

    fn read(t: &mut Table<'_>) -> Option<Self> {
        let (keys, (collection, collections)) = MappingKeys::read(t, BATCH_WISH.into(), named);
        let include_danube_metadata = t
            .field(
                "include_danube_metadata",
                Flag,
                "Add `_danube_metadata` to each payload: topic, publish time, producer and id of its message.",
            )
            .or(true);
        let include_attributes = IncludeAttributes::read(t, &keys);
        let id = DocumentId::read(
            t,
            "Where a message has the id of its document. Then the newest message of an id is what is stored, whatever partitions \
             and lanes it and others come through; without, each message is a point of its own.",
        );
        let spec = CollectionSpec::read(t);
        keys.leave(t, id.span(t));
        let spec = spec?;
        check_deletes(t, &spec, collection.iter().chain(&collections));
        for (key, name) in collection.iter().map(|name| ("collection", name)) {
            Collections::leave(t, key, name, &spec);
        }
        for name in &collections {
            Collections::leave(t, "collections", name, &spec);
        }
        Some(Self {
            consumer: keys.consumer?,
            batch: BatchPolicy {
                schema_types: false,
                ..keys.batch
            },
            collection,
            collections,
            spec,
            include_danube_metadata,
            include_attributes,
            id,
        })
    }
}

/// Deletes of a collection are kept in another one, and only of one.
fn check_deletes<'n>(t: &Table<'_>, spec: &CollectionSpec, mut names: impl Iterator<Item = &'n String>) {
    let Some(deletes) = &spec.keep_deletes else { return };
    let is_of_several = t.has_items("collections");
    let wrong = match names.any(|name| name == deletes) {
        true => format!("`keep_deletes` names `{deletes}`, which the mapping writes to"),
        false if is_of_several => "`keep_deletes` is of one collection, and `collections` names more".to_owned(),
        false => return,
    };
    t.session().error(
        &t.span("keep_deletes"),
        wrong,
        "name a collection of its own, in a mapping of one `collection`",
    );
}

/// The keys `collection` and `collections`.
fn named(t: &mut Table<'_>) -> (Option<String>, Vec<String>) {
    let collection = t
        .field(
            "collection",
            CollectionName,
            "The collection. A sink writes to the collections of its mappings and to no other: a component's write to another one is \
             refused, and its message becomes a dead letter.",
        )
        .aliases(&["to", "collection_name"])
        .example("\"articles\"")
        .optional();
    let collections = t
        .field(
            "collections",
            List {
                kind: CollectionName,
                len: 1..=256,
            },
            "Collections that the component may choose from, besides `collection` or instead of it, all of them alike. \
             `builtin:document-sink` does not choose: it writes to `collection`.",
        )
        .example("[\"articles\", \"drafts\"]")
        .or(Vec::new());
    if !t.given("collection") && !t.given("collections") && t.session().manual().is_none() {
        t.session().error(
            &t.span("collection"),
            format!("{} needs `collection`", t.header()),
            "write for example `collection = \"articles\"`, or `collections = [\"articles\", …]` for a component that chooses",
        );
    }
    (collection, collections)
}

/// The name of a collection.
pub(super) struct CollectionName;

impl Kind for CollectionName {
    type Value = String;

    fn what(&self) -> String {
        format!("a name of 1 to {COLLECTION_BYTES_MAX} bytes, without control characters and `< > : \" / \\ | ? *`")
    }

    fn show(&self, value: &String) -> String {
        quote(value)
    }

    fn read(&self, input: &ValueRef<'_>) -> Option<String> {
        let text = input.text("a string")?;
        let is_wrong = |c: char| c.is_control() || "<>:\"/\\|?*".contains(c);
        if text.is_empty() || text.len() > COLLECTION_BYTES_MAX || text.contains(is_wrong) {
            return input.refuse(format!("`{}` must be {}", input.name(), self.what()));
        }
        Some(text)
    }
}
