//! Answers that say what became of each record of a request.

use danube_wasm_model::door::Write;

use crate::support::{finish, inserts, later, one, report, server::Server, sink, try_write, unfit};

const ARRAY: &str = "batch = \"array\"\nresults_pointer = \"/items\"";

#[tokio::test]
async fn each_record_has_its_own_result() {
    let body = r#"{"items": [{"status": 201}, {"status": 422, "error": "no such customer"}, 200, {"status": "503"}]}"#;
    let server = Server::start(move |_, _| (200, body).into()).await;
    let report = report(&sink(&one(&server.url("/"), ARRAY)), &inserts(4)).await;
    assert_eq!(report.refused.len(), 1);
    let (place, reason) = &report.refused[0];
    assert_eq!(*place, 1);
    assert!(
        reason.contains("422") && reason.contains("no such customer"),
        "{reason}"
    );
    assert_eq!(report.later.len(), 1);
    assert_eq!(report.later[0].places, [3]);
}

#[tokio::test]
async fn a_multi_status_is_read_without_being_asked_for() {
    let server = Server::start(|_, _| (207, "[200, 400]").into()).await;
    let report = report(&sink(&one(&server.url("/"), "batch = \"array\"")), &inserts(2)).await;
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].0, 1);
}

#[tokio::test]
async fn what_follows_a_record_of_its_key_that_is_sent_again_is_sent_again_too() {
    let server = Server::start(|nth, seen| match nth {
        0 => (200, r#"{"items": [200, 503, 200, 200]}"#).into(),
        _ => {
            let count = serde_json::from_str::<Vec<serde_json::Value>>(seen.text())
                .expect("an array")
                .len();
            (200, &*serde_json::json!({ "items": vec![200; count] }).to_string()).into()
        }
    })
    .await;
    let sink = sink(&one(&server.url("/"), ARRAY));
    let key = |write: Write, key: &'static str| Write {
        key: Some(key.into()),
        ..write
    };
    let keys = ["k", "k", "k", "l"];
    let writes = inserts(4)
        .into_iter()
        .zip(keys)
        .map(|(write, of)| key(write, of))
        .collect();
    assert!(finish(&sink, writes).await.is_empty());
    assert_eq!(server.bodies()[1..], ["[{\"n\":1},{\"n\":2}]"]);
}

#[tokio::test]
async fn half_a_request_that_is_sent_again_holds_back_what_is_in_order_with_it_in_the_other_half() {
    let server = Server::start(|nth, _| match nth {
        0 => 413.into(),
        1 => (207, "[200, 503]").into(),
        _ => (207, "[200]").into(),
    })
    .await;
    let sink = sink(&one(&server.url("/"), "batch = \"array\""));
    let mut writes = inserts(4);
    writes.iter_mut().for_each(|write| write.key = Some("k".into()));
    let report = report(&sink, &writes).await;
    let mut places: Vec<_> = report.later.iter().flat_map(|later| later.places.clone()).collect();
    places.sort_unstable();
    assert_eq!(places, [1, 2, 3]);
    assert_eq!(server.seen().len(), 2, "{:?}", server.bodies());
}

#[tokio::test]
async fn results_that_cannot_be_read_lose_no_record() {
    for (body, says) in [
        ("<html>", "not JSON"),
        ("{}", "no array at `/items`"),
        (r#"{"items": [200]}"#, "1 results for 2 records"),
        (r#"{"items": [200, "fine"]}"#, "no `status`"),
        (r#"{"items": [200, 99999]}"#, "no `status`"),
    ] {
        let server = Server::start(move |_, _| (200, body).into()).await;
        let message = unfit(try_write(&sink(&one(&server.url("/"), ARRAY)), &inserts(2)).await);
        assert!(
            message.contains(says) && message.contains("`results_pointer`"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn results_longer_than_is_read_lose_no_record() {
    let body = format!(
        "{{\"items\": [200, {{\"status\": 200, \"note\": \"{}\"}}]}}",
        "x".repeat(2 << 20)
    );
    let server = Server::start(move |_, _| (200, &*body).into()).await;
    let message = unfit(try_write(&sink(&one(&server.url("/"), ARRAY)), &inserts(2)).await);
    assert!(message.contains("too long"), "{message}");
}

#[tokio::test]
async fn a_status_of_the_whole_answer_counts_before_its_results() {
    let server = Server::start(|_, _| (503, r#"{"items": [200, 200]}"#).into()).await;
    let report = report(&sink(&one(&server.url("/"), ARRAY)), &inserts(2)).await;
    assert!(later(&report).0.contains("503"), "{report:?}");
}
