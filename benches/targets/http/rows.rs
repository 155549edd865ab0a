//! Events that are sent, and how they are counted where they arrive.

/// How each event begins; its number follows. Nothing else in it begins so.
const BEGINNING: &str = r#"{"n":"#;

/// Event `n`, as JSON text.
pub(crate) fn event(n: u64) -> String {
    format!(
        r#"{BEGINNING}{n},"type":"order.paid","order":"ord_{n:010}","customer":"cus_{:06}","country":"DE","total":"{}.{:02}","currency":"EUR","placed":"2026-01-01T09:30:00Z"}}"#,
        n % 5_000,
        n / 100,
        n % 100
    )
}

/// How many events a body has, and the sum of their numbers.
pub(crate) fn count(body: &[u8]) -> (u64, u64) {
    let (mut events, mut sum, mut rest) = (0, 0, body);
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        rest = &rest[at..];
        let Some(behind) = rest.strip_prefix(BEGINNING.as_bytes()) else {
            rest = &rest[1..];
            continue;
        };
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit());
        events += 1;
        sum += digits.fold(0, |n, digit| n * 10 + u64::from(digit - b'0'));
        rest = behind;
    }
    (events, sum)
}
