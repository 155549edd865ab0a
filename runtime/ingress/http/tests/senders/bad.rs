//! Everything that is nearly what a sender sends: answered 401 with a sentence that says what is wrong, and offered to nobody.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::{
    signer::{Signed, Signer, now_secs},
    support::Server,
    table::{SENDERS, Sender},
};

/// A bad signature: what is wrong, what is sent instead of it, and a part of the answer. `None` where a sender has no such thing.
type Case = (
    &'static str,
    fn(&mut Signer, &Sender) -> Option<(Vec<String>, Vec<u8>)>,
    fn(&Sender) -> String,
);

fn right(signer: &mut Signer, sender: &Sender) -> Signed {
    signer.sign(sender, sender.secret, now_secs(), sender.body)
}

fn sent(signed: &Signed) -> Option<(Vec<String>, Vec<u8>)> {
    Some((signed.lines(), signed.body.clone().into_bytes()))
}

/// With another header than was signed.
fn with_header(
    signer: &mut Signer,
    sender: &Sender,
    change: impl FnOnce(&mut String),
) -> Option<(Vec<String>, Vec<u8>)> {
    let mut signed = right(signer, sender);
    if sender.header.is_empty() {
        return None;
    }
    change(signed.header_mut(sender.header));
    sent(&signed)
}

/// With another character of the signature itself, which is last in every header.
fn bent(value: &mut String) {
    let at = value.len() - 10;
    let other = if value.as_bytes()[at] == b'0' { "1" } else { "0" };
    value.replace_range(at..=at, other);
}

fn unlike(sender: &Sender) -> String {
    match sender.header {
        "" => "signature".to_owned(),
        header => header.to_owned(),
    }
}

fn time_says(sender: &Sender) -> String {
    match sender.time {
        "" => String::new(),
        _ => "more than 300 seconds".to_owned(),
    }
}

fn at(signer: &mut Signer, sender: &Sender, time: u64) -> Option<(Vec<String>, Vec<u8>)> {
    if sender.time.is_empty() {
        return None;
    }
    sent(&signer.sign(sender, sender.secret, time, sender.body))
}

const CASES: &[Case] = &[
    (
        "missing",
        |_, sender| (!sender.header.is_empty()).then(|| (Vec::new(), sender.body.as_bytes().to_vec())),
        |sender| format!("header {} is missing", sender.header),
    ),
    (
        "wrong by one byte",
        |signer, sender| with_header(signer, sender, bent),
        unlike,
    ),
    (
        "cut off",
        |signer, sender| with_header(signer, sender, |value| value.truncate(value.len() / 2)),
        unlike,
    ),
    (
        "empty",
        |signer, sender| with_header(signer, sender, String::clear),
        unlike,
    ),
    (
        "no signature",
        |signer, sender| with_header(signer, sender, |value| "Grüße".clone_into(value)),
        unlike,
    ),
    (
        "in another case of its prefix",
        |signer, sender| {
            if !["github", "slack", "stripe", "intercom"].contains(&sender.preset) {
                return None;
            }
            with_header(signer, sender, |value| *value = value.to_uppercase())
        },
        unlike,
    ),
    (
        "twice",
        |signer, sender| {
            let signed = right(signer, sender);
            let mut lines = signed.lines();
            let line = lines
                .iter()
                .find(|line| line.starts_with(&format!("{}: ", sender.header)))?
                .clone();
            lines.push(line);
            Some((lines, signed.body.into_bytes()))
        },
        |sender| format!("header {} is there twice", sender.header),
    ),
    (
        "with a second header folded into it",
        |signer, sender| {
            // In Stripe's list, what is no signature is skipped.
            let is_list = sender.preset == "stripe";
            let folded = with_header(signer, sender, |value| value.push_str(", x-injected: 1"));
            folded.filter(|_| !is_list)
        },
        unlike,
    ),
    (
        "with another secret",
        |signer, sender| sent(&signer.sign(sender, sender.other, now_secs(), sender.body)),
        unlike,
    ),
    ("old", |signer, sender| at(signer, sender, now_secs() - 400), time_says),
    (
        "of the future",
        |signer, sender| at(signer, sender, now_secs() + 400),
        time_says,
    ),
    (
        "with another time than was signed",
        |signer, sender| {
            if sender.time.is_empty() || ["linear", "stripe"].contains(&sender.preset) {
                return None;
            }
            let mut signed = right(signer, sender);
            let time = signed.header_mut(sender.time);
            *time = (time.parse::<u64>().unwrap() - 1).to_string();
            sent(&signed)
        },
        |sender| sender.header.to_owned(),
    ),
    (
        "with a time that is none",
        |signer, sender| {
            if sender.time.is_empty() || ["linear", "stripe"].contains(&sender.preset) {
                return None;
            }
            let mut signed = right(signer, sender);
            "+1".clone_into(signed.header_mut(sender.time));
            sent(&signed)
        },
        |sender| format!("header {} is not a time", sender.time),
    ),
    (
        "of a body that was written anew",
        |signer, sender| {
            if !sender.signs_body() || sender.preset == "adyen" {
                return None;
            }
            let signed = right(signer, sender);
            let body = signed.body.replace(':', ": ").replace("&From", "&F=&rom");
            Some((signed.lines(), body.into_bytes()))
        },
        |sender| match sender.preset {
            "twilio" => String::new(),
            _ => sender.header.to_owned(),
        },
    ),
    (
        "of what the body is before gzip",
        |signer, sender| {
            if !sender.signs_body() {
                return None;
            }
            let signed = right(signer, sender);
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(signed.body.as_bytes()).unwrap();
            let mut lines = signed.lines();
            lines.push("content-encoding: gzip".to_owned());
            Some((lines, encoder.finish().unwrap()))
        },
        |_| String::new(),
    ),
    (
        "among too many",
        |signer, sender| {
            with_header(signer, sender, |value| {
                let alike = format!("{value} ").replace(' ', if value.contains("t=") { "," } else { " " });
                let mut wrong = alike.trim_end_matches([' ', ',']).to_owned();
                bent(&mut wrong);
                let separator = if value.contains("t=") { "," } else { " " };
                let wrong = wrong.rsplit(separator).next().unwrap().to_owned();
                let right = value.rsplit(separator).next().unwrap().to_owned();
                let before = value.strip_suffix(&right).unwrap().to_owned();
                *value = format!("{before}{}{right}", format!("{wrong}{separator}").repeat(20));
            })
        },
        |_| String::new(),
    ),
];

