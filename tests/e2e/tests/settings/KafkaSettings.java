import java.util.Map;
import java.util.TreeMap;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.server.config.AbstractKafkaConfig;
import org.apache.kafka.server.config.DynamicBrokerConfig;
import org.apache.kafka.storage.internals.log.LogConfig;

/**
 * Prints every setting of Kafka's brokers and topics, one a line: whose it is, its name, its type, whether it is shown,
 * when a running broker takes a new value, which values it takes, and its default behind an equals sign. Its words are
 * crates/ottla-settings/testdata/kafka-4.3.1.tsv.
 */
class KafkaSettings {
    public static void main(String[] arguments) {
        print("broker", AbstractKafkaConfig.CONFIG_DEF);
        print("topic", LogConfig.configDefCopy());
    }

    private static void print(String scope, ConfigDef settings) {
        Map<String, String> updateModes = DynamicBrokerConfig.dynamicConfigUpdateModes();
        new TreeMap<>(settings.configKeys()).forEach((name, key) -> System.out.println(String.join("\t",
            scope,
            name,
            key.type.toString().toLowerCase(),
            key.internalConfig ? "internal" : "shown",
            scope.equals("topic") ? "any time" : updateModes.getOrDefault(name, "read-only"),
            key.validator == null || key.validator.toString().isEmpty() ? "any" : key.validator.toString(),
            defaultOf(key))));
    }

    private static String defaultOf(ConfigDef.ConfigKey key) {
        if (key.defaultValue == ConfigDef.NO_DEFAULT_VALUE) {
            return "required";
        }
        return key.defaultValue == null ? "null" : "=" + ConfigDef.convertToString(key.defaultValue, key.type);
    }
}
