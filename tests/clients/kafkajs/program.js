// A client program on kafkajs.

import kafkajs from 'kafkajs'

import { register, types } from './codecs.js'
import { inputEnd, pairs, print, printRecord, records } from './lines.js'

const { Kafka, logLevel } = kafkajs

async function produce(kafka, ...topics) {
  const messages = await records()
  // Not `idempotent: true`: kafkajs calls that experimental.
  const producer = kafka.producer()
  await producer.connect()
  for (const [topic, codec] of pairs(topics)) {
    await producer.send({ topic, acks: -1, compression: types[codec], messages })
  }
  await producer.disconnect()
}

// kafkajs consumes in groups only.
async function consume(kafka, ...topics) {
  const left = new Map(pairs(topics).map(([topic, count]) => [topic, Number(count)]))
  const consumer = kafka.consumer({ groupId: `consume-${process.pid}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [...left.keys()], fromBeginning: true })
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    const eachMessage = async ({ topic, message }) => {
      if (left.get(topic) > 0) {
        left.set(topic, left.get(topic) - 1)
        printRecord(topic, message)
      }
      if ([...left.values()].every(count => count === 0)) {
        resolve()
      }
    }
    consumer.run({ autoCommit: false, eachMessage }).catch(reject)
  })
  await consumer.disconnect()
}

async function group(kafka, groupId, topic, member) {
  // Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 200, sessionTimeout: 20000, maxWaitTimeInMs: 100 })
  const { GROUP_JOIN, REBALANCING } = consumer.events
  let owned = []
  const tell = (event, partitions) => print({ member, event, partitions })
  consumer.on(REBALANCING, () => {
    tell('revoked', owned)
    owned = []
  })
  consumer.on(GROUP_JOIN, ({ payload }) => {
    owned = payload.memberAssignment[topic] ?? []
    tell('assigned', owned)
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message, heartbeat }) => {
      const offset = Number(message.offset)
      print({ member, event: 'record', partition, offset })
      // The offset to commit is that of the record to go on with.
      await consumer.commitOffsets([{ topic, partition, offset: String(offset + 1), metadata: `read by ${member}` }])
      print({ member, event: 'committed', partition, offset: offset + 1 })
      await heartbeat()
    },
  })
  await inputEnd()
  print({ member, event: 'leaving' })
  await consumer.disconnect()
}

async function committed(kafka, groupId, topic) {
  const admin = kafka.admin()
  await admin.connect()
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
  for (const { partition, offset, metadata } of partitions) {
    print({ partition, offset: Number(offset), metadata })
  }
  await admin.disconnect()
}

const [command, bootstrap, ...rest] = process.argv.slice(2)
await register()
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.ERROR })
await { produce, consume, group, committed }[command](kafka, ...rest)
