"""Snapshots of this node's state: files that peers and other homes are served from, and taking one over.

A file is made in one go from one read of the store, so blocks that become final meanwhile change nothing in it; its
parts are the answers to peers, byte for byte. A snapshot comes in part by part through `SnapshotImport`, whoever
brings the parts. Must never trust a file or a peer: parts are held to the manifest, the manifest to its certificate.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from node.consensus.certificate import check_certificate, decode_certificate, encode_certificate
from node.ledger import merkle
from node.ledger.genesis import GenesisSpec, genesis_state
from node.ledger.header import decode_header
from node.ledger.pallets import authority
from node.light.chain import start_at_genesis
from node.light.limits import STEP_BYTES_MAX
from node.light.steps import decode_set, decode_step, encode_step, make_step, set_path
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service.errors import NoSnapshot, StateMismatch
from node.service.logbook import logger
from node.sync.errors import BadSnapshot
from node.sync.snapshot import (
    Assembly,
    BranchesBuilder,
    Chunk,
    Manifest,
    Row,
    check_manifest,
    chunk_of,
    decode_chunk,
    decode_manifest,
    encode_chunk,
    encode_manifest,
)
from storage.chain import ChainStore, PinnedTip
from storage.errors import Closed, StorageError
from storage.rows import Adoption, HeaderRow, StepRow
from storage.snapshot_file import SnapshotReader, SnapshotWriter

SUFFIX: Final = ".snapshot"
SNAPSHOTS_KEPT: Final = 2  # a node that began with the older one ends with it, an epoch long
_CHUNK: Final = b"c"
_STEP: Final = b"s"
_STEP_HEIGHT_BYTES: Final = 8
_STEPS_PER_READ: Final = 256

_VOUCH: Final = "Export it again on a node of this network, or name the block you trust with --checkpoint HEIGHT:HASH."

log = logger("snapshot")

Report = Callable[[int, int], None]
"""Told how many are done, of how many."""


def _silent(done: int, total: int) -> None:
    return None


def write_snapshot(
    store: ChainStore, genesis_hash: Hash, path: Path, report: Report = _silent, *, way: bool = False
) -> Manifest:
    """Write the state of the latest finalised block to the file `path`; with `way` also the light steps to it.

    `report` is told how many of the 256 parts are done. About 10 s a million rows; other threads may commit meanwhile.

    Raises:
        NoSnapshot: nothing but genesis is final, or its certificate is not stored.
        StateMismatch: the stored rows are not those of the finalised header.
        StorageError: no room, no permission.
    """
    with store.pinned() as tip:
        return write_pinned(
            tip, _steps(store, tip.height) if way and tip is not None else (), genesis_hash, path, report
        )


def write_pinned(
    tip: PinnedTip | None, steps: Iterable[StepRow], genesis_hash: Hash, path: Path, report: Report = _silent
) -> Manifest:
    """Write the state that `tip` holds still, and `steps`, to the file `path`; otherwise as `write_snapshot`."""
    if tip is None or tip.certificate is None:
        raise NoSnapshot("There is no certified block yet that a snapshot could be of.")
    with SnapshotWriter(path) as writer:
        header, builder = decode_header(tip.header), BranchesBuilder()
        for first in range(merkle.BRANCHES):
            _write_branch(tip, first, builder, writer)
            report(first + 1, merkle.BRANCHES)
        for step in steps:
            writer.add(_STEP + step.height.to_bytes(_STEP_HEIGHT_BYTES, "big"), step.step)
        manifest = Manifest(genesis_hash, header, decode_certificate(tip.certificate), builder.build())
        try:
            check_manifest(manifest, genesis_hash)
        except NodeError as error:
            raise StateMismatch(f"The stored state is not the one of block {tip.height}: {error.message}") from error
        writer.finish(encode_manifest(manifest))
    return manifest


def _write_branch(tip: PinnedTip, first: int, builder: BranchesBuilder, writer: SnapshotWriter) -> None:
    rows = [(Hash(path), value) for path, value in tip.rows(bytes((first,)))]
    builder.add(first, merkle.subtree(rows, merkle.BRANCH_BITS), len(rows))
    if rows:
        _write_chunks(bytes((first,)), rows, writer)


def _write_chunks(prefix: bytes, rows: list[Row], writer: SnapshotWriter) -> None:
    chunk = chunk_of(prefix, lambda: rows)
    writer.add(_CHUNK + prefix, encode_chunk(chunk))
    if chunk.branches:
        for index in range(merkle.BRANCHES):
            below = [row for row in rows if row[0][len(prefix)] == index]
            if below:
                _write_chunks(bytes((*prefix, index)), below, writer)


def _steps(store: ChainStore, height: int) -> Iterator[StepRow]:
    at = 0
    while steps := store.steps_above(at, _STEPS_PER_READ):
        for step in steps:
            if step.height > height:
                return
            yield step
        at = steps[-1].height


class SnapshotFile:
    """A snapshot on disk; its parts may be anything until they are checked. Any thread may read it."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            WrongDatabase, Corrupted, Inaccessible: it is no snapshot, damaged or cannot be read.
            DecodeError: its manifest is malformed.
        """
        self._reader = SnapshotReader(path)
        self._lock = threading.Lock()  # nobody reads a file while it is closed
        try:
            self.manifest = decode_manifest(self._reader.head)
        except BaseException:
            self._reader.close()
            raise
        self.path = path
        self.block_hash = self.manifest.block_hash
        self.size_bytes = self._reader.size_bytes

    def chunk(self, prefix: bytes) -> Chunk | None:
        """Return the part under `prefix`, None where there is none. Raises Corrupted, DecodeError, Closed."""
        data = self._read(_CHUNK + prefix)
        return None if data is None else decode_chunk(data)

    def steps(self) -> Iterator[StepRow]:
        """Give the light steps in the file, lowest first, unchecked."""
        for name in list(self._reader.names()):
            if name.startswith(_STEP) and len(name) == len(_STEP) + _STEP_HEIGHT_BYTES:
                yield StepRow(int.from_bytes(name[len(_STEP) :], "big"), self._read(name) or b"")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._reader.close()

    def _read(self, name: bytes) -> bytes | None:
        with self._lock:
            return self._reader.read(name)


class Shelf:
    """The snapshots that this node serves: the newest few, each a file in one folder. Any thread may use it."""

    def __init__(self, folder: Path, kept: int = SNAPSHOTS_KEPT) -> None:
        self._folder = folder
        self._kept = kept
        self._lock = threading.Lock()
        self._files: list[SnapshotFile] = []  # by ascending height

    def open(self, genesis_hash: Hash) -> None:
        """Take up the files of earlier runs; what is damaged, unfinished or of another network is deleted."""
        for path in sorted(self._folder.glob("*")):
            if not path.name.endswith((SUFFIX, SUFFIX + ".part")):
                continue
            try:
                file = SnapshotFile(path)
                check_manifest(file.manifest, genesis_hash)
            except (StorageError, NodeError) as error:
                log.info("a snapshot is thrown away: %s", error)
                path.unlink(missing_ok=True)
                continue
            self._files.append(file)
        self._files.sort(key=lambda file: file.manifest.header.height)
        self._trim(self._kept)

    def make(self, tip: PinnedTip | None, genesis_hash: Hash, report: Report = _silent) -> Manifest:
        """Write a snapshot of the block that `tip` holds still and put it first; `report` may end it by raising.

        Raises as `write_snapshot`, and OSError.
        """
        path = self._folder / f"new{SUFFIX}"
        manifest = write_pinned(tip, (), genesis_hash, path, report)
        final = self._folder / f"{manifest.header.height}{SUFFIX}"
        path.replace(final)
        with self._lock:
            self._files = [file for file in self._files if file.block_hash != manifest.block_hash]
            self._files.append(SnapshotFile(final))
        self._trim(self._kept)
        return manifest

    def manifest(self) -> Manifest | None:
        """Return the newest snapshot's manifest, None without any."""
        with self._lock:
            return self._files[-1].manifest if self._files else None

    def chunk(self, block_hash: Hash, prefix: bytes) -> Chunk | None:
        """Return a part of the snapshot of that block, None where it is not (any more) on the shelf."""
        with self._lock:
            file = next((each for each in self._files if each.block_hash == block_hash), None)
        try:
            return None if file is None else file.chunk(prefix)
        except Closed:  # it left the shelf just now
            return None

    def size_bytes(self) -> int:
        """Return what all of them take on the disk."""
        with self._lock:
            return sum(file.size_bytes for file in self._files)

    def drop_oldest(self) -> bool:
        """Delete the oldest one; tell whether there was one."""
        with self._lock:
            count = len(self._files)
        self._trim(count - 1)
        return count > 0

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for file in self._files:
                file.close()
            self._files.clear()

    def _trim(self, kept: int) -> None:
        with self._lock:
            gone, self._files = self._files[: max(0, len(self._files) - kept)], self._files[-kept:] if kept > 0 else []
        for file in gone:
            file.close()
            file.path.unlink(missing_ok=True)


