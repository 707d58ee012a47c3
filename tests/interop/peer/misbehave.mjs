// Treat a node ill from another implementation, and tell how each offence ended.
//   node misbehave.mjs ADDRESS GENESIS_HASH
// Hosts of its own ask wrongly, a few questions each before the node has had enough of them; others leave streams
// unfinished; others break the rules of gossip until they are banned.

import { createConnection } from 'node:net'
import { randomBytes } from 'node:crypto'

import { multiaddr } from '@multiformats/multiaddr'

import { frame, meet, openHost, receive, tell } from './host.mjs'
import { concatBytes, encode } from './wire.mjs'

const SYNC = '/neurond/sync/1'
const PATIENCE_MS = 8_000

const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

/** Send raw bytes on a stream of its own and tell how it ended: with an answer, closed without one, reset, or not. */
async function outcome (connection, protocol, raw, { keepOpen = false } = {}) {
  let stream
  try {
    stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(PATIENCE_MS) })
  } catch (error) {
    return `refused: ${error.name}`
  }
  const silence = pause(PATIENCE_MS).then(() => 'nothing')
  try {
    stream.send(raw)
    if (!keepOpen) await stream.close()
    const answer = receive(stream, 4 * 1024 * 1024).then(() => 'answer', () => stream.status === 'reset' ? 'reset' : 'closed')
    return await Promise.race([answer, silence])
  } catch (error) {
    return error.name === 'StreamResetError' ? 'reset' : `failed: ${error.name}`
  } finally {
    stream.abort(new Error('enough of it'))
  }
}

const WRONG_QUESTIONS = {
  empty: frame(new Uint8Array()),
  random: frame(randomBytes(100)),
  'not shortest': frame(Uint8Array.of(0x91, 0xcc, 0x01)),
  'unknown tag': frame(encode([99])),
  'a field too many': frame(encode([1, 1])),
  'bytes behind': frame(concatBytes(encode([1]), Uint8Array.of(0))),
  'no array': frame(encode('status')),
  'limit 0': frame(encode([2, 1, 0])),
  'limit 129': frame(encode([2, 1, 129])),
  'height 0': frame(encode([2, 0, 1])),
  'height 2^64 - 1': frame(encode([2, 2n ** 64n - 1n, 1])),
  'short hash': frame(encode([3, randomBytes(31), 1])),
  '65 paths': frame(encode([10, Array.from({ length: 65 }, () => randomBytes(32))])),
  'deep array': frame(new Uint8Array(4000).fill(0x91)),
  'too long': frame(new Uint8Array(5000)),
  'length of 4 GiB': Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0),
  'half a frame': frame(new Uint8Array(100)).subarray(0, 50)
}

const QUESTIONS_PER_HOST = 3 // each costs 25 points, and 100 are the end

/** Run `work` on a connection of a host that exists for it alone. */
async function asStranger (address, work) {
  const host = await openHost()
  try {
    const { connection } = await meet(host, address)
    return await work(connection, host)
  } finally {
    await host.stop()
  }
}

async function askWrongly (address) {
  const questions = Object.entries(WRONG_QUESTIONS)
  while (questions.length > 0) {
    await asStranger(address, async connection => {
      for (const [what, raw] of questions.splice(0, QUESTIONS_PER_HOST)) {
        tell('asked', { what, ended: await outcome(connection, SYNC, raw) })
      }
      tell('right', { ended: await outcome(connection, SYNC, frame(encode([1]))) })
    })
  }
  const names = ['genesis', 'time', 'peers', 'reach', 'blobs', 'nothing'].map(name => `/neurond/${name}/1`)
  const protocols = [...names, '/neurond/answer/2/1']
  for (const protocol of protocols) {
    await asStranger(address, async connection => {
      tell('junk', { protocol, ended: await outcome(connection, protocol, frame(randomBytes(3000))) })
      tell('right', { ended: await outcome(connection, SYNC, frame(encode([1]))) })
    })
  }
}

/** Streams left in every unfinished state, all at once, and then a reset of all of them. */
async function leaveOpen (connection, host) {
  const states = [[SYNC, Uint8Array.of(0, 0)], [SYNC, frame(new Uint8Array(4000)).subarray(0, 2000)], ['/ipfs/ping/1.0.0', randomBytes(31)]]
  const streams = []
  for (let round = 0; round < 4; round++) {
    for (const [protocol, raw] of states) {
      const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null)
      if (stream === null) continue
      try { stream.send(raw) } catch { continue } // the node was quicker to end it
      streams.push(stream)
    }
  }
  await pause(500)
  for (const stream of streams) stream.abort(new Error('enough of it'))
  tell('left open', { streams: streams.length, pinged: await host.services.ping.ping(connection.remotePeer) >= 0 })
}

/** Connections that stop in the middle of the handshake, or were never one. */
async function stopHalfway (address) {
  const [host, port] = multiaddr(address).getComponents().map(each => each.value)
  for (const raw of ['', '\x13/multistream/1.0.0\n', '\x13/multistream/1.0.0\n\x07/noise\n', 'GET / HTTP/1.1\r\n\r\n']) {
    const socket = createConnection({ host, port: Number(port) })
    socket.on('error', () => {}) // the node may be quicker to end it
    socket.write(raw, 'latin1')
    await pause(100)
    socket.destroy()
  }
}

/** Gossip against the rules until the node has had enough, and try to come back. */
async function offend (address, how, once) {
  await asStranger(address, async (connection, host) => {
    tell('offender', { how, peer: String(host.peerId) })
    const gone = new Promise(resolve => connection.addEventListener('close', () => resolve(true), { once: true }))
    for (let number = 0; number < 40 && connection.status === 'open'; number++) await once(connection, host)
    const thrownOut = await Promise.race([gone, pause(PATIENCE_MS).then(() => false)])
    await host.dial(multiaddr(address), { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => {})
    await pause(1000)
    tell('judged', { how, thrownOut, back: host.getConnections().length > 0 })
  })
}

const [address, genesisHash] = process.argv.slice(2)
await stopHalfway(address)
await askWrongly(address)
await asStranger(address, leaveOpen)
const topics = ['blocks', 'finality', 'transactions'].map(name => `/neurond/${genesisHash.slice(0, 16)}/${name}/1`)
await offend(address, 'wrong messages', async (_, host) => {
  for (const topic of topics) await host.services.gossip.publish(topic, randomBytes(40))
  await pause(200)
})
await offend(address, 'broken frames', async connection => {
  const stream = await connection.newStream('/meshsub/1.2.0', { signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => null)
  try { stream?.send(concatBytes(Uint8Array.of(200, 1), randomBytes(200))) } catch {} // cut off while it was sent
  await pause(200)
})
tell('done')
process.exit(0)
