//! What a server's answers mean.

use std::time::Duration;

use danube_wasm_model::message::Operation;
use qdrant_client::qdrant::UpdateStatus;
use tonic::Code;

use crate::support::{
    configuration, done,
    fake::{Act, Fake},
    inserts, report, sink, text, transient, try_write, unfit, write,
};

const PLAIN: &str = "create = \"never\"";

/// The error of a write to a server that always acts so.
async fn error_of(act: Act) -> Result<danube_wasm_model::door::WriteReport, danube_wasm_model::door::EgressError> {
    let fake = Fake::start(move |_, _| act.clone()).await;
    try_write(&sink(&text(&fake.url, "c", "", PLAIN)), &inserts("c", 3)).await
}

#[tokio::test]
async fn only_completed_is_done() {
    for status in [
        UpdateStatus::Acknowledged,
        UpdateStatus::WaitTimeout,
        UpdateStatus::ClockRejected,
        UpdateStatus::UnknownUpdateStatus,
    ] {
        let (message, _) = transient(error_of(Act::Status(status)).await);
        assert!(message.contains(status.as_str_name()), "{message}");
    }
    let (message, _) = transient(error_of(Act::Nothing).await);
    assert!(message.contains("with 0 results"), "{message}");
}

#[tokio::test]
async fn every_update_waits_and_has_a_time_limit_below_ours() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    let sink = sink(&text(&fake.url, "c", "request_timeout_ms = 30000", PLAIN));
    done(&sink, &inserts("c", 700)).await;
    done(&sink, &[write("c", Operation::Delete, "1", "")]).await;
    let updates = fake.updates();
    assert_eq!(updates.len(), 4, "256 points a request");
    assert!(
        updates
            .iter()
            .all(|update| update.wait == Some(true) && update.timeout == Some(24))
    );
}

#[tokio::test]
async fn what_passes_is_tried_again_when_the_server_says() {
    let (_, wait) = transient(error_of(Act::Busy(7)).await);
    assert_eq!(wait, Some(Duration::from_secs(7)));
    for code in [
        Code::Unavailable,
        Code::Internal,
        Code::Unknown,
        Code::Aborted,
        Code::Cancelled,
        Code::DeadlineExceeded,
    ] {
        transient(error_of(Act::Fail(code, "for now")).await);
    }
}

#[tokio::test]
async fn what_somebody_must_change_holds_the_collection_or_stops_the_sink() {
    let message = configuration(error_of(Act::Fail(Code::Unauthenticated, "who?")).await);
    assert!(message.contains("`api_key`"), "{message}");
    let message = unfit(error_of(Act::Fail(Code::PermissionDenied, "read only")).await);
    assert!(message.contains("access to write"), "{message}");
    let message = configuration(error_of(Act::Fail(Code::Unimplemented, "")).await);
    assert!(message.contains("6334"), "{message}");
}

#[tokio::test]
async fn one_refused_point_does_not_refuse_its_neighbours() {
    let fake = Fake::start(|update, _| {
        let is_bad = format!("{update:?}").contains("StringValue(\"77\")");
        if is_bad {
            Act::Fail(Code::InvalidArgument, "bad point")
        } else {
            Act::Complete
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "c", "", PLAIN));
    let report = report(&sink, &inserts("c", 200)).await;
    let places: Vec<_> = report.refused.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [77]);
    assert!(report.refused[0].1.contains("bad point"), "{report:?}");
}

#[tokio::test]
async fn a_server_that_refuses_a_write_of_our_own_too_refuses_no_record() {
    let message = unfit(error_of(Act::Fail(Code::InvalidArgument, "disk is read-only")).await);
    assert!(message.contains("not about a record"), "{message}");
}

/// Of strict mode and of collections with shard keys.
#[tokio::test]
async fn what_a_collection_does_not_allow_is_not_a_records_fault() {
    for said in [
        "Index required but not found for \"_order_hi\"",
        "Shard key not specified",
    ] {
        let message = unfit(error_of(Act::Fail(Code::InvalidArgument, said)).await);
        assert!(message.contains("until the collection allows it"), "{message}");
    }
}

/// Strict mode's `upsert_max_batchsize`: smaller requests are taken.
#[tokio::test]
async fn a_request_that_is_too_large_is_halved_until_it_fits() {
    let fake = Fake::start(|update, _| {
        let is_large = format!("{update:?}").matches("PointStruct {").count() > 60;
        if is_large {
            Act::Fail(
                Code::InvalidArgument,
                "Limit exceeded 256 > 60 for \"upsert_max_batchsize\"",
            )
        } else {
            Act::Complete
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "c", "", PLAIN));
    done(&sink, &inserts("c", 200)).await;
}

#[tokio::test]
async fn a_collection_that_has_changed_is_looked_at_again_before_a_record_is_refused() {
    let fake = Fake::start(|_, nth| {
        if nth == 0 {
            Act::Complete
        } else {
            Act::Fail(Code::InvalidArgument, "expected dim: 3")
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "c", "", PLAIN));
    done(&sink, &inserts("c", 1)).await;
    fake.set_size(3);
    let (message, _) = transient(try_write(&sink, &inserts("c", 1)).await);
    assert!(message.contains("has changed"), "{message}");
    let refused = report(&sink, &inserts("c", 1)).await.refused;
    assert!(
        refused[0]
            .1
            .contains("has 2 numbers, and the collection's vectors have 3"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn while_the_server_asks_for_less_there_is_one_request_at_a_time() {
    // It says so, or has not come to it in the time that it was given.
    for act in [
        Act::Busy(0),
        Act::Status(UpdateStatus::WaitTimeout),
        Act::Fail(Code::DeadlineExceeded, "Timeout error: Operation 'Update' timed out"),
    ] {
        let fake = Fake::start(move |_, nth| if nth < 4 { act.clone() } else { Act::Complete }).await;
        let sink = sink(&text(&fake.url, "c", "max_in_flight = 4", PLAIN));
        for _ in 0..4 {
            transient(try_write(&sink, &inserts("c", 1)).await);
        }
        done(&sink, &inserts("c", 1024)).await;
        assert_eq!(fake.running_most(), 1);
    }
    let many = Fake::start(|_, _| Act::Complete).await;
    done(
        &crate::support::sink(&text(&many.url, "c", "max_in_flight = 4", PLAIN)),
        &inserts("c", 2048),
    )
    .await;
    assert!(many.running_most() <= 4, "{}", many.running_most());
}

#[tokio::test]
async fn a_collection_that_waits_does_not_hold_the_others() {
    let fake = Fake::start(|update, _| match update.collection_name.as_str() {
        "slow" => Act::Fail(Code::Unavailable, "not now"),
        _ => Act::Complete,
    })
    .await;
    let text = text(&fake.url, "c", "", &format!("collections = [\"slow\"]\n{PLAIN}"));
    let mut writes = inserts("c", 2);
    writes.extend(inserts("slow", 2));
    let report = report(&sink(&text), &writes).await;
    assert_eq!(report.later.len(), 1, "{report:?}");
    assert_eq!(report.later[0].places, [2, 3]);
}

#[tokio::test]
async fn the_key_and_those_of_providers_are_sent_with_every_request() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    let keys = "api_key = \"k1\"\nheaders = { openai-api-key = \"k2\" }";
    done(&sink(&text(&fake.url, "c", keys, PLAIN)), &inserts("c", 1)).await;
    for (name, value) in [("api-key", "k1"), ("openai-api-key", "k2")] {
        let sent = fake.header(name);
        assert!(sent.len() == 3 && sent.iter().all(|sent| sent == value), "{sent:?}");
    }
}
