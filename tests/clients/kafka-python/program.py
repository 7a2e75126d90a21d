"""A client program on kafka-python, which is Python through and through. It runs on 2.0.2 as on the newest."""

import sys

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from lines import input_end, pairs, print_line, print_record, records


def produce(bootstrap, *topics):
    written = list(records())
    for topic, codec in pairs(topics).items():
        compression = None if codec == "none" else codec
        producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=compression, linger_ms=5)
        sent = [
            producer.send(topic, value, key, headers, partition=0, timestamp_ms=timestamp)
            for key, value, headers, timestamp in written
        ]
        for answer in sent:
            answer.get(timeout=30)
        producer.close()


def consume(bootstrap, *topics):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    left = {topic: int(count) for topic, count in pairs(topics).items()}
    consumer.assign([TopicPartition(topic, 0) for topic in left])
    while any(left.values()):
        for batch in consumer.poll(timeout_ms=1000).values():
            for record in batch[: left[batch[0].topic]]:
                left[record.topic] -= 1
                print_record(record.topic, record.key, record.value, record.headers, record.timestamp)
    consumer.close()


class Teller(ConsumerRebalanceListener):
    """Prints what a member is given and what is taken from it."""

    def __init__(self, member):
        self.member = member

    def on_partitions_assigned(self, assigned):
        self.tell("assigned", assigned)

    def on_partitions_revoked(self, revoked):
        self.tell("revoked", revoked)

    def tell(self, event, changed):
        print_line(member=self.member, event=event, partitions=[part.partition for part in changed])


def group(bootstrap, group_id, topic, member, instance_id=None):
    static = {"group_instance_id": instance_id} if instance_id else {}  # 2.0.2 does not know the name
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        # Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
        heartbeat_interval_ms=200,
        session_timeout_ms=20000,
        **static,
    )
    consumer.subscribe([topic], listener=Teller(member))
    ended = input_end()
    while not ended.is_set():
        for part, batch in consumer.poll(timeout_ms=100, max_records=1).items():
            for record in batch:
                print_line(member=member, event="record", partition=part.partition, offset=record.offset)
                # The offset to commit is that of the record to go on with.
                consumer.commit({part: with_metadata(record.offset + 1, f"read by {member}")})
                print_line(member=member, event="committed", partition=part.partition, offset=record.offset + 1)
    print_line(member=member, event="leaving")
    consumer.close()


def committed(bootstrap, group_id, topic, partitions):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=group_id)
    for partition in range(int(partitions)):
        found = consumer.committed(TopicPartition(topic, partition), metadata=True)
        print_line(partition=partition, offset=found.offset, metadata=found.metadata)
    consumer.close()


def with_metadata(offset, metadata):
    if "leader_epoch" in OffsetAndMetadata._fields:
        return OffsetAndMetadata(offset, metadata, -1)
    return OffsetAndMetadata(offset, metadata)


if __name__ == "__main__":
    {"produce": produce, "consume": consume, "group": group, "committed": committed}[sys.argv[1]](*sys.argv[2:])
