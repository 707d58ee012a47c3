"""`neurond db backup`, `restore`, `export` and `import`: the chain as one file, on its way out and back in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from node.commands.common import Env, command
from node.commands.db_files import Watch, any_store, home_spec, new_file, require_database
from node.control.paths import database_path
from node.control.schema import View
from node.primitives.types import Hash

if TYPE_CHECKING:
    from node.service.snapshots import SnapshotFile, SnapshotImport, Vouched
    from storage.chain import ChainStore

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_CHECKPOINT: Final = re.compile(r"(\d{1,15}):([0-9a-fA-F]{64})")


class Copied(View, frozen=True):
    """A file that was written or taken over: its size, and the finalised block it is of."""

    path: str
    size_bytes: int
    height: int
    block_hash: str


@click.command()
@click.argument("file", type=_FILE)
@command
def backup(env: Env, file: Path) -> None:
    """Copy the chain database to FILE, as it is at this moment; the node may run.

    FILE has blocks and state, nothing else: no keys, no settings, and never the signing record. That record only counts
    while it is the only one and the newest: an old copy has forgotten the last signatures, and a node that signs after
    it can sign twice, which is punished. So an authority's backup is its recovery words (`neurond wallet`), which make
    the keys anew; its signing.db stays where it is, whatever else is restored.

    \b
    Example:
      neurond db backup /media/disk/chain.backup
    """
    from storage.chain import CHAIN, ChainStore
    from storage.copies import copy_database

    target, watch = new_file(file), Watch()
    require_database(env)
    with any_store(env) as store:
        height, block_hash = _tip(store)
    copy_database(database_path(env.home), target, CHAIN, lambda done, total: watch("copying", done, total, "bytes"))
    with ChainStore.open_to_read(target) as store:
        height, block_hash = _tip(store)
    _emit(env, Copied(str(target), target.stat().st_size, height, block_hash.hex()), "Written")


@click.command()
@click.argument("file", type=_FILE)
@command
def restore(env: Env, file: Path) -> None:
    """Put the database of a backup in the place of the home's; the node must be stopped.

    FILE is copied and checked whole first: its network, every header and body, the state. Only then it takes the place
    of chain.db. Keys, settings and the signing record stay: a node that signed after the backup was made will not sign
    the same heights again.

    \b
    Example:
      neurond db restore /media/disk/chain.backup
    """
    from node.ledger.genesis import genesis_state
    from node.service.errors import WrongNetwork
    from node.service.store_check import check_store
    from storage.chain import CHAIN, ChainStore
    from storage.copies import copy_database, replace_database
    from storage.lock import HomeLock

    source, path, watch = file.expanduser().absolute(), database_path(env.home), Watch()
    genesis_hash = genesis_state(home_spec(env))[1].hash
    fresh = path.with_name(path.name + ".restoring")
    with HomeLock(env.home):
        try:
            copy_database(source, fresh, CHAIN, lambda done, total: watch("copying", done, total, "bytes"))
            with ChainStore.open(fresh) as store:
                if store.hash_at(0) != genesis_hash:
                    raise WrongNetwork(f"{source} belongs to another network than this home.")
                check_store(store, lambda what, done, total: watch(f"checking {what}", done, total))
                height, block_hash = _tip(store)
            replace_database(fresh, path, CHAIN)
        finally:
            for ending in ("", "-wal", "-shm"):
                fresh.with_name(fresh.name + ending).unlink(missing_ok=True)
    _emit(env, Copied(str(path), path.stat().st_size, height, block_hash.hex()), "Restored")


@click.command()
@click.argument("file", type=_FILE)
@command
def export(env: Env, file: Path) -> None:
    """Write the state of the latest finalised block to FILE, for other homes to begin with; the node may run.

    FILE has the state, the block's header and certificate, and the light steps that lead from genesis to it, so that
    whoever imports it need not trust whoever wrote it.

    \b
    Example:
      neurond db export state.snapshot
    """
    from node.service.errors import NoSnapshot
    from node.service.snapshots import write_snapshot

    target, watch = new_file(file), Watch()
    with any_store(env) as store:
        genesis_hash = store.hash_at(0)
        if genesis_hash is None:
            raise NoSnapshot("This database holds no block yet.")
        manifest = write_snapshot(
            store, Hash(genesis_hash), target, lambda done, total: watch("writing", done, total, "parts"), way=True
        )
    done = Copied(str(target), target.stat().st_size, manifest.header.height, manifest.block_hash.hex())
    _emit(env, done, "Written")


@click.command("import")
@click.argument("file", type=_FILE)
@click.option(
    "--checkpoint", metavar="HEIGHT:HASH",
    help="The snapshot's own block, told by somebody you trust, in place of the way from genesis.",
)  # fmt: skip
@command
def import_(env: Env, file: Path, checkpoint: str | None) -> None:
    """Begin from the state in FILE; the home must know its network, and its node must be stopped.

    The authorities vouch for the block, set by set from the genesis on, or a checkpoint does; every part of the state
    is checked against its root. Nothing changes before all of it is there; an interrupted import goes on.

    \b
    Examples:
      neurond db import state.snapshot
      neurond db import state.snapshot --checkpoint 120960:9f2c…
    """
    from node.primitives.crypto import verify
    from node.service.anchor import open_chain
    from node.service.snapshots import SnapshotFile, SnapshotImport, trusted_steps
    from node.sync.errors import BadSnapshot
    from storage.chain import ChainStore
    from storage.lock import HomeLock

    vouched, watch = _vouched(checkpoint), Watch()
    spec = home_spec(env)
    snapshot = SnapshotFile(file.expanduser().absolute())
    steps = trusted_steps(snapshot, spec, vouched, verify)
    with HomeLock(env.home), ChainStore.open(database_path(env.home)) as store:
        open_chain(store, spec)
        height, _ = _tip(store)
        if height >= snapshot.manifest.header.height:
            raise BadSnapshot(
                f"This home is at block {height:,} already, the snapshot at {snapshot.manifest.header.height:,}.",
                remedy="There is nothing to gain: start the node, it goes on from where it is.",
            )
        _take(SnapshotImport(store, snapshot.manifest), snapshot, watch).finish(steps)
        height, block_hash = _tip(store)
    _emit(env, Copied(str(database_path(env.home)), snapshot.size_bytes, height, block_hash.hex()), "Imported")


def _take(taking: SnapshotImport, snapshot: SnapshotFile, watch: Watch) -> SnapshotImport:
    from node.sync.errors import BadSnapshot

    while missing := taking.missing:
        for prefix in missing:
            chunk = snapshot.chunk(prefix)
            if chunk is None:
                raise BadSnapshot(f"The part {prefix.hex()} is missing in {snapshot.path}.")
            taking.take(chunk)
            watch("importing", taking.rows_total - taking.rows_missing, taking.rows_total, "rows")
    watch("checking the state", 0, 0)
    return taking


def _vouched(text: str | None) -> Vouched | None:
    from node.service.snapshots import Vouched

    if text is None:
        return None
    match = _CHECKPOINT.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is no checkpoint; write HEIGHT:HASH with 64 hexadecimal digits")
    return Vouched(int(match[1]), Hash(bytes.fromhex(match[2])))


def _tip(store: ChainStore) -> tuple[int, bytes]:
    from node.service.errors import NoSnapshot

    tip = store.tip()
    if tip is None:
        raise NoSnapshot("This database holds no finalised block.")
    return tip.height, tip.hash


def _emit(env: Env, done: Copied, verb: str) -> None:
    text = f"{verb}: {done.path} ({done.size_bytes:,} bytes), block {done.height:,} {done.block_hash}."
    env.emit(done, lambda: click.echo(text))
