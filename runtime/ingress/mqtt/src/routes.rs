//! Which route a message belongs to.

use std::{collections::BTreeSet, sync::Arc};

use danube_wasm_model::hash::Fnv1a;

use crate::{
    config::RouteConfig,
    packets::{Message, Qos, Retained, Subscription, qos_of},
};

/// The largest id that a subscription can have.
const SUBSCRIPTION_ID_MAX: u64 = 268_435_455;

/// The routes of a source, in the file's order.
#[derive(Debug)]
pub(crate) struct Routes {
    routes: Vec<Route>,
    has_ids: bool,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) config: RouteConfig,
    /// Its filter, as its events carry it.
    pub(crate) endpoint: Arc<str>,
    id: u32,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Routed<'a> {
    To(&'a Route),
    /// No route is for it, or the route wants no retained messages.
    Unwanted,
    /// The broker sends a copy for each subscription: another copy is the one that counts.
    Double,
}

impl Routes {
    pub(crate) fn new(configs: &[RouteConfig]) -> Self {
        let routes: Vec<_> = configs
            .iter()
            .map(|config| Route {
                config: config.clone(),
                endpoint: config.filter.as_str().into(),
                id: id_of(config.filter.as_str()),
            })
            .collect();
        let ids: BTreeSet<_> = routes.iter().map(|route| route.id).collect();
        let has_ids = ids.len() == routes.len();
        Self { routes, has_ids }
    }

    /// The first route that is for it. Where subscriptions overlap and the broker says which of them a copy is for, all
    /// but the copy of the first are doubles; copies of a group's subscription may be another member's, so each counts.
    pub(crate) fn find(&self, message: &Message) -> Routed<'_> {
        let ids = &message.properties.subscription_ids;
        let is_known = self.has_ids && self.routes.iter().any(|route| ids.contains(&route.id));
        for route in self
            .routes
            .iter()
            .filter(|route| route.config.filter.matches(&message.topic))
        {
            if is_known && !ids.contains(&route.id) {
                match route.config.filter.group() {
                    Some(_) => continue,
                    None => return Routed::Double,
                }
            }
            let is_unwanted = message.retain && !route.config.takes_retained;
            return if is_unwanted {
                Routed::Unwanted
            } else {
                Routed::To(route)
            };
        }
        Routed::Unwanted
    }

    /// What to subscribe to. `is_new`: the broker has no session of ours, so that retained messages were not sent yet.
    pub(crate) fn subscriptions(&self, with_ids: bool, is_new: bool) -> Vec<Subscription> {
        let with_ids = with_ids && self.has_ids;
        let subscription = |route: &Route| Subscription {
            filter: route.config.filter.as_str().to_owned(),
            qos: qos_of(route.config.qos),
            id: if with_ids { route.id } else { 0 },
            retained: match (route.config.takes_retained, is_new) {
                (false, _) => Retained::None,
                (true, true) => Retained::All,
                (true, false) => Retained::IfNew,
            },
        };
        self.routes.iter().map(subscription).collect()
    }
}

impl Subscription {
    /// What tells it from others in a note.
    pub(crate) fn key(&self) -> String {
        let qos = match self.qos {
            Qos::AtMostOnce => 0,
            Qos::AtLeastOnce => 1,
            Qos::ExactlyOnce => 2,
        };
        format!("{qos} {} {}", self.id, self.filter)
    }
}

/// The same for a filter wherever it stands in the file: a session of the broker's keeps it.
fn id_of(filter: &str) -> u32 {
    let mut hash = Fnv1a::default();
    hash.write(filter.bytes());
    u32::try_from(hash.finish() % SUBSCRIPTION_ID_MAX + 1).unwrap_or(1)
}
