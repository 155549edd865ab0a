//! Timestamps as text.

/// Milliseconds since 1970-01-01 UTC as RFC 3339 text in UTC: `2024-12-23T10:00:00.000Z`. Times after the year 9999,
/// which RFC 3339 cannot spell, are given as its last millisecond.
pub fn rfc3339(ms: u64) -> String {
    const LAST_MS: u64 = 253_402_300_799_999;
    let ms = ms.min(LAST_MS);
    let (secs, millis) = (ms / 1000, ms % 1000);
    let (days, time) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of a day since 1970-01-01. Counts from 1 March of year 0, so that a leap day is the last day
/// of its year and months have the lengths 31, 30, 31, 30, 31 over and over: 153 days.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_705_004_567_089, "2024-01-11T20:22:47.089Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut before = date(0);
        for day in 1..146_097 {
            let (year, month, date_of) = date(day);
            let next_day = (before.0, before.1, before.2 + 1);
            let next_month = if before.1 == 12 {
                (before.0 + 1, 1, 1)
            } else {
                (before.0, before.1 + 1, 1)
            };
            assert!([next_day, next_month].contains(&(year, month, date_of)), "day {day}");
            before = (year, month, date_of);
        }
        assert_eq!(before, (2369, 12, 31));
    }
}
