import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A client program on Kafka's own client. */
public final class Program {
    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[1];
        List<String> rest = Arrays.asList(arguments).subList(2, arguments.length);
        switch (arguments[0]) {
            case "produce" -> produce(bootstrap, rest);
            case "consume" -> consume(bootstrap, rest);
            case "group" -> group(bootstrap, rest.get(0), rest.get(1), rest.get(2), rest.size() > 3 ? rest.get(3) : null);
            case "committed" -> committed(bootstrap, rest.get(0), rest.get(1), Integer.parseInt(rest.get(2)));
            case "load" -> new Load(bootstrap, rest).run();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void produce(String bootstrap, List<String> topics) throws Exception {
        List<Lines.Record> records = Lines.records();
        for (Map.Entry<String, String> topic : Lines.pairs(topics, codec -> codec).entrySet()) {
            Map<String, Object> config = new HashMap<>();
            config.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
            config.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
            config.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
            config.put(ProducerConfig.COMPRESSION_TYPE_CONFIG, topic.getValue());
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config)) {
                for (Lines.Record record : records) {
                    sent.add(producer.send(new ProducerRecord<>(
                            topic.getKey(), 0, record.timestamp(), record.key(), record.value(), record.headers())));
                }
            }
            for (Future<RecordMetadata> answer : sent) {
                answer.get(30, TimeUnit.SECONDS);
            }
        }
    }

    private static void consume(String bootstrap, List<String> topics) {
        Map<String, Integer> left = Lines.pairs(topics, Integer::valueOf);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerConfig(bootstrap))) {
            consumer.assign(left.keySet().stream().map(topic -> new TopicPartition(topic, 0)).toList());
            while (left.values().stream().anyMatch(count -> count > 0)) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    if (left.merge(record.topic(), -1, Integer::sum) >= 0) {
                        Lines.print(record);
                    }
                }
            }
        }
    }

    private static void group(String bootstrap, String group, String topic, String member, String instance) {
        Map<String, Object> config = consumerConfig(bootstrap);
        config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        if (instance != null) {
            config.put(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG, instance);
        }
        // Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
        config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 200);
        config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, 20_000);
        config.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, 1);
        Lines.InputEnd ended = Lines.inputEnd();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
            consumer.subscribe(List.of(topic), new Teller(member));
            while (!ended.isReached()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    Lines.print(Map.of(
                            "member", member, "event", "record", "partition", record.partition(), "offset", record.offset()));
                    // The offset to commit is that of the record to go on with.
                    long next = record.offset() + 1;
                    consumer.commitSync(Map.of(
                            new TopicPartition(topic, record.partition()), new OffsetAndMetadata(next, "read by " + member)));
                    Lines.print(Map.of(
                            "member", member, "event", "committed", "partition", record.partition(), "offset", next));
                }
            }
            Lines.print(Map.of("member", member, "event", "leaving"));
        }
    }

    private static void committed(String bootstrap, String group, String topic, int partitions) {
        Map<String, Object> config = consumerConfig(bootstrap);
        config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
            Map<TopicPartition, OffsetAndMetadata> found = consumer.committed(IntStream.range(0, partitions)
                    .mapToObj(partition -> new TopicPartition(topic, partition))
                    .collect(Collectors.toSet()));
            found.forEach((part, committed) -> Lines.print(Map.of(
                    "partition", part.partition(), "offset", committed.offset(), "metadata", committed.metadata())));
        }
    }

    private static Map<String, Object> consumerConfig(String bootstrap) {
        Map<String, Object> config = new HashMap<>();
        config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        return config;
    }

    /** Prints what a member is given and what is taken from it. */
    private record Teller(String member) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
            tell("assigned", assigned);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            tell("revoked", revoked);
        }

        private void tell(String event, Collection<TopicPartition> changed) {
            List<Integer> partitions = changed.stream().map(TopicPartition::partition).toList();
            Lines.print(Map.of("member", member, "event", event, "partitions", partitions));
        }
    }
}
