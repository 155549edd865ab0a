//! Requests and answers that are lost, and servers that stand still.

use danube_wasm_model::{door::Egress as _, message::Operation};
use danube_wasm_testkit::Cable;
use serde_json::json;

use crate::support::{
    done,
    fake::{Act, Fake},
    inserts, ordered,
    server::{Server, collection},
    sink, text, transient, try_write, write,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";
const NEVER: &str = "create = \"never\"";

#[tokio::test]
async fn an_answer_that_is_lost_after_the_server_has_done_it_changes_nothing() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    done(&sink(&text(&server.url, &name, "", PLAIN)), &inserts(&name, 1)).await;
    let between = Fake::before(
        &server.url,
        |_, nth| if nth.is_multiple_of(2) { Act::Lose } else { Act::Pass },
    )
    .await;
    let sink = sink(&text(&between.url, &name, "", PLAIN));
    let upsert = |n: u64| {
        ordered(
            write(
                &name,
                Operation::Upsert,
                "u",
                &format!("{{\"n\":{n},\"vector\":[1,1]}}"),
            ),
            n,
            "r",
        )
    };
    for writes in [
        inserts(&name, 50),
        vec![upsert(1)],
        vec![upsert(2)],
        vec![write(&name, Operation::Delete, "7", "")],
    ] {
        transient(try_write(&sink, &writes).await);
        done(&sink, &writes).await;
    }
    let points = server.points(&name).await;
    assert_eq!((points.len(), points["u"].own()), (50, json!({"n": 2})));
}

#[tokio::test]
async fn a_connection_that_is_cut_while_it_is_idle_costs_nothing() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let cable = Cable::to(server.port()).await;
    let sink = sink(&text(&format!("http://localhost:{}", cable.port), &name, "", PLAIN));
    for n in 1..4 {
        // On a connection of its own each time, without an error.
        done(&sink, &inserts(&name, n * 10)).await;
        cable.cut().await;
    }
    assert_eq!(server.points(&name).await.len(), 30);
}

#[tokio::test]
async fn a_connection_that_is_cut_within_a_request_is_made_again() {
    let fake = Fake::start(|_, nth| if nth == 0 { Act::Hang } else { Act::Complete }).await;
    let port = fake.url.rsplit(':').next().expect("a port").parse().expect("a number");
    let cable = Cable::to(port).await;
    let sink = sink(&text(&format!("http://localhost:{}", cable.port), "c", "", NEVER));
    let writes = inserts("c", 3);
    let cut = async {
        danube_wasm_testkit::until("the request is there", || (!fake.updates().is_empty()).then_some(())).await;
        cable.cut().await;
    };
    let (written, ()) = futures_util::future::join(try_write(&sink, &writes), cut).await;
    transient(written);
    done(&sink, &writes).await;
    assert_eq!(fake.calls("HealthCheck"), 2, "the version is read on each connection");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_tried_again() {
    let fake = Fake::start(|_, nth| if nth == 0 { Act::Reset } else { Act::Complete }).await;
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    transient(try_write(&sink, &inserts("c", 3)).await);
    done(&sink, &inserts("c", 3)).await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_no_longer_than_it_may_take() {
    let fake = Fake::start(|_, nth| if nth == 0 { Act::Hang } else { Act::Complete }).await;
    let sink = sink(&text(&fake.url, "c", "request_timeout_ms = 1000", NEVER));
    let (message, _) = transient(try_write(&sink, &inserts("c", 3)).await);
    assert!(
        message.contains("has not answered") || message.contains("Timeout"),
        "{message}"
    );
    done(&sink, &inserts("c", 3)).await;
}

#[tokio::test]
async fn nobody_at_the_address_is_something_that_passes() {
    let port = danube_wasm_testkit::servers::free_port();
    let sink = sink(&text(&format!("http://127.0.0.1:{port}"), "c", "", NEVER));
    let (message, _) = transient(try_write(&sink, &inserts("c", 1)).await);
    assert!(message.contains("nothing can be reached"), "{message}");
    assert!(sink.ready().await.is_err());
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_named() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let app = axum::Router::new().fallback(|| async { "{\"title\":\"qdrant\"}" });
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let sink = sink(&text(&url, "c", "", NEVER));
    let error = try_write(&sink, &inserts("c", 1)).await.expect_err("it speaks no gRPC");
    assert!(error.to_string().contains("Qdrant at"), "{error}");
    serving.abort();
}

#[tokio::test]
async fn a_sink_that_was_closed_writes_nothing_more() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    sink.ready().await.expect("it answers");
    sink.close().await.expect("it closes");
    transient(try_write(&sink, &inserts("c", 1)).await);
    assert!(fake.updates().is_empty());
}
