//! Vectors of texts, made by a service.

use std::time::Duration;

use danube_wasm_model::message::Operation::{Insert, Merge, Upsert};
use serde_json::json;

use crate::support::{
    done,
    embedder::Embedder,
    refusal, report,
    server::{Server, collection},
    sink, text, transient, try_write, unfit, write,
};

const PLAIN: &str = "vector_dimension = 3\ndistance = \"Dot\"";

fn keys(service: &Embedder, more: &str) -> String {
    format!(
        "embedding = {{ url = \"{}\", model = \"m1\", api_key = \"s3cret\", text_pointer = \"/doc/text\"{more} }}",
        service.url
    )
}

fn doc(name: &str, id: &str, text: &str) -> danube_wasm_model::door::Write {
    write(name, Upsert, id, &json!({ "doc": { "text": text } }).to_string())
}

#[tokio::test]
async fn texts_become_vectors_in_batches_and_one_that_comes_again_is_not_sent_again() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(3, |_, _| None).await);
    let sink = sink(&text(&server.url, &name, &keys(&service, ", batch = 4"), PLAIN));
    let writes: Vec<_> = (0..10)
        .map(|i| doc(&name, &i.to_string(), &format!("text {}", i % 9)))
        .collect();
    done(&sink, &writes).await;
    let sizes: Vec<_> = service.texts().iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 1], "two are the same");
    done(&sink, &writes).await;
    assert_eq!(service.texts().len(), 3, "all are known");
    assert!(service.keys().iter().all(|key| key == "Bearer s3cret"));
    assert_eq!(service.requests()[0]["model"], "m1");
    let point = server.points(&name).await["8"].clone();
    assert_eq!(point.vector, json!([6.0, 116.0, 0.5]));
    assert_eq!(
        (&point.payload["_model"], &point.payload["doc"]["text"]),
        (&json!("m1"), &json!("text 8"))
    );
}

#[tokio::test]
async fn a_document_with_a_vector_keeps_it_and_one_without_a_text_is_refused() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(3, |_, _| None).await);
    let sink = sink(&text(&server.url, &name, &keys(&service, ""), PLAIN));
    done(
        &sink,
        &[write(&name, Insert, "a", r#"{"vector":[1,2,3],"doc":{"text":"x"}}"#)],
    )
    .await;
    for (body, expected) in [
        (r#"{"doc":{}}"#, "there is nothing at `/doc/text`"),
        (r#"{"doc":{"text":7}}"#, "`/doc/text` is no text"),
        (r#"{"doc":{"text":" "}}"#, "`/doc/text` is empty"),
    ] {
        let why = refusal(&sink, write(&name, Insert, "b", body)).await;
        assert!(why.contains(expected), "{why}");
    }
    // What is merged without a text keeps its vector.
    done(&sink, &[write(&name, Merge, "a", r#"{"y":1}"#)]).await;
    let point = server.points(&name).await["a"].clone();
    assert_eq!(
        (point.vector, point.payload["y"].clone()),
        (json!([1.0, 2.0, 3.0]), json!(1))
    );
    assert!(service.texts().is_empty());
}

#[tokio::test]
async fn one_text_that_the_service_refuses_does_not_refuse_its_neighbours() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let refuse = |texts: &[String], _| texts.iter().any(|text| text == "bad").then_some((400, "too long"));
    let service = Embedder::start(3, refuse).await;
    let sink = sink(&text(&server.url, &name, &keys(&service, ""), PLAIN));
    let writes = ["a", "b", "bad", "c"].map(|text| doc(&name, text, text));
    let report = report(&sink, &writes).await;
    assert_eq!(report.refused.len(), 1, "{report:?}");
    assert!(
        report.refused[0].0 == 2 && report.refused[0].1.contains("too long"),
        "{report:?}"
    );
    assert_eq!(server.points(&name).await.len(), 3);
}

#[tokio::test]
async fn what_is_about_the_service_refuses_no_text() {
    let Some(server) = Server::start() else { return };
    for (status, expected) in [
        (400, "refuses every text"),
        (401, "`api_key`"),
        (404, "`url` and `model`"),
        (302, "Check its `url`"),
    ] {
        let (name, service) = (
            collection(),
            Embedder::start(3, move |_, _| Some((status, "no: s3cret"))).await,
        );
        let sink = sink(&text(&server.url, &name, &keys(&service, ""), PLAIN));
        let message = unfit(try_write(&sink, &[doc(&name, "a", "a")]).await);
        assert!(message.contains(expected) && !message.contains("s3cret"), "{message}");
    }
    for status in [429, 500, 503] {
        let (name, service) = (
            collection(),
            Embedder::start(3, move |_, nth| (nth == 0).then_some((status, "not now"))).await,
        );
        let sink = sink(&text(&server.url, &name, &keys(&service, ""), PLAIN));
        let (_, wait) = transient(try_write(&sink, &[doc(&name, "a", "a")]).await);
        assert_eq!(wait, Some(Duration::from_secs(3)));
        done(&sink, &[doc(&name, "a", "a")]).await;
    }
}

#[tokio::test]
async fn a_change_of_the_model_is_refused_unless_the_collection_is_new() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(3, |_, _| None).await);
    done(
        &sink(&text(&server.url, &name, &keys(&service, ""), PLAIN)),
        &[doc(&name, "a", "a")],
    )
    .await;
    let other = keys(&service, "").replace("m1", "m2");
    let message = unfit(try_write(&sink(&text(&server.url, &name, &other, PLAIN)), &[doc(&name, "b", "b")]).await);
    assert!(message.contains("has points of the model `m1`"), "{message}");
    assert_eq!(server.points(&name).await.len(), 1);
    done(&sink(&text(&server.url, &collection(), &other, PLAIN)), &[]).await;
}

#[tokio::test]
async fn vectors_of_another_length_than_the_collections_refuse_no_record() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(4, |_, _| None).await);
    let message = unfit(
        try_write(
            &sink(&text(&server.url, &name, &keys(&service, ""), PLAIN)),
            &[doc(&name, "a", "a")],
        )
        .await,
    );
    assert!(
        message.contains("of 4 dimensions, and those of collection"),
        "{message}"
    );
    let asking = keys(&service, ", dimensions = 5");
    let message = unfit(
        try_write(
            &sink(&text(&server.url, &name, &asking, PLAIN)),
            &[doc(&name, "a", "a")],
        )
        .await,
    );
    assert!(message.contains("and 5 were asked for"), "{message}");
}

#[tokio::test]
async fn the_service_is_dialed_only_where_the_file_allows_it() {
    let Some(server) = Server::start() else { return };
    let (name, service) = (collection(), Embedder::start(3, |_, _| None).await);
    let guard = format!(
        "networks = \"public\"\nallow_networks = [\"localhost\"]\n{}",
        keys(&service, "")
    );
    let error = try_write(&sink(&text(&server.url, &name, &guard, PLAIN)), &[doc(&name, "a", "a")]).await;
    let message = crate::support::configuration(error);
    assert!(
        message.contains("allow_networks") && message.contains("127.0.0.1"),
        "{message}"
    );
    assert!(service.texts().is_empty());
}
