//! Messages of Amazon SNS.

use danube_wasm_settings::{
    Table,
    kinds::{List, Text},
};

use super::AuthConfig;
use crate::SnsOptions;

pub(super) fn read(t: &mut Table<'_>) -> Option<AuthConfig> {
    let list = |len| List { kind: Text, len };
    let topics = t
        .field(
            "topics",
            list(1..=64),
            "The topics whose messages are taken. Everybody can have topics of their own, and Amazon signs for all.",
        )
        .example("[\"arn:aws:sns:eu-west-1:123456789012:orders\"]")
        .required();
    let hosts = t
        .field(
            "hosts",
            list(0..=8),
            "Hosts, with their ports, that certificates and confirmations may be fetched from instead of Amazon's: of a service that \
             speaks as SNS does.",
        )
        .example("[\"sns.internal:4566\"]")
        .or(Vec::new());
    Some(AuthConfig::Sns(SnsOptions { topics: topics?, hosts }))
}
