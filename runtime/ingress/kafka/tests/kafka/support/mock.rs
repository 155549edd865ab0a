//! librdkafka's mock cluster, for what a real broker does not do on demand.

use rdkafka::{
    ClientConfig,
    mocking::MockCluster,
    producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _},
    types::{RDKafkaApiKey, RDKafkaRespErr},
};

/// A cluster of so many brokers in this process.
pub(crate) struct Mock(MockCluster<'static, DefaultProducerContext>);

impl Mock {
    pub(crate) fn start(brokers: i32) -> Self {
        Self(MockCluster::new(brokers).expect("a cluster"))
    }

    pub(crate) fn brokers(&self) -> String {
        self.0.bootstrap_servers().replace(',', "\", \"")
    }

    pub(crate) fn create(&self, topic: &str, partitions: i32) {
        self.0.create_topic(topic, partitions, 1).expect("a topic");
    }

    /// Moves the leader of a partition to another broker.
    pub(crate) fn lead(&self, topic: &str, partition: i32, broker: i32) {
        self.0
            .partition_leader(topic, partition, Some(broker))
            .expect("a leader");
    }

    /// Moves what coordinates the group to another broker.
    pub(crate) fn coordinate(&self, group: &str, broker: i32) {
        let group = rdkafka::mocking::MockCoordinator::Group(group.to_owned());
        self.0.coordinator(group, broker).expect("a coordinator");
    }

    /// The next so many requests of this kind are answered with this.
    pub(crate) fn answer(&self, request: RDKafkaApiKey, error: RDKafkaRespErr, times: usize) {
        self.0.request_errors(request, &vec![error; times]);
    }

    /// Requests are answered as usual.
    pub(crate) fn answer_as_usual(&self, request: RDKafkaApiKey) {
        self.0.clear_request_errors(request);
    }

    pub(crate) fn down(&self, broker: i32) {
        self.0.broker_down(broker).expect("it is down");
    }

    pub(crate) fn up(&self, broker: i32) {
        self.0.broker_up(broker).expect("it is up");
    }

    /// Produces these, round the partitions.
    pub(crate) fn produce(&self, topic: &str, partitions: i32, values: impl IntoIterator<Item = String>) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.0.bootstrap_servers())
            .create()
            .expect("a producer");
        for (at, value) in (0..).zip(values) {
            let record = BaseRecord::<str, str>::to(topic)
                .partition(at % partitions)
                .payload(&value);
            producer.send(record).expect("it is queued");
        }
        producer
            .flush(std::time::Duration::from_secs(30))
            .expect("it is written");
    }
}
