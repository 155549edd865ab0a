//! The session of one partition: subscribed, with a stream that is read until it ends, and then another.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use danube_wasm_broker::{BrokerError, StartAt};
use danube_wasm_model::{SubscriptionType, clock};
use danube_wasm_proto::{
    OWN_BROKER_METADATA, START_METADATA,
    api::{
        ConsumerRequest, HealthCheckRequest, ReceiveRequest, StreamMessage,
        consumer_request::SubscriptionType as WireType, consumer_service_client::ConsumerServiceClient,
        health_check_client::HealthCheckClient, health_check_request::ClientType, health_check_response::ClientStatus,
    },
};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tonic::{Request, Streaming, metadata::MetadataValue};

use super::{
    Core,
    acks::Work,
    partition::{Partition, Place},
    tracker::Arrival,
};
use crate::{
    backoff::Backoff,
    fault::{Fault, as_loss},
    limits::{DECODE_BYTES_MAX, REFUSED_CEILING, STABLE_AFTER},
    wire::{Channel, InUse, Route},
};

/// A stream of messages.
pub(super) struct Session {
    stream: Streaming<StreamMessage>,
    consumer_id: u64,
    place: Place,
    /// Keeps the stream's connection counted.
    _connection: InUse,
}

/// Looks the partition up, subscribes and attaches. The same consumer name takes over what the broker still has of it.
pub(super) async fn open(core: &Core, partition: &Partition) -> Result<Session, Fault> {
    static SESSIONS: AtomicU64 = AtomicU64::new(1);
    let (shared, options, name) = (&core.shared, &core.options, &partition.name);
    let within = shared.options.request_timeout;
    let route = match shared.route(name).await? {
        Some(route) => route,
        // Brokers load what they are to serve when it is asked for, and know nothing of it before.
        None => shared.seeds.any()?,
    };
    let request = ConsumerRequest {
        request_id: shared.wire.number(),
        topic_name: name.to_string(),
        consumer_name: options.consumer.clone(),
        subscription: options.subscription.clone(),
        subscription_type: wire_type(options.subscription_type).into(),
        key_filters: Vec::new(),
    };
    let start = match options.start {
        StartAt::Earliest => "earliest",
        StartAt::Latest => "latest",
    };
    let call = |channel, mut request: Request<ConsumerRequest>| async move {
        // Danube's brokers pass over it.
        request
            .metadata_mut()
            .insert(START_METADATA, MetadataValue::from_static(start));
        let answer = client(channel).subscribe(request).await?;
        let own = answer.metadata().contains_key(OWN_BROKER_METADATA);
        Ok(answer.map(|subscribed| (subscribed, own)))
    };
    let doing = format!("subscribing to {name} as `{}`", options.subscription);
    let (subscribed, own) = shared.wire.call(&route, within, &doing, request, call).await?;
    if !own {
        core.traps.warn(options);
    }
    let request = ReceiveRequest {
        request_id: shared.wire.number(),
        consumer_id: subscribed.consumer_id,
    };
    let call = |channel, request| async move { client(channel).receive_messages(request).await };
    let doing = format!("reading {name}");
    let (stream, connection) = shared.wire.stream(&route, within, &doing, request, call).await?;
    let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
    Ok(Session {
        stream,
        consumer_id: subscribed.consumer_id,
        place: Place { route, session, own },
        _connection: connection,
    })
}

/// Keeps the partition consumed until the consumer is dropped.
pub(super) async fn keep(core: Arc<Core>, partition: Arc<Partition>, first: Result<Session, Fault>) {
    let stopped = core.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = keep_on(&core, &partition, first) => {}
    }
    partition.reader.ends();
    // Acknowledgements of what was given out still know where to go.
}

async fn keep_on(core: &Core, partition: &Arc<Partition>, first: Result<Session, Fault>) {
    let options = &core.shared.options;
    let pulse = core.shared.health.session();
    let mut backoff = Backoff::new(options.retry_floor);
    let mut next = first;
    loop {
        let wait = match next {
            Ok(session) => {
                pulse.up();
                let began = Instant::now();
                let end = read(core, partition, session).await;
                partition.session_lost();
                if began.elapsed() >= STABLE_AFTER {
                    backoff.reset();
                }
                after(core, partition, &end, &mut backoff, &pulse)
            }
            Err(Fault::Refused(error)) => {
                tracing::warn!(topic = %partition.name, %error, "the broker refuses the consumer");
                pulse.down(error.clone());
                *core.refusal.lock() = Some(error);
                core.changed.notify_one();
                backoff.next(REFUSED_CEILING)
            }
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                tracing::debug!(topic = %partition.name, %error, "no session yet");
                pulse.down(as_loss(&error));
                backoff.next(options.retry_ceiling)
            }
        };
        sleep(wait).await;
        next = open(core, partition).await;
    }
}

