//! Points of fetches that fail: how it is said, and that the next one is answered.

use danube_wasm_model::door::{Failure, FailureKind, GuestError};

use super::CONFIG;
use crate::conformance::{
    Checked, Point,
    api::{Answer, DENIED},
    fetching::{Fetching, ROOM},
    subject::{Subject, point},
};

pub(super) async fn points(subject: &Subject<'_>) -> Vec<Point> {
    let big = format!(r#"{{"orders": [], "next": "{}"}}"#, "x".repeat(65_537));
    vec![
        point("a status that is no success is tried again, after the API's wait", {
            let answer = Answer::status(503, Some(("retry-after", "7")));
            failing(subject, answer, FailureKind::Retryable, "the feed answered 503").await
        }),
        point("an answer that is not JSON is tried again", {
            retried(subject, Answer::page("{"), "not JSON").await
        }),
        point("an answer that is not UTF-8 is tried again", {
            retried(subject, Answer::page(&b"\xff"[..]), "not UTF-8").await
        }),
        point("a host that is not granted is said in the host's words", {
            retried(subject, Answer::moved("https://elsewhere.example/x"), DENIED).await
        }),
        point("redirects end", {
            retried(subject, Answer::moved("/orders"), "more than 5 redirects").await
        }),
        point("its own timeout ends a request", {
            retried(subject, Answer::Never, "was not answered within 200 ms").await
        }),
        point("a final failure is one", {
            let page = Answer::page(r#"{"orders": [{"id": "a"}], "next": "7", "ack": "x"}"#);
            let answers = vec![("/orders", page), ("/orders/ack", Answer::status(403, None))];
            fails(subject, answers, FailureKind::Fatal, "the feed refused the ack")
                .await
                .map(|_| None)
        }),
        point("a value that is over the state's limit is refused with the limit", {
            failing(subject, Answer::page(big), FailureKind::Fatal, "64 KiB").await
        }),
        point(
            "an uncaught error fails its call with its message",
            uncaught(subject).await,
        ),
    ]
}

/// A failure that the host tries again.
async fn retried(subject: &Subject<'_>, answer: Answer, words: &str) -> Checked {
    failing(subject, answer, FailureKind::Retryable, words).await
}

async fn failing(subject: &Subject<'_>, answer: Answer, kind: FailureKind, words: &str) -> Checked {
    let has_wait =
        matches!(&answer, Answer::Response(_, headers, _) if headers.iter().any(|(name, _)| *name == "retry-after"));
    let failure = fails(subject, vec![("/orders", answer)], kind, words).await?;
    let waits = failure.retry_after.map(|after| after.as_secs());
    match (has_wait, waits) {
        (true, Some(7)) | (false, None) => Ok(None),
        (true, other) => Err(format!("it waits {other:?} s, not 7")),
        (false, other) => Err(format!("it waits {other:?} s, and nobody said so")),
    }
}

/// A call that fails so, changes nothing, and fails the same way once more.
async fn fails(
    subject: &Subject<'_>,
    answers: Vec<(&'static str, Answer)>,
    kind: FailureKind,
    words: &str,
) -> Result<Failure, String> {
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    let mut last = None;
    for _ in 0..2 {
        let failure = match fetching.try_fetch(ROOM).await {
            Err(GuestError::Failure(failure)) => failure,
            Err(other) => return Err(other.to_string()),
            Ok(_) => return Err("it does not fail".to_owned()),
        };
        if failure.kind != kind || !failure.message.contains(words) {
            return Err(format!("it is {failure:?}, not {kind:?} with `{words}`"));
        }
        last = Some(failure);
    }
    last.ok_or_else(|| "it was not called".to_owned())
}

async fn uncaught(subject: &Subject<'_>) -> Checked {
    let answers = vec![
        (
            "/orders?after=0&limit=100",
            Answer::page(r#"{"orders": [{"id": "a"}], "next": "7", "panic": true}"#),
        ),
        (
            "/orders?after=7&limit=100",
            Answer::page(r#"{"orders": [{"id": "b"}]}"#),
        ),
    ];
    let mut fetching = Fetching::start(subject, CONFIG, answers).await?;
    let (said, note) = match fetching.try_fetch(ROOM).await {
        Err(GuestError::Failure(failure)) if failure.kind == FailureKind::InvalidData => (failure.message, "caught"),
        Err(GuestError::Trap { message, .. }) => (message, "a trap"),
        Err(other) => return Err(format!("it is {other}, which stops the connector or has another cause")),
        Ok(_) => return Err("it does not fail".to_owned()),
    };
    if !said.contains("the feed panics") {
        return Err(format!("`the feed panics` is not in what is told: {said}"));
    }
    fetching.state.insert("cursor".to_owned(), "7".into());
    let next = fetching.fetch().await?;
    match next.page.len() {
        1 => Ok(Some(note.to_owned())),
        n => Err(format!("{n} events after it, not 1")),
    }
}
