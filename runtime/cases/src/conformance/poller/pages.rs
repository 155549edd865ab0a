//! Points of what is fetched.

use std::time::Duration;

use serde_json::{Value, json};

use super::CONFIG;
use crate::conformance::{
    Checked, Point,
    api::Answer,
    fetching::{Fetching, ROOM},
    points::values,
    subject::{Subject, point},
};

/// Fetches of the endurance point.
const FETCHES: usize = 2_000;

pub(super) async fn points(subject: &Subject<'_>) -> Vec<Point> {
    let mut points = vec![
        point("a page: the request, ids, keys, attributes, state", page(subject).await),
        point(
            "goes on with the state, at once or after the interval",
            next(subject).await,
        ),
        point("waits as long as it was told", waits(subject).await),
        point("asks for no more than there is room", room(subject).await),
        point("takes a value out of the state", reset(subject).await),
        point("posts a body of 100,000 bytes", post(subject).await),
        point("follows redirects, each asked for", redirects(subject).await),
        point("500 events and 1 MiB in one page", large(subject).await),
        point("2,000 fetches within its limits", many(subject).await),
    ];
    for (name, text) in values() {
        points.push(point(name, value(subject, &text).await));
    }
    points
}

fn is(wanted: &impl std::fmt::Debug, found: &impl std::fmt::Debug, what: &str) -> Result<(), String> {
    let (wanted, found) = (format!("{wanted:?}"), format!("{found:?}"));
    match wanted == found {
        true => Ok(()),
        false => Err(format!("{what}: {found}, not {wanted}")),
    }
}

async fn page(subject: &Subject<'_>) -> Checked {
    let body = r#"{"orders": [{"id": "ö-1", "customer": "c-🐟", "total": 0.5}, {"id": "2"}], "next": "2"}"#;
    let mut fetching = Fetching::start(subject, CONFIG, vec![("/orders", Answer::page(body))]).await?;
    let fetched = fetching.fetch().await?;
    let asked = fetching.asked();
    let first = asked.first().ok_or("it asks for nothing")?;
    is(&1, &asked.len(), "requests")?;
    is(
        &("GET", "/orders?after=0&limit=100", "secret:feed"),
        &(&*first.method, &*first.path, &*first.authorization),
        "the request",
    )?;
    let page = &fetched.page;
    is(&["ö-1", "2"], &[page.ids.text(0), page.ids.text(1)], "ids")?;
    is(&["c-🐟", ""], &[page.keys.text(0), page.keys.text(1)], "keys")?;
    let attributes: Vec<_> = page.attributes.get(1).collect();
    is(&[("page", "0")], &attributes, "attributes")?;
    let payload: Value = serde_json::from_slice(page.payloads.get(0)).map_err(|error| error.to_string())?;
    is(
        &json!({"id": "ö-1", "customer": "c-🐟", "total": 0.5}),
        &payload,
        "the payload",
    )?;
    is(
        &Some(&b"2"[..]),
        &fetching.state.get("cursor").map(|value| &value[..]),
        "the state `cursor`",
    )?;
    Ok(None)
}

