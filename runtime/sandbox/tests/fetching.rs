//! A component that fetches over `wasi:http`: poll-json, with an API behind the door.

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use danube_wasm_model::{
    door::GuestError,
    poller::{Fetch, Fetched, PollerGuest},
    upstream::Room,
};
use danube_wasm_sandbox::{
    Ambient, Capability, Exchange, Grants, HttpAccess, HttpLimits, LoadError, LoadSpec, Outcome, OutgoingHttp,
    PollerComponent, Recording, RequestError, RequestErrorKind,
};
use http::{Request, Response};
use support::{Bench, spec};

/// Answers by path; notes what was asked, with its headers.
#[derive(Default)]
struct Api {
    pages: Vec<(&'static str, u16, String)>,
    asked: Mutex<Vec<String>>,
}

impl Api {
    fn new(pages: &[(&'static str, u16, &str)]) -> Arc<Self> {
        let pages = pages
            .iter()
            .map(|(path, status, body)| (*path, *status, (*body).to_owned()));
        Arc::new(Self {
            pages: pages.collect(),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }
}

#[async_trait]
impl OutgoingHttp for Api {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        let path = request.uri().path_and_query().expect("a path").to_string();
        let key = request
            .headers()
            .get("x-key")
            .map_or("", |value| value.to_str().expect("text"));
        self.asked.lock().expect("not poisoned").push(format!("{path} {key}"));
        let page = self.pages.iter().find(|(known, ..)| *known == path);
        let Some((_, status, body)) = page else {
            return Err(RequestError::new(
                RequestErrorKind::Denied,
                format!("`{path}` is not granted"),
            ));
        };
        let answer = Response::builder().status(*status).header("location", body.as_str());
        Ok(answer.body(Bytes::from(body.clone())).expect("an answer"))
    }
}

fn component() -> Arc<[u8]> {
    built("poll_json")
}

fn built(name: &str) -> Arc<[u8]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/guests/{name}.wasm"));
    fs::read(&path).expect("make test-guests").into()
}

/// An API that takes requests and never answers.
struct Silent;

#[async_trait]
impl OutgoingHttp for Silent {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, RequestError> {
        std::future::pending().await
    }
}

fn configured(api: &Arc<Api>, limits: HttpLimits) -> LoadSpec {
    LoadSpec {
        settings: r#"{"endpoints": [{"path": "poll", "danube_topic": "/t/a"}], "config": {
            "url": "https://api.example/items", "headers": {"x-key": "secret:shop"}, "items_pointer": "/data",
            "id_pointer": "/id", "cursor_pointer": "/next"}}"#
            .into(),
        grants: Grants::default().and(Capability::State).and(Capability::Http),
        http: Some(HttpAccess {
            client: api.clone(),
            limits,
        }),
        ..spec(component())
    }
}

async fn poller(bench: &Bench, spec: LoadSpec) -> Result<Arc<PollerComponent>, LoadError> {
    bench.sandbox.load_poller(spec, bench.host.clone()).await
}

async fn fetch(poller: &PollerComponent, state: &BTreeMap<String, Bytes>) -> Result<Fetched, GuestError> {
    let room = Room {
        events: 100,
        bytes: 1 << 20,
    };
    let state = Arc::new(state.clone());
    poller.fetch(Fetch { room, state }).await
}

/// The state after what was fetched.
fn after(mut state: BTreeMap<String, Bytes>, fetched: &Fetched) -> BTreeMap<String, Bytes> {
    for (key, value) in fetched.changes.clone() {
        match value {
            Some(value) => state.insert(key, value),
            None => state.remove(&key),
        };
    }
    state
}

fn ids(fetched: &Fetched) -> Vec<&str> {
    let ids = fetched.page.ids.iter();
    ids.map(|id| str::from_utf8(id).expect("text")).collect()
}

const FIRST: &str = r#"{"data": [{"id": "a"}, {"id": "b"}], "next": "2"}"#;

#[tokio::test]
async fn pages_are_fetched_one_after_the_other_by_the_state_that_the_host_keeps() {
    let bench = Bench::new();
    let large = format!(r#"{{"data": [{{"id": "c", "text": "{}"}}]}}"#, "x".repeat(300_000));
    let api = Api::new(&[("/items", 200, FIRST), ("/items?cursor=2", 200, &large)]);
    let poller = poller(&bench, configured(&api, HttpLimits::default()))
        .await
        .expect("it loads");
    let first = fetch(&poller, &BTreeMap::new()).await.expect("a page");
    assert_eq!(
        (ids(&first), first.page.again_after.map(|after| after.as_millis())),
        (vec!["a", "b"], Some(0))
    );
    let state = after(BTreeMap::new(), &first);
    assert_eq!(state["cursor"], "2");
    let second = fetch(&poller, &state).await.expect("a page");
    assert_eq!(
        (ids(&second), second.page.payloads.get(0).len() > 300_000),
        (vec!["c"], true)
    );
    // The host forgot the first: it comes again, by the same instance, with the same ids.
    assert_eq!(
        ids(&fetch(&poller, &BTreeMap::new()).await.expect("a page")),
        ["a", "b"]
    );
    assert_eq!(
        api.asked(),
        [
            "/items secret:shop",
            "/items?cursor=2 secret:shop",
            "/items secret:shop"
        ]
    );
}

#[tokio::test]
async fn a_denied_request_is_a_sentence_and_changes_nothing() {
    let bench = Bench::new();
    // A redirect is followed by the component, and asked for as any other.
    let api = Api::new(&[("/items", 302, "http://169.254.169.254/latest")]);
    let poller = poller(&bench, configured(&api, HttpLimits::default()))
        .await
        .expect("it loads");
    let error = fetch(&poller, &BTreeMap::new()).await.expect_err("denied").to_string();
    assert!(error.contains("`/latest` is not granted"), "{error}");
    assert_eq!(api.asked(), ["/items secret:shop", "/latest secret:shop"]);
}

#[tokio::test]
async fn requests_of_a_call_are_counted() {
    let bench = Bench::new();
    let api = Api::new(&[("/items", 302, "/items")]);
    let limits = HttpLimits {
        requests_max: 3,
        ..HttpLimits::default()
    };
    let poller = poller(&bench, configured(&api, limits)).await.expect("it loads");
    for _ in 0..2 {
        let error = fetch(&poller, &BTreeMap::new())
            .await
            .expect_err("too many")
            .to_string();
        assert!(
            error.contains("more than 3 requests in one call (`requests_max`"),
            "{error}"
        );
    }
    assert_eq!(api.asked().len(), 6, "each call has its own");
}

#[tokio::test]
async fn a_request_has_the_time_that_the_component_gives_it() {
    let bench = Bench::new();
    let spec = LoadSpec {
        settings: r#"{"endpoints": [{"path": "poll", "danube_topic": "/t/a"}], "config": {
            "url": "https://api.example/orders", "timeout_ms": 50}}"#
            .into(),
        component: built("order_feed"),
        http: Some(HttpAccess {
            client: Arc::new(Silent),
            limits: HttpLimits::default(),
        }),
        ..configured(&Api::new(&[]), HttpLimits::default())
    };
    let poller = poller(&bench, spec).await.expect("it loads");
    let error = fetch(&poller, &BTreeMap::new()).await.expect_err("late").to_string();
    let sentence = "GET https://api.example/orders was not answered within 50 ms (the component's own timeout)";
    assert!(error.contains(sentence), "{error}");
}

