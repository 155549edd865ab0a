//! The session of one partition: subscribes, reads its stream until it ends, and repeats.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use danube_wasm_broker::{Backoff, BrokerError, StartAt};
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
    acks::AckTask,
    partition::{Partition, ServingBroker},
    shared::Core,
    tracker::Arrival,
};
use crate::{
    fault::{Fault, as_unavailable},
    limits::{DECODE_BYTES_MAX, REFUSED_CEILING, STABLE_AFTER},
    wire::{BrokerEndpoint, Channel, InUse},
};

/// A stream of messages.
pub(super) struct Session {
    stream: Streaming<StreamMessage>,
    consumer_id: u64,
    serving: ServingBroker,
    /// Keeps the stream's connection counted.
    _connection: InUse,
}

/// Looks the partition up, subscribes and attaches. The same consumer name replaces the session that the broker may
/// still have.
pub(super) async fn open(core: &Core, partition: &Partition) -> Result<Session, Fault> {
    static SESSIONS: AtomicU64 = AtomicU64::new(1);
    let (shared, options, name) = (&core.shared, &core.options, &partition.name);
    let within = shared.options.request_timeout;
    let endpoint = match shared.locate(name).await? {
        Some(endpoint) => endpoint,
        // Brokers load a topic when it is first requested, and do not know it before.
        None => shared.seeds.preferred_seed()?,
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
        // Danube's brokers ignore it.
        request
            .metadata_mut()
            .insert(START_METADATA, MetadataValue::from_static(start));
        let answer = client(channel).subscribe(request).await?;
        let own = answer.metadata().contains_key(OWN_BROKER_METADATA);
        Ok(answer.map(|subscribed| (subscribed, own)))
    };
    let action = format!("subscribing to {name} as `{}`", options.subscription);
    let (subscribed, own) = shared.wire.call(&endpoint, within, &action, request, call).await?;
    if !own {
        core.quirks.warn(options);
    }
    let request = ReceiveRequest {
        request_id: shared.wire.number(),
        consumer_id: subscribed.consumer_id,
    };
    let call = |channel, request| async move { client(channel).receive_messages(request).await };
    let action = format!("reading {name}");
    let (stream, connection) = shared.wire.stream(&endpoint, within, &action, request, call).await?;
    let session = SESSIONS.fetch_add(1, Ordering::Relaxed);
    Ok(Session {
        stream,
        consumer_id: subscribed.consumer_id,
        // Not when it is first read: what is published once a caller has its consumer is of this session.
        serving: ServingBroker {
            endpoint,
            session,
            since_ms: clock::now_ms(),
            own,
        },
        _connection: connection,
    })
}

/// Consumes the partition until the consumer is dropped.
pub(super) async fn run(core: Arc<Core>, partition: Arc<Partition>, first: Result<Session, Fault>) {
    let stopped = core.stopped.clone();
    tokio::select! {
        () = stopped.cancelled() => {}
        () = run_sessions(&core, &partition, first) => {}
    }
    partition.local.stop();
    // Acknowledgements of delivered messages can still be sent.
}

async fn run_sessions(core: &Core, partition: &Arc<Partition>, first: Result<Session, Fault>) {
    let options = &core.shared.options;
    let health = core.shared.health.session();
    let mut backoff = Backoff::new(options.retry_floor);
    let mut next = first;
    loop {
        let wait = match next {
            Ok(session) => {
                health.up();
                let began = Instant::now();
                let end = read(core, partition, session).await;
                partition.session_lost();
                if began.elapsed() >= STABLE_AFTER {
                    backoff.reset();
                }
                wait_after_end(core, partition, &end, &mut backoff, &health)
            }
            Err(Fault::Refused(error)) => {
                tracing::warn!(topic = %partition.name, %error, "the broker refuses the consumer");
                health.down(error.clone());
                *core.refusal.lock() = Some(error);
                core.changed.notify_one();
                backoff.next(REFUSED_CEILING)
            }
            Err(Fault::Lost(error) | Fault::Missing(error)) => {
                tracing::debug!(topic = %partition.name, %error, "no session yet");
                health.down(as_unavailable(&error));
                backoff.next(options.retry_ceiling)
            }
        };
        sleep(wait).await;
        next = open(core, partition).await;
    }
}

