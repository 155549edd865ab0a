//! Files of Danube Connect's Qdrant sink: what they become, and what the operator is told.

use std::{collections::BTreeMap, path::Path, time::Duration};

use danube_wasm_config::{Loaded, Loader};
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_egress_qdrant::{
    Qdrant, QdrantSink,
    config::{Distance, IdForm, Layout, VectorForm},
};
use danube_wasm_model::SubscriptionType;

/// As its version 0.3 has it.
const FILE: &str = r#"danube_service_url = "http://b:6650"
connector_name = "vectors"
[processing]
batch_size = 500
batch_timeout_ms = 250
[qdrant]
url = "http://qdrant:6334"
api_key = "secret"
timeout_secs = 20
[[qdrant.routes]]
from = "/default/embeddings"
subscription = "qdrant-articles"
to = "articles"
vector_dimension = 384
[[qdrant.routes]]
from = "/default/images"
subscription = "qdrant-images"
subscription_type = "Shared"
to = "images"
vector_dimension = 512
distance = "Dot"
auto_create_collection = false
include_danube_metadata = false
expected_schema_subject = "image-v1"
"#;

fn load(text: &str, env: &[(&str, &str)]) -> Result<Loaded, Vec<String>> {
    let registry = Registry::default().with_sink::<QdrantSink>(Builtin {
        name: "document-sink",
        component: b"",
    });
    let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let loaded = Loader::new(&registry, &env).load_text(Path::new("qdrant.toml"), text.to_owned());
    loaded.map_err(|found| found.iter().map(ToString::to_string).collect())
}

fn qdrant(loaded: &Loaded) -> &Qdrant {
    let sink = &loaded.pipeline.sinks[0];
    sink.connector.downcast::<QdrantSink>().expect("a Qdrant sink")
}

#[test]
fn a_file_of_version_0_3_is_read_and_meets_the_points_that_are_there() {
    let loaded = load(FILE, &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(loaded.pipeline.sinks[0].component.to_string(), "builtin:document-sink");
    let qdrant = qdrant(&loaded);
    assert_eq!(qdrant.url.to_string(), "http://qdrant:6334");
    assert_eq!(qdrant.api_key.as_ref().map(|key| key.expose()), Some("secret"));
    assert_eq!(qdrant.request_timeout, Duration::from_secs(20));
    let [articles, images] = &qdrant.topic_mappings[..] else {
        panic!("{:?}", qdrant.topic_mappings)
    };
    assert_eq!(articles.collection.as_deref(), Some("articles"));
    assert_eq!(articles.consumer.subscription_type, SubscriptionType::Exclusive);
    assert_eq!(
        (articles.batch.messages_max, articles.batch.linger),
        (500, Duration::from_millis(250))
    );
    assert!(articles.include_danube_metadata && articles.spec.create);
    let dense = |dimension, distance| VectorForm::Dense {
        dimension,
        distance,
        is_multi: false,
    };
    assert_eq!(articles.spec.vectors[0].form, dense(384, Distance::Cosine));
    assert_eq!(images.spec.vectors[0].form, dense(512, Distance::Dot));
    assert!(!images.include_danube_metadata && !images.spec.create);
    for mapping in [articles, images] {
        assert_eq!(
            (mapping.spec.ids, mapping.spec.layout),
            (IdForm::DanubeConnect, Layout::Flat)
        );
        assert_eq!(
            mapping.spec.payload_pointer.as_ref().map(|pointer| pointer.as_str()),
            Some("/payload")
        );
        // A message has an id, or none.
        assert!(mapping.id.pointer.is_none() && mapping.id.from.is_none());
    }
}

#[test]
fn variables_hold_over_the_file() {
    let env = [("QDRANT_URL", "http://other:7334"), ("QDRANT_API_KEY", "another")];
    let loaded = load(FILE, &env).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(qdrant(&loaded).url.to_string(), "http://other:7334");
    assert_eq!(
        qdrant(&loaded).api_key.as_ref().map(|key| key.expose()),
        Some("another")
    );
}

#[test]
fn mistakes_are_told_by_the_files_own_keys() {
    for (from, to, expected) in [
        ("vector_dimension = 384\n", "", "needs `vector_dimension`"),
        ("to = \"articles\"\n", "", "needs `to`"),
        ("distance = \"Dot\"", "distance = \"dot\"", "distance"),
        ("timeout_secs = 20", "timeout_secs = \"x\"", "timeout_secs"),
        ("[qdrant]\n", "[qdrant]\ncolection = 1\n", "unknown key `colection`"),
        (
            "connector_name = \"vectors\"\n",
            "connector_name = \"vectors\"\n[surrealdb]\n",
            "a SurrealDB sink and a Qdrant sink",
        ),
        (
            "auto_create_collection = false",
            "auto_create_collection = 7",
            "auto_create_collection",
        ),
    ] {
        let found = load(&FILE.replacen(from, to, 1), &[]).expect_err(expected);
        assert!(found.iter().any(|found| found.contains(expected)), "{found:#?}");
    }
}
