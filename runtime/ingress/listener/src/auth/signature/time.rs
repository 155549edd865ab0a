//! Whether the time of a signature is near the host's clock, and where it is in a body.

use std::{borrow::Cow, collections::HashMap};

use serde_json::value::RawValue;

use super::{SignedTime, TimeUnit, deny};
use crate::auth::Denied;

impl TimeUnit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Secs => "seconds",
            Self::Millis => "milliseconds",
        }
    }

    fn per_sec(self) -> u64 {
        match self {
            Self::Secs => 1,
            Self::Millis => 1_000,
        }
    }
}

impl SignedTime {
    /// That a time in its unit is within the tolerance.
    pub(super) fn check(&self, sent: u64, now_secs: u64) -> Result<(), Denied> {
        let per_sec = self.unit.per_sec();
        let far = sent.abs_diff(now_secs.saturating_mul(per_sec)) > self.tolerance_secs.saturating_mul(per_sec);
        match far {
            true => Err(deny(format!(
                "the time of the signature is more than {} seconds from this clock",
                self.tolerance_secs
            ))),
            false => Ok(()),
        }
    }
}

/// The whole number of this name in a JSON object. The rest of the object is not built.
pub(super) fn in_body(body: &[u8], name: &str) -> Option<u64> {
    let fields: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(body).ok()?;
    fields.get(name)?.get().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_number_of_the_object_itself_is_a_time() {
        let at = |body: &str| in_body(body.as_bytes(), "at");
        assert_eq!(at(r#"{"a":{"at":1},"at": 17000 ,"b":[{}]}"#), Some(17_000));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"a":{"at":1}}"#,
            r#"{"at":"1"}"#,
            r#"{"at":-1}"#,
            r#"{"at":1.5}"#,
            r#"{"at":1"#,
        ] {
            assert_eq!(at(body), None, "{body}");
        }
    }
}
