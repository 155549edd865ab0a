//! Amazon SNS posts a URL, in a message whose signature is right; asking it begins the subscription.

use danube_wasm_ingress_listener::{Answer, Refusal, Sns};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::answer;

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "TopicArn")]
    topic: String,
    #[serde(rename = "SubscribeURL", default)]
    subscribe_url: Option<String>,
}

pub(super) async fn answer(sns: &Sns, body: &[u8]) -> Result<Option<Answer>, Refusal> {
    let Ok(message) = serde_json::from_slice::<Message>(body) else {
        return Ok(None);
    };
    let topic = message.topic;
    match (&*message.kind, message.subscribe_url) {
        ("SubscriptionConfirmation", Some(url)) => {
            sns.confirm(&url).await.map_err(|why| {
                tracing::warn!(
                    topic,
                    why,
                    "a subscription of SNS cannot be confirmed; it will ask again"
                );
                Refusal::Unavailable("the subscription cannot be confirmed now: ask again later")
            })?;
            tracing::info!(topic, "the subscription of SNS is confirmed");
            Ok(Some(answer::json(StatusCode::OK, &json!({ "status": "confirmed" }))))
        }
        ("UnsubscribeConfirmation", _) => {
            tracing::warn!(
                topic,
                "the subscription of SNS has ended: nothing will come of this topic"
            );
            Ok(Some(answer::json(StatusCode::OK, &json!({ "status": "unsubscribed" }))))
        }
        _ => Ok(None),
    }
}
