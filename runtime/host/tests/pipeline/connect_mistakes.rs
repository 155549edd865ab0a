//! Files of Danube Connect: what has no effect, and what is refused, each in the file's own words.

use crate::{
    Desk, assert_one,
    connect::{SINK, SOURCE, told},
};

#[test]
fn every_key_without_effect_is_named_with_its_line() {
    let desk = Desk::new();
    let key = |text: &str| format!("{text}\n");
    for (text, says) in [
        (
            SOURCE.replace("port = 0\n", "port = 0\ntls_cert_path = \"x\"\n"),
            "6:17 server.tls_cert_path: `tls_cert_path` had no effect",
        ),
        (
            SOURCE.replace("to =", "rate_limit = { requests_per_second = 1, burst_size = 1 }\nto ="),
            "10:14 routes[0].rate_limit",
        ),
        (
            key(SOURCE) + "[rate_limit]\nrequests_per_second = 1\n",
            "rate_limit: `rate_limit` had no effect",
        ),
        (
            key(SOURCE) + "[processing]\nbatch_size = 5\n",
            "processing.batch_size: `batch_size` has no equivalent",
        ),
        (
            key(SOURCE) + "[processing]\npoll_interval_ms = 5\n",
            "nothing is polled",
        ),
        (key(SOURCE) + "[processing]\nlog_level = \"debug\"\n", "set RUST_LOG"),
        (
            key(SOURCE) + "[processing]\nhealth_check_interval_ms = 5\n",
            "has no equivalent",
        ),
        (
            key(SOURCE) + "[retry]\ninitial_interval_ms = 5\n",
            "`initial_interval_ms` had no effect",
        ),
        (
            key(SINK) + "[retry]\nmax_retries = 5\n",
            "`max_retries` has no equivalent",
        ),
        (
            "metrics_port = 9090\n".to_owned() + SINK,
            "1:16 metrics_port: `metrics_port` had no effect",
        ),
        (
            key(SINK) + "schema_type = \"Json\"\n",
            "surrealdb.routes[0].schema_type",
        ),
        (
            key(SINK) + "batch_size = 5\n",
            "surrealdb.routes[0].batch_size: `batch_size` had no effect",
        ),
        (
            SINK.replace("\nurl =", "\nrequest_timeout_secs = 5\nurl ="),
            "here it holds",
        ),
        (
            SINK.replace("\nurl =", "\nusername = \"root\"\nurl ="),
            "give both, as SURREALDB_USERNAME",
        ),
        (key(SINK) + "[auth]\ntype = \"none\"\n", "a sink listens to nobody"),
    ] {
        assert_one(&told(&desk, &text), &[says]);
    }
}

#[test]
fn unknown_keys_are_refused_with_the_nearest() {
    let desk = Desk::new();
    for (text, says) in [
        (SOURCE.replace("partitions", ""), None),
        (
            SOURCE.replace("to =", "partition = 1\nto ="),
            Some("10:1 routes[0].partition: unknown key `partition` in [[routes]] | did you mean `partitions`?"),
        ),
        (SOURCE.replace("host =", "hots ="), Some("did you mean `host`?")),
        (format!("{SINK}batch = 1\n"), Some("unknown key `batch`")),
        (
            SINK.replace("[surrealdb]\n", "[surrealdb]\ncredentials = 1\n"),
            Some("unknown key `credentials` in [surrealdb]"),
        ),
        (
            format!("{SOURCE}batch_size = 1\n"),
            Some("`batch_size` belongs in [processing]"),
        ),
        (format!("{SINK}[servers]\nport = 1\n"), Some("did you mean `server`?")),
    ] {
        match says {
            Some(says) => assert_one(&desk.refuse(&text), &[says]),
            None => drop(desk.accept(&text)),
        }
    }
}

#[test]
fn mistakes_have_the_files_own_lines_and_keys() {
    let text = SINK
        .replace("/default/a", "default/a")
        .replace("db:8000", "db")
        .replace("connector_name = \"out\"\n", "")
        + "storage_mode = \"Documents\"\n";
    let found = Desk::new().refuse(&text);
    let expected = [
        "1:1 connector_name: ",
        "3:7 surrealdb.url: ",
        "7:8 surrealdb.routes[0].from: ",
        "10:16 surrealdb.routes[0].storage_mode: ",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn what_a_file_must_have() {
    let desk = Desk::new();
    let core = "danube_service_url = \"http://b\"\nconnector_name = \"x\"\n";
    for (text, says) in [
        (core.to_owned(), "neither [server] nor [surrealdb]"),
        (format!("{core}[mqtt]\nbroker_host = \"h\"\n"), "an MQTT source"),
        (format!("{core}[qdrant]\n"), "a Qdrant sink"),
        (format!("{core}[[routes]]\nfrom = \"/a\"\nto = \"/default/a\"\nreliable_dispatch = true\n"), "needs a table `server`"),
        (format!("{core}[server]\nhost = \"127.0.0.1\"\n"), "needs at least one of `routes`"),
        (SOURCE.to_owned() + "[[endpoints]]\npath = \"/b\"\ndanube_topic = \"/default/b\"\n", "`routes` is another spelling of `endpoints`"),
        (SOURCE.to_owned() + "[webhook]\nport = 0\n", "`webhook` is another spelling of `server`"),
        (SOURCE.to_owned() + &SINK[SINK.find("[surrealdb]").unwrap()..], "a source and a sink"),
        (SINK.replace("[[surrealdb.routes]]", "[[surrealdb.topic_mappings]]\ntopic = \"/default/b\"\nsubscription = \"x\"\ntable = \"t\"\n[[surrealdb.routes]]"), "`routes` is the newer spelling"),
        (SINK[..SINK.find("[[").unwrap()].to_owned(), "needs at least one of `routes`"),
    ] {
        assert_one(&desk.refuse(&text), &[says]);
    }
}
