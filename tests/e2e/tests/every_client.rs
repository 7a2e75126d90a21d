//! Every client that people use, each by a small program in its own language (`tests/clients`): what one writes another
//! reads, they share topics in groups, and what a group has committed is there after every restart.

macro_rules! tests_of {
    ($story:ident: $($test:ident => $program:ident),+ $(,)?) => {
        mod $story {
            $(
                #[test]
                fn $test() {
                    super::$story(testkit::ClientProgram::$program);
                }
            )+
        }
    };
}

/// Makes a function of a `ClientProgram` a test for each of them.
macro_rules! with_every_client {
    ($story:ident) => {
        tests_of! { $story:
            confluent_kafka => ConfluentKafka,
            confluent_kafka_of_debian => ConfluentKafkaOfDebian,
            kafka_python => KafkaPython,
            kafka_python_2 => KafkaPython2,
            aiokafka => Aiokafka,
            kafkajs => Kafkajs,
            franz_go => FranzGo,
            sarama => Sarama,
            java => Java,
            rdkafka => Rdkafka,
        }
    };
}

#[path = "every_client/codecs.rs"]
mod codecs;
#[path = "every_client/groups.rs"]
mod groups;
#[path = "every_client/kafkas_tools.rs"]
mod kafkas_tools;
#[path = "every_client/restarts.rs"]
mod restarts;
#[path = "every_client/static_members.rs"]
mod static_members;
