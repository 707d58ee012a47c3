// Headers, authority sets, blocks and certificates, written from docs/protocol.md: "Blocks", "Authorities",
// "Certificates". Knows a network by its genesis hash alone, and follows it as long as set 0 is in force.

import { account, decode, encode, equal, H, hex, listRoot, require, verify } from './wire.mjs'

export const HEADER_BYTES_MAX = 64 * 1024
export const BLOCK_BYTES_MAX = 1024 * 1024
const TRANSACTIONS_MAX = 5000
const CERTIFICATE_BYTES_MAX = 80 * 1024
const ZERO_HASH = new Uint8Array(32)
const UNSIGNED = new Uint8Array(64)
const PRECOMMIT = 2
const SIGNATURE_PLACE = 10

const isHash = value => value instanceof Uint8Array && value.length === 32
const isSignature = value => value instanceof Uint8Array && value.length === 64
const isNumber = value => typeof value === 'number' || typeof value === 'bigint'

export function readHeader (fields) {
  require(Array.isArray(fields) && fields.length === 11, 'a header has eleven fields')
  const [version, height, slot, parent, proposer, transactionsRoot, stateRoot, setId, nextSetHash, nextSet, seal] = fields
  require(version === 1, 'a header of another version')
  require([height, slot, setId].every(isNumber), 'a header counts with integers')
  require([parent, proposer, transactionsRoot, stateRoot, nextSetHash].every(isHash), 'a hash of another length')
  require(Array.isArray(nextSet) && isSignature(seal), 'a header ends with a set and a seal')
  const raw = encode(fields)
  require(raw.length <= HEADER_BYTES_MAX, 'a header of more than 64 KiB')
  return { height, slot, parent, proposer, transactionsRoot, setId, nextSetHash, nextSet, seal, fields, hash: H('header', raw) }
}

export function readBlock (fields) {
  require(Array.isArray(fields) && fields.length === 2, 'a block is a header and a list of transactions')
  const [header, transactions] = [readHeader(fields[0]), fields[1]]
  require(Array.isArray(transactions) && transactions.length <= TRANSACTIONS_MAX, 'too many transactions')
  require(transactions.every(each => each instanceof Uint8Array), 'a transaction is a byte string')
  require(equal(listRoot(transactions), header.transactionsRoot), 'the body is another header’s')
  return { header, transactions }
}

export function readCertificate (fields) {
  require(Array.isArray(fields) && fields.length === 8 && fields[0] === 3, 'no certificate')
  const [, setId, instance, round, height, blockHash, bitmap, signatures] = fields
  require([setId, instance, round, height].every(isNumber), 'a certificate counts with integers')
  require(isHash(blockHash) && bitmap instanceof Uint8Array, 'a certificate names a block and seats')
  require(Array.isArray(signatures) && signatures.every(isSignature), 'a certificate has signatures')
  require(encode(fields).length <= CERTIFICATE_BYTES_MAX, 'a certificate of more than 80 KiB')
  return { setId, instance, round, height, blockHash, bitmap, signatures }
}

/** Set 0 of a network, proven by its header 0: the hash of that header is the genesis hash and covers the set. */
export class Network {
  constructor (genesisHash, genesisFile, header0) {
    const spec = JSON.parse(new TextDecoder().decode(genesisFile))
    const keys = spec.authorities.map(account).sort((one, other) => (hex(one) < hex(other) ? -1 : 1))
    this.genesisHash = genesisHash
    this.name = spec.name
    this.members = keys
    this.setHash = H('authorities', encode(keys.map(key => [key, 1, 0])))
    require(equal(header0.hash, genesisHash), 'header 0 is that of another network')
    require(equal(header0.nextSetHash, this.setHash), 'the authorities of the file are not those of the genesis hash')
    require(header0.height === 0 && equal(header0.parent, ZERO_HASH), 'header 0 has a parent')
  }

  topic (name) {
    return `/neurond/${hex(this.genesisHash).slice(0, 16)}/${name}/1`
  }

  checkSeal (header) {
    require(header.setId === 0 && equal(header.nextSetHash, this.setHash), 'the authorities changed; this client stays with set 0')
    require(this.members.some(key => equal(key, header.proposer)), 'the producer is no authority')
    const unsigned = header.fields.with(SIGNATURE_PLACE, UNSIGNED)
    const message = H('seal', this.genesisHash, encode(unsigned))
    require(verify(header.proposer, message, header.seal), 'the seal does not hold')
  }

  checkCertificate ({ setId, instance, round, height, blockHash, bitmap, signatures }) {
    const seats = this.members.length
    require(setId === 0, 'a certificate of a later set')
    require(bitmap.length === Math.ceil(seats / 8), 'a bitmap of another length')
    const signed = Array.from({ length: 8 * bitmap.length }, (_, seat) => (bitmap[seat >> 3] >> (seat & 7)) & 1)
    require(signed.every((bit, seat) => bit === 0 || seat < seats), 'a bit beyond the last seat')
    const signers = this.members.filter((_, seat) => signed[seat] === 1)
    require(signers.length === signatures.length && 3 * signers.length > 2 * seats, 'no quorum')
    const message = H('vote', this.genesisHash, encode([setId, instance, round, PRECOMMIT, height, blockHash]))
    signers.forEach((key, place) => require(verify(key, message, signatures[place]), 'a signature does not hold'))
  }
}

/** What travels on the topic of blocks: a block whole, or the header of a large one. */
export function readNews (raw) {
  const value = decode(raw, 64 * 1024 + 16)
  require(Array.isArray(value) && value.length === 2 && (value[0] === 1 || value[0] === 2), 'neither block nor header')
  return value[0] === 1 ? readBlock(value[1]) : { header: readHeader(value[1]), transactions: null }
}
