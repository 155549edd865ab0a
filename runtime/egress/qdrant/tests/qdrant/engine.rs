//! What is in the collection afterwards, of every operation.

use danube_wasm_model::{door::Egress as _, message::Operation};
use serde_json::json;

use crate::support::{
    configuration, done, drop_collection, inserts, ordered, refusal, report,
    server::{Server, collection},
    sink, text, try_write, unfit, write,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";

#[tokio::test]
async fn what_is_inserted_is_there_once_however_often_it_is_written() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let writes = inserts(&name, 600);
    done(&sink, &writes).await;
    // In other groups, as after a crash.
    done(&sink, &writes[100..300]).await;
    done(&sink, &writes[..150]).await;
    let points = server.points(&name).await;
    assert_eq!(points.len(), 600);
    let point = &points["599"];
    assert_eq!(
        (point.own(), point.vector.clone()),
        (json!({ "n": 599 }), json!([1.0, 599.0]))
    );
    assert!(point.id.as_str().is_some_and(|id| id.len() == 36), "{point:?}");
}

#[tokio::test]
async fn an_insert_leaves_a_point_alone_and_an_upsert_replaces_all_of_it() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let of = |operation, body| write(&name, operation, "a", body);
    done(&sink, &[of(Operation::Insert, r#"{"x":1,"y":1,"vector":[1,1]}"#)]).await;
    done(&sink, &[of(Operation::Insert, r#"{"x":2,"vector":[2,2]}"#)]).await;
    let a = server.points(&name).await["a"].clone();
    assert_eq!((a.own(), a.vector), (json!({"x": 1, "y": 1}), json!([1.0, 1.0])));
    done(&sink, &[of(Operation::Upsert, r#"{"x":3,"vector":[3,3]}"#)]).await;
    let a = server.points(&name).await["a"].clone();
    assert_eq!((a.own(), a.vector), (json!({"x": 3}), json!([3.0, 3.0])));
}

#[tokio::test]
async fn a_merge_sets_what_it_has_and_makes_the_point_if_it_is_not_there() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let of = |operation, id, body| write(&name, operation, id, body);
    done(&sink, &[of(Operation::Upsert, "a", r#"{"x":1,"y":1,"vector":[1,1]}"#)]).await;
    done(
        &sink,
        &[
            of(Operation::Merge, "a", r#"{"y":2}"#),
            of(Operation::Merge, "b", r#"{"y":2}"#),
            of(Operation::Merge, "c", r#"{"y":2,"vector":[2,2]}"#),
        ],
    )
    .await;
    done(
        &sink,
        &[
            of(Operation::Merge, "a", r#"{"z":3}"#),
            of(Operation::Merge, "a", r#"{"z":4,"vector":[4,4]}"#),
        ],
    )
    .await;
    let points = server.points(&name).await;
    assert_eq!(
        (points["a"].own(), &points["a"].vector),
        (json!({"x": 1, "y": 2, "z": 4}), &json!([4.0, 4.0]))
    );
    assert_eq!(points["b"].own(), json!({"y": 2}));
    assert_eq!(points["c"].vector, json!([2.0, 2.0]));
}

#[tokio::test]
async fn a_delete_removes_the_point_and_of_one_that_is_not_there_nothing_comes() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    done(&sink, &inserts(&name, 3)).await;
    done(
        &sink,
        &[
            write(&name, Operation::Delete, "1", ""),
            write(&name, Operation::Delete, "9", ""),
        ],
    )
    .await;
    let left: Vec<_> = server.points(&name).await.into_keys().collect();
    assert_eq!(left, ["0", "2"]);
}

#[tokio::test]
async fn of_the_writes_of_one_id_in_a_batch_only_the_last_is_sent() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let writes: Vec<_> = (0..50)
        .map(|n| {
            ordered(
                write(
                    &name,
                    Operation::Upsert,
                    "hot",
                    &format!("{{\"n\":{n},\"vector\":[1,{n}]}}"),
                ),
                n,
                "r",
            )
        })
        .collect();
    assert_eq!(report(&sink, &writes).await.unchanged, 49);
    assert_eq!(server.points(&name).await["hot"].own(), json!({"n": 49}));
}

#[tokio::test]
async fn ids_that_are_numbers_and_uuids_stay_what_they_are_where_they_are_native() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", &format!("{PLAIN}\nids = \"native\"")));
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let writes =
        ["18446744073709551615", uuid, "text"].map(|id| write(&name, Operation::Insert, id, r#"{"vector":[1,1]}"#));
    done(&sink, &writes).await;
    let points = server.points(&name).await;
    assert_eq!(points["18446744073709551615"].id, json!(u64::MAX));
    assert_eq!(points[uuid].id, json!(uuid));
    assert!(points["text"].id.as_str().is_some_and(|id| id.len() == 36));
}

/// Messages `{ id?, vector, payload? }`.
#[tokio::test]
async fn points_of_danube_connect_are_met_and_look_as_it_made_them() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let keys = format!("{PLAIN}\nids = \"danube-connect\"\npayload_pointer = \"/payload\"\nflat_payload = true");
    let sink = sink(&text(&server.url, &name, "", &keys));
    let metadata = r#""_danube_metadata":{"danube_topic":"/t","danube_producer":"p"}"#;
    let body = |n: u8| {
        format!(
            r#"{{"id":"article-1","vector":[1,{n}],"payload":{{"a":{{"b":{n},"c":null}},"l":[1,{{}},"x"]}},{metadata}}}"#
        )
    };
    done(&sink, &[write(&name, Operation::Insert, "record-1", &body(1))]).await;
    done(&sink, &[write(&name, Operation::Insert, "record-2", &body(2))]).await;
    done(
        &sink,
        &[write(&name, Operation::Insert, "record-3", r#"{"vector":[1,3]}"#)],
    )
    .await;
    let points = server.points(&name).await;
    assert_eq!(points.len(), 2);
    let point = &points["article-1"];
    // The first eight bytes of SHA-256, as its sink has it.
    assert_eq!(point.id, json!(4740691000100999504_u64));
    assert_eq!(
        point.own(),
        json!({"a.b": 2, "l": [1, "x"], "_danube_topic": "/t", "_danube_producer": "p"})
    );
    assert_eq!(points["record-3"].own(), json!({}));
}

#[tokio::test]
async fn tenants_have_an_index_and_a_document_of_nobody_is_refused() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let keys = format!(
        "{PLAIN}\ntenant_field = \"who.tenant\"\npayload_indexes = [{{ field = \"city\", type = \"keyword\" }}]"
    );
    let sink = sink(&text(&server.url, &name, "", &keys));
    done(
        &sink,
        &[write(
            &name,
            Operation::Insert,
            "a",
            r#"{"who":{"tenant":"t1"},"city":"Rome","vector":[1,1]}"#,
        )],
    )
    .await;
    let why = refusal(
        &sink,
        write(&name, Operation::Insert, "b", r#"{"who":{},"vector":[1,1]}"#),
    )
    .await;
    assert!(why.contains("`/who/tenant` is not there"), "{why}");
    assert_eq!(server.points(&name).await.len(), 1);
}

#[tokio::test]
async fn the_server_makes_vectors_of_texts_where_it_is_asked_to() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let keys = "vectors = [{ name = \"bm25\", kind = \"sparse\" }]\ninference = \"server\"";
    let sink = sink(&text(&server.url, &name, "", keys));
    let body = r#"{"vector":{"bm25":{"text":"the quick brown fox","model":"qdrant/bm25"}}}"#;
    done(&sink, &[write(&name, Operation::Insert, "a", body)]).await;
    let vector = server.points(&name).await["a"].vector["bm25"].clone();
    assert!(
        vector["indices"].as_array().is_some_and(|indices| indices.len() == 3),
        "{vector}"
    );
}

#[tokio::test]
async fn after_a_restart_of_the_server_it_goes_on_by_itself() {
    let Some(mut server) = Server::engine(&[]) else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    done(&sink, &inserts(&name, 10)).await;
    server.restart();
    sink_until_done(&sink, &inserts(&name, 20)).await;
    assert_eq!(server.points(&name).await.len(), 20);
    server.kill();
    assert!(sink.ready().await.is_err());
    server.restart();
    sink_until_done(&sink, &inserts(&name, 30)).await;
    assert_eq!(server.points(&name).await.len(), 30);
}

/// As the pipeline does, while the server starts.
async fn sink_until_done(sink: &danube_wasm_egress_qdrant::QdrantEgress, writes: &[danube_wasm_model::door::Write]) {
    let deadline = std::time::Instant::now() + crate::support::DEADLINE;
    while let Err(error) = try_write(sink, writes).await {
        assert!(std::time::Instant::now() < deadline, "{error}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_collection_that_is_dropped_is_made_again_or_waited_for() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let making = sink(&text(&server.url, &name, "", PLAIN));
    done(&making, &inserts(&name, 3)).await;
    let waiting = sink(&text(&server.url, &name, "", "create = \"never\""));
    done(&waiting, &inserts(&name, 4)).await;
    drop_collection(&server.url, &name).await;
    // It is found missing with the first write, and looked for with the second.
    assert!(try_write(&waiting, &inserts(&name, 3)).await.is_err());
    let message = unfit(try_write(&waiting, &inserts(&name, 3)).await);
    assert!(message.contains("create = \"if-missing\""), "{message}");
    sink_until_done(&making, &inserts(&name, 3)).await;
    done(&waiting, &inserts(&name, 5)).await;
    assert_eq!(server.points(&name).await.len(), 5);
}

#[tokio::test]
async fn a_key_is_sent_and_without_the_right_one_the_sink_stops() {
    let Some(server) = Server::engine(&["--api-key", "s3cret"]) else {
        return;
    };
    let name = collection();
    let right = sink(&text(&server.url, &name, "api_key = \"s3cret\"", PLAIN));
    done(&right, &inserts(&name, 2)).await;
    for keys in ["", "api_key = \"another\""] {
        let message = configuration(try_write(&sink(&text(&server.url, &name, keys, PLAIN)), &inserts(&name, 2)).await);
        assert!(
            message.contains("Check `api_key`") && !message.contains("another"),
            "{message}"
        );
    }
    assert_eq!(server.points_with_key(&name, Some("s3cret")).await.len(), 2);
}

#[tokio::test]
async fn over_tls_the_certificate_is_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("a file");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
    let files = [&cert, &key].map(|file| file.to_str().expect("a path"));
    let Some(server) = Server::engine(&["--cert", files[0], "--key", files[1]]) else {
        return;
    };
    let name = collection();
    let trusting = text(
        &server.url,
        &name,
        &format!("tls = {{ ca_file = \"{}\" }}", files[0]),
        PLAIN,
    );
    done(&sink(&trusting), &inserts(&name, 2)).await;
    let elsewhere = text(
        &server.url.replace("localhost", "127.0.0.1"),
        &name,
        &format!("tls = {{ ca_file = \"{}\" }}", files[0]),
        PLAIN,
    );
    let (message, _) = crate::support::transient(try_write(&sink(&elsewhere), &inserts(&name, 1)).await);
    assert!(message.contains("was not made for the name `127.0.0.1`"), "{message}");
    let (message, _) =
        crate::support::transient(try_write(&sink(&text(&server.url, &name, "", PLAIN)), &inserts(&name, 1)).await);
    assert!(message.contains("not trusted"), "{message}");
}

#[tokio::test]
async fn two_sinks_that_make_a_collection_at_once_agree() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sinks: Vec<_> = (0..4).map(|_| sink(&text(&server.url, &name, "", PLAIN))).collect();
    let writes = inserts(&name, 20);
    let written = sinks.iter().map(|sink| done(sink, &writes));
    futures_util::future::join_all(written).await;
    assert_eq!(server.points(&name).await.len(), 20);
    let other = sink(&text(
        &server.url,
        &name,
        "",
        "vector_dimension = 3\ndistance = \"Dot\"",
    ));
    let message = unfit(try_write(&other, &writes).await);
    assert!(message.contains("dimension 2, and the file says 3"), "{message}");
    assert_eq!(server.points(&name).await.len(), 20, "it is not made anew");
}