class SnapshotImport:
    """A snapshot on its way into the store, across restarts; its manifest was checked and its certificate verified."""

    def __init__(self, store: ChainStore, manifest: Manifest) -> None:
        """Go on with what is there of this snapshot; what is there of another is thrown away. Raises StorageError."""
        self._store = store
        self._manifest = manifest
        store.staging.begin(encode_manifest(manifest))
        self._assembly = Assembly(manifest, store.staging.done())

    @property
    def missing(self) -> list[bytes]:
        """The prefixes to bring, in order; empty when everything is there."""
        return self._assembly.missing

    @property
    def rows_total(self) -> int:
        """Rows of the whole snapshot, as far as the manifest tells."""
        return self._assembly.rows_total

    @property
    def rows_missing(self) -> int:
        """Rows that are still to come."""
        return self._assembly.rows_missing

    def take(self, chunk: Chunk) -> None:
        """Check a part and keep it.

        Raises:
            BadSnapshot: it was not missing, or is not what the manifest commits to. Nothing was kept.
            StorageError: nothing of it was written; it is still missing.
        """
        rows = self._assembly.take(chunk)
        if chunk.branches:
            return
        try:
            self._store.staging.put(chunk.prefix, rows)
        except StorageError:
            self._assembly = Assembly(self._manifest, self._store.staging.done())
            raise

    def finish(self, steps: tuple[StepRow, ...] = ()) -> merkle.Node:
        """Make the whole snapshot the state of the store; returns its tree. Eight seconds a million rows.

        `steps` lead to its block, whose own step, if it is among them, is made anew from the state: others are served
        it, and whoever brought it may have left out the set that follows.

        Raises:
            BadSnapshot: something is missing; or the authorities that this very state names did not certify its block,
                and then all of it is thrown away.
            StateMismatch: what lies in the store is not what was put there; all of it is thrown away.
        """
        if self.missing:
            raise BadSnapshot(f"{len(self.missing)} parts of the snapshot are missing.")
        header, found = self._manifest.header, dict[Hash, bytes]()
        by = authority.SETS.path(self._manifest.certificate.set_id)
        tree = merkle.build(self._rows((by, set_path()), found))
        if merkle.root_hash(tree) != header.state_root:
            self._store.staging.drop()
            raise StateMismatch("The rows of the snapshot were damaged on this disk; it has to be fetched again.")
        try:
            self._check_certificate(found.get(by))
        except BadSnapshot:
            self._store.staging.drop()
            raise
        block = HeaderRow(self._manifest.block_hash, header.parent, header.height, header.slot, encode(header))
        certificate = encode_certificate(self._manifest.certificate)
        if steps and steps[-1].height == header.height:
            own = make_step(header, self._manifest.certificate, found, tree)
            steps = (*steps[:-1], StepRow(header.height, encode_step(own)))
        self._store.staging.adopt(Adoption(block, certificate, steps))
        return tree

    def _rows(self, wanted: tuple[Hash, ...], found: dict[Hash, bytes]) -> Iterator[Row]:
        """Give all staged rows, and keep those that are wanted in `found`."""
        for path, value in self._store.staging.rows():
            if path in wanted:
                found[Hash(path)] = value
            yield Hash(path), value

    def _check_certificate(self, named: bytes | None) -> None:
        """Hold the certificate to the set of its number in the state, which the block that it certifies commits to.

        Whoever vouches for a block knows its hash, not who signed for it. Raises BadSnapshot.
        """
        manifest = self._manifest
        if named is None:
            raise BadSnapshot(f"The state of this snapshot knows no authority set {manifest.certificate.set_id}.")
        try:
            check_certificate(
                manifest.certificate, decode_set(named), manifest.genesis_hash, verify, header=manifest.header
            )
        except NodeError as error:
            raise BadSnapshot(
                f"The authorities in the state of this snapshot did not certify its block: {error.message}"
            ) from error


