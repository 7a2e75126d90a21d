// A client program on sarama.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"ottla.tests/clients/lines"
)

func main() {
	command, bootstrap, rest := os.Args[1], os.Args[2], os.Args[3:]
	commands := map[string]func(string, []string) error{
		"produce": produce, "consume": consume, "group": group, "committed": committed,
	}
	if err := commands[command](bootstrap, rest); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// sarama asks for the oldest broker that it will meet.
func newConfig() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	return config
}

var codecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

func produce(bootstrap string, arguments []string) error {
	records, err := lines.Records()
	if err != nil {
		return err
	}
	for _, topic := range lines.Topics(arguments) {
		config := newConfig()
		config.Producer.Compression = codecs[topic.With]
		config.Producer.Partitioner = sarama.NewManualPartitioner
		config.Producer.RequiredAcks = sarama.WaitForAll
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1 // which sarama demands of an idempotent producer
		config.Producer.Return.Successes = true
		producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
		if err != nil {
			return err
		}
		err = producer.SendMessages(toWrite(topic.Name, records))
		if err := errors.Join(err, producer.Close()); err != nil {
			return err
		}
	}
	return nil
}

func toWrite(topic string, records []lines.Record) []*sarama.ProducerMessage {
	var written []*sarama.ProducerMessage
	for _, record := range records {
		message := &sarama.ProducerMessage{Topic: topic, Partition: 0, Timestamp: time.UnixMilli(record.Timestamp)}
		if record.Key != nil {
			message.Key = sarama.ByteEncoder(record.Key)
		}
		if record.Value != nil {
			message.Value = sarama.ByteEncoder(record.Value)
		}
		for _, header := range record.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		written = append(written, message)
	}
	return written
}

func consume(bootstrap string, arguments []string) error {
	consumer, err := sarama.NewConsumer([]string{bootstrap}, newConfig())
	if err != nil {
		return err
	}
	topics := lines.Topics(arguments)
	done := make(chan error)
	for _, topic := range topics {
		go func() { done <- consumeTopic(consumer, topic) }()
	}
	for range topics {
		if err := <-done; err != nil {
			return err
		}
	}
	return consumer.Close()
}

func consumeTopic(consumer sarama.Consumer, topic lines.Topic) error {
	count, err := topic.Count()
	if err != nil {
		return err
	}
	partition, err := consumer.ConsumePartition(topic.Name, 0, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	for range count {
		if err := lines.Print(read(<-partition.Messages())); err != nil {
			return err
		}
	}
	return partition.Close()
}

func read(message *sarama.ConsumerMessage) lines.Record {
	headers := []lines.Header{}
	for _, header := range message.Headers {
		headers = append(headers, lines.Header{Name: string(header.Key), Value: header.Value})
	}
	return lines.Record{
		Topic: message.Topic, Key: message.Key, Value: message.Value, Headers: headers,
		Timestamp: message.Timestamp.UnixMilli(),
	}
}

func group(bootstrap string, arguments []string) error {
	group, topic := arguments[0], arguments[1]
	config := newConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	// Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
	config.Consumer.Group.Heartbeat.Interval = 200 * time.Millisecond
	config.Consumer.Group.Session.Timeout = 20 * time.Second
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	if len(arguments) > 3 {
		config.Consumer.Group.InstanceId = arguments[3]
	}
	consumer, err := sarama.NewConsumerGroup([]string{bootstrap}, group, config)
	if err != nil {
		return err
	}
	member := member{arguments[2], topic}
	until, end := context.WithCancel(context.Background())
	go func() {
		lines.AwaitInputEnd()
		_ = member.tell(lines.Event{Event: "leaving"})
		end()
	}()
	for until.Err() == nil {
		// Returns with every rebalance.
		if err := consumer.Consume(until, []string{topic}, member); err != nil {
			return err
		}
	}
	return consumer.Close()
}

// member works on what a group gives it, each partition in a goroutine of its own.
type member struct {
	name  string
	topic string
}

func (m member) Setup(session sarama.ConsumerGroupSession) error {
	return m.tell(lines.Event{Event: "assigned", Partitions: session.Claims()[m.topic]})
}

func (m member) Cleanup(session sarama.ConsumerGroupSession) error {
	return m.tell(lines.Event{Event: "revoked", Partitions: session.Claims()[m.topic]})
}

func (m member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case <-session.Context().Done():
			return nil
		case message := <-claim.Messages():
			if message == nil {
				return nil
			}
			if err := m.work(session, message); err != nil {
				return err
			}
		}
	}
}

func (m member) work(session sarama.ConsumerGroupSession, message *sarama.ConsumerMessage) error {
	err := m.tell(lines.Event{Event: "record", Partition: message.Partition, Offset: message.Offset})
	if err != nil {
		return err
	}
	// The offset to commit is that of the record to go on with.
	next := message.Offset + 1
	session.MarkOffset(message.Topic, message.Partition, next, "read by "+m.name)
	session.Commit()
	return m.tell(lines.Event{Event: "committed", Partition: message.Partition, Offset: next})
}

func (m member) tell(event lines.Event) error {
	event.Member = m.name
	return lines.Print(event)
}

func committed(bootstrap string, arguments []string) error {
	group, topic := arguments[0], arguments[1]
	partitions, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, newConfig())
	if err != nil {
		return err
	}
	defer admin.Close()
	var asked []int32
	for partition := range int32(partitions) {
		asked = append(asked, partition)
	}
	found, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: asked})
	if err != nil {
		return err
	}
	for _, partition := range asked {
		block := found.GetBlock(topic, partition)
		if block == nil {
			return fmt.Errorf("no answer for partition %d", partition)
		}
		if block.Err != sarama.ErrNoError {
			return block.Err
		}
		err := lines.Print(lines.Committed{Partition: partition, Offset: block.Offset, Metadata: block.Metadata})
		if err != nil {
			return err
		}
	}
	return nil
}
