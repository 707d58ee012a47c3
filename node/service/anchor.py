"""From the files of a home to the point where consensus goes on: genesis on the first start, the finalised tip later.

The state's tree is rebuilt from the stored rows and its root compared with what the finalised header commits to, so a
damaged database is noticed before anything is built on it.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.consensus.certificate import decode_certificate
from node.consensus.events import Anchor
from node.ledger import merkle
from node.ledger.genesis import GenesisSpec, genesis_state
from node.ledger.header import Block, Header, decode_header, header_hash
from node.ledger.state import StateView
from node.ledger.transition import ChainState, Executed
from node.light.chain import Trusted
from node.light.steps import decode_set, set_path
from node.primitives.codec import decode_canonical, encode
from node.primitives.errors import NodeError
from node.primitives.limits import BLOCK_BYTES_MAX
from node.primitives.types import Hash, Height, Slot
from node.service.errors import BadGenesis, StateMismatch
from storage.chain import ChainStore
from storage.rows import BlockRow, Commit

CACHED_ROWS_MAX: Final = 100_000  # rows of the finalised state kept decoded from disk; about 30 MB

ChainAnchor = Anchor[Executed]


class StoredState:
    """The finalised state in the store, behind a cache of its rows."""

    def __init__(self, store: ChainStore, capacity: int = CACHED_ROWS_MAX) -> None:
        self._store = store
        self._capacity = capacity
        self._cache: OrderedDict[Hash, bytes | None] = OrderedDict()
        self._lock = threading.Lock()  # a row read before a commit must not be kept after it

    def get(self, path: Hash) -> bytes | None:
        """Return the row at `path`."""
        with self._lock:
            if path in self._cache:
                return self._cache[path]
            value = self._store.state_get(path)
            self._cache[path] = value
            self._trim()
            return value

    def absorb(self, changes: Mapping[Hash, bytes | None]) -> None:
        """Take over rows that were just committed to the store."""
        with self._lock:
            self._cache.update(changes)
            self._trim()

    def _trim(self) -> None:
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A chain ready to go on: the anchor, its base state, and the stored blocks that are not final yet."""

    genesis_hash: Hash
    base: StoredState
    anchor: ChainAnchor
    unfinalised: tuple[Block, ...]


def open_chain(store: ChainStore, spec: GenesisSpec) -> Opened:
    """Return where the chain in `store` stands; an empty store begins with the genesis of `spec`.

    Raises:
        BadGenesis: the store belongs to another network.
        StateMismatch: the stored rows do not have the root of the finalised header.
    """
    genesis_hash = begin_with_genesis(store, spec)
    base = StoredState(store)
    return Opened(genesis_hash, base, _anchor(store, base), tuple(read_block(row) for row in store.unfinalised()))


def begin_with_genesis(store: ChainStore, spec: GenesisSpec) -> Hash:
    """Make the genesis of `spec` the first block of an empty store; return its hash. Raises BadGenesis."""
    header, state, rows = genesis_state(spec)
    genesis_hash = state.hash
    if store.tip() is None:
        state_rows: dict[bytes, bytes | None] = {}
        for path, value in rows.items():
            state_rows[path] = value
        block = block_row(Block(header, ()))
        store.commit(Commit(blocks=(block,), finalised=((0, genesis_hash),), state=state_rows))
    elif store.hash_at(0) != genesis_hash:
        raise BadGenesis("The database of this home belongs to another network.")
    return genesis_hash


def trusted_tip(store: ChainStore) -> Trusted:
    """Return the last final block of a store, from which light steps can be followed. Raises StateMismatch."""
    tip = store.tip()
    row = None if tip is None else store.header(tip.hash)
    if tip is None or row is None:
        raise StateMismatch("The database names a finalised block that it does not hold.")
    stored = store.certificate(tip.height)
    instance = 0 if stored is None else decode_certificate(stored.certificate).instance
    try:
        authorities = decode_set(store.state_get(set_path()) or b"")
    except NodeError as error:
        raise StateMismatch(f"The stored authority set is damaged: {error.message}") from error
    return Trusted(decode_header(row.header), Hash(tip.hash), instance, authorities)


def block_row(block: Block) -> BlockRow:
    """Return the stored form of a block."""
    header = block.header
    return BlockRow(
        header_hash(header), header.parent, header.height, header.slot, encode(header), encode(block.transactions)
    )  # fmt: skip


def read_block(row: BlockRow) -> Block:
    """Return the block in a stored row."""
    transactions = decode_canonical(tuple[bytes, ...], row.body, max_bytes=BLOCK_BYTES_MAX)
    return Block(decode_header(row.header), transactions)


def _anchor(store: ChainStore, base: StateView) -> ChainAnchor:
    tip = store.tip()
    row = None if tip is None else store.header(tip.hash)  # of an adopted snapshot there is no body
    if tip is None or row is None:
        raise StateMismatch("The database names a finalised block that it does not hold.")
    header = decode_header(row.header)
    tree = merkle.build((Hash(path), value) for path, value in store.state_rows())
    if merkle.root_hash(tree) != header.state_root:
        raise StateMismatch(f"The stored state is not the one of the finalised block at height {header.height}.")
    stored = store.certificate(tip.height)
    certificate = None if stored is None else decode_certificate(stored.certificate)
    return Anchor(header, Hash(tip.hash), executed_at(header, Hash(tip.hash), base, tree), certificate)


def executed_at(header: Header, block_hash: Hash, view: StateView, tree: merkle.Node) -> Executed:
    """Return the state of an old block in the form in which new ones leave execution."""
    state = ChainState(Height(header.height), Slot(header.slot), block_hash, view, tree)
    return Executed(state, {}, {}, (), ())
