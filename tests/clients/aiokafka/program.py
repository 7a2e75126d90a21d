"""A client program on aiokafka, the client for asyncio."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from lines import input_end, pairs, print_line, print_record, records


async def produce(bootstrap, *topics):
    written = list(records())
    for topic, codec in pairs(topics).items():
        compression = None if codec == "none" else codec
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap, enable_idempotence=True, compression_type=compression, linger_ms=5
        ) as producer:
            sent = [
                await producer.send(topic, value, key, partition=0, timestamp_ms=timestamp, headers=headers)
                for key, value, headers, timestamp in written
            ]
            await asyncio.wait_for(asyncio.gather(*sent), 30)


async def consume(bootstrap, *topics):
    left = {topic: int(count) for topic, count in pairs(topics).items()}
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0) for topic in left])
        while any(left.values()):
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                for record in batch[: left[batch[0].topic]]:
                    left[record.topic] -= 1
                    print_record(record.topic, record.key, record.value, record.headers, record.timestamp)


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


async def group(bootstrap, group_id, topic, member, instance_id=None):
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group_id,
        group_instance_id=instance_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        # Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
        heartbeat_interval_ms=200,
        session_timeout_ms=20000,
    )
    consumer.subscribe([topic], listener=Teller(member))
    ended = input_end()
    async with consumer:
        while not ended.is_set():
            for part, batch in (await consumer.getmany(timeout_ms=100, max_records=1)).items():
                for record in batch:
                    print_line(member=member, event="record", partition=part.partition, offset=record.offset)
                    # The offset to commit is that of the record to go on with.
                    await consumer.commit({part: OffsetAndMetadata(record.offset + 1, f"read by {member}")})
                    print_line(member=member, event="committed", partition=part.partition, offset=record.offset + 1)
        print_line(member=member, event="leaving")


async def committed(bootstrap, group_id, topic, partitions):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    asked = [TopicPartition(topic, partition) for partition in range(int(partitions))]
    for part, found in (await admin.list_consumer_group_offsets(group_id, partitions=asked)).items():
        print_line(partition=part.partition, offset=found.offset, metadata=found.metadata)
    await admin.close()


if __name__ == "__main__":
    run = {"produce": produce, "consume": consume, "group": group, "committed": committed}[sys.argv[1]]
    asyncio.run(run(*sys.argv[2:]))
