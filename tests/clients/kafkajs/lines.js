// The lines that a client program reads and prints; README.md has the form.

import { once } from 'node:events'
import { createInterface } from 'node:readline'

// The records on standard input, as kafkajs takes them.
export async function records() {
  const records = []
  for await (const line of createInterface({ input: process.stdin })) {
    const { key, value, headers, timestamp } = JSON.parse(line)
    records.push({
      key: decoded(key),
      value: decoded(value),
      headers: asObject(headers),
      timestamp: String(timestamp),
      partition: 0,
    })
  }
  return records
}

// Prints a record that was consumed.
export function printRecord(topic, { key, value, headers, timestamp }) {
  print({
    topic,
    key: encoded(key),
    value: encoded(value),
    headers: asPairs(headers),
    timestamp: Number(timestamp),
  })
}

// Prints one line, at once and as a whole: members of a group may share one standard output.
export function print(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

// Resolves when standard input ends.
export async function inputEnd() {
  process.stdin.resume()
  await once(process.stdin, 'end')
}

// `['a=1', 'b=2']` as `[['a', '1'], ['b', '2']]`.
export function pairs(args) {
  return args.map(arg => {
    const at = arg.lastIndexOf('=')
    return [arg.slice(0, at), arg.slice(at + 1)]
  })
}

const decoded = text => (text === null ? null : Buffer.from(text, 'base64'))

// kafkajs gives a header whose value is missing as `undefined`.
const encoded = data => (data == null ? null : data.toString('base64'))

// kafkajs keeps the values of a name that repeats in one array.
function asObject(headers) {
  const object = {}
  for (const [name, value] of headers) {
    object[name] = [...(object[name] ?? []), decoded(value)]
  }
  return object
}

const asPairs = headers =>
  Object.entries(headers ?? {}).flatMap(([name, values]) => [values].flat().map(value => [name, encoded(value)]))
