//! From seconds to milliseconds.

use std::sync::LazyLock;

use toml::de::DeValue;

use super::{keys::SECS_MAX, output::toml};

/// Texts of the numbers of milliseconds that so many seconds are, and that are left to a body of so many: a value of the
/// document borrows its text, and these are in no file.
static MILLIS: LazyLock<Vec<[String; 2]>> = LazyLock::new(|| {
    let texts = |secs: u32| [secs * 1000, BODY_MILLIS.min(secs * 1000 / 3 * 2)].map(|millis| millis.to_string());
    (0..=SECS_MAX).map(texts).collect()
});

/// How long a body may take here, where the file does not say.
const BODY_MILLIS: u32 = 20_000;

/// So many seconds.
pub(super) fn millis(secs: u32) -> Option<DeValue<'static>> {
    let [millis, _] = MILLIS.get(usize::try_from(secs).ok()?)?;
    Some(toml(millis))
}

/// Danube Connect has one deadline for body and answer, in milliseconds: two thirds of it are left to the body.
pub(super) fn left_to_body(deadline: &DeValue<'_>) -> Option<DeValue<'static>> {
    let deadline = deadline.as_integer()?.as_str();
    let [_, body] = MILLIS.iter().find(|[millis, _]| millis == deadline)?;
    Some(toml(body))
}
