use http::{Request, request::Parts};

use super::*;
use crate::secret::Secret;

fn secrets(texts: &[&str]) -> Secrets {
    Secrets::try_new(texts.iter().map(|text| Secret::try_new(*text).unwrap()).collect()).unwrap()
}

fn preset(name: &str, texts: &[&str]) -> Signature {
    Signature::preset(name, &secrets(texts)).expect(name)
}

fn check(signature: &Signature, header: &str, body: &[u8], now_secs: u64) -> Result<(), Denied> {
    let request = Request::post("/hook").header(signature.header(), header);
    let (head, ()) = request.body(()).unwrap().into_parts();
    check_head(signature, &head, body, now_secs)
}

fn check_head(signature: &Signature, head: &Parts, body: &[u8], now_secs: u64) -> Result<(), Denied> {
    let caller = Caller::new(head, now_secs);
    match signature.authenticate(&caller)? {
        Admission::Signed(claim) => signature.verify(&claim, &caller, body),
        admission => panic!("a POST must be signed: {admission:?}"),
    }
}

/// The example in GitHub's documentation of webhook signatures.
#[test]
fn githubs_published_example() {
    let github = preset("github", &["It's a Secret to Everybody"]);
    let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    check(&github, header, b"Hello, World!", 0).expect("the published signature");
    check(&github, header, b"Hello, World?", 0).expect_err("another body");
}

/// RFC 4231, test case 2, in GitHub's form.
#[test]
fn rfc_4231_case_2() {
    let github = preset("github", &["other", "Jefe"]);
    let header = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    check(&github, header, b"what do ya want for nothing?", 0).expect("the second secret signed it");
}

/// The example of the Standard Webhooks specification.
#[test]
fn the_example_of_standard_webhooks() {
    let standard = preset("standard-webhooks", &["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
    let (head, ()) = Request::post("/")
        .header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
        .header("webhook-timestamp", "1614265330")
        .header(
            "webhook-signature",
            "v1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        )
        .body(())
        .unwrap()
        .into_parts();
    check_head(&standard, &head, br#"{"test": 2432232314}"#, 1_614_265_330).expect("the published signature");
    check_head(&standard, &head, br#"{"test": 2432232315}"#, 1_614_265_330).expect_err("another body");
}

#[test]
fn malformed_headers_are_refused() {
    let stripe = preset("stripe", &["whsec_a"]);
    let hex = "00".repeat(32);
    for wrong in [
        String::new(),
        "t=1".to_owned(),
        format!("v1={hex}"),
        format!("t=+1,v1={hex}"),
        format!("t=1,t=1,v1={hex}"),
        format!("t=,v1={hex}"),
        format!("t=99999999999999999999999,v1={hex}"),
        format!("t=1,v0={hex}"),
        "t=1,v1=abc".to_owned(),
    ] {
        let denied = check(&stripe, &wrong, b"", 1).expect_err(&wrong);
        let says = "not a signature of the form t=<seconds>,v1=<64 hex digits>";
        assert!(denied.message.contains(says), "{wrong}: {}", denied.message);
    }
    let github = preset("github", &["s"]);
    for wrong in [hex.clone(), format!("sha1={hex}"), format!("sha256={hex}00")] {
        check(&github, &wrong, b"", 0).expect_err(&wrong);
    }
}

#[test]
fn the_tolerance_is_inclusive_and_applies_both_ways() {
    let stripe = preset("stripe", &["whsec_a"]).try_with_tolerance(300).unwrap();
    let header = format!("t=1000,v1={}", "00".repeat(32));
    let message = |now| {
        check(&stripe, &header, b"", now)
            .expect_err("a wrong signature")
            .message
    };
    for now in [700, 1300] {
        assert!(message(now).contains("no signature"), "at the limit the time passes");
    }
    for now in [699, 1301] {
        assert!(message(now).contains("more than 300 seconds"), "one past it");
    }
}

/// Linear's is in the body, in milliseconds.
#[test]
fn a_time_in_the_body_is_checked_once_the_body_is_known_to_be_the_senders() {
    let linear = preset("linear", &["s"]).try_with_tolerance(60).unwrap();
    let signed = |body: &str| hex::encode(linear.prove(body.as_bytes()).expect("a digest"));
    let body = r#"{"action":"create","webhookTimestamp":1000000}"#;
    for now in [940, 1000, 1060] {
        check(&linear, &signed(body), body.as_bytes(), now).expect("at the limit it passes");
    }
    for now in [939, 1061] {
        let denied = check(&linear, &signed(body), body.as_bytes(), now).expect_err("one past it");
        assert!(denied.message.contains("more than 60 seconds"), "{}", denied.message);
    }
    let late = body.replace("1000000", "2000000");
    let denied = check(&linear, &signed(body), late.as_bytes(), 2000).expect_err("another body");
    assert!(denied.message.contains("no signature"), "{}", denied.message);
    for untimed in ["{}", r#"{"webhookTimestamp":"1000000"}"#, "no JSON"] {
        let denied = check(&linear, &signed(untimed), untimed.as_bytes(), 1000).expect_err(untimed);
        let says = "no time in milliseconds since 1970 as its `webhookTimestamp`";
        assert!(denied.message.contains(says), "{}", denied.message);
    }
}

#[test]
fn what_is_signed_and_what_is_sent_agree() {
    let scheme = || Preset::named("github").and_then(Preset::scheme).expect("a scheme");
    let with = |signed: &str| Scheme {
        signed: signed.parse().expect(signed),
        ..scheme()
    };
    let refused = |scheme| Signature::try_new(scheme, &secrets(&["s"])).expect_err("not a scheme");
    assert_eq!(refused(with("{timestamp}.{body}")), AuthError::Time);
    assert_eq!(refused(with("{id}.{body}")), AuthError::Id);
    let unsigned_id = Scheme {
        id_header: Some(HeaderName::from_static("x-id")),
        ..scheme()
    };
    assert_eq!(refused(unsigned_id), AuthError::Id);
}
