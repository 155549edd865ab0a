//! Which write of a document stays.

use danube_wasm_model::{
    RecordId,
    door::{Egress as _, Write},
    message::Operation::{self, Delete, Merge, Upsert},
};
use serde_json::json;

use crate::support::{
    done, ordered,
    server::{Server, collection},
    sink, text, write,
};

const PLAIN: &str = "vector_dimension = 2\ndistance = \"Dot\"";

fn of(name: &str, operation: Operation, n: u64, record: &str) -> Write {
    let body = match operation {
        Delete => String::new(),
        _ => format!("{{\"n\":{n},\"by\":\"{record}\",\"vector\":[1,{n}]}}"),
    };
    ordered(write(name, operation, "a", &body), n, record)
}

#[tokio::test]
async fn an_older_write_changes_nothing_and_the_same_record_again_does_no_harm() {
    let Some(server) = Server::start() else { return };
    for operation in [Upsert, Merge] {
        let name = collection();
        let sink = sink(&text(&server.url, &name, "", PLAIN));
        let now = async || server.points(&name).await["a"].own();
        done(&sink, &[of(&name, operation, 5, "r5")]).await;
        done(&sink, &[of(&name, operation, 4, "r4")]).await;
        assert_eq!(now().await, json!({"n": 5, "by": "r5"}), "older");
        done(&sink, &[of(&name, operation, 5, "other")]).await;
        assert_eq!(
            now().await,
            json!({"n": 5, "by": "r5"}),
            "the same order of another record"
        );
        done(&sink, &[of(&name, operation, 5, "r5")]).await;
        assert_eq!(now().await, json!({"n": 5, "by": "r5"}), "again");
        done(&sink, &[of(&name, operation, 6, "r6")]).await;
        assert_eq!(now().await, json!({"n": 6, "by": "r6"}), "newer");
        let point = server.points(&name).await["a"].clone();
        assert_eq!(point.vector, json!([1.0, 6.0]));
        assert!(
            point.payload["_order_hi"].is_u64() && point.payload["_record"] == "r6",
            "{point:?}"
        );
    }
}

#[tokio::test]
async fn an_older_delete_removes_nothing_and_a_newer_one_does() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    done(&sink, &[of(&name, Upsert, 5, "r5")]).await;
    done(
        &sink,
        &[
            of(&name, Delete, 4, "r4"),
            ordered(write(&name, Delete, "none", ""), 9, "x"),
        ],
    )
    .await;
    assert_eq!(server.points(&name).await.len(), 1);
    done(&sink, &[of(&name, Delete, 6, "r6")]).await;
    assert!(server.points(&name).await.is_empty());
    // Qdrant keeps no mark of it, which the page says.
    done(&sink, &[of(&name, Upsert, 5, "r5")]).await;
    assert_eq!(server.points(&name).await.len(), 1);
}

/// With a collection for deletes it does, whichever of two processes comes last.
#[tokio::test]
async fn a_delete_that_is_kept_stays_whatever_comes_after_it() {
    let Some(server) = Server::start() else { return };
    let (name, deletes) = (collection(), collection());
    let keys = format!("{PLAIN}\nkeep_deletes = \"{deletes}\"");
    let (one, other) = (
        sink(&text(&server.url, &name, "", &keys)),
        sink(&text(&server.url, &name, "", &keys)),
    );
    done(&one, &[of(&name, Upsert, 5, "r5")]).await;
    done(&one, &[of(&name, Delete, 6, "r6")]).await;
    assert!(server.points(&name).await.is_empty());
    for operation in [Upsert, Merge] {
        done(&other, &[of(&name, operation, 4, "r4"), of(&name, operation, 5, "r5")]).await;
        assert!(
            server.points(&name).await.is_empty(),
            "{operation:?}: an older write brings it back"
        );
    }
    // Again, and an older delete: the mark is that of the newest.
    done(&other, &[of(&name, Delete, 6, "r6"), of(&name, Delete, 3, "r3")]).await;
    done(&other, &[of(&name, Upsert, 5, "r5")]).await;
    assert!(server.points(&name).await.is_empty());
    let mark = server.points(&deletes).await["a"].clone();
    assert_eq!(mark.payload["_record"], "r6", "{mark:?}");
    // What is newer than the delete is there, and a late delete does not take it.
    done(&one, &[of(&name, Upsert, 7, "r7")]).await;
    done(&other, &[of(&name, Upsert, 5, "r5"), of(&name, Delete, 6, "r6")]).await;
    assert_eq!(server.points(&name).await["a"].own(), json!({"n": 7, "by": "r7"}));
    // In one batch, whatever the order of its writes.
    done(&one, &[of(&name, Delete, 9, "r9"), of(&name, Upsert, 8, "r8")]).await;
    assert!(server.points(&name).await.is_empty());
}

