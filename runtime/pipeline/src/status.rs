//! What a connector is doing, for health, the terminal and whoever waits for it.

use tokio::sync::watch;

/// Crashes in a row after which a connector counts as down: by then it has been tried for more than a minute.
const CRASHES_DOWN: u32 = 30;

/// State of a running connector.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    /// Works.
    #[default]
    Running,
    /// Goes on, but is held up: the reason is for the operator.
    Degraded(String),
    /// Does nothing for now, and tries again by itself, ever less often.
    Down(String),
    /// Has stopped by itself and stays so until it is changed or restarted.
    Failed(String),
    /// Was told to stop.
    Stopped,
}

/// Writes a connector's status. Later news of the same kind replaces earlier; `Failed` and `Stopped` are final.
#[derive(Debug, Clone)]
pub struct StatusCell(watch::Sender<Status>);

impl Default for StatusCell {
    fn default() -> Self {
        Self(watch::Sender::new(Status::Running))
    }
}

impl StatusCell {
    /// Follows the status.
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.0.subscribe()
    }

    /// The status now.
    pub fn get(&self) -> Status {
        self.0.borrow().clone()
    }

    /// All is well again.
    pub fn running(&self) {
        self.set(Status::Running);
    }

    /// Held up.
    pub fn degraded(&self, reason: impl Into<String>) {
        self.set(Status::Degraded(reason.into()));
    }

    /// Does nothing for now.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(Status::Down(reason.into()));
    }

    /// The component's instances keep dying: so many in a row.
    pub(crate) fn crashing(&self, crashes: u32, last: &dyn std::fmt::Display) {
        let reason = format!("the component's instances keep dying, {crashes} in a row; the last time: {last}");
        if crashes >= CRASHES_DOWN {
            self.down(reason);
        } else {
            self.degraded(reason);
        }
    }

    /// Stopped by itself.
    pub fn failed(&self, reason: impl Into<String>) {
        self.set(Status::Failed(reason.into()));
    }

    /// Stopped because it was told to.
    pub fn stopped(&self) {
        self.set(Status::Stopped);
    }

    fn set(&self, status: Status) {
        self.0.send_if_modified(|now| {
            let last_word = matches!(now, Status::Failed(_) | Status::Stopped);
            let news = !last_word && *now != status;
            if news {
                *now = status;
            }
            news
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_the_last_word() {
        let cell = StatusCell::default();
        cell.degraded("the database is away");
        cell.running();
        assert_eq!(cell.get(), Status::Running);
        cell.failed("bad credentials");
        cell.running();
        assert_eq!(cell.get(), Status::Failed("bad credentials".into()));
    }
}
