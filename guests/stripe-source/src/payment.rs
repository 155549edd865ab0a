//! From a Stripe event to a payment event.

use danube_connector::Result;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::stripe::{Charge, PaymentIntent, Reference, StripeEvent};

/// What is published.
#[derive(Debug, Serialize)]
pub(crate) struct Payment {
    event: &'static str,
    amount: u64,
    currency: String,
    timestamp: u64,
    pub(crate) payment_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
}

/// The payment event that a Stripe event is, or `None` if it is of another kind.
pub(crate) fn of(stripe: &StripeEvent<'_>) -> Result<Option<Payment>> {
    match stripe.kind.as_str() {
        "payment_intent.succeeded" => of_intent(stripe, "payment.succeeded", |intent| {
            intent.amount_received.or(intent.amount)
        }),
        "payment_intent.payment_failed" => of_intent(stripe, "payment.failed", |intent| intent.amount),
        "payment_intent.canceled" => of_intent(stripe, "payment.canceled", |intent| intent.amount),
        "charge.refunded" => of_refund(stripe),
        _ => return Ok(None),
    }
    .map(Some)
}

fn of_intent(
    stripe: &StripeEvent<'_>,
    event: &'static str,
    amount: impl FnOnce(&PaymentIntent) -> Option<u64>,
) -> Result<Payment> {
    let intent: PaymentIntent = stripe.object()?;
    Ok(Payment {
        event,
        amount: amount(&intent).ok_or_else(|| stripe.invalid("`data.object` has no `amount`"))?,
        currency: intent.currency.to_ascii_uppercase(),
        timestamp: stripe.created,
        payment_id: intent.id,
        customer_id: id(intent.customer),
        metadata: unless_empty(intent.metadata),
    })
}

fn of_refund(stripe: &StripeEvent<'_>) -> Result<Payment> {
    let charge: Charge = stripe.object()?;
    let refunded = charge.amount_refunded;
    Ok(Payment {
        event: "payment.refunded",
        amount: refunded.ok_or_else(|| stripe.invalid("`data.object` has no `amount_refunded`"))?,
        currency: charge.currency.to_ascii_uppercase(),
        timestamp: stripe.created,
        // A charge made without a payment intent stands for itself.
        payment_id: id(charge.payment_intent).unwrap_or(charge.id),
        customer_id: id(charge.customer),
        metadata: unless_empty(charge.metadata),
    })
}

fn id(reference: Option<Reference>) -> Option<String> {
    reference.map(|Reference(id)| id)
}

fn unless_empty(metadata: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
    metadata.filter(|map| !map.is_empty())
}
