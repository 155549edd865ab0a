//! Conversion of seconds to milliseconds.

use std::sync::LazyLock;

use toml::de::DeValue;

use super::{keys::SECS_MAX, output::toml};

/// Texts of milliseconds for each number of seconds, and of the body timeout for a deadline of that length. Static
/// because values of the document borrow their text, and the file does not contain these.
static MILLIS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let texts = |secs: u32| [secs * 1000, BODY_MILLIS.min(secs * 1000 / 3 * 2)].map(|millis| millis.to_string());
    (0..=SECS_MAX).map(texts).collect()
});

/// The default time for a body.
const BODY_MILLIS: u32 = 20_000;

/// Returns `secs` seconds in milliseconds.
pub(super) fn millis(secs: u32) -> Option<DeValue<'static>> {
    let [millis, _] = MILLIS.get(usize::try_from(secs).ok()?)?;
    Some(toml(millis))
}

/// Returns the body timeout for a deadline in milliseconds. Danube Connect has one deadline for body and answer; two
/// thirds of it go to the body.
pub(super) fn body_timeout(deadline: &DeValue<'_>) -> Option<DeValue<'static>> {
    let deadline = deadline.as_integer()?.as_str();
    let [_, body] = MILLIS.iter().find(|[millis, _]| millis == deadline)?;
    Some(toml(body))
}
