// Encoding, hashes, signatures, addresses and list roots, written from docs/protocol.md: "Encoding", "Hashes and
// domains", "Addresses", "State root". Must never accept bytes that are not the one encoding of their value.

import { ed25519 } from '@noble/curves/ed25519.js'
import { blake2b } from '@noble/hashes/blake2.js'
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

export { concatBytes, utf8ToBytes }
export const hex = bytesToHex
export const bytes = hexToBytes

export class Refused extends Error {}

export function require (holds, what) {
  if (!holds) throw new Refused(what)
}

export function equal (one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place])
}

// --- encoding: integers are numbers, or bigints where they are over 2^53; texts are strings, byte strings Uint8Arrays

const U64 = 2n ** 64n

export function encode (value) {
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xc3 : 0xc2)
  if (typeof value === 'number' || typeof value === 'bigint') {
    const number = BigInt(value)
    require(number >= 0n && number < U64, 'a number that does not fit 64 bits')
    return number < 0x80n ? Uint8Array.of(Number(number)) : sized(number, { 1: 0xcc, 2: 0xcd, 4: 0xce, 8: 0xcf })
  }
  if (value instanceof Uint8Array) {
    return concatBytes(sized(BigInt(value.length), { 1: 0xc4, 2: 0xc5, 4: 0xc6 }), value)
  }
  if (typeof value === 'string') {
    const text = utf8ToBytes(value)
    const head = text.length < 32
      ? Uint8Array.of(0xa0 | text.length)
      : sized(BigInt(text.length), { 1: 0xd9, 2: 0xda, 4: 0xdb })
    return concatBytes(head, text)
  }
  require(Array.isArray(value), 'only integers, booleans, bytes, texts and arrays have an encoding')
  const head = value.length < 16
    ? Uint8Array.of(0x90 | value.length)
    : sized(BigInt(value.length), { 2: 0xdc, 4: 0xdd })
  return concatBytes(head, ...value.map(encode))
}

function sized (number, heads) {
  const size = [1, 2, 4, 8].find(size => size in heads && number < 1n << BigInt(8 * size))
  return concatBytes(Uint8Array.of(heads[size]), bigEndian(number, size))
}

function bigEndian (number, size) {
  return hexToBytes(BigInt(number).toString(16).padStart(2 * size, '0'))
}

export function decode (raw, most) {
  require(raw.length <= most, `${raw.length} bytes where ${most} are allowed`)
  const reader = new Reader(raw)
  const value = reader.value(0)
  require(reader.at === raw.length, 'bytes after the end')
  require(equal(encode(value), raw), 'not the one encoding of this value')
  return value
}

const DEPTH_MAX = 32

class Reader {
  constructor (raw) {
    this.raw = raw
    this.at = 0
  }

  take (count) {
    require(this.at + count <= this.raw.length, 'the bytes end inside a value')
    this.at += count
    return this.raw.slice(this.at - count, this.at)
  }

  number (size) {
    const number = BigInt(`0x${bytesToHex(this.take(size))}`)
    return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number
  }

  value (depth) {
    require(depth < DEPTH_MAX, 'nested too deep')
    const first = this.number(1)
    if (first < 0x80) return first
    if (first < 0xa0 && first >= 0x90) return this.array(first & 0x0f, depth)
    if (first < 0xc0 && first >= 0xa0) return this.text(first & 0x1f)
    switch (first) {
      case 0xc2: return false
      case 0xc3: return true
      case 0xc4: case 0xc5: case 0xc6: return this.take(this.number(1 << (first - 0xc4)))
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return this.number(1 << (first - 0xcc))
      case 0xd9: case 0xda: case 0xdb: return this.text(this.number(1 << (first - 0xd9)))
      case 0xdc: case 0xdd: return this.array(this.number(2 << (first - 0xdc)), depth)
      default: throw new Refused(`the byte ${first.toString(16)} begins no value`)
    }
  }

  text (length) {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(length))
    } catch (error) {
      throw error instanceof Refused ? error : new Refused('a text that is not UTF-8')
    }
  }

  array (count, depth) {
    const items = [] // each item takes a byte at least, so the bytes end before memory does
    for (let place = 0; place < count; place++) items.push(this.value(depth + 1))
    return items
  }
}

// --- hashes and signatures

const DIGEST_BYTES = 32

function blake2 (personal, data) {
  const personalization = new Uint8Array(16)
  personalization.set(utf8ToBytes(personal))
  return blake2b(data, { dkLen: DIGEST_BYTES, personalization })
}

export function H (domain, ...parts) {
  return blake2(domain, concatBytes(...parts.flatMap(part => [bigEndian(part.length, 8), part])))
}

const P = 2n ** 255n - 19n
const SMALL_ORDER = new Set([
  ...[0n, 1n, P - 1n, P, P + 1n].map(number => hex(bigEndian(number, 32).reverse())),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'
])

function hasSmallOrder (point) {
  const unsigned = Uint8Array.from(point)
  unsigned[31] &= 0x7f
  return SMALL_ORDER.has(hex(unsigned))
}

export function verify (account, message, signature) {
  if (account.length !== 32 || signature.length !== 64) return false
  if (hasSmallOrder(account) || hasSmallOrder(signature.subarray(0, 32))) return false
  try {
    return ed25519.verify(signature, message, account, { zip215: false })
  } catch {
    return false // the library raises for points that are none
  }
}

export function listRoot (items) {
  if (items.length === 0) return new Uint8Array(DIGEST_BYTES)
  let level = items.map(item => blake2('merkle', concatBytes(Uint8Array.of(0), item)))
  while (level.length > 1) {
    const above = []
    for (let place = 0; place + 1 < level.length; place += 2) {
      above.push(blake2('merkle', concatBytes(Uint8Array.of(1), level[place], level[place + 1])))
    }
    if (level.length % 2 === 1) above.push(level.at(-1))
    level = above
  }
  return level[0]
}

// --- addresses of people

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export function account (address) {
  let number = 0n
  for (const letter of address) {
    require(BASE58.includes(letter), 'not base58')
    number = number * 58n + BigInt(BASE58.indexOf(letter))
  }
  require(number < 1n << 280n, 'an address of another length')
  const raw = bigEndian(number, 35)
  const key = raw.subarray(1, 33)
  const checksum = blake2b(concatBytes(utf8ToBytes('SS58PRE'), raw.subarray(0, 33)), { dkLen: 64 }).subarray(0, 2)
  require(raw[0] === 42, 'an address of another network')
  require(equal(raw.subarray(33), checksum), 'a mistyped address')
  return key
}
