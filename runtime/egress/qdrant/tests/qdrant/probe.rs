//! What `check --connect` says.

use std::sync::Arc;

use danube_wasm_connector::{Finding, Outcome, ProbeContext, SinkConnector as _};
use danube_wasm_egress_qdrant::QdrantSink;

use crate::support::{
    config, done,
    embedder::Embedder,
    fake::{Act, Fake},
    inserts,
    server::{Server, collection},
    sink, text,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";

async fn probed(text: &str) -> Vec<Finding> {
    let context = ProbeContext {
        id: "test/out".parse().expect("an id"),
        shared: Arc::new(()),
        is_builtin: true,
        is_running: false,
    };
    QdrantSink::probe(&config(text), context).await
}

#[tokio::test]
async fn a_server_says_what_it_can_promise_and_a_missing_collection_is_awaited() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let found = probed(&text(&server.url, &name, "", PLAIN)).await;
    assert!(
        found[0].what.contains("version 1.") && found[0].what.contains("a delete leaves no mark"),
        "{found:?}"
    );
    assert_eq!(found[0].outcome, Outcome::Reached);
    assert!(matches!(&found[1].outcome, Outcome::Awaited(_)), "{found:?}");
    let found = probed(&text(&server.url, &name, "", "create = \"never\"")).await;
    assert!(
        matches!(&found[1].outcome, Outcome::Failed(why) if why.contains("if-missing")),
        "{found:?}"
    );
    // It has changed nothing.
    done(&sink(&text(&server.url, &name, "", PLAIN)), &inserts(&name, 1)).await;
    assert_eq!(
        probed(&text(&server.url, &name, "", PLAIN)).await[1].outcome,
        Outcome::Reached
    );
    let found = probed(&text(&server.url, &name, "", "vector_dimension = 9")).await;
    assert!(
        matches!(&found[1].outcome, Outcome::Failed(why) if why.contains("dimension 2, and the file says 9")),
        "{found:?}"
    );
}

#[tokio::test]
async fn each_mistake_is_found_with_a_cure() {
    let port = danube_wasm_testkit::servers::free_port();
    let fake = Fake::start(|_, _| Act::Complete).await;
    fake.set_version("1.16.0");
    for (url, keys, expected) in [
        (
            format!("http://127.0.0.1:{port}"),
            "",
            "check that the server runs, and host and port",
        ),
        ("http://no-such-host.invalid".to_owned(), "", "no-such-host.invalid"),
        (fake.url.replace("http", "https"), "", "check that this port speaks TLS"),
        (fake.url.clone(), "", "upgrade it to 1.17"),
        (fake.url.clone(), "networks = \"public\"", "allow_networks"),
    ] {
        let found = probed(&text(&url, "c", keys, "create = \"never\"")).await;
        assert!(
            matches!(&found[0].outcome, Outcome::Failed(why) if why.contains(expected)),
            "{url}: {found:?}"
        );
    }
    let found = probed(&text(&fake.url, "c", "server_min = \"1.16\"", "create = \"never\"")).await;
    assert!(found[0].what.contains("inserts overwrite"), "{found:?}");
    assert!(
        matches!(&found[1].outcome, Outcome::Unknown(why) if why.contains("_order_hi")),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_wrong_key_is_found() {
    let Some(server) = Server::engine(&["--api-key", "s3cret"]) else {
        return;
    };
    let found = probed(&text(&server.url, "c", "api_key = \"wrong\"", PLAIN)).await;
    assert!(
        matches!(&found[1].outcome, Outcome::Failed(why) if why.contains("Check `api_key`")),
        "{found:?}"
    );
}

#[tokio::test]
async fn the_embedding_service_is_asked_for_the_length_of_its_vectors() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(2, |_, _| None).await);
    let keys = format!(
        "embedding = {{ url = \"{}\", model = \"m\", text_pointer = \"/t\" }}",
        service.url
    );
    let found = probed(&text(&server.url, &name, &keys, PLAIN)).await;
    assert_eq!(found[2].outcome, Outcome::Reached, "{found:?}");
    let found = probed(&text(&server.url, &name, &keys, "vector_dimension = 3")).await;
    assert!(
        matches!(&found[2].outcome, Outcome::Failed(why) if why.contains("2 dimensions, and the file says 3")),
        "{found:?}"
    );
}
