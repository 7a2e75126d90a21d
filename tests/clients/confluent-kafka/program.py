"""A client program on confluent-kafka, which wraps librdkafka. It runs on 1.7 as on the newest."""

import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

from lines import input_end, pairs, print_line, print_record, records


def produce(bootstrap, *topics):
    written = list(records())
    for topic, codec in pairs(topics).items():
        producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec})
        for key, value, headers, timestamp in written:
            producer.produce(
                topic, value, key, partition=0, headers=headers, timestamp=timestamp, on_delivery=raise_on_failure
            )
            producer.poll(0)
        if producer.flush(30):
            sys.exit("some records were not acknowledged within 30 s")


def raise_on_failure(error, _message):
    if error is not None:
        raise KafkaException(error)


def consume(bootstrap, *topics):
    # librdkafka asks for a group's name even where partitions are assigned by hand.
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False})
    left = {topic: int(count) for topic, count in pairs(topics).items()}
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in left])
    while any(left.values()):
        for message in consumer.consume(num_messages=500, timeout=1):
            if message.error():
                raise KafkaException(message.error())
            if left[message.topic()] == 0:
                continue
            left[message.topic()] -= 1
            _kind, timestamp = message.timestamp()
            print_record(message.topic(), message.key(), message.value(), message.headers() or [], timestamp)
    consumer.close()
    # 1.7 gives None away once too often for each header without a value, and Python aborts when it tidies up.
    os._exit(0)


def group(bootstrap, group_id, topic, member, instance_id=None):
    config = {
        "bootstrap.servers": bootstrap,
        "group.id": group_id,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        # Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
        "heartbeat.interval.ms": 200,
        "session.timeout.ms": 20000,
    }
    if instance_id:
        config["group.instance.id"] = instance_id
    consumer = Consumer(config)

    def tell(event):
        return lambda _, changed: print_line(member=member, event=event, partitions=[part.partition for part in changed])

    consumer.subscribe([topic], on_assign=tell("assigned"), on_revoke=tell("revoked"))
    ended = input_end()
    while not ended.is_set():
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        partition, offset = message.partition(), message.offset()
        print_line(member=member, event="record", partition=partition, offset=offset)
        # The offset to commit is that of the record to go on with.
        next_offset = with_metadata(topic, partition, offset + 1, f"read by {member}")
        for answer in consumer.commit(offsets=[next_offset], asynchronous=False):
            if answer.error:
                raise KafkaException(answer.error)
        print_line(member=member, event="committed", partition=partition, offset=offset + 1)
    print_line(member=member, event="leaving")
    consumer.close()


def committed(bootstrap, group_id, topic, partitions):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group_id})
    asked = [TopicPartition(topic, partition) for partition in range(int(partitions))]
    for found in consumer.committed(asked, timeout=30):
        print_line(partition=found.partition, offset=found.offset, metadata=getattr(found, "metadata", None))
    consumer.close()


def with_metadata(topic, partition, offset, metadata):
    try:
        return TopicPartition(topic, partition, offset, metadata)
    except TypeError:  # older than 2.0.2, which brought metadata
        return TopicPartition(topic, partition, offset)


if __name__ == "__main__":
    {"produce": produce, "consume": consume, "group": group, "committed": committed}[sys.argv[1]](*sys.argv[2:])
