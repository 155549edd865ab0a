//! The route table: endpoints by path. Immutable; a listener swaps the whole table.

use std::{collections::HashMap, sync::Arc};

use crate::{endpoint::Endpoint, limits::HttpLimits};

/// Endpoints by path.
#[derive(Default)]
pub(crate) struct Routes(HashMap<Arc<str>, Arc<Endpoint>>);

/// Why endpoints cannot be served together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two endpoints have one path.
    #[error("two endpoints have the path {0}: give each its own")]
    Duplicate(Arc<str>),
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

impl Routes {
    pub(crate) fn try_new(
        endpoints: impl IntoIterator<Item = Arc<Endpoint>>,
        limits: &HttpLimits,
    ) -> Result<Self, RouteError> {
        let mut routes = HashMap::new();
        for endpoint in endpoints {
            let path = endpoint.path().clone();
            if endpoint.body_bytes_max > limits.body_bytes_in_flight_max {
                return Err(RouteError::BodyOverListener {
                    path,
                    body_bytes_max: endpoint.body_bytes_max,
                    in_flight: limits.body_bytes_in_flight_max,
                });
            }
            if let Some(other) = routes.insert(path, endpoint) {
                return Err(RouteError::Duplicate(other.path().clone()));
            }
        }
        Ok(Self(routes))
    }

    pub(crate) fn find(&self, path: &str) -> Option<Arc<Endpoint>> {
        self.0.get(path).cloned()
    }
}
