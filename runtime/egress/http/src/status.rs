//! What a status means.

use crate::config::StatusRules;

/// What a status means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The record is taken.
    Taken,
    /// The record is refused.
    Refused,
    /// A request is too large: fewer records may be taken.
    TooLarge,
    /// It passes.
    Passes,
    /// As [`Meaning::Passes`], and the endpoint asks for less.
    Overloaded,
    /// It is about the endpoint and not about a record: somebody must act.
    Unfit,
}

impl Meaning {
    pub(crate) fn of(status: u16, rules: &StatusRules) -> Self {
        match status {
            _ if rules.accept.contains(&status) => Self::Taken,
            _ if rules.retry.contains(&status) => Self::Passes,
            _ if rules.refuse.contains(&status) => Self::Refused,
            200..=299 => Self::Taken,
            413 => Self::TooLarge,
            400 | 405 | 406 | 411 | 414 | 415 | 422 | 431 | 451 | 501 => Self::Refused,
            429 | 503 => Self::Overloaded,
            505 => Self::Unfit,
            408 | 409 | 421 | 423 | 425 | 500..=599 => Self::Passes,
            // 3xx, 401, 403, 404, 407, 410, and whatever nobody has thought of: no record is lost to a status that may be
            // about the endpoint.
            _ => Self::Unfit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_manual() {
        let of = |status| Meaning::of(status, &StatusRules::default());
        let all = |statuses: &[u16], meaning| statuses.iter().for_each(|s| assert_eq!(of(*s), meaning, "{s}"));
        all(&[200, 201, 202, 204, 207, 299], Meaning::Taken);
        all(&[400, 405, 406, 411, 414, 415, 422, 431, 451, 501], Meaning::Refused);
        all(&[413], Meaning::TooLarge);
        all(
            &[
                301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 407, 410, 418, 505, 101,
            ],
            Meaning::Unfit,
        );
        all(&[408, 409, 421, 423, 425, 500, 502, 504, 507, 599], Meaning::Passes);
        all(&[429, 503], Meaning::Overloaded);
    }

    #[test]
    fn an_endpoints_own_lists_come_first() {
        let rules = StatusRules {
            accept: vec![409],
            retry: vec![404],
            refuse: vec![403, 503],
        };
        let of = |status| Meaning::of(status, &rules);
        assert_eq!((of(409), of(404)), (Meaning::Taken, Meaning::Passes));
        assert_eq!((of(403), of(503)), (Meaning::Refused, Meaning::Refused));
        assert_eq!(of(401), Meaning::Unfit);
    }
}
