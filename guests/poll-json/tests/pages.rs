//! What is fetched of an API, page by page.

use std::{cell::RefCell, rc::Rc};

use danube_connector::{
    Error,
    http::{HttpError, Response, answer_with},
    state,
    testing::{FetchedPage, SourceHarness},
};
use poll_json::PollJson;

fn settings(config: &str) -> String {
    format!(r#"{{"endpoints": [{{"path": "poll", "danube_topic": "/shop/orders"}}], "config": {config}}}"#)
}

fn source(config: &str) -> SourceHarness<PollJson> {
    SourceHarness::new(&settings(config)).expect("valid settings")
}

/// Answers by the path and query that are asked for; returns what was asked.
fn api(pages: &'static [(&'static str, &'static str)]) -> Rc<RefCell<Vec<String>>> {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let log = asked.clone();
    answer_with(move |request| {
        let path = request.url.strip_prefix("https://api.example").expect("the API's host");
        log.borrow_mut().push(path.to_owned());
        let page = pages.iter().find(|(known, _)| *known == path);
        let (status, body) = page.map_or((404, ""), |(_, body)| (200, *body));
        Ok(Response {
            status,
            headers: vec![("retry-after".into(), "7".into())],
            body: body.as_bytes().to_vec(),
        })
    });
    asked
}

fn ids(page: &FetchedPage) -> Vec<&str> {
    page.events.iter().map(|event| event.id.as_str()).collect()
}

const BY_CURSOR: &str = r#"{"url": "https://api.example/orders?limit=2", "items_pointer": "/data", "id_pointer": "/id",
    "key_pointer": "/customer", "cursor_pointer": "/next"}"#;

#[test]
fn pages_follow_their_cursor_and_the_last_is_asked_for_again_without_its_items() {
    let asked = api(&[
        (
            "/orders?limit=2",
            r#"{"data": [{"id": 1, "customer": "a"}, {"id": 2.50e3}], "next": "b/="}"#,
        ),
        (
            "/orders?limit=2&cursor=b%2F%3D",
            r#"{"data": [{"id": 3}], "next": null}"#,
        ),
    ]);
    // `id_pointer` at the whole item is no id.
    let mut source = source(&BY_CURSOR.replace("\"/id\"", "\"\""));
    let first = source.fetch(10, 1000).expect("a page");
    assert_eq!(first.events[0].payload, br#"{"id": 1, "customer": "a"}"#);
    assert_eq!(first.events[1].payload, br#"{"id": 2.50e3}"#, "as it was written");
    assert_eq!(
        (first.events[0].key.as_slice(), first.again_after_ms),
        (&b"a"[..], Some(0))
    );
    let second = source.fetch(10, 1000).expect("a page");
    assert_eq!((second.events.len(), second.again_after_ms), (1, None));
    let again = source.fetch(10, 1000).expect("a page");
    assert_eq!((again.events.len(), again.again_after_ms), (0, None));
    assert_eq!(
        asked.borrow()[..],
        [
            "/orders?limit=2",
            "/orders?limit=2&cursor=b%2F%3D",
            "/orders?limit=2&cursor=b%2F%3D"
        ]
    );
}

#[test]
fn what_does_not_fit_comes_at_the_next_call() {
    api(&[(
        "/orders?limit=2",
        r#"{"data": [{"id": 1}, {"id": 2}, {"id": 3}], "next": "x"}"#,
    )]);
    let mut source = source(BY_CURSOR);
    let first = source.fetch(2, 1000).expect("a page");
    assert_eq!((ids(&first), first.again_after_ms), (vec!["1", "2"], Some(0)));
    assert_eq!(state::get("cursor"), None, "the page is not done");
    let second = source.fetch(2, 3).expect("a page");
    assert_eq!(ids(&second), ["3"], "one that is larger comes alone");
    assert_eq!(state::get_text("cursor").as_deref(), Some("x"));
}

#[test]
fn a_call_that_was_forgotten_comes_again_with_the_same_ids() {
    api(&[(
        "/orders?limit=2",
        r#"{"data": [{"id": "a"}, {"id": "b"}], "next": "x"}"#,
    )]);
    let mut source = source(BY_CURSOR);
    let first = source.fetch(10, 1000).expect("a page");
    // As the host does when the process ends before the events are durable.
    state::keys()
        .iter()
        .for_each(|key| state::delete(key).expect("deleted"));
    let again = self::source(BY_CURSOR).fetch(10, 1000).expect("a page");
    assert_eq!(first.events, again.events);
    assert_eq!(ids(&again), ["a", "b"]);
}

#[test]
fn an_item_at_the_cursor_is_fetched_once() {
    let config = r#"{"url": "https://api.example/items", "item_cursor_pointer": "/at", "cursor_param": "since",
        "id_pointer": "/id", "start": "0"}"#;
    api(&[
        ("/items?since=0", r#"[{"id": 1, "at": 10}, {"id": 2, "at": 20}]"#),
        ("/items?since=20", r#"[{"id": 2, "at": 20}, {"id": 3, "at": 20}]"#),
    ]);
    let mut source = source(config);
    assert_eq!(ids(&source.fetch(10, 1000).expect("a page")), ["1", "2"]);
    assert_eq!(ids(&source.fetch(10, 1000).expect("a page")), ["3"]);
    assert!(source.fetch(10, 1000).expect("a page").events.is_empty());
}

#[test]
fn an_api_without_pages_gives_its_new_items_and_those_that_changed() {
    thread_local!(static BODY: RefCell<&'static str> = const { RefCell::new(r#"["a", "b"]"#) });
    answer_with(|_| {
        let body = BODY.with_borrow(|body| body.as_bytes().to_vec());
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body,
        })
    });
    let mut source = source(r#"{"url": "https://api.example/list"}"#);
    assert_eq!(source.fetch(10, 1000).expect("a page").events.len(), 2);
    BODY.set(r#"["b", "c"]"#);
    let page = source.fetch(10, 1000).expect("a page");
    assert_eq!(
        (page.events[0].payload.as_slice(), page.events.len()),
        (&b"\"c\""[..], 1)
    );
}

#[test]
fn what_the_api_says_instead_of_a_page_is_tried_again_and_said() {
    api(&[("/orders?limit=2", r#"{"data": 7}"#)]);
    let said = |source: &mut SourceHarness<PollJson>| match source.fetch(10, 1000) {
        Err(Error::Retryable {
            message, retry_after, ..
        }) => (message, retry_after.map(|after| after.as_secs())),
        other => panic!("{other:?}"),
    };
    let (message, _) = said(&mut source(BY_CURSOR));
    assert!(message.contains("no array of items at `/data`"), "{message}");
    let (message, retry_after) = said(&mut source(r#"{"url": "https://api.example/gone"}"#));
    assert_eq!(
        (message.as_str(), retry_after),
        ("https://api.example/gone answered 404: check `url`", Some(7))
    );
    answer_with(|_| Err(HttpError("`x` is not granted".into())));
    assert_eq!(said(&mut source(BY_CURSOR)).0, "`x` is not granted");
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    for (config, said) in [
        ("{}", "`config.url` is ``"),
        (
            r#"{"url": "https://a/", "cursor_pointer": "/a", "next_pointer": "/b"}"#,
            "give one of them",
        ),
        (r#"{"url": "https://a/", "start": "1"}"#, "`start` go with"),
        (r#"{"url": "https://a/", "cursor": "1"}"#, "unknown field `cursor`"),
    ] {
        let error = SourceHarness::<PollJson>::new(&settings(config))
            .expect_err("refused")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}