@dataclass(frozen=True, slots=True)
class Vouched:
    """A block that the user vouches for."""

    height: int
    block_hash: Hash


def trusted_steps(
    file: SnapshotFile, spec: GenesisSpec, vouched: Vouched | None, verify: Verifier
) -> tuple[StepRow, ...]:
    """Return the verified light steps in a file whose manifest they, or the user, vouch for.

    Raises:
        BadSnapshot: another network, or neither the authorities since genesis nor the user vouch for its block.
    """
    header, state, rows = genesis_state(spec)
    check_manifest(file.manifest, state.hash)
    manifest = file.manifest
    if vouched is not None:
        if (vouched.height, vouched.block_hash) != (manifest.header.height, file.block_hash):
            raise BadSnapshot(f"This snapshot is of block {file.block_hash.hex()} at {manifest.header.height}.")
        return ()
    light = start_at_genesis(state.hash, header, rows[set_path()], verify)
    kept: list[StepRow] = []
    try:
        own: list[StepRow] = []
        for row in file.steps():
            step = decode_step(row.step, max_bytes=STEP_BYTES_MAX)
            if step.header.height >= manifest.header.height:
                own = [row] if step.header == manifest.header else []
                break
            light.advance(step)
            kept.append(StepRow(step.header.height, row.step))
        if not light.accept_tip(manifest.header, manifest.certificate):  # by the set before the block's own step
            raise BadSnapshot("The block of this snapshot is not above the last one that its authorities lead to.")
        for row in own:
            light.advance(decode_step(row.step, max_bytes=STEP_BYTES_MAX))
            kept.append(StepRow(manifest.header.height, row.step))
    except NodeError as error:
        raise BadSnapshot(
            f"The authorities of this network do not vouch for this snapshot: {error.message}", remedy=_VOUCH
        ) from error
    return tuple(kept)
