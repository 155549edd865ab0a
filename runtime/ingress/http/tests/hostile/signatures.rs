//! Everything that is nearly a valid credential: none of it reaches the intake, and what is valid still does.

use jsonwebtoken::Algorithm;

use crate::{
    class::{Class, Plan, expect, shown},
    dice::Dice,
    host::Host,
    signing::{OTHER, SCHEMES, SECRET, Scheme, now_secs, token, unsigned},
};

pub(crate) async fn run(plan: Plan) -> Class {
    let mut class = Class::default();
    for scheme in SCHEMES {
        let mut host = Host::start(|_| {}, |endpoint| endpoint.auth = scheme.auth()).await;
        host.good = request(scheme, &scheme.value(SECRET, now_secs(), b"\"good\""), b"\"good\"");
        if scheme == Scheme::Token {
            tokens(&host, &mut class).await;
        }
        for seed in plan.seeds(plan.one_in(4)) {
            let verdict = attack(&host, scheme, &mut Dice::new(seed)).await;
            class.judge_seed(seed, verdict.map_err(|why| format!("{scheme:?}: {why}")));
        }
        // Signed when the trials began: a signature is valid for minutes.
        host.good = request(scheme, &scheme.value(SECRET, now_secs(), b"\"good\""), b"\"good\"");
        class.check("the next good request", host.good().await);
        class.check("nothing is left", host.at_rest().await);
        class.check("it stops", host.stop().await);
    }
    class
}

fn request(scheme: Scheme, value: &str, body: &[u8]) -> Vec<u8> {
    with_lines(&format!("{}: {value}\r\n", scheme.header()), body)
}

fn with_lines(lines: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST /hook HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{lines}content-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Answered with one of `statuses`, and offered exactly if that is 200.
async fn is_answered(host: &Host, bytes: &[u8], statuses: &[u16]) -> Result<(), String> {
    let before = host.server.inbox.count();
    let mut wire = host.connect().await;
    wire.send(bytes).await;
    let answer = wire.answer(false).await?;
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    let offered = host.server.inbox.count() - before;
    let right = statuses.contains(&status) && offered == usize::from(status == 200);
    match right {
        true => Ok(()),
        false => Err(format!("{status}, offered {offered} times; sent {}", shown(bytes))),
    }
}

/// One valid request, and one thing that is wrong with it.
async fn attack(host: &Host, scheme: Scheme, dice: &mut Dice) -> Result<(), String> {
    let body = format!("[{}]", dice.next()).into_bytes();
    let valid = scheme.value(SECRET, now_secs(), &body);
    is_answered(host, &spelled(scheme, &valid, &body, dice), &[200]).await?;
    let wrong = |value: &str| request(scheme, value, &body);
    let bytes = match dice.below(8) {
        0 => wrong(&bent(&valid, dice)),
        1 => wrong(&scheme.value(OTHER, now_secs(), &body)),
        2 => wrong(&valid[..dice.below(valid.len())]),
        3 => with_lines("", &body),
        4 => with_lines(&format!("{}x: {valid}\r\n", scheme.header()), &body),
        5 => with_lines(&format!("{0}: {valid}\r\n{0}: {valid}\r\n", scheme.header()), &body),
        6 if scheme.signs_body() => request(scheme, &valid, &bent_body(&body, dice)),
        7 if scheme.has_time() => wrong(&scheme.value(SECRET, far(scheme, dice), &body)),
        _ => wrong(&format!("{valid}{}", dice.below(10))),
    };
    is_answered(host, &bytes, &[401]).await
}

/// The name of a header in any case: all are the same header.
fn spelled(scheme: Scheme, value: &str, body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let name: String = scheme
        .header()
        .chars()
        .map(|c| if dice.below(2) == 0 { c.to_ascii_uppercase() } else { c })
        .collect();
    with_lines(&format!("{name}: {value}\r\n"), body)
}

/// With one character another one. In hex, a letter in the other case would be the same.
fn bent(value: &str, dice: &mut Dice) -> String {
    let mut bytes = value.as_bytes().to_vec();
    // The last character of base64 has bits that mean nothing.
    let at = dice.below(bytes.len() - 1);
    let same = bytes[at].to_ascii_lowercase();
    let others: Vec<u8> = (b'!'..=b'~').filter(|b| b.to_ascii_lowercase() != same).collect();
    bytes[at] = *dice.pick(&others);
    String::from_utf8(bytes).expect("ASCII")
}

/// Still JSON, but not what was signed.
fn bent_body(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    match dice.below(3) {
        0 => [body, b" "].concat(),
        1 => [b" ", body].concat(),
        _ => b"[0]".to_vec(),
    }
}

/// A time that is too far from now; of a token, one at which it has expired.
fn far(scheme: Scheme, dice: &mut Dice) -> u64 {
    let secs = 1_000 + dice.below(1 << 20) as u64;
    match (scheme, dice.below(2)) {
        (Scheme::Stripe, 0) => now_secs() + secs,
        _ => now_secs() - secs,
    }
}

/// Tokens that say themselves how they are to be checked.
async fn tokens(host: &Host, class: &mut Class) {
    let valid = token(Algorithm::HS256, SECRET, now_secs() + 300);
    let parts: Vec<&str> = valid.split('.').collect();
    let mut wrong = unsigned(&valid);
    wrong.extend([Algorithm::HS384, Algorithm::HS512].map(|other| token(other, SECRET, now_secs() + 300)));
    wrong.push(token(Algorithm::HS256, "", now_secs() + 300));
    wrong.push(token(Algorithm::HS256, SECRET, now_secs() - 1_000));
    wrong.push(format!("{}.{}.", parts[0], parts[1]));
    wrong.push(format!("{}.e30.{}", parts[0], parts[2]));
    wrong.push(format!("{valid}.{}", parts[2]));
    wrong.push(format!("{valid} {valid}"));
    for token in &wrong {
        let bytes = request(Scheme::Token, &format!("Bearer {token}"), b"{}");
        class.record(token, is_answered(host, &bytes, &[401]).await);
    }
    for scheme in ["Basic", "", "Bearer Bearer", "Token"] {
        let bytes = request(Scheme::Token, &format!("{scheme} {valid}"), b"{}");
        class.record(scheme, is_answered(host, &bytes, &[401]).await);
    }
    let lower = request(Scheme::Token, &format!("bearer {valid}"), b"{}");
    class.record("bearer", is_answered(host, &lower, &[200]).await);
    class.check("wrong tokens", expect("of them", wrong.is_empty(), false));
}
