//! What becomes of a record by the status of its answer.

use std::time::{Duration, SystemTime};

use danube_wasm_model::{door::WriteReport, message::Operation};

use crate::support::{
    finish, insert, inserts, later, one, report,
    server::{Reply, Server},
    sink, try_write, unfit, write,
};

/// What the sink reports of a record whose answer has this status.
async fn of(status: u16, keys: &str) -> Result<WriteReport, String> {
    let server = Server::start(move |_, _| (status, "no {}").into()).await;
    let sink = sink(&one(&server.url("/"), keys));
    let result = try_write(&sink, &[insert("1", "{}")]).await;
    assert_eq!(server.seen().len(), 1, "{status}: one attempt a call");
    result.map_err(|error| unfit(Err(error)))
}

#[tokio::test]
async fn two_hundreds_take_a_record() {
    for status in [200, 201, 202, 204, 206, 299] {
        assert_eq!(of(status, "").await, Ok(WriteReport::default()), "{status}");
    }
}

#[tokio::test]
async fn statuses_about_the_record_refuse_it_in_the_receivers_words() {
    for status in [400, 405, 406, 411, 413, 414, 415, 422, 431, 451, 501] {
        let report = of(status, "").await.expect("refused");
        let (place, reason) = &report.refused[0];
        assert_eq!(*place, 0);
        assert!(
            reason.contains(&status.to_string()) && reason.contains("no {}"),
            "{reason}"
        );
        assert!(reason.contains("endpoint `a` at http://localhost:"), "{reason}");
    }
}

/// vectordotdev/vector#10870, #13414, #26221: such answers during a deploy dropped events by the million.
#[tokio::test]
async fn statuses_about_the_endpoint_hold_it_and_refuse_nothing() {
    for (status, cure) in [
        (301, "write in `url` where it leads to"),
        (401, "add `auth`"),
        (403, "add `auth`"),
        (404, "check the path of its `url`"),
        (407, "proxy"),
        (410, "gone for good"),
        (418, "`retry_statuses`"),
        (505, "`retry_statuses`"),
    ] {
        let message = of(status, "").await.expect_err("unfit");
        assert!(
            message.contains(&status.to_string()) && message.contains(cure),
            "{message}"
        );
    }
}

/// vectordotdev/vector#15498, #21447: 408 was not retried.
#[tokio::test]
async fn statuses_that_pass_are_tried_again() {
    for status in [408, 409, 421, 423, 425, 429, 500, 502, 503, 504, 507, 599] {
        let report = of(status, "").await.expect("later");
        assert!(report.refused.is_empty());
        assert!(later(&report).0.contains(&status.to_string()), "{report:?}");
    }
}

#[tokio::test]
async fn an_endpoints_own_lists_of_statuses_count() {
    let keys = "accept_statuses = [409]\nretry_statuses = [404]\nrefuse_statuses = [403, 500]";
    assert_eq!(of(409, keys).await, Ok(WriteReport::default()));
    assert!(!of(404, keys).await.expect("later").later.is_empty());
    for status in [403, 500] {
        assert_eq!(of(status, keys).await.expect("refused").refused.len(), 1);
    }
}

#[tokio::test]
async fn what_is_deleted_already_is_deleted() {
    for status in [404, 410] {
        let server = Server::start(move |_, _| status.into()).await;
        let sink = sink(&one(&server.url("/{id}"), ""));
        let done = report(&sink, &[write(Operation::Delete, "7", "")]).await;
        assert_eq!(done, WriteReport::default());
    }
}

/// The wait that is asked for after an answer of this status with this `Retry-After`.
async fn wait_after(status: u16, retry_after: String) -> Option<Duration> {
    let reply = Reply::Answer(status, vec![("retry-after", retry_after)], String::new());
    let server = Server::start(move |_, _| reply.clone()).await;
    let sink = sink(&one(&server.url("/"), ""));
    let first = report(&sink, &inserts(1)).await;
    // Until then the endpoint is left alone.
    let again = report(&sink, &inserts(1)).await;
    assert_eq!(server.seen().len(), 1);
    assert!(later(&again).1 > Some(Duration::from_secs(60)), "{again:?}");
    later(&first).1
}

#[tokio::test]
async fn an_endpoint_may_say_when_to_come_again_in_seconds_or_by_a_date() {
    assert_eq!(wait_after(429, "120".into()).await, Some(Duration::from_secs(120)));
    assert_eq!(wait_after(503, "120".into()).await, Some(Duration::from_secs(120)));
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(1000));
    let wait = wait_after(429, date).await.expect("a wait");
    assert!((900..=1000).contains(&wait.as_secs()), "{wait:?}");
    assert_eq!(wait_after(429, "9999999".into()).await, Some(Duration::from_secs(3600)));
}

/// synapticcybersecurity/hekate#56 and others: a redirect leads around every check, and a POST becomes a GET.
#[tokio::test]
async fn redirects_are_never_followed() {
    let trap = Server::start(|_, _| 200.into()).await;
    for status in [300, 301, 302, 303, 304, 307, 308] {
        let to = trap.url("/secret-path?token=secret-token");
        let reply = Reply::Answer(status, vec![("location", to)], String::new());
        let server = Server::start(move |_, _| reply.clone()).await;
        let message = unfit(try_write(&sink(&one(&server.url("/"), "")), &inserts(1)).await);
        let origin = trap.url("");
        assert!(message.contains(&origin) && !message.contains("secret"), "{message}");
    }
    assert_eq!(trap.connections(), 0);
}

/// Aiven-Open/http-connector-for-apache-kafka#34, #204: one bad request of many stopped the task.
#[tokio::test]
async fn a_record_that_fails_its_batch_is_found_by_halving() {
    let server = Server::start(|_, seen| {
        if seen.text().contains(":13}") {
            400.into()
        } else {
            200.into()
        }
    })
    .await;
    let sink = sink(&one(&server.url("/"), "batch = \"array\""));
    let report = report(&sink, &inserts(64)).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!((places, report.later.len()), (vec![13], 0));
    let taken: Vec<String> = server
        .bodies()
        .into_iter()
        .filter(|body| !body.contains(":13}"))
        .collect();
    let records = |body: &String| {
        serde_json::from_str::<Vec<serde_json::Value>>(body)
            .expect("an array")
            .len()
    };
    assert_eq!(taken.iter().map(records).sum::<usize>(), 63, "each of the others once");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_and_the_next_ones_are_smaller() {
    let server = Server::start(|_, seen| if seen.body.len() > 200 { 413.into() } else { 200.into() }).await;
    let sink = sink(&one(&server.url("/"), "batch = \"array\""));
    assert!(finish(&sink, inserts(64)).await.is_empty());
    let before = server.seen().len();
    assert!(finish(&sink, inserts(64)).await.is_empty());
    let again = server.seen().split_off(before);
    assert!(again.iter().all(|seen| seen.body.len() <= 400), "it has learned");
}

/// redpanda-data/connect#414, #415: one refused message blocked the others or was sent for ever.
#[tokio::test]
async fn a_refused_record_neither_blocks_nor_repeats_its_neighbours() {
    let server = Server::start(|_, seen| {
        if seen.text() == "{\"n\":3}" {
            422.into()
        } else {
            200.into()
        }
    })
    .await;
    let sink = sink(&one(&server.url("/"), ""));
    let report = report(&sink, &inserts(8)).await;
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].0, 3);
    assert_eq!(server.seen().len(), 8);
}
