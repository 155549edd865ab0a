//! Mistakes in a file, each by name and with its cure.

use crate::support::{one, read, several};

fn wrong(text: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    match read(dir.path(), text) {
        Err(wrong) => wrong,
        Ok(config) => panic!("it is right: {config:?}"),
    }
}

fn endpoint(keys: &str) -> String {
    wrong(&one("https://api.example/x", keys))
}

#[test]
fn keys_that_do_not_fit_each_other_are_named() {
    for (keys, says) in [
        ("id_field = \"id\"", "`id_field` is for requests with several records"),
        (
            "request_records = 5",
            "`request_records` is for requests with several records",
        ),
        (
            "batch = \"array\"\nwrap_field = \"x\"",
            "`wrap_field` is for `batch = \"wrapped\"`",
        ),
        ("batch = \"list\"", "batch"),
        ("retry_statuses = [404]\nrefuse_statuses = [404]", "404 is in two lists"),
        ("retry_statuses = [200]", "retry_statuses"),
        ("content_type = \"json\"", "no media type"),
        ("method = \"DELETE\"", "method"),
        (
            "headers = { Authorization = \"x\" }",
            "credentials are written in `auth`",
        ),
        ("headers = { webhook-id = \"x\" }", "the sink sets it"),
        ("headers = { Host = \"x\" }", "belongs to the connection"),
        ("headers = { \"a b\" = \"x\" }", "no header's name"),
        ("headers = { a = \"x\\r\\nb: c\" }", "without line breaks"),
        (
            "auth = { type = \"basic\", username = \"a:b\", password = \"x\" }",
            "holds a `:`",
        ),
        (
            "auth = { type = \"header\", name = \"host\", value = \"x\" }",
            "belongs to the connection",
        ),
        ("auth = { type = \"digest\" }", "digest"),
        ("auth = { type = \"bearer\" }", "token"),
        ("sign = { secrets = [\"v1,whsec_AAAA\"] }", "belongs to signatures"),
        ("sign = { secrets = [\"hunter2\"] }", "does not begin with `whsec_`"),
        ("sign = { secrets = [] }", "secrets"),
        ("tls = { ca_file = \"absent.pem\" }", "absent.pem"),
        ("tls = { cert_file = \"absent.pem\" }", "`cert_file` needs `key_file`"),
        ("timeout_ms = 1", "timeout_ms"),
        ("max_in_flight = 0", "max_in_flight"),
        ("tiemout_ms = 1000", "timeout_ms"),
    ] {
        let said = endpoint(keys);
        assert!(said.contains(says), "{keys}: {said}");
        assert!(!said.contains("hunter2") || keys.contains("hunter2"), "{said}");
    }
}

#[test]
fn urls_that_are_none_of_an_endpoint_are_named_without_what_they_hold() {
    for (url, says) in [
        ("https://user:p4ss@api.example/", "credentials"),
        ("https://{id}.example/", "host names come from the file"),
        ("ftp://api.example/", "http"),
        ("https://api.example/#x", "#"),
        ("not a url", "URL"),
    ] {
        let said = wrong(&one(url, ""));
        assert!(said.contains(says), "{url}: {said}");
    }
    let said = wrong(&one("https://api.example/{id}", "batch = \"array\""));
    assert!(said.contains("several ids"), "{said}");
}

#[test]
fn names_of_endpoints_are_compared() {
    let text = several(&[
        ("orders", "https://a.example/", ""),
        ("audit", "https://b.example/", ""),
    ]);
    let said = wrong(&text.replace("\"orders\", \"audit\"", "\"order\", \"audit\""));
    assert!(
        said.contains("no endpoint `order`") && said.contains("did you mean `orders`?"),
        "{said}"
    );
    let said = wrong(&text.replace("name = \"audit\"", "name = \"orders\""));
    assert!(said.contains("another endpoint has the name `orders`"), "{said}");
    let said = wrong(&text.replace("endpoints = [\"orders\", \"audit\"]", ""));
    assert!(said.contains("needs `endpoint`"), "{said}");
}

#[test]
fn networks_that_are_none_are_named() {
    let text = |keys: &str| format!("{keys}\n{}", one("https://api.example/", ""));
    for keys in [
        "allow_networks = [\"10.0.0.0/99\"]",
        "deny_networks = [\"x\"]",
        "networks = \"some\"",
    ] {
        let key = keys.split(' ').next().expect("a key");
        assert!(wrong(&text(keys)).contains(key), "{keys}");
    }
}
