import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The lines that a client program reads and prints; README.md has the form. */
final class Lines {
    private static final Gson GSON = new GsonBuilder().serializeNulls().create();

    private Lines() {}

    /** A record to write. */
    record Record(byte[] key, byte[] value, List<Header> headers, long timestamp) {}

    /** Whether standard input has ended. */
    static final class InputEnd {
        private volatile boolean reached;

        boolean isReached() {
            return reached;
        }
    }

    /** The records on standard input. */
    static List<Record> records() throws IOException {
        List<Record> records = new ArrayList<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonObject record = JsonParser.parseString(line).getAsJsonObject();
            List<Header> headers = new ArrayList<>();
            for (JsonElement header : record.getAsJsonArray("headers")) {
                JsonArray pair = header.getAsJsonArray();
                headers.add(new RecordHeader(pair.get(0).getAsString(), decoded(pair.get(1))));
            }
            records.add(new Record(
                    decoded(record.get("key")), decoded(record.get("value")), headers, record.get("timestamp").getAsLong()));
        }
        return records;
    }

    /** Prints a record that was consumed. */
    static void print(ConsumerRecord<byte[], byte[]> record) {
        JsonArray headers = new JsonArray();
        for (Header header : record.headers()) {
            JsonArray pair = new JsonArray();
            pair.add(header.key());
            pair.add(encoded(header.value()));
            headers.add(pair);
        }
        JsonObject line = new JsonObject();
        line.addProperty("topic", record.topic());
        line.add("key", encoded(record.key()));
        line.add("value", encoded(record.value()));
        line.add("headers", headers);
        line.addProperty("timestamp", record.timestamp());
        print(line);
    }

    /** Prints one line, at once and as a whole: members of a group may share one standard output. */
    static synchronized void print(Object line) {
        System.out.writeBytes((GSON.toJson(line) + "\n").getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    /** Watches standard input from a thread of its own. */
    static InputEnd inputEnd() {
        InputEnd end = new InputEnd();
        Thread watcher = new Thread(() -> {
            try {
                System.in.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            end.reached = true;
        });
        watcher.setDaemon(true);
        watcher.start();
        return end;
    }

    /** {@code [a=1, b=2]} as a map. */
    static <T> Map<String, T> pairs(List<String> arguments, Function<String, T> value) {
        Map<String, T> pairs = new LinkedHashMap<>();
        for (String argument : arguments) {
            int at = argument.lastIndexOf('=');
            pairs.put(argument.substring(0, at), value.apply(argument.substring(at + 1)));
        }
        return pairs;
    }

    private static byte[] decoded(JsonElement text) {
        return text.isJsonNull() ? null : Base64.getDecoder().decode(text.getAsString());
    }

    private static JsonElement encoded(byte[] data) {
        return data == null ? JsonNull.INSTANCE : new JsonPrimitive(Base64.getEncoder().encodeToString(data));
    }
}