/// As floats, 2^53 and 2^53 + 1 are equal, and so are all neighbours of today's orders.
#[tokio::test]
async fn orders_that_floats_take_for_equal_are_told_apart() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    for (place, base) in [1 << 53, (1 << 60) | 0xffff_ffff, u64::MAX - 1].into_iter().enumerate() {
        let at = |order: u64, n: u64| Write {
            order,
            record: Some(RecordId::from_broker(format!("r{order}"))),
            ..write(
                &name,
                Upsert,
                &place.to_string(),
                &format!("{{\"n\":{n},\"vector\":[1,1]}}"),
            )
        };
        done(&sink, &[at(base + 1, 1)]).await;
        done(&sink, &[at(base, 0)]).await;
        let stays = server.points(&name).await[&place.to_string()].own();
        assert_eq!(stays, json!({"n": 1}), "{base}");
    }
}

/// An order that a component made is compared with those of records by the milliseconds, and applies unless it is lower.
#[tokio::test]
async fn orders_of_a_components_own_are_milliseconds_and_a_tie_applies() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let own = |order: u64, n: u64| Write {
        order,
        ..write(&name, Upsert, "a", &format!("{{\"n\":{n},\"vector\":[1,1]}}"))
    };
    let now = async || server.points(&name).await["a"].own()["n"].clone();
    let ms = 1_764_000_000_000;
    for (write, expected) in [
        (own(ms - 1, 1), 1),
        (own(ms - 2, 2), 1),
        (own(ms - 1, 3), 3),
        (of(&name, Upsert, 7, "r"), 7),
        (own(ms - 1, 8), 7),
        (own(ms, 9), 9),
        (write(&name, Upsert, "a", r#"{"n":10,"vector":[1,1]}"#), 10),
        (own(1, 11), 11),
    ] {
        done(&sink, &[write]).await;
        assert_eq!(now().await, json!(expected));
    }
}

/// Each of many points has an order of its own in the one filter of a request.
#[tokio::test]
async fn of_a_full_request_exactly_the_newer_writes_apply() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "", PLAIN));
    let batch = |round: u64| -> Vec<Write> {
        let one = |i: u64| {
            // In the second round, every third is older.
            let n = if round == 1 && i.is_multiple_of(3) {
                0
            } else {
                10 * round + 5
            };
            let body = format!("{{\"round\":{round},\"vector\":[1,1]}}");
            ordered(write(&name, Upsert, &i.to_string(), &body), n, &format!("{round}-{i}"))
        };
        (0..300).map(one).collect()
    };
    done(&sink, &batch(0)).await;
    done(&sink, &batch(1)).await;
    for (id, point) in server.points(&name).await {
        let expected = u64::from(!id.parse::<u64>().expect("a number").is_multiple_of(3));
        assert_eq!(point.own(), json!({"round": expected}), "{id}");
    }
}

#[tokio::test]
async fn writes_of_many_lanes_in_any_order_end_with_the_newest() {
    let Some(server) = Server::start() else { return };
    let name = collection();
    let sink = sink(&text(&server.url, &name, "max_in_flight = 4", PLAIN));
    let mut writes: Vec<Write> = (0..400)
        .map(|i: u64| {
            let (id, n) = (i % 7, (i * 37) % 401);
            let body = format!("{{\"n\":{n},\"vector\":[1,1]}}");
            ordered(write(&name, Upsert, &id.to_string(), &body), n, &format!("r{i}"))
        })
        .collect();
    let lanes = writes.chunks(23).map(|lane| sink.write(lane));
    let results = futures_util::future::join_all(lanes).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let points = server.points(&name).await;
    writes.sort_by_key(|write| write.order);
    for id in 0..7 {
        let newest = writes.iter().rfind(|write| write.id == id.to_string()).expect("some");
        let body: serde_json::Value = serde_json::from_slice(&newest.body).expect("JSON");
        assert_eq!(points[&id.to_string()].own()["n"], body["n"]);
    }
}
