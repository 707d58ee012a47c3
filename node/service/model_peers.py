"""Models from peers: what this node has in its store it gives to others, and what it lacks it gets from them by hash.

The last source of a model, for machines without internet. Origin is never trusted: the store takes a file by its pinned
SHA-256 alone. `ModelPeers.fetch` is called in worker threads; everything else belongs to the trio thread.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from models import CATALOGUE, CatalogueEntry, ModelUnavailable, stored_file
from models.catalogue import PinnedFile
from node.service.logbook import logger
from p2p import Network, P2PError
from p2p.blob_files import Lookup
from p2p.blobs import BlobProgress, Blobs, Download

FOLDER: Final = "from-peers"

log = logger("models")


@dataclass(slots=True)
class _Task:
    """A download's work in the background; `name` is of its file."""

    name: str
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    ended: trio.Event = field(default_factory=trio.Event)


class ModelPeers:
    """Gives and fetches the source files of `entries` that lie in, or belong into, `store`.

    A network has one `Blobs`, and this is whose it is: `also` looks up whatever else the node gives away.
    """

    def __init__(
        self,
        network: Network,
        store: Path,
        nursery: trio.Nursery,
        entries: Sequence[CatalogueEntry] = CATALOGUE,
        *,
        also: Lookup = lambda _: None,
    ) -> None:
        self._store = store
        self._also = also
        self._nursery = nursery
        self._entries = {bytes.fromhex(file.sha256): file for entry in entries for file in entry.pinned()}
        self._under_way: dict[Download, _Task] = {}
        self.blobs = Blobs(network, store / FOLDER, self._lookup)

    def fetch(self, sha256: str) -> Iterator[bytes]:
        """Yield the file with this SHA-256 in order, while it arrives. Raises ModelUnavailable.

        Only for worker threads. What has arrived stays for the next try when the reader stops early.
        """
        entry = self._entries.get(bytes.fromhex(sha256))
        if entry is None:
            raise ModelUnavailable("no model of the catalogue has this hash")
        try:
            download = trio.from_thread.run(self._begin, entry)
            whole = False
            try:
                for index in range(download.manifest.chunks):
                    yield trio.from_thread.run(download.chunk, index)
                whole = True
            finally:
                trio.from_thread.run(self._end, download, whole)
        except P2PError as error:
            raise ModelUnavailable(str(error)) from error

    def progress(self) -> dict[str, BlobProgress]:
        """How far each download is that is under way, by the name of its file."""
        return {task.name: download.progress() for download, task in self._under_way.items()}

    def _lookup(self, sha256: bytes) -> Path | None:
        """Return the stored file with this hash; called in worker threads."""
        entry = self._entries.get(sha256)
        path = self._also(sha256) if entry is None else stored_file(entry, self._store)
        return path if path is not None and path.is_file() and not path.is_symlink() else None

    async def _begin(self, entry: PinnedFile) -> Download:
        download = await self.blobs.begin(bytes.fromhex(entry.sha256), entry.size_bytes)
        log.info("getting %s from %d peers", entry.file_name, len(download.peers))
        self._under_way[download] = task = _Task(entry.file_name)
        self._nursery.start_soon(self._run, download, task)
        return download

    async def _run(self, download: Download, task: _Task) -> None:
        """Fetch in the background; whoever reads the chunks hears of a failure."""
        try:
            with task.scope:
                await download.run()
        except P2PError as error:
            log.warning("a model did not arrive from peers: %s", error)
        finally:
            task.ended.set()

    async def _end(self, download: Download, whole: bool) -> None:
        """Let go of a download that was read, or given up: never while it still works on its file."""
        task = self._under_way.pop(download)
        if not whole:
            task.scope.cancel()
        await task.ended.wait()
        await download.close(keep=not whole)
