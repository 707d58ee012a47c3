"""`neurond db`: looking at a stopped node's chain database, without changing it."""

from pathlib import Path
from typing import Final

import click

from node.commands.common import Env, command, facts, show_progress
from node.commands.errors import CommandError, NothingThere
from node.control.options import Progress
from node.control.paths import database_path
from node.control.schema import View
from node.ledger import merkle
from node.ledger.header import decode_header, header_hash
from node.primitives.types import Hash
from storage.chain import ChainStore
from storage.lock import HomeLock

_BATCH: Final = 256


class StateDiffers(CommandError):
    """The stored state or chain is not what its headers commit to."""

    code = "state_differs"
    remedy = "Move chain.db aside and start the node: it fetches the chain anew; keys are kept elsewhere."


class DatabaseInfo(View, frozen=True):
    """What --json prints; `state_root` is the finalised header's, recomputed ones are equal after a check."""

    path: str
    size_bytes: int
    finalized_height: int
    finalized_hash: str
    state_root: str
    unfinalized_blocks: int
    checked: bool


@click.group()
def db() -> None:
    """Check a stopped node's database.

    \b
    Example:
      neurond db check
    """


@db.command("info")
@command
def info(env: Env) -> None:
    """Show size, height and state root of the database.

    \b
    Example:
      neurond db info
    """
    _show(env, check_all=False)


@db.command("check")
@command
def check(env: Env) -> None:
    """Check the file, the chain of finalised blocks, and the state against its root.

    \b
    Example:
      neurond db check
    """
    _show(env, check_all=True)


def _show(env: Env, *, check_all: bool) -> None:
    path = database_path(env.home)
    if not path.exists():
        raise NothingThere(f"There is no database {path}.", remedy="Name the node's home with --home.")
    with HomeLock(env.home), ChainStore.open(path) as store:
        found = _inspect(path, store, check_all)
    rows = [
        ("file", f"{found.path} ({found.size_bytes:,} bytes)"),
        ("finalized", f"{found.finalized_height:,} {found.finalized_hash}"),
        ("state root", found.state_root),
        ("not final", f"{found.unfinalized_blocks} blocks"),
        *((("checked", "the file, every header and the state are sound"),) if check_all else ()),
    ]
    env.emit(found, lambda: facts(rows))


def _inspect(path: Path, store: ChainStore, check_all: bool) -> DatabaseInfo:
    tip = store.tip()
    block = None if tip is None else store.block(tip.hash)
    if tip is None or block is None:
        raise NothingThere(f"{path} holds no finalised block yet.", remedy="Start the node first.")
    header = decode_header(block.header)
    if check_all:
        _check_file(store)
        _check_chain(store, tip.height)
        _check_state(store, header.state_root)
    return DatabaseInfo(
        str(path), store.size_bytes(), tip.height, tip.hash.hex(), header.state_root.hex(),
        len(store.unfinalised()), check_all,
    )  # fmt: skip


def _check_file(store: ChainStore) -> None:
    show_progress(Progress("file", "checking the file"))
    store.integrity_check()


def _check_chain(store: ChainStore, tip_height: int) -> None:
    parent: bytes | None = None
    height = 0
    while height <= tip_height:
        rows = store.blocks_from(height, _BATCH)
        if not rows:
            raise StateDiffers(f"The finalised block {height:,} is missing.")
        for row in rows:
            header = decode_header(row.header)
            wrong = row.height != height or header.height != height or header_hash(header) != row.hash
            if wrong or (parent is not None and header.parent != parent):
                raise StateDiffers(f"The stored block {height:,} does not follow the one before it.")
            parent, height = row.hash, height + 1
        show_progress(Progress("chain", "checking the blocks", height, tip_height + 1, "blocks"))


def _check_state(store: ChainStore, expected: Hash) -> None:
    show_progress(Progress("state", "computing the state root"))
    found = merkle.root_hash(merkle.build((Hash(path), value) for path, value in store.state_rows()))
    if found != expected:
        raise StateDiffers(f"The stored state has the root {found.hex()}, its header says {expected.hex()}.")
