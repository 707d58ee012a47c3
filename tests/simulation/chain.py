"""A trivial chain for the real engine: keyed-hash signatures, a state that is one running hash, a constant set."""

import hashlib
from dataclasses import dataclass

from msgspec.structs import replace

from node.consensus.authority import AuthoritySet
from node.consensus.events import Anchor
from node.ledger.header import HEADER_VERSION, UNSIGNED, Authority, Block, Header, header_hash, seal_message
from node.primitives.crypto import digest
from node.primitives.errors import LedgerError
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, SetId, Slot


def key(number: int) -> AccountId:
    """Return the account of authority `number`."""
    return AccountId(hashlib.blake2b(b"authority %d" % number, digest_size=32).digest())


def sign(public: bytes, message: bytes) -> bytes:
    """Sign as `public`: a keyed hash, fast and enough among programs that do not lie about it."""
    return hashlib.blake2b(message, key=public).digest()


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a keyed-hash signature."""
    return sign(public, message) == signature


@dataclass(frozen=True)
class State:
    """The state after a block: a hash over all transactions since genesis."""

    root: Hash
    authorities: AuthoritySet


def transactions_root(transactions: tuple[bytes, ...]) -> Hash:
    return digest("sim-body", *transactions)


def execute(state: State, block: Block) -> State:
    """Fold the block's transactions into the state; refuse what does not fit the header."""
    if transactions_root(block.transactions) != block.header.transactions_root:
        raise LedgerError("The body does not fit the header.")
    after = State(digest("sim-state", state.root, *block.transactions), state.authorities)
    if after.root != block.header.state_root:
        raise LedgerError("The state root is wrong.")
    return after


def make_set(count: int) -> AuthoritySet:
    """Return a set of `count` equal authorities."""
    return AuthoritySet.of(SetId(0), (Authority(key(number), 1) for number in range(count)))


def genesis(authorities: AuthoritySet) -> Anchor[State]:
    """Return the genesis block of a chain with these authorities."""
    header = Header(
        HEADER_VERSION, Height(0), Slot(0), ZERO_HASH, AccountId(bytes(32)), transactions_root(()),
        digest("sim-genesis"), SetId(0), authorities.hash, (), UNSIGNED,
    )  # fmt: skip
    return Anchor(header, header_hash(header), State(header.state_root, authorities), None)


def build(
    genesis_hash: Hash, parent: Header, state: State, slot: Slot, proposer: AccountId, transactions: tuple[bytes, ...]
) -> Block:
    """Return the sealed block of `slot` on `parent`."""
    unsigned = Header(
        HEADER_VERSION, Height(parent.height + 1), slot, header_hash(parent), proposer,
        transactions_root(transactions), digest("sim-state", state.root, *transactions),
        state.authorities.set_id, state.authorities.hash, (), UNSIGNED,
    )  # fmt: skip
    return seal(genesis_hash, unsigned, transactions)


def seal(genesis_hash: Hash, unsigned: Header, transactions: tuple[bytes, ...]) -> Block:
    """Sign a header as its proposer."""
    signature = sign(unsigned.proposer, seal_message(genesis_hash, unsigned))
    return Block(replace(unsigned, signature=signature), transactions)
