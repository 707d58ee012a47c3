// Be a peer that others dial, until standard input ends.
//   node serve.mjs plain            knows none of a network's own protocols
//   node serve.mjs exchange         answers the exchange of peers: it tells of a second host, which nobody else knows
//   node serve.mjs ill              answers every question with junk
// Prints its address first, then one JSON line for each peer that said who it is and each question it was asked.

import { randomBytes } from 'node:crypto'

import { frame, openHost, receive, tell } from './host.mjs'

const ANSWERED = ['sync', 'peers', 'reach', 'time', 'blobs'].map(name => `/neurond/${name}/1`)
const LISTEN = ['/ip4/127.0.0.1/tcp/0']

async function open (name) {
  const host = await openHost({ listen: LISTEN })
  host.addEventListener('peer:identify', ({ detail }) => tell('met', { host: name, peer: String(detail.peerId), agent: detail.agentVersion }))
  host.addEventListener('peer:disconnect', ({ detail }) => tell('lost', { host: name, peer: String(detail) }))
  return host
}

/** Answer questions on a protocol: `answer` makes of one frame another. */
async function serve (host, protocol, answer) {
  await host.handle(protocol, async stream => {
    try {
      const question = await receive(stream, 64 * 1024)
      tell('asked', { protocol, bytes: question.length })
      stream.send(frame(answer(question)))
      await stream.close()
    } catch (error) {
      stream.abort(error)
    }
  })
}

const [mode] = process.argv.slice(2)
const host = await open('first')
if (mode === 'exchange') {
  const second = await open('second')
  const addresses = second.getMultiaddrs().map(String)
  await serve(host, '/neurond/peers/1', question => {
    const { addresses: told, wanted } = JSON.parse(new TextDecoder().decode(question))
    tell('told', { addresses: told, wanted })
    return new TextEncoder().encode(JSON.stringify({ addresses: addresses.slice(0, wanted) }))
  })
  tell('second', { peer: String(second.peerId) })
}
if (mode === 'ill') {
  for (const protocol of ANSWERED) await serve(host, protocol, () => randomBytes(60))
}
tell('listening', { address: String(host.getMultiaddrs()[0]), peer: String(host.peerId) })
process.stdin.on('end', () => process.exit(0)).resume()
