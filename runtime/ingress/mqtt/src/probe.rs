//! Whether the broker lets us in and grants what is subscribed to: for `check --connect`.
//!
//! Another client id and a session that ends at once: the real one may be in use, and its messages are not touched. A shared
//! subscription is tried in a group of its own, or the probe would be given a member's messages.

use std::sync::Arc;

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_egress_dial::Dialer;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    client::answers,
    config::{Mqtt, ProtocolChoice},
    handshake::{Accepted, Who, connect_to},
    link::Link,
    packets::{Retained, Subscription, Version, qos_of},
    refusal::{ConnectError, granted_for_less, subscription_refused},
    session::{Granted, Ledger, Session, SessionOptions},
};

/// What the probe's group and client id end with.
const SUFFIX: &str = "-check";

/// The broker, then each filter.
pub(crate) async fn probe(config: &Mqtt, dialer: &Dialer, id: &str) -> Vec<Finding> {
    let finding = |what: String, outcome| Finding {
        what: format!("{id}: {what}"),
        outcome,
    };
    let broker = format!("MQTT broker {}", config.url);
    let accepted = match accepted(config, dialer).await {
        Ok(accepted) => accepted,
        Err(error) => return vec![finding(broker, Outcome::Failed(error.message))],
    };
    let broker = format!("{broker}, version {} of the protocol", accepted.version);
    let mut findings = vec![finding(broker, Outcome::Reached)];
    match subscribe(config, accepted).await {
        Ok(granted) => {
            let each = config.routes.iter().zip(granted);
            findings.extend(
                each.map(|(route, granted)| finding(format!("subscription `{}`", route.filter), outcome(&granted))),
            );
        }
        Err(error) => findings.push(finding("subscriptions".to_owned(), Outcome::Failed(error.message))),
    }
    findings
}

async fn accepted(config: &Mqtt, dialer: &Dialer) -> Result<Accepted, ConnectError> {
    let who = Who {
        client_id: format!("{}{SUFFIX}", config.client_id),
        clean_start: true,
        session_expiry_secs: 0,
    };
    let first = if config.protocol == ProtocolChoice::V3 {
        Version::V3
    } else {
        Version::V5
    };
    match connect_to(config, dialer, &who, first).await {
        Err(error) if error.is_version && config.protocol == ProtocolChoice::Auto => {
            connect_to(config, dialer, &who, Version::V3).await
        }
        accepted => accepted,
    }
}

/// In the order of the routes.
async fn subscribe(config: &Mqtt, accepted: Accepted) -> Result<Vec<Granted>, ConnectError> {
    let options = SessionOptions {
        version: accepted.version,
        receive_maximum: config.receive_maximum.into(),
        keep_alive_secs: config.keep_alive_secs,
    };
    let ledger = Arc::new(Mutex::new(Ledger::new(0, 0)));
    let session = Session::new(options, accepted.framer, ledger, Instant::now());
    let (link, mut task) = Link::start(session, accepted.socket);
    let group = format!("{}{SUFFIX}", config.client_id.replace(['/', '+', '#'], "-"));
    let wanted: Vec<_> = config
        .routes
        .iter()
        .map(|route| Subscription {
            filter: route.filter.in_group(&group),
            qos: qos_of(route.qos),
            id: 0,
            retained: Retained::None,
        })
        .collect();
    let filters: Vec<_> = wanted.iter().map(|one| one.filter.clone()).collect();
    link.change(|session| session.subscribe(wanted));
    let granted = answers(&link).await;
    link.change(Session::close);
    let _ = tokio::time::timeout(config.connect_timeout, task.ended()).await;
    let granted = granted?;
    // Packets may be answered in any order.
    let of = |filter: &String| granted.iter().find(|granted| granted.filter == *filter).cloned();
    Ok(filters.iter().filter_map(of).collect())
}

fn outcome(granted: &Granted) -> Outcome {
    match granted.outcome {
        Err(refused) => Outcome::Failed(subscription_refused(&granted.filter, refused).message),
        Ok(_) => granted_for_less(granted).map_or(Outcome::Reached, Outcome::Failed),
    }
}