/// How long to wait after a stream ended.
fn wait_after_end(
    core: &Core,
    partition: &Partition,
    end: &StreamEnd,
    backoff: &mut Backoff,
    health: &crate::health::SessionHealth,
) -> Duration {
    let options = &core.shared.options;
    match end {
        StreamEnd::Lost(error) => {
            tracing::warn!(topic = %partition.name, %error, "the consumer's session is lost; building another");
            health.down(as_unavailable(error));
            backoff.next(options.retry_ceiling)
        }
        // A takeover, a topic that moves and a broker that stops look the same from here. After a takeover,
        // reconnecting at once would be answered by another takeover.
        StreamEnd::Finished => {
            let wait = backoff.next(REFUSED_CEILING);
            let why = format!(
                "the broker ended the stream of {}: the topic moves, or another consumer named `{}` took subscription \
                 `{}` over; give each running instance its own name",
                partition.name, core.options.consumer, core.options.subscription
            );
            tracing::warn!(topic = %partition.name, wait_ms = clock::millis(wait), "{why}");
            health.down(BrokerError::new(danube_wasm_broker::ErrorKind::Unavailable, why));
            wait
        }
    }
}

enum StreamEnd {
    /// The broker ended the stream in order.
    Finished,
    Lost(BrokerError),
}

/// Reads until the stream ends, the broker does not know the consumer any more, or an acknowledgement finds the session
/// lost.
async fn read(core: &Core, partition: &Arc<Partition>, mut session: Session) -> StreamEnd {
    let mut health = interval(core.shared.options.health_interval);
    health.set_missed_tick_behavior(MissedTickBehavior::Delay);
    health.reset();
    let mut suspect = partition.suspected.subscribe();
    let (number, endpoint) = (session.serving.session, session.serving.endpoint.clone());
    partition.start_session(&session.serving);
    // Runs beside the reading, which must not wait for the answer.
    let liveness = watch_liveness(core, &endpoint, session.consumer_id, &mut health);
    tokio::pin!(liveness);
    loop {
        tokio::select! {
            message = session.stream.message(), if partition.has_room() => match message {
                Ok(Some(message)) => handle_message(core, partition, message),
                Ok(None) => return StreamEnd::Finished,
                Err(status) => {
                    let action = format!("reading {} at {}", partition.name, endpoint.address);
                    return StreamEnd::Lost(Fault::of(&status, &action, "").into_error());
                }
            },
            () = partition.capacity_freed.notified(), if !partition.has_room() => {}
            error = &mut liveness => return StreamEnd::Lost(error),
            _ = suspect.wait_for(|suspected| *suspected >= number) => {
                return StreamEnd::Lost(Fault::lost(format!("acknowledging on {} failed", partition.name)).into_error());
            }
        }
    }
}

fn handle_message(core: &Core, partition: &Arc<Partition>, message: StreamMessage) {
    core.on_message(partition, &message);
    match partition.record_arrival(message) {
        Arrival::Queued => core.changed.notify_one(),
        Arrival::AlreadyDelivered => {}
        Arrival::AlreadyAcked(id, msg_id) => {
            tracing::debug!(topic = %partition.name, offset = id.offset, "acknowledged before; acknowledging it again");
            drop(partition.queue_ack(AckTask::new(&core.shared, id, msg_id, None)));
        }
    }
}

/// Returns when the broker does not know this consumer any more, or cannot be asked.
async fn watch_liveness(
    core: &Core,
    endpoint: &BrokerEndpoint,
    consumer_id: u64,
    health: &mut tokio::time::Interval,
) -> BrokerError {
    let wire = &core.shared.wire;
    loop {
        health.tick().await;
        let request = HealthCheckRequest {
            request_id: wire.number(),
            client: ClientType::Consumer.into(),
            id: consumer_id,
        };
        let call = |channel, request| async move { HealthCheckClient::new(channel).health_check(request).await };
        let action = format!("asking whether consumer `{}` is wanted", core.options.consumer);
        let within = core.shared.options.request_timeout;
        match wire.call(endpoint, within, &action, request, call).await {
            Ok(answer) if answer.status() == ClientStatus::Ok => {}
            Ok(_) => {
                let message = format!(
                    "the broker at {} has let consumer `{}` go",
                    endpoint.address, core.options.consumer
                );
                return Fault::lost(message).into_error();
            }
            // A broker that does not support this call does not move topics.
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
