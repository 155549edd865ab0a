//! The points of the poller `order-feed`.

mod failures;
mod pages;

use super::{
    Point,
    points::{empty, endurance},
    subject::{Sample, Subject, point},
};
use crate::input::Input;

/// Its own timeout is short: a point waits for it.
pub(super) const CONFIG: &str = r#"
[[endpoints]]
path = "poll"
danube_topic = "/shop/orders"

[config]
url = "https://feed.example/orders"
timeout_ms = 200
"#;

/// All of them.
pub(super) async fn points(subject: &Subject<'_>) -> Vec<Point> {
    let mut points = vec![
        point("settings: an unknown key is refused, the known ones are named", {
            let config = format!("{CONFIG}urls = \"x\"\n");
            subject.refuses(&config, &["urls", "url", "timeout_ms"]).await
        }),
        point("settings: a value of the wrong type is refused", {
            let config = CONFIG.replace("200", "\"soon\"");
            subject.refuses(&config, &["timeout_ms"]).await
        }),
        point("an empty batch", empty(subject, CONFIG).await),
        point("what was fetched becomes records, with their keys", {
            subject.sample(&records()).await
        }),
    ];
    points.extend(pages::points(subject).await);
    points.extend(failures::points(subject).await);
    points.push(point(
        "20,000 calls of 10 within its limits",
        endurance(subject, CONFIG, &[Input::new(r#"{"id": "a"}"#)]).await,
    ));
    points
}

fn records() -> Sample {
    let events = "{\"payload\":{\"id\":\"a\"},\"key\":\"é\"}\n{\"text\":\"not JSON\"}";
    let expected = "{\"from\":[0],\"topic\":\"/shop/orders\",\"key\":\"é\",\"payload\":{\"id\":\"a\"}}\n{\"from\":[1],\"topic\":\"/shop/orders\",\"text\":\"not JSON\"}";
    ("", CONFIG.to_owned(), events.to_owned(), expected.to_owned())
}
