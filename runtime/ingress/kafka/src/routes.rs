//! Which route a topic belongs to.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;

use crate::config::RouteConfig;

/// The routes of a source, in the file's order.
#[derive(Debug)]
pub(crate) struct Routes {
    routes: Vec<Arc<Route>>,
    /// What was found out already.
    known: Mutex<HashMap<Arc<str>, Option<Arc<Route>>>>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) config: RouteConfig,
    /// Its topic or pattern, as its events carry it.
    pub(crate) endpoint: Arc<str>,
}

impl Routes {
    pub(crate) fn new(configs: &[RouteConfig]) -> Self {
        let route = |config: &RouteConfig| {
            Arc::new(Route {
                config: config.clone(),
                endpoint: config.from.as_str().into(),
            })
        };
        Self {
            routes: configs.iter().map(route).collect(),
            known: Mutex::default(),
        }
    }

    /// The route that names the topic, else the first whose pattern it matches.
    pub(crate) fn find(&self, topic: &Arc<str>) -> Option<Arc<Route>> {
        let mut known = self.known.lock();
        if let Some(found) = known.get(topic) {
            return found.clone();
        }
        let named = self.routes.iter().find(|route| *route.endpoint == **topic);
        let found = named.or_else(|| self.routes.iter().find(|route| route.config.from.matches(topic)));
        known.insert(topic.clone(), found.cloned());
        found.cloned()
    }
}
