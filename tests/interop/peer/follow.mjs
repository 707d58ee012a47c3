// Follow a network from the outside: meet a node, hear its headers, check them, fetch their blocks.
//   node follow.mjs ADDRESS GENESIS_HASH [BLOCKS [HEIGHT]]
// Prints one JSON line a fact and ends when BLOCKS linked headers were heard, checked, and seen final, and the final
// blocks from HEIGHT on, of the heard ones if left out, were fetched and checked.

import { ask, meet, next, openHost, tell } from './host.mjs'
import { BLOCK_BYTES_MAX, HEADER_BYTES_MAX, Network, readBlock, readCertificate, readHeader, readNews } from './chain.mjs'
import { bytes, decode, encode, equal, hex, Refused, require, utf8ToBytes } from './wire.mjs'

const SYNC = '/neurond/sync/1'
const ANSWER_BYTES_MAX = 4 * 1024 * 1024
const MESSAGE_BYTES_MAX = 81 * 1024
const GENESIS_BYTES_MAX = 8 * 1024 * 1024
const [GET_STATUS, GET_BLOCKS, GET_BRANCH, STATUS, BLOCKS, GET_HEADERS, HEADERS] = [1, 2, 3, 4, 5, 8, 9]

async function sync (connection, question, answerTag) {
  const raw = await ask(connection, SYNC, encode(question), ANSWER_BYTES_MAX)
  const answer = decode(raw, ANSWER_BYTES_MAX)
  require(Array.isArray(answer) && answer[0] === answerTag, 'an answer to another question')
  return answer.slice(1)
}

/** What the network is: its genesis file, held against the genesis hash by header 0. */
async function learn (connection, genesisHash) {
  const file = await ask(connection, '/neurond/genesis/1', utf8ToBytes('genesis'), GENESIS_BYTES_MAX)
  const [headers] = await sync(connection, [GET_HEADERS, 0, 1], HEADERS)
  return new Network(genesisHash, file, readHeader(decode(headers[0], HEADER_BYTES_MAX)))
}

/** Final headers on top of `chain`, from block 0 on: every link, and every seal but that of block 0. */
async function walk (connection, network, chain) {
  for (;;) {
    const [headers] = await sync(connection, [GET_HEADERS, chain.length, 512], HEADERS)
    if (headers.length === 0) return
    for (const raw of headers) {
      const header = readHeader(decode(raw, HEADER_BYTES_MAX))
      require(header.height === chain.length, 'a header of another height')
      if (header.height > 0) {
        require(equal(header.parent, chain.at(-1).hash), 'a header that does not link')
        network.checkSeal(header)
      }
      chain.push(header)
    }
  }
}

/** The finality messages and headers of a network as they are told; wrong ones are not passed on. */
function listen (host, network) {
  const heard = { headers: new Map(), certificates: [], refused: 0 }
  const check = (topic, read) => {
    host.services.gossip.topicValidators.set(topic, (_, message) => {
      try {
        read(message.data)
        return 'accept'
      } catch (error) {
        heard.refused += 1
        tell('refused', { topic, why: String(error) })
        return error instanceof Refused ? 'reject' : 'ignore'
      }
    })
    host.services.gossip.subscribe(topic)
  }
  check(network.topic('blocks'), raw => {
    const { header } = readNews(raw)
    network.checkSeal(header)
    heard.headers.set(hex(header.hash), header)
  })
  check(network.topic('finality'), raw => {
    const message = decode(raw, MESSAGE_BYTES_MAX)
    if (message[0] !== 3) return // votes and proposals: others check them
    const certificate = readCertificate(message)
    network.checkCertificate(certificate)
    heard.certificates.push(certificate)
  })
  return heard
}

/** A block by its hash, not final yet: the newest of the branch that ends in it. */
async function fetchBranch (connection, header) {
  const [blocks] = await sync(connection, [GET_BRANCH, header.hash, 1], BLOCKS)
  return blocks.map(raw => readBlock(decode(raw, BLOCK_BYTES_MAX))).find(block => equal(block.header.hash, header.hash))
}

/** Final blocks from a height on, up to one with a certificate that holds. */
async function fetchFinal (connection, network, height) {
  const [blocks, certificates] = await sync(connection, [GET_BLOCKS, height, 128], BLOCKS)
  const read = blocks.map(raw => readBlock(decode(raw, BLOCK_BYTES_MAX)))
  read.slice(1).forEach((block, place) => require(equal(block.header.parent, read[place].header.hash), 'a gap'))
  for (const each of certificates) {
    const certificate = readCertificate(each)
    network.checkCertificate(certificate)
    require(equal(certificate.blockHash, read.at(-1).header.hash), 'a certificate of another block')
  }
  return read
}

/** The longest run of heard headers in which each is the parent of the next, oldest first. */
function longest (headers) {
  let best = []
  for (const tip of headers.values()) {
    const run = []
    for (let each = tip; each !== undefined; each = headers.get(hex(each.parent))) run.unshift(each)
    if (run.length > best.length) best = run
  }
  return best
}

async function until (condition, withinMs, what) {
  const giveUp = Date.now() + withinMs
  while (!condition()) {
    require(Date.now() < giveUp, what)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function tellHeader (event, header, more = {}) {
  tell(event, { height: header.height, slot: header.slot, hash: hex(header.hash), parent: hex(header.parent), ...more })
}

async function main (address, genesisHash, wanted, from) {
  const host = await openHost()
  const { connection, described, tookMs } = await meet(host, address)
  tell('met', {
    agent: described.agentVersion,
    protocol: described.protocolVersion,
    protocols: described.protocols,
    addresses: described.listenAddrs.map(String),
    muxer: connection.multiplexer,
    security: connection.encryption,
    tookMs
  })
  tell('pinged', { ms: await host.services.ping.ping(connection.remotePeer) })

  const network = await learn(connection, genesisHash)
  const [told, finalHeight, finalHash] = await sync(connection, [GET_STATUS], STATUS)
  require(equal(told, genesisHash), 'the node is of another network')
  const chain = []
  await walk(connection, network, chain)
  require(equal(chain[finalHeight].hash, finalHash), 'the status is of another chain')
  tell('learned', { network: network.name, authorities: network.members.length, height: chain.length - 1 })

  const grafted = next(host.services.gossip, 'gossipsub:graft', each => each.topic === network.topic('blocks'))
  const heard = listen(host, network)
  await grafted
  const start = chain.length - 1
  const followed = () => longest(heard.headers).filter(header => header.height > start)
  await until(() => followed().length >= wanted, 60_000, 'too few headers that link')
  const run = followed()
  run.forEach(header => tellHeader('heard', header))

  const block = await fetchBranch(connection, run.at(-1))
  if (block !== undefined) tellHeader('fetched', block.header, { transactions: block.transactions.length })
  const certified = () => heard.certificates.some(each => each.height >= run.at(-1).height)
  await until(certified, 30_000, 'no certificate was heard')
  await walk(connection, network, chain)
  run.forEach(header => require(equal(chain[header.height].hash, header.hash), 'another block became final'))
  for (const { header, transactions } of await fetchFinal(connection, network, from ?? run[0].height)) {
    require(equal(chain[header.height].hash, header.hash), 'a block of another chain')
    tellHeader('final', header, { transactions: transactions.length })
  }
  tell('done', { refused: heard.refused })
  await host.stop()
}

const [address, genesisHash, wanted = 3, height] = process.argv.slice(2)
await main(address, bytes(genesisHash), Number(wanted), height === undefined ? undefined : Number(height))
process.exit(0)
