//! Whether each endpoint can be reached and lets this sink in, and what it can promise. A GET asks: it changes nothing, and most
//! endpoints of events answer it with an error of their own, which tells all the same that they are there.

use danube_wasm_connector::{Finding, Outcome};
use danube_wasm_egress_dial::Dialer;
use danube_wasm_model::ConnectorId;
use futures_util::future::join_all;

use crate::{
    config::{self, Http},
    endpoint::Endpoint,
    page::{is_about_tls, is_page},
};

/// One finding for each endpoint that a mapping names.
pub(crate) async fn probe(config: &Http, id: &ConnectorId) -> Vec<Finding> {
    let dialer = Dialer::new(config.guard.policy());
    let named = |endpoint: &&config::Endpoint| {
        let mut targets = config.topic_mappings.iter().flat_map(|mapping| mapping.targets());
        targets.any(|target| target == endpoint.name)
    };
    let findings = config.endpoints.iter().filter(named).map(|endpoint| async {
        let outcome = match Endpoint::new(endpoint.clone(), &dialer) {
            Ok(endpoint) => ask(&endpoint).await,
            Err(error) => Outcome::Failed(error),
        };
        Finding {
            what: format!("{id}: {} ({})", endpoint.shown(), promise(endpoint)),
            outcome,
        }
    });
    join_all(findings).await
}

/// What the endpoint can promise.
fn promise(endpoint: &config::Endpoint) -> String {
    let ids = match (endpoint.is_single(), &endpoint.id_field) {
        (true, _) => "at least once, the same `webhook-id` at every attempt".to_owned(),
        (false, Some(field)) => format!("at least once, in requests of several records, each with its id in `{field}`"),
        (false, None) => {
            "at least once, in requests of several records without ids of their own: a receiver cannot tell \
                          what comes again; `id_field` gives them one"
                .to_owned()
        }
    };
    let signed = if endpoint.secrets.is_empty() {
        "not signed"
    } else {
        "signed"
    };
    format!("{ids}; {signed}")
}

async fn ask(endpoint: &Endpoint) -> Outcome {
    let answer = match endpoint.look().await {
        Ok(answer) => answer,
        Err(failure) => return Outcome::Failed(failure.message),
    };
    let (status, who) = (answer.status, &endpoint.who);
    match status.as_u16() {
        300..=399 | 401 | 403 | 407 | 410 => {
            let cure = endpoint.cure(status.as_u16(), &answer.headers);
            Outcome::Failed(format!("it answers {status}; {cure}"))
        }
        400 if is_about_tls(&answer.body) => {
            let cure = endpoint.cure(status.as_u16(), &answer.headers);
            Outcome::Failed(format!("it answers {status}; {cure}"))
        }
        404 | 405 | 501 => Outcome::Unknown(format!(
            "it is there and answers {status} to a GET; whether it takes what is sent shows with the first record"
        )),
        500..=599 | 429 => Outcome::Unknown(format!("it is there and answers {status} for now")),
        200..=299 if is_page(&answer.body) => Outcome::Failed(format!(
            "{who} answers with a web page, so it is for people: write the address of its API in `url`"
        )),
        _ => Outcome::Reached,
    }
}
