// A js-libp2p host that speaks what docs/protocol.md, "Network" asks for: TCP, noise, yamux, identify, ping, gossipsub,
// and questions of one frame each on streams of their own.

import './polyfill.mjs'

import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

import { concatBytes } from './wire.mjs'

const REQUEST_TIMEOUT_MS = 10_000
const LENGTH_BYTES = 4

/** The author's peer id in bytes, then the sequence number: what pubsub says, and not what this library does unasked. */
function messageId (message) {
  const number = new DataView(new ArrayBuffer(8))
  number.setBigUint64(0, message.sequenceNumber)
  return concatBytes(message.from.toMultihash().bytes, new Uint8Array(number.buffer))
}

export async function openHost ({ listen = [], services = {}, dials = true } = {}) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => !dials }, // without a gater of ours loopback is refused
    services: {
      identify: identify(),
      ping: ping(),
      gossip: gossipsub({ msgIdFn: messageId, allowPublishToZeroTopicPeers: true }),
      ...services
    }
  })
}

/** The next event of `type` on a libp2p host that `fits`, as its detail. */
export function next (host, type, fits = () => true, withinMs = REQUEST_TIMEOUT_MS) {
  const { promise, resolve, reject } = Promise.withResolvers()
  const listener = event => { if (fits(event.detail)) resolve(event.detail) }
  const timer = setTimeout(() => reject(new Error(`no ${type} within ${withinMs} ms`)), withinMs)
  host.addEventListener(type, listener)
  return promise.finally(() => {
    clearTimeout(timer)
    host.removeEventListener(type, listener)
  })
}

/** Dial a node and wait until it has said who it is. */
export async function meet (host, address) {
  const startMs = Date.now()
  const introduction = next(host, 'peer:identify')
  const connection = await host.dial(multiaddr(address))
  const described = await introduction
  return { connection, described, tookMs: Date.now() - startMs }
}

export function frame (payload) {
  const head = new DataView(new ArrayBuffer(LENGTH_BYTES))
  head.setUint32(0, payload.length)
  return concatBytes(new Uint8Array(head.buffer), payload)
}

/** One frame out, one frame of at most `most` bytes back, on a stream of its own. */
export async function ask (connection, protocol, payload, most) {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  const stream = await connection.newStream(protocol, { signal })
  const stop = () => stream.abort(new Error(`${protocol}: no answer in time`))
  signal.addEventListener('abort', stop)
  try {
    stream.send(frame(payload))
    await stream.close({ signal }) // our half: nothing more follows
    return await receive(stream, most)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** The one frame that a stream carries until the other side ends it. */
export async function receive (stream, most) {
  let raw = new Uint8Array()
  for await (const chunk of stream) {
    raw = concatBytes(raw, chunk.subarray())
    if (raw.length >= LENGTH_BYTES && lengthOf(raw) > most) throw new Error(`a frame of ${lengthOf(raw)} bytes`)
  }
  if (raw.length < LENGTH_BYTES || lengthOf(raw) !== raw.length - LENGTH_BYTES) throw new Error('no whole frame came')
  return raw.subarray(LENGTH_BYTES)
}

function lengthOf (raw) {
  return new DataView(raw.buffer, raw.byteOffset).getUint32(0)
}

/** One fact for whoever runs this, as a line of JSON. */
export function tell (event, facts = {}) {
  process.stdout.write(JSON.stringify({ event, ...facts }) + '\n')
}
