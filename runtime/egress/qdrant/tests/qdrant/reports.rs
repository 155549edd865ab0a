//! What others' users have reported, each as a test named after it.

use danube_wasm_model::{door::Egress as _, message::Operation};
use serde_json::json;
use tonic::Code;

use crate::support::{
    done,
    fake::{Act, Fake},
    inserts, refusal, report,
    server::{Server, collection},
    sink, text, transient, try_write, unfit, write,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";
const NEVER: &str = "create = \"never\"";

/// qdrant/qdrant#9039, #2557.
#[tokio::test]
async fn a_vector_of_a_wrong_dimension_is_acknowledged_and_dropped() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let why = refusal(&sink, write(&name, Operation::Insert, "a", r#"{"vector":[1,2,3]}"#)).await;
    assert!(
        why.contains("`/vector` has 3 numbers, and the collection's vectors have 2"),
        "{why}"
    );
    // Also where nothing but the server's answer would say so.
    let fake = Fake::start(|update, _| {
        if update.wait == Some(true) {
            Act::Complete
        } else {
            Act::Nothing
        }
    })
    .await;
    done(
        &crate::support::sink(&text(&fake.url, "c", "", NEVER)),
        &inserts("c", 1),
    )
    .await;
}

/// qdrant/qdrant#9521.
#[tokio::test]
async fn a_named_vector_into_a_collection_with_a_single_one_is_answered_200_and_dropped() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let why = refusal(
        &sink,
        write(&name, Operation::Insert, "a", r#"{"vector":{"text":[1,2]}}"#),
    )
    .await;
    assert!(why.contains("none of this name"), "{why}");
}

/// qdrant/go-client#68.
#[tokio::test]
async fn points_into_a_collection_without_vectors_are_acknowledged_and_never_stored() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    fake.set_no_vectors();
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    let why = refusal(&sink, inserts("c", 1).remove(0)).await;
    assert!(why.contains("collection `c` has none: it would be dropped"), "{why}");
    done(&sink, &[write("c", Operation::Insert, "a", r#"{"x":1}"#)]).await;
}

/// qdrant/qdrant-spark#35, qdrant/vector-db-benchmark#282.
#[tokio::test]
async fn an_upload_that_the_server_declines_is_called_a_success() {
    for act in [
        Act::Status(qdrant_client::qdrant::UpdateStatus::Acknowledged),
        Act::Fail(Code::Internal, "Service internal error: No space left on device"),
    ] {
        let fake = Fake::start(move |_, _| act.clone()).await;
        transient(try_write(&sink(&text(&fake.url, "c", "", NEVER)), &inserts("c", 9)).await);
    }
}

/// run-llama/LlamaIndexTS#1299.
#[tokio::test]
async fn a_text_is_no_point_id() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let ids = ["", "orders/7", "ünï 漢", "x\n", "-1", "1.5"].map(|id| if id.is_empty() { "a b" } else { id });
    let writes = ids.map(|id| write(&name, Operation::Insert, id, r#"{"vector":[1,2]}"#));
    done(&sink, &writes).await;
    let points = server.points(&name).await;
    assert!(ids.iter().all(|id| points.contains_key(*id)), "{points:?}");
}

/// qdrant/qdrant#1822, #1721: 5 to 60 s. run-llama/llama_index#10462: over 32 MB.
#[tokio::test]
async fn large_upserts_run_into_timeouts_and_limits_of_size() {
    let fake = Fake::start(|update, _| {
        let bytes = prost::Message::encoded_len(update);
        if bytes > 5 << 20 {
            Act::Fail(Code::OutOfRange, "decoded message length too large")
        } else {
            Act::Complete
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    let long = "x".repeat(200_000);
    let body = format!("{{\"text\":\"{long}\",\"vector\":[1,2]}}");
    let writes: Vec<_> = (0..100)
        .map(|i| write("c", Operation::Insert, &i.to_string(), &body))
        .collect();
    done(&sink, &writes).await;
    let updates = fake.updates();
    assert!(updates.len() >= 5, "{} requests for 20 MB", updates.len());
    // One that no server takes is refused by itself.
    let huge = format!("{{\"text\":\"{}\",\"vector\":[1,2]}}", "x".repeat(6 << 20));
    let mut writes = inserts("c", 3);
    writes.insert(1, write("c", Operation::Insert, "huge", &huge));
    let refused = report(&sink, &writes).await.refused;
    assert_eq!(refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1]);
}

/// qdrant/rust-client#258, #82.
#[tokio::test]
async fn no_connection_is_checked_when_a_client_is_built() {
    let port = danube_wasm_testkit::servers::free_port();
    let sink = sink(&text(&format!("http://127.0.0.1:{port}"), "c", "", NEVER));
    let error = sink.ready().await.expect_err("nobody is there");
    assert!(error.to_string().contains("nothing can be reached"), "{error}");
}

/// qdrant/qdrant#8562: 200 single inserts a second were too many.
#[tokio::test]
async fn single_inserts_overwhelm_a_node() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    done(&sink, &inserts("c", 512)).await;
    assert_eq!(fake.updates().len(), 2);
    assert!(fake.running_most() <= 2);
}

/// run-llama/llama_index#10083.
#[tokio::test]
async fn two_writers_that_make_a_collection_race_and_one_wipes_the_other() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    done(&sink(&text(&server.url, &name, "", PLAIN)), &inserts(&name, 5)).await;
    let other = sink(&text(&server.url, &name, "", "vector_dimension = 3"));
    let message = unfit(try_write(&other, &inserts(&name, 1)).await);
    assert!(message.contains("not made anew"), "{message}");
    assert_eq!(server.points(&name).await.len(), 5);
}

/// qdrant/qdrant-kafka#7.
#[tokio::test]
async fn one_bad_record_ends_the_task() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let mut writes = inserts(&name, 500);
    writes[250].body = r#"{"vector":"none"}"#.into();
    writes[499].body = "\u{feff}{}".into();
    let refused = report(&sink, &writes).await.refused;
    assert_eq!(refused.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [250, 499]);
    assert_eq!(server.points(&name).await.len(), 498);
}

/// qdrant/qdrant-client#146.
#[tokio::test]
async fn placeholders_overwrite_real_vectors() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    done(
        &sink,
        &[write(&name, Operation::Insert, "a", r#"{"x":1,"vector":[3,4]}"#)],
    )
    .await;
    done(
        &sink,
        &[
            write(&name, Operation::Merge, "a", r#"{"y":2}"#),
            write(&name, Operation::Insert, "a", r#"{"vector":[0,0]}"#),
        ],
    )
    .await;
    let a = server.points(&name).await["a"].clone();
    assert_eq!((a.own(), a.vector), (json!({"x": 1, "y": 2}), json!([3.0, 4.0])));
}
