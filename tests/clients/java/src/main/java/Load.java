import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntConsumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Idempotent producers, and members of a group that commit what they have read, which go on whatever becomes of their
 * broker. Each is a client with a number; members have the first.
 *
 * <p>Standard input: {@code begin CLIENT} has a client begin what it has asked for, {@code end writing} has producers
 * end, and {@code end} everybody.
 *
 * <p>Standard output, where what was not told is null, and an offset that the broker has not told is -1:
 *
 * <pre>
 * {"client": 2, "event": "sending", "sends": [[partition, value], ..]}                            asks
 * {"client": 2, "event": "sent", "sends": [[partition, value, offset], ..], "error": null}
 * {"client": 0, "event": "subscribed"}
 * {"client": 0, "event": "polled", "records": [[partition, offset, value], ..]}
 * {"client": 0, "event": "committing"}                                                            asks
 * {"client": 0, "event": "committed", "commits": [[partition, offset, number], ..], "error": null}
 * {"event": "written"}                                                                            producers have ended
 * </pre>
 */
final class Load {
    private static final int RECORDS_PER_OPERATION = 10;
    private static final int RECORD_BYTES = 100;
    private static final Duration POLL = Duration.ofMillis(50);

    /** The first value, and the first number of a commit: others in the same test count from zero. */
    private static final long FIRST_NUMBER = 1L << 40;

    private final String bootstrap;
    private final String topic;
    private final int partitions;
    private final String group;
    private final int sessionTimeoutMs;
    private final int producers;
    private final int members;
    private final AtomicLong clients;
    private final AtomicLong numbers = new AtomicLong(FIRST_NUMBER);
    private final Map<Long, Semaphore> turns = new ConcurrentHashMap<>();
    private volatile boolean writing = true;
    private volatile boolean reading = true;

    Load(String bootstrap, List<String> arguments) {
        this.bootstrap = bootstrap;
        topic = arguments.get(0);
        partitions = Integer.parseInt(arguments.get(1));
        group = arguments.get(2);
        sessionTimeoutMs = Integer.parseInt(arguments.get(3));
        producers = Integer.parseInt(arguments.get(4));
        members = Integer.parseInt(arguments.get(5));
        clients = new AtomicLong(members);
    }

    void run() throws Exception {
        List<Thread> consuming = start(members, this::consume);
        List<Thread> producing = start(producers, number -> produce());
        start(1, number -> listen());
        join(producing);
        Lines.print(Map.of("event", "written"));
        join(consuming);
    }

    private void listen() {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        input.lines().forEach(line -> {
            switch (line) {
                case "end writing" -> writing = false;
                case "end" -> reading = false;
                default -> turn(Long.parseLong(line.substring("begin ".length()))).release();
            }
        });
        throw new IllegalStateException("nobody tells anybody to begin any more");
    }

    private Semaphore turn(long client) {
        return turns.computeIfAbsent(client, number -> new Semaphore(0));
    }

    /** Asks whether to begin something, and returns once the answer is there. */
    private void ask(long client, Map<String, Object> line) {
        Lines.print(line);
        turn(client).acquireUninterruptibly();
    }

    private void produce() {
        while (writing) {
            long client = clients.getAndIncrement();
            KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(producerConfig());
            while (writing && sendOnce(client, producer)) {}
            producer.close(Duration.ZERO);
        }
    }

    /** Sends some records to all partitions. Returns whether all were acknowledged; else the producer is to be replaced. */
    private boolean sendOnce(long client, KafkaProducer<byte[], byte[]> producer) {
        long first = numbers.getAndAdd(RECORDS_PER_OPERATION);
        List<Long[]> sends = new ArrayList<>();
        for (int i = 0; i < RECORDS_PER_OPERATION; i++) {
            sends.add(new Long[] {(long) i % partitions, first + i, null});
        }
        ask(client, Map.of("client", client, "event", "sending", "sends", sends));
        List<Future<RecordMetadata>> answers = sends.stream().map(send -> send(producer, send)).toList();
        String error = null;
        for (int i = 0; i < answers.size(); i++) {
            try {
                // Longer than the producer itself tries.
                sends.get(i)[2] = answers.get(i).get(2, TimeUnit.MINUTES).offset();
            } catch (ExecutionException | TimeoutException | InterruptedException e) {
                error = e.toString();
            }
        }
        print(client, "sent", "sends", sends, error);
        return error == null;
    }

