// Package lines has the lines that a client program reads and prints; README.md has the form.
package lines

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Record is a record to write, or one that was consumed. A missing key or value is nil, an empty one is not.
type Record struct {
	Topic     string   `json:"topic,omitempty"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []Header `json:"headers"`
	Timestamp int64    `json:"timestamp"`
}

// Header is a record's header: on a line, an array of name and value.
type Header struct {
	Name  string
	Value []byte
}

func (h Header) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{h.Name, h.Value})
}

func (h *Header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.Name, &h.Value})
}

// Event is what a member of a group tells.
type Event struct {
	Member     string  `json:"member"`
	Event      string  `json:"event"`
	Partitions []int32 `json:"partitions,omitempty"`
	Partition  int32   `json:"partition"`
	Offset     int64   `json:"offset"`
}

// Committed is an offset that a group has committed.
type Committed struct {
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Metadata  string `json:"metadata"`
}

// Records reads the records on standard input.
func Records() ([]Record, error) {
	var records []Record
	for decoder := json.NewDecoder(bufio.NewReader(os.Stdin)); ; {
		var record Record
		if err := decoder.Decode(&record); errors.Is(err, io.EOF) {
			return records, nil
		} else if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
}

var stdout sync.Mutex

// Print prints one line, at once and as a whole: members of a group may share one standard output.
func Print(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	stdout.Lock()
	defer stdout.Unlock()
	_, err = os.Stdout.Write(append(text, '\n'))
	return err
}

// AwaitInputEnd returns when standard input ends.
func AwaitInputEnd() {
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// Topic is a topic with what goes with it: a codec to write it with, or a number of records.
type Topic struct {
	Name string
	With string
}

// Topics splits arguments of the form TOPIC=WITH.
func Topics(arguments []string) []Topic {
	var topics []Topic
	for _, argument := range arguments {
		at := strings.LastIndexByte(argument, '=')
		topics = append(topics, Topic{argument[:at], argument[at+1:]})
	}
	return topics
}

// Count is a topic's number of records.
func (t Topic) Count() (int, error) {
	return strconv.Atoi(t.With)
}
