//! Collects the panics of tasks, which tokio otherwise keeps to the task.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

thread_local! {
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Runs this. Returns its result, `None` if it panicked, and all panics on this thread meanwhile.
pub fn count<T>(run: impl FnOnce() -> T) -> (Option<T>, Vec<String>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            let counted = SEEN.with_borrow_mut(|seen| seen.as_mut().map(|seen| seen.push(info.to_string())));
            if counted.is_none() {
                before(info);
            }
        }));
    });
    SEEN.set(Some(Vec::new()));
    let result = catch_unwind(AssertUnwindSafe(run));
    let seen = SEEN.take().unwrap_or_default();
    (result.ok(), seen)
}
