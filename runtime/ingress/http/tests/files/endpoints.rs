//! What the keys of an endpoint in a pipeline file become, and what is said of mistakes.

use std::{collections::BTreeMap, path::Path};

use danube_wasm_config::{Loaded, Loader};
use danube_wasm_connector::{Builtin, Registry};
use danube_wasm_ingress_http::{ContentKind, ContentKinds, WebhookSource, config::Webhook};
use serde_json::json;

const HEAD: &str = r#"name = "p"
[[sources]]
name = "hooks"
component = "builtin:webhook-source"
[sources.webhook]
port = 0
"#;

fn load(endpoints: &str) -> Result<Loaded, String> {
    let registry = Registry::default().with_source::<WebhookSource>(Builtin {
        name: "webhook-source",
        component: b"",
    });
    let env = BTreeMap::new();
    let loaded = Loader::new(&registry, &env).load_text(Path::new("pipeline.toml"), format!("{HEAD}{endpoints}"));
    loaded.map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn endpoint(keys: &str) -> String {
    format!("[[sources.webhook.endpoints]]\npath = \"/hook\"\n{keys}\n")
}

fn webhook(loaded: &Loaded) -> &Webhook {
    loaded.pipeline.sources[0]
        .connector
        .downcast::<WebhookSource>()
        .unwrap()
}

fn mistake(keys: &str) -> String {
    match load(&endpoint(keys)) {
        Ok(_) => panic!("accepted: {keys}"),
        Err(why) => why,
    }
}

#[test]
fn a_kind_of_body_is_one_word_or_several() {
    let kinds = |keys: &str| {
        let loaded = load(&endpoint(&format!("danube_topic = \"/n/t\"\n{keys}"))).unwrap();
        webhook(&loaded).endpoints[0].content_type.clone()
    };
    assert_eq!(kinds(""), ContentKind::Json.into());
    assert_eq!(kinds("content_type = \"any\""), ContentKind::Any.into());
    // What a sender posts unless somebody chose otherwise there.
    let preset = |name: &str| {
        format!("auth = {{ type = \"signature\", preset = \"{name}\", secrets = [\"s3cret-0123456789\"] }}")
    };
    let forms_too = ContentKinds::new([ContentKind::Json, ContentKind::Form]);
    assert_eq!(kinds(&preset("github")), forms_too);
    assert_eq!(kinds(&preset("slack")), forms_too);
    assert_eq!(kinds(&preset("shopify")), ContentKind::Json.into());
    let chosen = format!("{}\ncontent_type = \"json\"", preset("github"));
    assert_eq!(kinds(&chosen), ContentKind::Json.into());
    assert_eq!(
        kinds("content_type = [\"json\", \"form\"]"),
        ContentKinds::new([ContentKind::Json, ContentKind::Form])
    );
    for (keys, why) in [
        ("content_type = [\"json\", \"json-list\"]", "`json-list` takes any JSON"),
        ("content_type = \"multipart\"", "files are not events"),
        (
            "content_type = \"application/x-www-form-urlencoded\"",
            "the kind of that media type is `form`",
        ),
        ("content_type = \"jsonl\"", "did you mean"),
        (
            "content_type = [\"json\", \"text\"]\nevent_id = { pointer = \"/id\" }",
            "cannot be found in a body",
        ),
    ] {
        let found = mistake(&format!("danube_topic = \"/n/t\"\n{keys}"));
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn a_route_has_a_topic_for_each_value() {
    let keys = r#"partitions = 2
route = { header = "X-GitHub-Event", topics = { push = "/github/push", ping = "/github/other", "*" = "/github/other" } }"#;
    let loaded = load(&endpoint(keys)).unwrap();
    let source = &loaded.pipeline.sources[0];
    let routes = source.routes().into_iter();
    let routes: Vec<_> = routes
        .map(|route| (route.endpoint, route.topic.to_string(), route.partitions))
        .collect();
    let wanted = ["/github/other", "/github/push"].map(|topic| ("/hook".to_owned(), topic.to_owned(), 2));
    assert_eq!(routes, wanted);
    let settings = &source.connector.guest_settings()["endpoints"][0];
    assert_eq!(settings["danube_topic"], "/github/other");
    assert_eq!(settings["route"]["header"], "x-github-event");
    for (keys, why) in [
        ("", "needs `danube_topic`"),
        ("route = { topics = { a = \"/n/t\" } }", "either `header` or `pointer`"),
        (
            "route = { header = \"a\", pointer = \"/a\", topics = { a = \"/n/t\" } }",
            "either `header` or `pointer`",
        ),
        ("route = { header = \"a\", topics = {} }", "1 to 256 topics"),
        (
            "route = { header = \"a\", topics = { a = \"no topic\" } }",
            "is not a topic name",
        ),
        (
            "danube_topic = \"/n/t\"\nroute = { header = \"a\", topics = { a = \"/n/t\" } }",
            "`danube_topic` says nothing",
        ),
    ] {
        let found = mistake(keys);
        assert!(found.contains(why), "{keys}: {found}");
    }
}

#[test]
fn what_is_included_must_be_there_and_no_credential() {
    let keys = r#"danube_topic = "/n/t"
include = { headers = ["X-GitHub-Event"], query = ["site"], into = "/_request" }"#;
    let loaded = load(&endpoint(keys)).unwrap();
    let settings = &loaded.pipeline.sources[0].connector.guest_settings()["endpoints"][0];
    let wanted = json!({"headers": ["x-github-event"], "query": ["site"], "path": [], "into": "/_request"});
    assert_eq!(settings["include"], wanted);
    for (include, why) in [
        (
            "{ headers = [\"Authorization\"] }",
            "`authorization` carries a credential",
        ),
        ("{ path = [\"tenant\"] }", "has no parameter `tenant`"),
        ("{ into = \"request\" }", "a JSON pointer begins with `/`"),
    ] {
        let found = mistake(&format!("danube_topic = \"/n/t\"\ninclude = {include}"));
        assert!(found.contains(why), "{include}: {found}");
    }
    let token =
        |auth: &str| format!("danube_topic = \"/n/t\"\nauth = {auth}\ninclude = {{ query = [\"site\", \"token\"] }}");
    let secret = "secrets = [\"0123456789abcdef0123456789abcdef\"]";
    let found = mistake(&token(&format!("{{ type = \"query_token\", {secret} }}")));
    let why = "the parameter `token` of the query carries the secret of `auth`";
    assert!(found.contains(why), "{found}");
    load(&endpoint(&token(&format!(
        "{{ type = \"query_token\", parameter = \"key\", {secret} }}"
    ))))
    .unwrap();
    load(&endpoint(&token(&format!("{{ type = \"bearer\", {secret} }}")))).unwrap();
}

#[test]
fn paths_have_parameters_that_tell_them_apart() {
    let two = |one: &str, other: &str| {
        let endpoint =
            |path: &str| format!("[[sources.webhook.endpoints]]\npath = \"{path}\"\ndanube_topic = \"/n/t\"\n");
        load(&(endpoint(one) + &endpoint(other)))
    };
    two("/{tenant}/orders", "/acme/orders").unwrap();
    let why = two("/{tenant}/orders", "/{shop}/orders").err().unwrap();
    assert!(why.contains("/{}/orders"), "{why}");
    let why = two("/{Tenant}/orders", "/b").err().unwrap();
    assert!(why.contains("`{Tenant}` is no parameter"), "{why}");
}

#[test]
fn a_component_has_memory_for_the_largest_body() {
    let file = |body: usize, limits: &str| {
        let endpoint = endpoint(&format!("danube_topic = \"/n/t\"\nmax_body_bytes = {body}"));
        load(&format!("{endpoint}[sources.limits]\n{limits}\n"))
    };
    let mib = 1 << 20;
    file(8 * mib, "").unwrap();
    file(64 * mib, "").unwrap();
    let own = |limits: &str| {
        let endpoint = endpoint("danube_topic = \"/n/t\"\nmax_body_bytes = 67108864\nmax_event_bytes = 67108864");
        load(&format!("{endpoint}[sources.limits]\n{limits}\n")).err().unwrap()
    };
    let why = own("");
    assert!(
        why.contains("may have 67108864 bytes, and `memory_bytes` does not hold it"),
        "{why}"
    );
    assert!(why.contains("`output_bytes` does not hold it"), "{why}");
    let why = own("memory_bytes = 134217728\noutput_bytes = 67108864");
    assert!(
        !why.contains("does not hold it") && why.contains("each event as one record"),
        "{why}"
    );
    file(8 * mib, &format!("memory_bytes = {}", 9 * mib)).unwrap();
    let why = file(8 * mib, &format!("memory_bytes = {}", 8 * mib)).err().unwrap();
    assert!(
        why.contains("may have 8388608 bytes, and `memory_bytes` does not hold it"),
        "{why}"
    );
    let why = file(8 * mib, &format!("output_bytes = {}", 4 * mib)).err().unwrap();
    assert!(
        why.contains("`output_bytes` does not hold it") && why.contains("`max_body_bytes`"),
        "{why}"
    );
}

#[test]
fn what_the_listener_says_of_an_endpoint_is_at_its_line() {
    let text = "[[sources.webhook.endpoints]]\npath = \"/a\"\ndanube_topic = \"/n/a\"\n\
        [[sources.webhook.endpoints]]\npath = \"/b\"\ndanube_topic = \"/n/b\"\nmax_body_bytes = 26214400\n";
    let loaded = load(text).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(
        matches!(&warnings[..], [one] if one.starts_with("pipeline.toml:13:") && one.contains("/b takes bodies of 26214400 bytes")),
        "{warnings:?}"
    );
    let certificate = "auth = { type = \"client_certificate\", names = [\"a\"] }";
    let text = format!(
        "{}{}",
        endpoint("danube_topic = \"/n/a\""),
        endpoint(&format!("danube_topic = \"/n/b\"\n{certificate}"))
    );
    let found = load(&text.replacen("/hook", "/a", 1)).err().unwrap_or_default();
    assert!(found.contains("pipeline.toml:13:"), "{found}");
}

#[test]
fn to_refuse_what_has_no_id_needs_a_place_for_ids() {
    let found = mistake("danube_topic = \"/n/t\"\nevent_id = \"minted\"\non_missing_id = \"reject\"");
    assert!(found.contains("all would be refused"), "{found}");
}

#[test]
fn a_secret_with_a_blank_at_its_end_is_warned_of() {
    let auth = "auth = { type = \"signature\", preset = \"github\", secrets = [\"s3cret-0123456789 \"] }";
    let loaded = load(&endpoint(&format!("danube_topic = \"/n/t\"\n{auth}"))).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.iter().any(|one| one.contains("begins or ends with a blank")),
        "{warnings:?}"
    );
    assert!(warnings.iter().all(|one| !one.contains("s3cret")), "{warnings:?}");
}
