"""The lines that a client program reads and prints, for the three that are written in Python; README.md has the form."""

import base64
import json
import sys
import threading


def records():
    """The records on standard input, as (key, value, headers, timestamp in ms)."""
    for line in sys.stdin:
        record = json.loads(line)
        headers = [(name, decoded(value)) for name, value in record["headers"]]
        yield decoded(record["key"]), decoded(record["value"]), headers, record["timestamp"]


def print_record(topic, key, value, headers, timestamp):
    """Prints a record that was consumed."""
    headers = [(name, encoded(value)) for name, value in headers]
    print_line(topic=topic, key=encoded(key), value=encoded(value), headers=headers, timestamp=timestamp)


def print_line(**fields):
    """Prints one line, at once and as a whole: members of a group may share one standard output."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def input_end():
    """An event that is set when standard input ends."""
    ended = threading.Event()

    def wait():
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


def pairs(arguments):
    """`["a=1", "b=2"]` as a dictionary."""
    return dict(argument.rsplit("=", 1) for argument in arguments)


def decoded(text):
    return None if text is None else base64.b64decode(text)


def encoded(data):
    return None if data is None else base64.b64encode(data).decode()
