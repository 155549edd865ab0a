"""An independent client of Kafka: reads one JSON object per line and does what it says, in order. Prints one JSON object for each line
that asks for an answer; ends with an error if anything could not be done."""

import base64
import json
import sys

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

common = json.loads(sys.argv[1])
admin = AdminClient(common)
producer = None
transactional = None


def failed(error, message):
    if error is not None:
        print(f"{message.topic()}: {error}", file=sys.stderr)
        sys.exit(1)


def wait(futures):
    return [future.result(timeout=30) for future in futures.values()]


def raw(value):
    if isinstance(value, dict):
        return base64.b64decode(value["base64"])
    return value


def produce(step):
    global producer
    if step.get("txn"):
        target = transactional
    else:
        if producer is None:
            producer = Producer({**common, "enable.idempotence": True, "linger.ms": 2, **step.get("config", {})})
        target = producer
    more = {}
    if "partition" in step:
        more["partition"] = step["partition"]
    if "timestamp" in step:
        more["timestamp"] = step["timestamp"]
    if "headers" in step:
        more["headers"] = [(name, raw(value)) for name, value in step["headers"]]
    for _ in range(2):
        try:
            target.produce(step["topic"], key=raw(step.get("key")), value=raw(step.get("value")), on_delivery=failed, **more)
            break
        except BufferError:
            target.flush(30)
    target.poll(0)


for line in sys.stdin:
    step = json.loads(line)
    op = step["op"]
    if op == "produce":
        produce(step)
    elif op == "create":
        topic = NewTopic(step["topic"], step.get("partitions", 1), step.get("replicas", 1), config=step.get("config", {}))
        wait(admin.create_topics([topic]))
    elif op == "partitions":
        wait(admin.create_partitions([NewPartitions(step["topic"], step["count"])]))
    elif op == "delete":
        wait(admin.delete_topics([step["topic"]], operation_timeout=20))
    elif op == "delete-records":
        wait(admin.delete_records([TopicPartition(step["topic"], step.get("partition", 0), step["offset"])]))
    elif op == "delete-group":
        wait(admin.delete_consumer_groups([step["group"]]))
    elif op == "set-offset":
        offset = TopicPartition(step["topic"], step.get("partition", 0), step["offset"])
        wait(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(step["group"], [offset])]))
    elif op == "init-transactions":
        transactional = Producer({**common, "transactional.id": step["id"], "transaction.timeout.ms": 60000})
        transactional.init_transactions(30)
    elif op == "begin":
        transactional.begin_transaction()
    elif op == "commit":
        transactional.commit_transaction(30)
    elif op == "abort":
        transactional.flush(30)
        transactional.abort_transaction(30)
    elif op == "flush":
        if (transactional if step.get("txn") else producer).flush(30):
            sys.exit(1)
    elif op == "committed":
        of = [TopicPartition(step["topic"], number) for number in range(step.get("partitions", 1))]
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(step["group"], of)])
        found = next(iter(asked.values())).result(timeout=30)
        print(json.dumps([one.offset for one in found.topic_partitions]), flush=True)
    elif op == "ends":
        consumer = Consumer({**common, "group.id": "ends"})
        of = [TopicPartition(step["topic"], number) for number in range(step.get("partitions", 1))]
        print(json.dumps([consumer.get_watermark_offsets(one, timeout=30) for one in of]), flush=True)
        consumer.close()
    elif op == "coordinator":
        asked = admin.describe_consumer_groups([step["group"]])
        print(json.dumps(next(iter(asked.values())).result(timeout=30).coordinator.id), flush=True)
    elif op == "members":
        asked = admin.describe_consumer_groups([step["group"]])
        group = next(iter(asked.values())).result(timeout=30)
        print(json.dumps([len(member.assignment.topic_partitions) for member in group.members]), flush=True)
    else:
        sys.exit(f"what is {op}?")

if producer is not None and producer.flush(60):
    sys.exit("not everything could be produced")
