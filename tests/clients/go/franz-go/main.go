// A client program on franz-go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func produce(bootstrap string, arguments []string) error {
	records, err := lines.Records()
	if err != nil {
		return err
	}
	for _, topic := range lines.Topics(arguments) {
		client, err := kgo.NewClient(
			kgo.SeedBrokers(bootstrap),
			kgo.ProducerBatchCompression(codecs[topic.With]),
			kgo.RecordPartitioner(kgo.ManualPartitioner()),
		)
		if err != nil {
			return err
		}
		// Not RecordDeliveryTimeout, which counts from a record's timestamp.
		inTime, end := context.WithTimeout(context.Background(), 30*time.Second)
		err = client.ProduceSync(inTime, toWrite(topic.Name, records)...).FirstErr()
		end()
		client.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func toWrite(topic string, records []lines.Record) []*kgo.Record {
	var written []*kgo.Record
	for _, record := range records {
		var headers []kgo.RecordHeader
		for _, header := range record.Headers {
			headers = append(headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
		}
		written = append(written, &kgo.Record{
			Topic: topic, Partition: 0, Key: record.Key, Value: record.Value, Headers: headers,
			Timestamp: time.UnixMilli(record.Timestamp),
		})
	}
	return written
}

func consume(bootstrap string, arguments []string) error {
	left := map[string]int{}
	total := 0
	partitions := map[string]map[int32]kgo.Offset{}
	for _, topic := range lines.Topics(arguments) {
		count, err := topic.Count()
		if err != nil {
			return err
		}
		left[topic.Name] = count
		total += count
		partitions[topic.Name] = map[int32]kgo.Offset{0: kgo.NewOffset().AtStart()}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumePartitions(partitions))
	if err != nil {
		return err
	}
	defer client.Close()
	for total > 0 {
		fetches := client.PollFetches(context.Background())
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if left[record.Topic] == 0 {
				continue
			}
			left[record.Topic]--
			total--
			if err := lines.Print(read(record)); err != nil {
				return err
			}
		}
	}
	return nil
}

func read(record *kgo.Record) lines.Record {
	headers := []lines.Header{}
	for _, header := range record.Headers {
		headers = append(headers, lines.Header{Name: header.Key, Value: header.Value})
	}
	return lines.Record{
		Topic: record.Topic, Key: record.Key, Value: record.Value, Headers: headers,
		Timestamp: record.Timestamp.UnixMilli(),
	}
}

func group(bootstrap string, arguments []string) error {
	group, topic, member := arguments[0], arguments[1], arguments[2]
	tell := func(event string) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			_ = lines.Print(lines.Event{Member: member, Event: event, Partitions: changed[topic]})
		}
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(bootstrap),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		// A partition is not taken away while one of its records is being worked on.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(tell("assigned")),
		kgo.OnPartitionsRevoked(tell("revoked")),
		kgo.OnPartitionsLost(tell("revoked")),
		// Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
		kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.SessionTimeout(20 * time.Second),
	}
	if len(arguments) > 3 {
		options = append(options, kgo.InstanceID(arguments[3]))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	until, end := context.WithCancel(context.Background())
	go func() {
		lines.AwaitInputEnd()
		end()
	}()
	for until.Err() == nil {
		fetches := client.PollRecords(until, 1)
		if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		for _, record := range fetches.Records() {
			if err := work(client, member, record); err != nil {
				return err
			}
		}
		client.AllowRebalance()
	}
	return lines.Print(lines.Event{Member: member, Event: "leaving"})
}

func work(client *kgo.Client, member string, record *kgo.Record) error {
	err := lines.Print(lines.Event{Member: member, Event: "record", Partition: record.Partition, Offset: record.Offset})
	if err != nil {
		return err
	}
	withMetadata := kgo.PreCommitFnContext(context.Background(), func(request *kmsg.OffsetCommitRequest) error {
		for i := range request.Topics {
			for j := range request.Topics[i].Partitions {
				request.Topics[i].Partitions[j].Metadata = kmsg.StringPtr("read by " + member)
			}
		}
		return nil
	})
	if err := client.CommitRecords(withMetadata, record); err != nil {
		return err
	}
	// What is committed is the offset of the record to go on with.
	next := record.Offset + 1
	return lines.Print(lines.Event{Member: member, Event: "committed", Partition: record.Partition, Offset: next})
}

func committed(bootstrap string, arguments []string) error {
	group, topic := arguments[0], arguments[1]
	partitions, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	found, err := kadm.NewClient(client).FetchOffsets(context.Background(), group)
	if err != nil {
		return err
	}
	for partition := range int32(partitions) {
		offset, _ := found.Lookup(topic, partition)
		if offset.Err != nil {
			return offset.Err
		}
		err := lines.Print(lines.Committed{Partition: partition, Offset: offset.At, Metadata: offset.Metadata})
		if err != nil {
			return err
		}
	}
	return nil
}