#[tokio::test]
async fn nothing_that_is_nearly_right_gets_in() {
    let Some(mut signer) = Signer::python() else { return };
    for sender in SENDERS {
        let server = sender.server().await;
        let mut tried = 0;
        for (what, make, says) in CASES {
            let Some((lines, body)) = make(&mut signer, sender) else {
                continue;
            };
            let (status, why) = post(sender, &server, &lines, &body).await;
            let says = says(sender);
            assert_eq!(status, 401, "{} {what}: {why}", sender.preset);
            assert!(
                !why.is_empty() && why.contains(&says),
                "{} {what}: {why:?} has no {says:?}",
                sender.preset
            );
            tried += 1;
        }
        assert!(tried > 1, "{}", sender.preset);
        assert_eq!(server.inbox.count(), 0, "{}", sender.preset);
        // And what is right still does.
        let signed = right(&mut signer, sender);
        assert_eq!(sender.post(&server, &signed).await.0, 200, "{}", sender.preset);
    }
}

/// To the same target as the right one, whatever the body has become.
async fn post(sender: &Sender, server: &Server, lines: &[String], body: &[u8]) -> (u16, String) {
    let target = sender.target(sender.body);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = server.send("POST", &target, &lines, body).await;
    let error = match answer.status {
        200 => String::new(),
        _ => answer.error(),
    };
    assert!(!error.contains(sender.secret), "the answer has the secret: {error}");
    (answer.status, error)
}

#[tokio::test]
async fn ten_thousand_signatures_are_too_many_headers() {
    let sender = SENDERS.iter().find(|sender| sender.preset == "stripe").unwrap();
    let server = sender.server().await;
    let line = format!(
        "stripe-signature: t=1{}",
        format!(",v1={}", "0".repeat(64)).repeat(10_000)
    );
    let answer = server.post(&[&line], "{}").await;
    assert_eq!(answer.status, 431);
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn twilios_form_has_a_bounded_number_of_fields_and_a_digest_is_of_the_body() {
    let Some(mut signer) = Signer::python() else { return };
    let sender = SENDERS.iter().find(|sender| sender.preset == "twilio").unwrap();
    let server = sender.server().await;
    let many: Vec<_> = (0..1_001).map(|n| format!("f{n}=1")).collect();
    let signed = signer.sign(sender, sender.secret, now_secs(), &many.join("&"));
    let (status, why) = sender.post(&server, &signed).await;
    assert_eq!((status, &*why), (401, "the form has more than 1000 fields"));

    // JSON without its digest: the signature of the URL alone would pass whatever the body is.
    let signed = signer.sign(sender, sender.secret, now_secs(), "");
    let lines: Vec<_> = signed
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("content-type"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let json = [&lines[..], &["content-type: application/json"]].concat();
    let answer = server.send("POST", "/hook?a=1&b=x", &json, "{}").await;
    assert_eq!(answer.status, 401);
    assert!(
        answer.error().contains("signs the fields of a form"),
        "{}",
        answer.error()
    );

    let json = r#"{"a":1}"#;
    let signed = signer.sign(sender, sender.secret, now_secs(), json);
    let lines = signed.lines();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let answer = server.send("POST", &sender.target(json), &lines, r#"{"a":2}"#).await;
    assert_eq!(answer.status, 401);
    assert!(answer.error().contains("bodySHA256"), "{}", answer.error());
    assert_eq!(server.inbox.count(), 0);
}

#[tokio::test]
async fn a_body_is_not_parsed_before_its_signature_is_right() {
    let Some(mut signer) = Signer::python() else { return };
    for sender in SENDERS
        .iter()
        .filter(|sender| !sender.header.is_empty() && sender.signs_body())
    {
        let auth = sender.auth();
        // Of JSON, with an id in it: whoever looked at this body first would answer 400.
        let server = Server::start(|endpoint| {
            endpoint.auth = auth;
            endpoint.event_id = danube_wasm_ingress_http::EventIdSource::JsonPointer("/id".parse().unwrap());
        })
        .await;
        let mut signed = signer.sign(sender, sender.other, now_secs(), r#"{"id":["#);
        signed.headers.retain(|(name, _)| name != "content-type");
        let (status, why) = sender.post(&server, &signed).await;
        assert_eq!(status, 401, "{}: {why}", sender.preset);
        assert!(!why.contains("the body has no time"), "{}: {why}", sender.preset);
        let signed = signer.sign(sender, sender.secret, now_secs(), r#"{"id":["#);
        let (status, why) = sender.post(&server, &signed).await;
        // Linear's time would be in the body.
        let (then, says) = match sender.preset {
            "linear" => (401, "the body has no time"),
            _ => (400, ""),
        };
        assert_eq!(status, then, "{}: {why}", sender.preset);
        assert!(why.contains(says), "{}: {why}", sender.preset);
    }
}
