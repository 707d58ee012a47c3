"""`neurond db`: the chain database of a node: what is in it, whether it is sound, and what of the past it keeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from node.commands.common import Env, command, facts
from node.commands.db_copies import backup, export, import_, restore
from node.commands.db_files import Watch, any_store, home_spec, require_database, stopped_store
from node.commands.errors import NothingThere
from node.control.paths import database_path
from node.control.schema import KEEP_MODES, KeepMode, View

if TYPE_CHECKING:
    from node.service.pruner import Bounds
    from storage.chain import ChainStore

_LOOK_S: Final = 0.5  # how often the size of a file that is being written is looked at


class DatabaseInfo(View, frozen=True):
    """What --json prints; after a check `state_root` was computed from the rows and is the finalised header's.

    Headers are stored from height `headers_from` on, bodies from `bodies_from`. `snapshots`: heights of those that
    peers can fetch. `import_parts`: parts of a snapshot on its way in that are there, None without one.
    """

    path: str
    size_bytes: int
    used_bytes: int
    mode: KeepMode
    finalized_height: int
    finalized_hash: str
    state_root: str
    unfinalized_blocks: int
    headers_from: int
    bodies_from: int
    light_steps_to: int | None
    snapshots: tuple[int, ...]
    import_parts: int | None
    checked: bool


class Pruned(View, frozen=True):
    """What `neurond db prune` did, or would do with `dry_run`: bodies of blocks, and the room they took."""

    mode: KeepMode
    dry_run: bool
    blocks: int
    bytes: int
    bodies_from: int
    headers_from: int


class Compacted(View, frozen=True):
    """Size of the database before and after."""

    before_bytes: int
    after_bytes: int


@click.group()
def db() -> None:
    """Look at, check, prune, copy or replace a node's chain database.

    Keys and the signing record are other files and are never touched.

    \b
    Examples:
      neurond db info
      neurond db backup /media/disk/chain.backup
    """


@db.command("info")
@command
def info(env: Env) -> None:
    """Show what the database holds; the node may run.

    \b
    Example:
      neurond db info
    """
    with any_store(env) as store:
        _show(env, store, checked=False)


@db.command("check")
@command
def check(env: Env) -> None:
    """Check the file, every header and body, and the state against its root; the node must be stopped.

    \b
    Example:
      neurond db check
    """
    from node.service.store_check import check_store

    watch = Watch()
    with stopped_store(env) as store:
        check_store(store, lambda what, done, total: watch(f"checking {what}", done, total))
        _show(env, store, checked=True)


@db.command("prune")
@click.option("--keep", type=click.Choice(KEEP_MODES), help="What is to be kept. Default: as the home is set.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@command
def prune(env: Env, keep: KeepMode | None, dry_run: bool) -> None:
    """Forget blocks that are older than the home's mode keeps; the node must be stopped.

    A running node does this by itself. The file keeps its size, its free pages are used again; `neurond db vacuum`
    makes it smaller.

    \b
    Examples:
      neurond db prune --dry-run
      neurond db prune --keep light
    """
    from node.service.home import Home

    mode = keep or Home(env.home).settings_of_last_start().keep or "full"
    slot_ms = home_spec(env).slot_ms
    with stopped_store(env) as store:
        bounds = _bounds(store, mode, slot_ms)
        blocks, size = (0, 0) if bounds is None else store.pruning.weigh_bodies(bounds.oldest_slot, bounds.below)
        if bounds is not None and not dry_run:
            _prune(store, bounds, blocks)
        horizon = store.pruning.horizon()
    done = Pruned(mode, dry_run, blocks, size, horizon.bodies_from, horizon.headers_from)
    verb = "would be forgotten" if dry_run else "forgotten"
    env.emit(done, lambda: click.echo(f"{done.blocks:,} blocks with {done.bytes:,} bytes {verb} (mode {mode})."))


@db.command("vacuum")
@command
def vacuum(env: Env) -> None:
    """Write the database anew without its free pages; the node must be stopped.

    Needs as much free space as the database has data. Interrupted at any moment, the old file or the new one is there.

    \b
    Example:
      neurond db vacuum
    """
    from storage.chain import CHAIN, ChainStore
    from storage.copies import compact_database, compacted_path
    from storage.lock import HomeLock

    path = database_path(env.home)
    require_database(env)
    with HomeLock(env.home):
        with ChainStore.open(path) as store:
            before, used = store.size_bytes(), store.used_bytes()
        with _watched(lambda: _size(compacted_path(path)), used):
            compact_database(path, CHAIN)
    done = Compacted(before, path.stat().st_size)
    env.emit(done, lambda: click.echo(f"{done.before_bytes:,} bytes before, {done.after_bytes:,} bytes now."))


for each in (backup, restore, export, import_):
    db.add_command(each)


def _show(env: Env, store: ChainStore, *, checked: bool) -> None:
    from node.ledger.header import decode_header
    from node.service.home import Home
    from node.service.snapshots import SUFFIX

    tip = store.tip()
    row = None if tip is None else store.header(tip.hash)
    if tip is None or row is None:
        raise NothingThere(f"{database_path(env.home)} holds no finalised block yet.", remedy="Start the node first.")
    home, horizon, step = Home(env.home), store.pruning.horizon(), store.latest_step()
    staged = None if store.staging.manifest() is None else len(store.staging.done())
    heights = sorted(int(path.stem) for path in home.snapshots.glob(f"*{SUFFIX}") if path.stem.isdecimal())
    found = DatabaseInfo(
        path=str(database_path(env.home)),
        size_bytes=store.size_bytes(),
        used_bytes=store.used_bytes(),
        mode=home.settings_of_last_start().keep or "full",
        finalized_height=tip.height,
        finalized_hash=tip.hash.hex(),
        state_root=decode_header(row.header).state_root.hex(),
        unfinalized_blocks=len(store.unfinalised()),
        headers_from=horizon.headers_from,
        bodies_from=horizon.bodies_from,
        light_steps_to=None if step is None else step.height,
        snapshots=tuple(heights),
        import_parts=staged,
        checked=checked,
    )
    env.emit(found, lambda: _render(found))


def _render(found: DatabaseInfo) -> None:
    snapshots = ", ".join(f"{height:,}" for height in found.snapshots)
    rows = [
        ("file", f"{found.path} ({found.size_bytes:,} bytes, {found.used_bytes:,} in use)"),
        ("mode", found.mode),
        ("finalized", f"{found.finalized_height:,} {found.finalized_hash}"),
        ("state root", found.state_root),
        ("not final", f"{found.unfinalized_blocks} blocks"),
        ("headers", f"from {found.headers_from:,}"),
        ("blocks", f"from {found.bodies_from:,}"),
        ("light steps", "none" if found.light_steps_to is None else f"to {found.light_steps_to:,}"),
        ("snapshots", snapshots or "none"),
        *((("import", f"{found.import_parts} parts are there"),) if found.import_parts is not None else ()),
        *((("checked", "the file, every header and body, and the state are sound"),) if found.checked else ()),
    ]
    facts(rows)


def _bounds(store: ChainStore, mode: KeepMode, slot_ms: int) -> Bounds | None:
    from node.service.pruner import bounds_of

    tip = store.tip()
    row = None if tip is None else store.header(tip.hash)
    return None if row is None else bounds_of(mode, slot_ms, row.slot, row.height)


def _prune(store: ChainStore, bounds: Bounds, blocks: int) -> None:
    from node.service.pruner import prune_step

    watch, done = Watch(), 0
    while step := prune_step(store, bounds):
        done += step
        watch("pruning", min(done, blocks), blocks, "blocks")


@contextmanager
def _watched(size: Callable[[], int], total: int) -> Iterator[None]:
    """Show how a file grows while something else writes it."""
    watch, ended = Watch(), threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            watch("compacting", min(size(), total), total, "bytes")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # it is not there yet, or has its name already