    private Future<RecordMetadata> send(KafkaProducer<byte[], byte[]> producer, Long[] send) {
        byte[] value = ByteBuffer.allocate(RECORD_BYTES).putLong(send[1]).array();
        try {
            return producer.send(new ProducerRecord<>(topic, send[0].intValue(), null, value));
        } catch (KafkaException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private void consume(int client) {
        Lines.print(Map.of("client", client, "event", "subscribed"));
        Map<TopicPartition, Long> uncommitted = new HashMap<>();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(consumerConfig())) {
            consumer.subscribe(List.of(topic), new Forgetter(uncommitted));
            while (reading) {
                ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
                List<long[]> polled = new ArrayList<>();
                for (ConsumerRecord<byte[], byte[]> record : records) {
                    long value = ByteBuffer.wrap(record.value()).getLong();
                    polled.add(new long[] {record.partition(), record.offset(), value});
                    uncommitted.put(new TopicPartition(topic, record.partition()), record.offset() + 1);
                }
                if (!polled.isEmpty()) {
                    print(client, "polled", "records", polled, null);
                }
                // What was not acknowledged is committed again.
                if (!uncommitted.isEmpty() && commit(client, consumer, uncommitted)) {
                    uncommitted.clear();
                }
            }
        }
    }

    private boolean commit(int client, KafkaConsumer<byte[], byte[]> consumer, Map<TopicPartition, Long> uncommitted) {
        List<long[]> commits = new ArrayList<>();
        Map<TopicPartition, OffsetAndMetadata> asked = new HashMap<>();
        uncommitted.forEach((partition, offset) -> {
            long number = numbers.getAndIncrement();
            commits.add(new long[] {partition.partition(), offset, number});
            asked.put(partition, new OffsetAndMetadata(offset, "commit " + number));
        });
        ask(client, Map.of("client", client, "event", "committing"));
        String error = null;
        try {
            consumer.commitSync(asked);
        } catch (KafkaException e) {
            error = e.toString();
        }
        print(client, "committed", "commits", commits, error);
        return error == null;
    }

    private Map<String, Object> producerConfig() {
        Map<String, Object> config = clientConfig();
        config.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        config.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        config.put(ProducerConfig.ACKS_CONFIG, "all");
        config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        config.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        config.put(ProducerConfig.BUFFER_MEMORY_CONFIG, 4 << 20);
        // Longer than any restart: giving up is an outcome of its own, and not the one that is looked for.
        config.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 60_000);
        return config;
    }

    private Map<String, Object> consumerConfig() {
        Map<String, Object> config = clientConfig();
        config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
        config.put(ConsumerConfig.GROUP_ID_CONFIG, group);
        config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
        config.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, sessionTimeoutMs);
        config.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, 500);
        config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, 50);
        return config;
    }

    /** The broker is away for a moment only: whoever has lost it finds it again soon. */
    private Map<String, Object> clientConfig() {
        Map<String, Object> config = new HashMap<>();
        config.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
        config.put(ProducerConfig.RECONNECT_BACKOFF_MS_CONFIG, 10);
        config.put(ProducerConfig.RECONNECT_BACKOFF_MAX_MS_CONFIG, 50);
        config.put(ProducerConfig.RETRY_BACKOFF_MS_CONFIG, 10);
        config.put(ProducerConfig.RETRY_BACKOFF_MAX_MS_CONFIG, 50);
        return config;
    }

    /** Starts threads, with numbers from zero. One that fails ends the process, so that nobody waits for it. */
    private static List<Thread> start(int count, IntConsumer work) {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = i;
            Thread thread = new Thread(() -> work.accept(number));
            thread.setDaemon(true);
            thread.setUncaughtExceptionHandler((failed, e) -> {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            });
            thread.start();
            threads.add(thread);
        }
        return threads;
    }

    private static void join(List<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private static void print(long client, String event, String what, Object rows, String error) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("client", client);
        line.put("event", event);
        line.put(what, rows);
        line.put("error", error);
        Lines.print(line);
    }

    /** Has a member commit nothing that was taken from it: whoever has those partitions now reads them again. */
    private record Forgetter(Map<TopicPartition, Long> uncommitted) implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> assigned) {}

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
            uncommitted.keySet().removeAll(revoked);
        }
    }
}
