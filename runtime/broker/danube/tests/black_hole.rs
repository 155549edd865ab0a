//! A network that accepts bytes and delivers none: no error ever comes, only silence.
#![allow(clippy::unwrap_used, reason = "in tests")]

mod support;

use std::{sync::Arc, time::Duration};

use danube_wasm_broker::Broker;
use danube_wasm_broker_danube::{Danube, DanubeOptions};
use danube_wasm_model::SubscriptionType;
use support::{Wire, consumer_options, numbers, proxy::Proxy, publish, quick, receive, record, reliable, soon, topic};

#[tokio::test]
async fn a_connection_that_swallows_everything_is_given_up_by_publisher_and_consumer() {
    let wire = Wire::start().await;
    let proxy = Proxy::start(wire.address).await;
    // The broker, too, says that it is behind the proxy.
    wire.state.set_url(&proxy.url());
    let mut options = quick(DanubeOptions::new([proxy.url()]));
    options.request_timeout = Duration::from_millis(300);
    options.keepalive_interval = Duration::from_millis(100);
    options.keepalive_timeout = Duration::from_millis(100);
    let client: Arc<Danube> = Danube::open(options).unwrap();
    let topic = topic("/default/t");
    soon(client.create_topic(&topic, reliable(0))).await.unwrap();
    let mut consumer = soon(client.subscribe(consumer_options(&topic, SubscriptionType::Exclusive)))
        .await
        .unwrap();
    let publisher = client.publisher("p/source").await.unwrap();
    let mut n = 0;
    for _ in 0..3 {
        let records = (n..n + 5).map(|i| record(&topic, Some("k"), i)).collect();
        assert!(publish(&*publisher, records).await.iter().all(Result::is_ok));
        let messages = receive(&mut *consumer, 5).await;
        let mut seen = numbers(&messages);
        // A record whose answer was swallowed is in the broker twice, under one id.
        seen.dedup();
        assert_eq!(seen.first(), Some(&n));
        n += 5;
        proxy.swallow();
        let ids: Vec<_> = messages.iter().map(|m| m.message_id).collect();
        soon(consumer.acker().ack(&ids)).await.unwrap();
    }
    assert_eq!(wire.state.acked("/default/t").len(), 15);
}
