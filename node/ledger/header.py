"""Headers and blocks: what is hashed, signed by a producer and finalised.

A header has no free timestamp: its time is its slot. A block carries its transactions as opaque canonical bytes, so
that consensus and sync move blocks without knowing what a transaction is. Sources: docs/protocol.md, "Blocks".
"""

from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import digest
from node.primitives.errors import DecodeError
from node.primitives.limits import AUTHORITIES_MAX, BLOCK_BYTES_MAX, HEADER_BYTES_MAX, TRANSACTIONS_PER_BLOCK_MAX
from node.primitives.types import ACCOUNT_BYTES, HASH_BYTES, SIGNATURE_BYTES, AccountId, Hash, Height, SetId, Slot

HEADER_VERSION = 1
UNSIGNED = bytes(SIGNATURE_BYTES)


class Authority(Wire, frozen=True):
    """One member of an authority set: who, and what it weighs in each of the two quorums.

    `weight` counts among authorities, `stake` (rao) among validators; 0 is no say there. A set whose members have only
    one kind decides by that kind, one with both needs a quorum of each.
    """

    account: AccountId
    weight: int
    stake: int = 0


class Header(Wire, frozen=True):
    """What a block commits to.

    `set_id` names the authority set whose member `proposer` is; `next_set_hash` commits to the set announced for
    `set_id + 1` (equal to the current set's hash while none is announced); `next_set` lists it in full in the block
    that announces it and in the one that enacts it, and is empty elsewhere.
    """

    version: int
    height: Height
    slot: Slot
    parent: Hash
    proposer: AccountId
    transactions_root: Hash
    state_root: Hash
    set_id: SetId
    next_set_hash: Hash
    next_set: tuple[Authority, ...]
    signature: bytes


class Block(Wire, frozen=True):
    """A header and the canonical bytes of its transactions, in order."""

    header: Header
    transactions: tuple[bytes, ...]


def header_hash(header: Header) -> Hash:
    """Return the block's identity: the hash of the signed header."""
    return digest("header", encode(header))


def seal_message(genesis_hash: bytes, header: Header) -> bytes:
    """Return the 32 bytes a producer signs: the header without its signature, bound to the network."""
    unsigned = Header(
        header.version, header.height, header.slot, header.parent, header.proposer, header.transactions_root,
        header.state_root, header.set_id, header.next_set_hash, header.next_set, UNSIGNED,
    )  # fmt: skip
    return digest("seal", genesis_hash, encode(unsigned))


def set_hash(authorities: tuple[Authority, ...]) -> Hash:
    """Return the hash that commits to an authority set."""
    return digest("authorities", encode(authorities))


def decode_header(data: bytes) -> Header:
    """Return the well-formed header in `data`; DecodeError otherwise."""
    header = decode_canonical(Header, data, max_bytes=HEADER_BYTES_MAX)
    check_header_shape(header)
    return header


def decode_block(data: bytes) -> Block:
    """Return the well-formed block in `data`; DecodeError otherwise. Says nothing about validity."""
    block = decode_canonical(Block, data, max_bytes=BLOCK_BYTES_MAX)
    check_header_shape(block.header)
    if len(block.transactions) > TRANSACTIONS_PER_BLOCK_MAX:
        raise DecodeError(f"{len(block.transactions)} transactions in one block; {TRANSACTIONS_PER_BLOCK_MAX} at most.")
    return block


def check_header_shape(header: Header) -> None:
    """Refuse a header that is malformed on its own (DecodeError)."""
    if header.version != HEADER_VERSION:
        raise DecodeError(f"This node does not know headers of version {header.version}.")
    fixed = (header.parent, header.transactions_root, header.state_root, header.next_set_hash)
    if any(len(value) != HASH_BYTES for value in fixed) or len(header.proposer) != ACCOUNT_BYTES:
        raise DecodeError("A hash or key of this header has the wrong length.")
    if len(header.signature) != SIGNATURE_BYTES:
        raise DecodeError("The signature of this header has the wrong length.")
    if min(header.height, header.slot, header.set_id) < 0:
        raise DecodeError("A number of this header is negative.")
    if len(header.next_set) > AUTHORITIES_MAX:
        raise DecodeError(f"{len(header.next_set)} authorities in one set; {AUTHORITIES_MAX} at most.")
    if any(len(member.account) != ACCOUNT_BYTES or not _has_weight(member) for member in header.next_set):
        raise DecodeError("An authority of this header has a malformed key or no weight.")


def _has_weight(member: Authority) -> bool:
    return member.weight >= 0 and member.stake >= 0 and member.weight + member.stake > 0