/// How long to wait after a stream ended.
fn after(
    core: &Core,
    partition: &Partition,
    end: &End,
    backoff: &mut Backoff,
    pulse: &crate::health::Pulse,
) -> Duration {
    let options = &core.shared.options;
    match end {
        End::Lost(error) => {
            tracing::warn!(topic = %partition.name, %error, "the consumer's session is lost; building another");
            pulse.down(as_loss(error));
            backoff.next(options.retry_ceiling)
        }
        // A takeover, a topic that moves or a broker that stops: all look the same from here. If it was a takeover,
        // taking it back at once would be answered in kind.
        End::Finished => {
            let wait = backoff.next(REFUSED_CEILING);
            let why = format!(
                "the broker ended the stream of {}: the topic moves, or another consumer named `{}` took subscription \
                 `{}` over; give each running instance its own name",
                partition.name, core.options.consumer, core.options.subscription
            );
            tracing::warn!(topic = %partition.name, wait_ms = clock::millis(wait), "{why}");
            pulse.down(BrokerError::new(danube_wasm_broker::ErrorKind::Unavailable, why));
            wait
        }
    }
}

enum End {
    /// The broker ended the stream in order.
    Finished,
    Lost(BrokerError),
}

/// Reads until the stream ends, the broker wants it gone, or an acknowledgement finds the session lost.
async fn read(core: &Core, partition: &Arc<Partition>, mut session: Session) -> End {
    let mut health = interval(core.shared.options.health_interval);
    health.set_missed_tick_behavior(MissedTickBehavior::Delay);
    health.reset();
    let mut suspect = partition.suspected.subscribe();
    let (number, route) = (session.place.session, session.place.route.clone());
    partition.session_begins(&session.place);
    // Asked beside the reading, which must not wait for the answer.
    let asking = still_wanted(core, &route, session.consumer_id, &mut health);
    tokio::pin!(asking);
    loop {
        tokio::select! {
            message = session.stream.message(), if partition.has_room() => match message {
                Ok(Some(message)) => accept(core, partition, message),
                Ok(None) => return End::Finished,
                Err(status) => {
                    let doing = format!("reading {} at {}", partition.name, route.address);
                    return End::Lost(Fault::of(&status, &doing, "").into_error());
                }
            },
            () = partition.room.notified(), if !partition.has_room() => {}
            error = &mut asking => return End::Lost(error),
            _ = suspect.wait_for(|suspected| *suspected >= number) => {
                return End::Lost(Fault::lost(format!("acknowledging on {} failed", partition.name)).into_error());
            }
        }
    }
}

fn accept(core: &Core, partition: &Arc<Partition>, message: StreamMessage) {
    core.came(partition, &message);
    match partition.arrive(message) {
        Arrival::Queued => core.changed.notify_one(),
        Arrival::InHand => {}
        Arrival::Done(id, msg_id) => {
            tracing::debug!(topic = %partition.name, offset = id.offset, "acknowledged before; acknowledging it again");
            drop(partition.hand_over(Work::new(&core.shared, id, msg_id, None)));
        }
    }
}

/// Returns when the broker does not want this consumer any more, or cannot be asked.
async fn still_wanted(core: &Core, route: &Route, consumer_id: u64, health: &mut tokio::time::Interval) -> BrokerError {
    let wire = &core.shared.wire;
    loop {
        health.tick().await;
        let request = HealthCheckRequest {
            request_id: wire.number(),
            client: ClientType::Consumer.into(),
            id: consumer_id,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        let doing = format!("asking whether consumer `{}` is wanted", core.options.consumer);
        let within = core.shared.options.request_timeout;
        match wire.call(route, within, &doing, request, call).await {
            Ok(answer) if answer.status() == ClientStatus::Ok => {}
            Ok(_) => {
                let message = format!(
                    "the broker at {} has let consumer `{}` go",
                    route.address, core.options.consumer
                );
                return Fault::lost(message).into_error();
            }
            // A broker that cannot be asked this is none that moves topics.
            Err(Fault::Refused(_)) => {}
            Err(fault) => return fault.into_error(),
        }
    }
}

fn wire_type(kind: SubscriptionType) -> WireType {
    match kind {
        SubscriptionType::Exclusive => WireType::Exclusive,
        SubscriptionType::Shared => WireType::Shared,
        SubscriptionType::Failover => WireType::Failover,
        SubscriptionType::KeyShared => WireType::KeyShared,
    }
}

fn client(channel: Channel) -> ConsumerServiceClient<Channel> {
    ConsumerServiceClient::new(channel).max_decoding_message_size(DECODE_BYTES_MAX)
}
