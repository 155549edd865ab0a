//! Waiting for what a test expects.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longest wait. A machine that builds beside it is slow; what does not come in this time does not come.
const DEADLINE: Duration = Duration::from_secs(180);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits until `look` gives something, and gives that. Fails the test, with `what` was waited for, when it takes too long.
///
/// # Panics
///
/// After a minute.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} until {what}");
        sleep(PAUSE).await;
    }
}
