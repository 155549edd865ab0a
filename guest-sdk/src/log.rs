//! Lines for the connector's log: [`trace!`](crate::trace), [`debug!`](crate::debug), [`info!`](crate::info),
//! [`warn!`](crate::warn) and [`error!`](crate::error). Each asks first whether its level is kept, and formats
//! nothing if it is not. The host limits lines and bytes, drops what is over and counts it.

pub use crate::bindings::log::Level;

/// Whether lines of this level are kept.
pub fn enabled(level: Level) -> bool {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::log::enabled(level);
    #[cfg(not(target_arch = "wasm32"))]
    return level >= Level::Debug;
}

/// One line. In a native test it goes to standard error.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::log::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// A line of this level, formatted only if it is kept.
#[macro_export]
macro_rules! log {
    ($level:ident, $($arg:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::log($crate::log::Level::$level, &::std::format!($($arg)+));
        }
    };
}

/// Step by step.
#[macro_export]
macro_rules! trace { ($($arg:tt)+) => { $crate::log!(Trace, $($arg)+) }; }

/// For the author.
#[macro_export]
macro_rules! debug { ($($arg:tt)+) => { $crate::log!(Debug, $($arg)+) }; }

/// For the operator, when all is well.
#[macro_export]
macro_rules! info { ($($arg:tt)+) => { $crate::log!(Info, $($arg)+) }; }

/// Something is off but goes on.
#[macro_export]
macro_rules! warn { ($($arg:tt)+) => { $crate::log!(Warn, $($arg)+) }; }

/// Something failed.
#[macro_export]
macro_rules! error { ($($arg:tt)+) => { $crate::log!(Error, $($arg)+) }; }

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_that_is_not_kept_is_not_formatted() {
        let mut formatted = 0;
        let mut count = || {
            formatted += 1;
            formatted
        };
        crate::trace!("{}", count());
        crate::info!("{}", count());
        assert_eq!(formatted, 1);
    }
}
