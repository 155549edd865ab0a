//! Points in time, which PostgreSQL writes with a space where ISO 8601 has a T.

/// ISO 8601. What has no such form (`infinity`) is left as it is.
pub(super) fn timestamp(text: &str) -> String {
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => text.replacen(' ', "T", 1),
        false => text.to_owned(),
    }
}

/// RFC 3339, with six digits of the second. The session's time zone is UTC. What has no such form (`infinity`, years before
/// Christ or above 9999) is left as near to it as it can be.
pub(super) fn timestamp_in_utc(text: &str) -> String {
    let whole = timestamp(text);
    let Some(local) = whole.strip_suffix("+00") else {
        return whole;
    };
    let (seconds, fraction) = local.split_once('.').unwrap_or((local, ""));
    format!("{seconds}.{fraction:0<6}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_a_zone() {
        assert_eq!(timestamp("2024-01-02 03:04:05.6"), "2024-01-02T03:04:05.6");
        assert_eq!(timestamp("-infinity"), "-infinity");
        for (text, expected) in [
            ("2024-01-02 03:04:05.6+00", "2024-01-02T03:04:05.600000Z"),
            ("2024-01-02 03:04:05+00", "2024-01-02T03:04:05.000000Z"),
            ("infinity", "infinity"),
            ("0044-03-15 00:00:00+00 BC", "0044-03-15T00:00:00+00 BC"),
        ] {
            assert_eq!(timestamp_in_utc(text), expected);
        }
    }
}
