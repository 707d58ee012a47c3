// Finding peers by their id through the hash table of a network, both ways.
//   node find.mjs ADDRESS GENESIS_HASH PEER_ID
// Looks PEER_ID up by way of the node at ADDRESS alone, then stays, with a second host that dials nobody and that only
// the first one knows, until standard input ends: the node can find that one through the first.

import { kadDHT } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'

import { meet, openHost, tell } from './host.mjs'

const SEARCH_MS = 20_000

function withTable (tag, options = {}) {
  return openHost({
    ...options,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    services: {
      dht: kadDHT({
        protocol: `/neurond/${tag}/kad/1.0.0`,
        clientMode: false,
        peerInfoMapper: peer => peer // addresses of this machine are left out otherwise
      })
    }
  })
}

const [address, genesisHash, wanted] = process.argv.slice(2)
const tag = genesisHash.slice(0, 16)
const [host, second] = [await withTable(tag), await withTable(tag, { dials: false })]

const { described } = await meet(host, address)
tell('met', { protocols: described.protocols })
const found = await host.peerRouting.findPeer(peerIdFromString(wanted), { signal: AbortSignal.timeout(SEARCH_MS), useCache: false })
tell('found', { peer: String(found.id), addresses: found.multiaddrs.map(String) })

await meet(host, String(second.getMultiaddrs()[0]))
const giveUp = Date.now() + SEARCH_MS // a peer enters the table only after it was asked something
while (await host.services.dht.routingTable.find(second.peerId) === undefined && Date.now() < giveUp) {
  await new Promise(resolve => setTimeout(resolve, 100))
}
tell('ready', { second: String(second.peerId) })
process.stdin.on('end', () => process.exit(0)).resume()
