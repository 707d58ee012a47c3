"""A stored chain held against its own commitments: every header, every body that should be there, and the state.

Reads only. What it finds is told as one error that names the height; it repairs nothing.
"""

from collections.abc import Callable, Iterator
from typing import Final

from node.ledger import merkle
from node.ledger.header import Header, decode_header, header_hash
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service.anchor import read_block
from node.service.errors import StateDiffers
from storage.chain import ChainStore
from storage.rows import HeaderRow

Report = Callable[[str, int, int], None]
"""Told what is checked, how many are done, of how many (0: unknown)."""

_BATCH: Final = 256
_REPORT_ROWS: Final = 50_000


def check_store(store: ChainStore, report: Report) -> None:
    """Check file, headers, bodies and state of a store that nobody writes.

    Raises:
        Corrupted: the file's structure is damaged.
        StateDiffers: a header, a body or the state is not what it is committed to.
    """
    report("the file", 0, 0)
    store.integrity_check()
    tip = store.tip()
    if tip is None:
        return
    _check_headers(store, tip.height, report)
    _check_bodies(store, tip.height, report)
    header = store.header(tip.hash)
    if header is None:
        raise StateDiffers(f"The finalised block {tip.height:,} is missing.")
    check_state(store, decode_header(header.header), report)


def check_state(store: ChainStore, header: Header, report: Report) -> merkle.Node:
    """Return the tree over the stored rows. Raises StateDiffers when it has another root than `header` says."""
    done = 0
    report("the state", 0, 0)

    def counted() -> Iterator[tuple[Hash, bytes]]:
        nonlocal done
        for path, value in store.state_rows():
            done += 1
            if done % _REPORT_ROWS == 0:
                report("the state", done, 0)
            yield Hash(path), value

    tree = merkle.build(counted())
    found = merkle.root_hash(tree)
    if found != header.state_root:
        raise StateDiffers(f"The stored state has the root {found.hex()}, its header says {header.state_root.hex()}.")
    return tree


def _check_headers(store: ChainStore, tip_height: int, report: Report) -> None:
    start = store.pruning.horizon().headers_from
    parent, height = b"", start
    while height <= tip_height:
        rows = store.headers_from(height, _BATCH)
        for row in rows:
            header = _header(row)
            wrong = row.height != height or header.height != height or header_hash(header) != row.hash
            if wrong or (parent and header.parent != parent):
                raise StateDiffers(f"The stored block {height:,} is missing or does not follow the one before it.")
            parent, height = row.hash, height + 1
        if not rows:
            raise StateDiffers(f"The finalised block {height:,} is missing.")
        report("the headers", height - start, tip_height + 1 - start)


def _check_bodies(store: ChainStore, tip_height: int, report: Report) -> None:
    start = store.pruning.horizon().bodies_from
    height = start
    while height <= tip_height:
        rows = store.blocks_from(height, _BATCH)
        for row in rows:
            if row.height != height:
                break
            try:
                block = read_block(row)
            except NodeError as error:
                raise StateDiffers(f"The body of block {height:,} is damaged: {error.message}") from error
            if merkle.list_root(block.transactions) != block.header.transactions_root:
                raise StateDiffers(f"The transactions of block {height:,} are not those of its header.")
            height += 1
        if not rows or rows[-1].height != height - 1:
            raise StateDiffers(f"The body of block {height:,} is missing.")
        report("the blocks", height - start, tip_height + 1 - start)


def _header(row: HeaderRow) -> Header:
    try:
        return decode_header(row.header)
    except NodeError as error:
        raise StateDiffers(f"The header of block {row.height:,} is damaged: {error.message}") from error
