//! Servers that are too old ignore what they do not know, without a word.

use danube_wasm_model::{door::Egress as _, message::Operation};

use crate::support::{
    configuration, done,
    fake::{Act, Fake},
    inserts, ordered, sink, text, try_write, write,
};

const NEVER: &str = "create = \"never\"";

#[tokio::test]
async fn an_old_server_is_not_written_to_and_what_it_lacks_is_said() {
    for (version, lacks) in [
        ("1.16.3", "inserts overwrite"),
        ("1.15.5", "an older write overwrites a newer one"),
        ("1.9.0", "not supported"),
    ] {
        let fake = Fake::start(|_, _| Act::Complete).await;
        fake.set_version(version);
        let message = configuration(try_write(&sink(&text(&fake.url, "c", "", NEVER)), &inserts("c", 1)).await);
        assert!(message.contains(version) && message.contains(lacks), "{message}");
        assert!(fake.updates().is_empty());
    }
}

#[tokio::test]
async fn whoever_gives_promises_up_writes_to_an_older_server_without_what_it_would_ignore() {
    let fake = Fake::start(|_, _| Act::Complete).await;
    fake.set_version("1.15.5");
    let sink = sink(&text(&fake.url, "c", "server_min = \"1.15\"", NEVER));
    let upsert = ordered(write("c", Operation::Upsert, "a", r#"{"vector":[1,1]}"#), 1, "r");
    let delete = ordered(write("c", Operation::Delete, "b", ""), 1, "r");
    done(&sink, &[inserts("c", 1).remove(0), upsert, delete]).await;
    let seen = format!("{:?}", fake.updates());
    assert!(
        !seen.contains("update_mode: Some") && !seen.contains("update_filter: Some"),
        "{seen}"
    );
    assert!(
        seen.contains("must_not: [Condition"),
        "a delete by a filter is older: {seen}"
    );
    assert!(!sink.accepts("c", Operation::Merge) && sink.accepts("c", Operation::Insert));
}

#[tokio::test]
async fn a_server_that_is_another_one_after_a_reconnection_is_looked_at_again() {
    let fake = Fake::start(|_, nth| {
        if nth == 0 {
            Act::Fail(tonic::Code::Unavailable, "going down")
        } else {
            Act::Complete
        }
    })
    .await;
    let sink = sink(&text(&fake.url, "c", "", NEVER));
    assert!(try_write(&sink, &inserts("c", 1)).await.is_err());
    fake.set_version("1.14.0");
    configuration(try_write(&sink, &inserts("c", 1)).await);
    assert_eq!(fake.updates().len(), 1);
}