#[tokio::test]
async fn what_is_not_granted_is_refused_with_what_to_write() {
    let bench = Bench::new();
    let api = Api::new(&[]);
    let refused = |grants: Grants| LoadSpec {
        grants,
        ..configured(&api, HttpLimits::default())
    };
    let error = poller(&bench, refused(Grants::default().and(Capability::State)))
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(
        error.contains("name the hosts that it may ask in the connector's `grants.http`"),
        "{error}"
    );
    let error = poller(&bench, refused(Grants::default().and(Capability::Http)))
        .await
        .err()
        .expect("refused")
        .to_string();
    assert!(error.contains("configure the component as `[sources.poll]`"), "{error}");
    let other = LoadSpec {
        component: support::Guest::default().source(),
        ..configured(&api, HttpLimits::default())
    };
    let error = poller(&bench, other).await.err().expect("refused").to_string();
    assert!(error.contains("does not export `poller`"), "{error}");
}

#[tokio::test]
async fn a_recorded_call_is_made_again_without_a_network() {
    let bench = Bench::new();
    let api = Api::new(&[("/items", 200, FIRST)]);
    let poller = poller(&bench, configured(&api, HttpLimits::default()))
        .await
        .expect("it loads");
    fetch(&poller, &BTreeMap::new()).await.expect("a page");
    let recording = poller.recall().expect("a recording");
    let kept: Recording = serde_json::from_str(&recording.to_json()).expect("JSON");
    let [exchange] = kept.call.http.as_slice() else {
        panic!("{kept:?}");
    };
    assert_eq!(
        (exchange.method.as_str(), exchange.url.as_str()),
        ("GET", "https://api.example/items")
    );
    assert!(matches!(&exchange.outcome, Some(Outcome::Answer { status: 200, .. })));

    let replayed = |recording: Recording| LoadSpec {
        ambient: Ambient::Recorded(Arc::new(recording)),
        grants: Grants::default(),
        http: None,
        ..configured(&api, HttpLimits::default())
    };
    let again = self::poller(&bench, replayed(kept.clone())).await.expect("it loads");
    assert_eq!(ids(&fetch(&again, &BTreeMap::new()).await.expect("a page")), ["a", "b"]);
    // What the recorded call did not ask for is not asked for now.
    let elsewhere = BTreeMap::from([("cursor".to_owned(), Bytes::from("7"))]);
    let error = fetch(&again, &elsewhere).await.expect_err("not recorded").to_string();
    assert!(error.contains("/items?cursor=7 is not in the recording"), "{error}");
    assert_eq!(api.asked().len(), 1);

    let mut failed = kept;
    failed.call.http = vec![Exchange {
        outcome: Some(Outcome::Error("no route to the API".into())),
        ..failed.call.http.remove(0)
    }];
    let again = self::poller(&bench, replayed(failed)).await.expect("it loads");
    let error = fetch(&again, &BTreeMap::new()).await.expect_err("failed").to_string();
    assert!(error.contains("no route to the API"), "{error}");
}