async fn next(subject: &Subject<'_>) -> Checked {
    let answers = vec![
        (
            "/orders?after=0&limit=100",
            Answer::page(r#"{"orders": [{"id": "a"}], "next": "7", "more": true}"#),
        ),
        ("/orders?after=7&limit=100", Answer::page(r#"{"orders": []}"#)),
    ];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    let first = fetching.fetch().await?;
    is(
        &Some(Duration::ZERO),
        &first.page.again_after,
        "the wait after the first page",
    )?;
    let last = fetching.fetch().await?;
    is(
        &None::<Duration>,
        &last.page.again_after,
        "the wait after the last page",
    )?;
    is(
        &(0, 0),
        &(last.page.len(), last.changes.len()),
        "events and changes of an empty page",
    )?;
    // The host forgets, as after a crash: the first comes again.
    fetching.state.clear();
    fetching.fetch().await?;
    let wanted = [
        "/orders?after=0&limit=100",
        "/orders?after=7&limit=100",
        "/orders?after=0&limit=100",
    ];
    is(&wanted, &fetching.paths(), "requests")?;
    Ok(None)
}

async fn waits(subject: &Subject<'_>) -> Checked {
    let body = r#"{"orders": [], "again_ms": 1500}"#;
    let mut fetching = Fetching::start(subject, CONFIG, vec![("/orders", Answer::page(body))]).await?;
    let fetched = fetching.fetch().await?;
    is(
        &Some(Duration::from_millis(1500)),
        &fetched.page.again_after,
        "the wait",
    )?;
    Ok(None)
}

async fn room(subject: &Subject<'_>) -> Checked {
    let answers = vec![("/orders?after=0&limit=7", Answer::page(r#"{"orders": []}"#))];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    fetching.try_fetch(7).await.map_err(|error| error.to_string())?;
    Ok(None)
}

async fn reset(subject: &Subject<'_>) -> Checked {
    let answers = vec![
        (
            "/orders?after=0&limit=100",
            Answer::page(r#"{"orders": [], "next": "7"}"#),
        ),
        (
            "/orders?after=7&limit=100",
            Answer::page(r#"{"orders": [], "reset": true}"#),
        ),
    ];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    fetching.fetch().await?;
    fetching.fetch().await?;
    is(&0, &fetching.state.len(), "values of the state")?;
    Ok(None)
}

async fn post(subject: &Subject<'_>) -> Checked {
    let token = "é".repeat(50_000);
    let page = json!({ "orders": [], "ack": token }).to_string();
    let answers = vec![
        ("/orders", Answer::page(page)),
        ("/orders/ack", Answer::status(204, None)),
    ];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    fetching.fetch().await?;
    let asked = fetching.asked();
    let second = asked.get(1).ok_or("it posts nothing")?;
    is(
        &("POST", "/orders/ack", "application/json"),
        &(&*second.method, &*second.path, &*second.content_type),
        "the request",
    )?;
    let body: Value = serde_json::from_slice(&second.body).map_err(|error| error.to_string())?;
    match body == json!({ "ack": token }) {
        true => Ok(None),
        false => Err(format!("the body is another one, of {} bytes", second.body.len())),
    }
}

async fn redirects(subject: &Subject<'_>) -> Checked {
    let answers = vec![
        ("/orders?after=0&limit=100", Answer::moved("v2/orders?x=1/2")),
        ("/v2/orders?x=1/2", Answer::moved("https://feed.example/v3")),
        ("/v3", Answer::page(r#"{"orders": [{"id": "a"}]}"#)),
    ];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    is(&1, &fetching.fetch().await?.page.len(), "events")?;
    let wanted = ["/orders?after=0&limit=100", "/v2/orders?x=1/2", "/v3"];
    is(&wanted, &fetching.paths(), "requests")?;
    Ok(None)
}

async fn large(subject: &Subject<'_>) -> Checked {
    let orders: Vec<_> = (0..500)
        .map(|i| json!({ "id": i.to_string(), "text": "x".repeat(2_100) }))
        .collect();
    let page = json!({ "orders": orders }).to_string();
    let mut fetching = Fetching::start(subject, CONFIG, vec![("/orders", Answer::page(page))]).await?;
    let fetched = fetching.try_fetch(500).await.map_err(|error| error.to_string())?;
    let bytes: usize = fetched.page.payloads.iter().map(<[u8]>::len).sum();
    is(
        &(500, true),
        &(fetched.page.len(), bytes > 1 << 20),
        "events, and over 1 MiB of them",
    )?;
    Ok(None)
}

async fn many(subject: &Subject<'_>) -> Checked {
    let orders: Vec<_> = (0..10)
        .map(|i| json!({ "id": i.to_string(), "customer": "c" }))
        .collect();
    let page = json!({ "orders": orders, "next": "7" }).to_string();
    let mut fetching = Fetching::start(subject, CONFIG, vec![("/orders", Answer::page(page))]).await?;
    for i in 0..FETCHES {
        let fetched = fetching
            .try_fetch(ROOM)
            .await
            .map_err(|error| format!("fetch {i}: {error}"))?;
        is(&10, &fetched.page.len(), "events")?;
        fetching.asked();
    }
    Ok(None)
}

/// A value of an order is what the API sent.
async fn value(subject: &Subject<'_>, text: &str) -> Checked {
    let page = format!(r#"{{"orders": [{{"id": "v", "value": {text}}}]}}"#);
    let mut fetching = Fetching::start(subject, CONFIG, vec![("/orders", Answer::page(page))]).await?;
    let fetched = fetching.fetch().await?;
    let order: Value = serde_json::from_slice(fetched.page.payloads.get(0)).map_err(|error| error.to_string())?;
    let wanted: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match order["value"] == wanted {
        true => Ok(None),
        false => Err(format!("{}, not {wanted}", order["value"])),
    }
}
