//! Stripe's events become payment events: `{event, amount, currency, timestamp, payment_id, customer_id?, metadata?}`.
//!
//! | Stripe's `type` | `event` | `amount` |
//! |---|---|---|
//! | `payment_intent.succeeded` | `payment.succeeded` | `amount_received`, else `amount` |
//! | `payment_intent.payment_failed` | `payment.failed` | `amount` |
//! | `payment_intent.canceled` | `payment.canceled` | `amount` |
//! | `charge.refunded` | `payment.refunded` | `amount_refunded`: all that was refunded of the charge until then |
//!
//! Amounts stay integers in the currency's smallest unit, as Stripe gives them; currencies become upper case;
//! `timestamp` is the event's own `created`, in seconds. `payment_id` is the payment intent's id and also the routing
//! key, so that the events of one payment keep their order. A record's id is Stripe's event id: Stripe's own retries
//! meet the same record.
//!
//! Other types are filtered out, and Stripe is told that all is well. Among them are `charge.succeeded` and
//! `charge.failed` on purpose: Stripe sends them beside the payment intent's event, and the payment would count twice.
//!
//! An event that is not whole is refused with the reason: no `id`, no `data.object`, a known type without its amount.
//!
//! Attributes: `stripe.type`, and `stripe.livemode` (`true` or `false`).

mod payment;
mod stripe;

use std::collections::BTreeMap;

use danube_connector::{
    Column, Config, Error, Event, ProducerConfig, Records, Result, SourceConnector, SourceRecord, SourceSettings,
    export_source,
};
use stripe::StripeEvent;

/// The connector.
#[derive(Debug)]
pub struct StripeSource {
    producer_configs: Vec<ProducerConfig>,
    topics: BTreeMap<String, String>,
}

impl SourceConnector for StripeSource {
    fn initialize(config: Config) -> Result<Self> {
        let settings: SourceSettings = config.settings()?;
        let producer_configs = settings.producer_configs()?;
        let topics = settings.endpoints.into_iter();
        Ok(Self {
            producer_configs,
            topics: topics.map(|endpoint| (endpoint.path, endpoint.danube_topic)).collect(),
        })
    }

    fn producer_configs(&self) -> Result<Vec<ProducerConfig>> {
        Ok(self.producer_configs.clone())
    }

    fn wants(&self) -> Vec<Column> {
        Vec::new()
    }

    fn event<'a>(&'a mut self, event: Event<'a>) -> Result<Records<'a>> {
        let endpoint = event.endpoint();
        let unknown = || Error::invalid_data(format!("endpoint `{endpoint}` is not one of this connector's"));
        let topic = self.topics.get(endpoint).ok_or_else(unknown)?;
        let stripe = StripeEvent::try_from_json(event.text()?)?;
        let Some(payment) = payment::of(&stripe)? else {
            return Ok(Records::NONE);
        };
        let record = SourceRecord::from_json(topic, &payment)?
            .with_id(stripe.id)
            .with_key(payment.payment_id)
            .with_attribute("stripe.type", stripe.kind)
            .with_attribute("stripe.livemode", if stripe.livemode { "true" } else { "false" });
        Ok(record.into())
    }
}

export_source!(StripeSource);
