"""What can be done with a stored item: hold it against its hashes, get it anew, write it to a file, delete it.

Each is a job. Verifying changes nothing but the note of when that was; deleting touches only what can be had again.
Never overwrites a file.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import trio

from models import Progress as ModelProgress
from models import ensure, is_ready
from node.ledger import merkle
from node.ledger.header import decode_header
from node.primitives.errors import NodeError
from node.primitives.types import Hash
from node.service.data_checks import Checked, CheckNotes
from node.service.data_rows import FOLDER, check_rows
from node.service.data_view import is_content, is_pinned
from node.service.errors import DataDamaged, DataRefused, Unknown
from node.service.home import Home
from node.service.jobs import Report
from node.service.snapshots import SUFFIX, SnapshotFile, write_snapshot
from node.sync.snapshot import Assembly, check_manifest
from storage import StorageError
from storage.quick_check import quick_check

if TYPE_CHECKING:
    from node.service.app import Running

_READ_BYTES: Final = 4 * 1024 * 1024
_TELL_S: Final = 0.5
_ROWS_TOLD: Final = 4096
_STRUCTURE_S: Final = 600.0  # for the structure of a database file
_NAMED: Final = ("snapshot", "blob", "model")  # kinds of which there are several, told apart by a name
_DATABASES: Final = ("journals", "records", "payments")

Tell = Callable[[str, int, int, str], None]
"""(what, done, total, unit), from a worker thread."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the actions work on."""

    running: Running
    home: Home
    store: Path
    notes: CheckNotes

    # --- jobs -------------------------------------------------------------------------------------------------------

    async def verify(self, item: str, report: Report) -> str:
        """Check an item, keep a note of it, and say what came out. Raises DataDamaged, Unknown, StorageError."""
        kind, _, name = item.partition(":")
        check = _CHECKS.get(kind)
        if check is None or (name and kind not in _NAMED):
            raise DataRefused(f"{item} has no hashes to be held against.")
        work = partial(check, self, name, _teller(report))
        try:
            words = await trio.to_thread.run_sync(work)
        except (DataDamaged, StorageError, NodeError) as error:
            if not isinstance(error, Unknown):
                await self._note(item, sound=False)
            raise
        await self._note(item, sound=True)
        return words

    async def repair(self, item: str, report: Report) -> str:
        """Get a model anew where files of it are missing or damaged. Raises DataRefused, ModelError."""
        kind, _, name = item.partition(":")
        if kind != "model":
            raise DataRefused(f"{item} cannot be had anew by itself.", remedy=_REMEDIES.get(kind, ""))

        def progress(step: ModelProgress) -> None:
            tell = partial(report, step.stage, done=step.done, total=step.total, unit=step.unit, eta_s=step.eta_s)
            trio.from_thread.run_sync(tell)

        fetch = self.running.model_peers.fetch
        await trio.to_thread.run_sync(partial(ensure, name, self.store, progress, peer_fetch=fetch))
        await self._note(item, sound=True)
        return f"{name} is complete and every hash holds"

    async def export(self, item: str, path: str, report: Report) -> str:
        """Write an item to a new place. Raises DataRefused, NoSnapshot, OSError."""
        target = Path(path).expanduser()
        if not target.is_absolute():
            raise DataRefused(f"{path} is not absolute.", remedy="Name the whole path, from / on.")
        if target.exists():
            raise DataRefused(f"{target} exists already.", remedy="Choose another name.")
        if not target.parent.is_dir():
            raise DataRefused(f"There is no folder {target.parent}.", remedy="Make it first.")
        kind, _, name = item.partition(":")
        write = _EXPORTS.get(kind)
        if write is None or (name and kind not in _NAMED):
            raise DataRefused(f"{item} cannot be exported.")
        try:
            return await trio.to_thread.run_sync(partial(write, self, name, target, _teller(report)))
        except OSError as error:
            raise DataRefused(f"{target} could not be written: {error.strerror or error}.") from error

    async def drop(self, item: str, report: Report) -> str:
        """Delete a content that came from others. Raises DataRefused, Unknown."""
        kind, _, name = item.partition(":")
        if kind != "blob":
            raise DataRefused(f"{item} stays.", remedy=_REMEDIES.get(kind, ""))
        report("deleting")
        await trio.to_thread.run_sync(self._drop_blob, name)
        return f"{name[:16]} is deleted"

    async def _note(self, item: str, *, sound: bool) -> None:
        note = Checked(time.time_ns() // 1_000_000, sound)
        await trio.to_thread.run_sync(self.notes.put, item, note)

    # --- checks, in worker threads ----------------------------------------------------------------------------------

    def check_chain(self, _name: str, tell: Tell) -> str:
        """The state's rows against the root in the header of the last final block."""
        done = 0
        tell("reading the state", 0, 0, "rows")
        with self.running.chain.store.pinned() as tip:
            if tip is None:
                raise Unknown("Nothing is final yet.")

            def counted(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[Hash, bytes]]:
                nonlocal done
                for path, value in rows:
                    done += 1
                    if done % _ROWS_TOLD == 0:
                        tell("reading the state", done, 0, "rows")
                    yield Hash(path), value

            found, header = merkle.root_hash(merkle.build(counted(tip.rows()))), decode_header(tip.header)
        if found != header.state_root:
            raise DataDamaged(
                f"The stored state is not the one of block {header.height:,}.",
                remedy="Stop the node and run `neurond db check`; `neurond db import` begins from a snapshot.",
            )
        return f"{done:,} rows of the state are those of block {header.height:,}"

    def check_snapshot(self, name: str, tell: Tell) -> str:
        """Every part of a snapshot against its manifest."""
        file = SnapshotFile(self._snapshot(name))
        try:
            check_manifest(file.manifest, self.running.chain.genesis_hash)
            assembly, total = Assembly(file.manifest), sum(file.manifest.branches.rows)
            while missing := assembly.missing:
                for prefix in missing:
                    chunk = file.chunk(prefix)
                    if chunk is None:
                        raise DataDamaged(f"The part {prefix.hex()} is missing.", remedy=_REMEDIES["snapshot"])
                    assembly.take(chunk)
                    tell("checking", total - assembly.rows_missing, total, "rows")
        finally:
            file.close()
        return f"{total:,} rows are those that the manifest names"

    def check_database(self, name: str, tell: Tell) -> str:
        """The structure of a database file."""
        tell("checking the file", 0, 0, "")
        return f"the structure of {name} is {quick_check(self._database(name), _STRUCTURE_S)}"

    def check_blob(self, name: str, tell: Tell) -> str:
        """One content against its name."""
        self._check_contents([self._blob(name)], tell)
        return f"{name[:16]} is what its name says"

    def check_blobs(self, _name: str, tell: Tell) -> str:
        """All contents against their names."""
        paths = [path for path in self.home.blobs.glob("*") if is_content(path)]
        self._check_contents(paths, tell)
        return f"{len(paths):,} contents are what their names say"

    def check_model(self, name: str, tell: Tell) -> str:
        """A model's files against the catalogue."""
        tell("hashing the files", 0, 0, "")
        if not is_ready(name, self.store):
            raise DataDamaged(f"{name} is not here, or a file of it is damaged.", remedy="Repair it.")
        return f"{name} is complete and every hash holds"

    def check_rows(self, _name: str, tell: Tell) -> str:
        """Promised rows of Data Universe against the roots."""
        tell("checking rows", 0, 0, "")
        buckets, wrong = check_rows(self.home.subnets / FOLDER, self.running.keys.hotkey_account)
        if wrong:
            raise DataDamaged(
                f"{wrong:,} of {buckets:,} promised buckets have other rows than their roots say.",
                remedy="The next promise leaves them out; until then validators count them as missing.",
            )
        return f"{buckets:,} promised buckets are as their roots say"

    def _check_contents(self, paths: list[Path], tell: Tell) -> None:
        wrong, done, total = [], 0, sum(path.stat().st_size for path in paths)
        for path in paths:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while data := file.read(_READ_BYTES):
                    digest.update(data)
                    done += len(data)
                    tell("hashing", done, total, "bytes")
            if digest.hexdigest() != path.name:
                wrong.append(path.name[:16])
        if wrong:
            raise DataDamaged(
                f"{len(wrong):,} of {len(paths):,} contents are damaged: {', '.join(wrong[:4])}.",
                remedy="Drop them; they are fetched again when they are needed.",
            )

    # --- exports, in worker threads ---------------------------------------------------------------------------------

    def export_chain(self, _name: str, target: Path, tell: Tell) -> str:
        """A snapshot of the last final block with the way to it from genesis."""
        made = write_snapshot(
            self.running.chain.store, self.running.chain.genesis_hash, target,
            lambda done, total: tell("writing", done, total, "parts"), way=True,
        )  # fmt: skip
        return f"the state of block {made.header.height:,} is in {target}; `neurond db import` takes it"

    def export_file(self, name: str, target: Path, tell: Tell) -> str:
        """A snapshot or a content as it is."""
        source = self._snapshot(name) if name.isdecimal() else self._blob(name)
        tell("copying", 0, source.stat().st_size, "bytes")
        shutil.copyfile(source, target)
        return f"{target} has {target.stat().st_size:,} bytes"

    def export_rows(self, _name: str, target: Path, tell: Tell) -> str:
        """All rows of Data Universe as a data set without names and contacts."""
        from node.subnets.data_universe import desk, forms
        from node.subnets.data_universe.limits import EXPORT_ROWS_MAX
        from node.subnets.data_universe.shelf import DATABASE
        from storage.entities import EntityStore

        folder = self.home.subnets / FOLDER
        if not (folder / DATABASE).is_file():
            raise Unknown("This node has collected no rows.", remedy="`neurond data sources` says what is collected.")
        asked = forms.query_of(source="", label="", q="", start="", end="", limit=EXPORT_ROWS_MAX,
                               most=EXPORT_ROWS_MAX)  # fmt: skip
        with EntityStore.open_to_read(folder / DATABASE) as store:
            made = desk.build(store, folder, target, asked, target.name, "other",
                              lambda done, of: tell("writing", done, of, "rows"))  # fmt: skip
        return f"{made.rows:,} rows are in {made.folder} ({made.format})"

    # --- names ------------------------------------------------------------------------------------------------------

    def _snapshot(self, name: str) -> Path:
        path = self.home.snapshots / f"{name}{SUFFIX}"
        if not name.isdecimal() or not path.is_file():
            raise Unknown(f"There is no snapshot of block {name[:20]}.", remedy="It may have given way to a newer one.")
        return path

    def _blob(self, name: str) -> Path:
        path = self.home.blobs / name
        if not is_content(path) or not path.is_file():
            raise Unknown(f"There is no content {name[:20]}.", remedy="It may have given way to others.")
        return path

    def _database(self, name: str) -> Path:
        return {"journals": self.home.journals, "records": self.home.market, "payments": self.home.payments}[name]

    def _drop_blob(self, name: str) -> None:
        path = self._blob(name)
        if is_pinned(path):
            raise DataRefused(f"{name[:16]} is this node's own: others rely on it.")
        path.unlink(missing_ok=True)


Check = Callable[[Desk, str, Tell], str]
Export = Callable[[Desk, str, Path, Tell], str]


def _database_check(name: str) -> Check:
    """The check of one database, whose item has no further name."""
    return lambda desk, _name, tell: desk.check_database(name, tell)


_CHECKS: Final[dict[str, Check]] = {
    "chain": Desk.check_chain,
    "snapshot": Desk.check_snapshot,
    "blob": Desk.check_blob,
    "blobs": Desk.check_blobs,
    "model": Desk.check_model,
    "rows": Desk.check_rows,
    **{name: _database_check(name) for name in _DATABASES},
}
_EXPORTS: Final[dict[str, Export]] = {
    "chain": Desk.export_chain,
    "snapshot": Desk.export_file,
    "blob": Desk.export_file,
    "rows": Desk.export_rows,
}
_REMEDIES: Final[dict[str, str]] = {
    "chain": "Stop the node: `neurond db import` begins from a snapshot, `neurond db prune` makes room.",
    "snapshot": "The node writes a new one by itself and deletes the oldest.",
    "rows": "Rows leave when they are too old; `neurond data sources` says what is collected.",
    "model": "Models serve all homes of this machine: delete the folder yourself when nobody needs it.",
}


def _teller(report: Report) -> Tell:
    """Pass progress on to the loop, not more often than a person can read, with the time that is left."""
    began, last = time.monotonic(), 0.0

    def tell(what: str, done: int, total: int, unit: str) -> None:
        nonlocal last
        trio.from_thread.check_cancelled()
        now = time.monotonic()
        if now - last < _TELL_S and last:
            return
        last = now
        eta_s = (now - began) * (total - done) / done if 0 < done < total else None
        trio.from_thread.run_sync(partial(report, what, done=done, total=total, unit=unit, eta_s=eta_s))

    return tell
