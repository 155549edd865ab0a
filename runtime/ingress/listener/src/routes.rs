//! The route table: handlers by path. Immutable; a listener swaps the whole table.
//!
//! A path with parts in braces stands for every path that has something else there. A handler of just the path comes before it.

use std::{collections::HashMap, sync::Arc};

use parking_lot::RwLock;

use crate::{handler::Handler, limits::HttpLimits};

/// The current routes of a listener.
pub(crate) struct RouteTable<H>(RwLock<Routes<H>>);

/// Handlers by path.
pub(crate) struct Routes<H> {
    fixed: HashMap<Arc<str>, Arc<H>>,
    patterns: matchit::Router<Arc<H>>,
}

/// Why endpoints cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two endpoints have one path.
    #[error("two endpoints have the path {0}: give each its own")]
    Duplicate(Arc<str>),
    /// A path could be of either of two endpoints.
    #[error("the endpoint path {path} cannot be told from another one: {error}")]
    Overlap {
        /// The path.
        path: Arc<str>,
        /// Which other one.
        error: String,
    },
    /// The endpoint's body limit exceeds the listener's memory limit.
    #[error(
        "endpoint {path} allows bodies of {body_bytes_max} bytes, but the listener holds at most {in_flight} bytes of all \
         bodies together: lower the first or raise `body_bytes_in_flight_max`"
    )]
    BodyOverListener {
        /// The path.
        path: Arc<str>,
        /// The endpoint's limit.
        body_bytes_max: usize,
        /// The listener's limit.
        in_flight: usize,
    },
}

impl<H: Handler> RouteTable<H> {
    /// Without any route.
    pub(crate) fn new() -> Self {
        Self(RwLock::new(Routes {
            fixed: HashMap::new(),
            patterns: matchit::Router::new(),
        }))
    }

    /// Returns the current handler of a path.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<H>> {
        let routes = self.0.read();
        let fixed = routes.fixed.get(path);
        fixed.or_else(|| routes.by_pattern(path)).cloned()
    }

    pub(crate) fn set(&self, routes: Routes<H>) {
        let before = std::mem::replace(&mut *self.0.write(), routes);
        // Its handlers may own much memory: drop them outside the lock.
        drop(before);
    }
}

impl<H: Handler> Routes<H> {
    fn by_pattern(&self, path: &str) -> Option<&Arc<H>> {
        let found = self.patterns.at(path).ok()?;
        let is_empty = found.params.iter().any(|(_, value)| value.is_empty());
        (!is_empty).then_some(found.value)
    }

    pub(crate) fn try_new(handlers: impl IntoIterator<Item = Arc<H>>, limits: &HttpLimits) -> Result<Self, RouteError> {
        let (mut fixed, mut patterns) = (HashMap::new(), matchit::Router::new());
        for handler in handlers {
            let path = handler.path().clone();
            let body_bytes_max = handler.body_bytes_max();
            if body_bytes_max > limits.body_bytes_in_flight_max {
                return Err(RouteError::BodyOverListener {
                    path,
                    body_bytes_max,
                    in_flight: limits.body_bytes_in_flight_max,
                });
            }
            if path.contains('{') {
                let inserted = patterns.insert(&*path, handler);
                inserted.map_err(|error| RouteError::Overlap {
                    path,
                    error: error.to_string(),
                })?;
            } else if let Some(other) = fixed.insert(path, handler) {
                return Err(RouteError::Duplicate(other.path().clone()));
            }
        }
        Ok(Self { fixed, patterns })
    }
}
