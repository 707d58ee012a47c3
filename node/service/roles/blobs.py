"""Large payloads of subnets: a budgeted folder of contents by their SHA-256, given to peers and fetched from them.

What this node put there itself is pinned and stays; what it fetched gives way, the longest unused first. A content is
believed by its hash alone, on the disk as on the wire, and its size is checked before the first byte is asked for.
"""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import trio

from node.market.errors import PayloadRefused, Unreachable
from node.market.reach import open_stream
from node.primitives.types import HASH_BYTES, AccountId, Hash
from node.subnets.base import BlobRef, Neuron, View
from p2p import Network, P2PError
from p2p.blobs import PROTOCOL, BlobProgress, Blobs, Download

BUDGET_BYTES: Final = 4 << 30  # of one node: a few thousand pictures, or the buckets of a subnet's day
PINNED_SHARE: Final = 0.75  # of the budget; beyond it the oldest pins are let go, so that fetching never starves
CONTENT_BYTES_MAX: Final = (
    512 << 20
)  # read into memory as a whole; larger things are models and have a store of their own
CONTENTS_MAX: Final = 65_536  # files in one folder
MEDIA_TYPE_CHARS_MAX: Final = 128  # the longest registered one has about 80
PARTS: Final = "parts"  # the folder below the shelf where contents grow that are on their way
PROGRESS_S: Final = 5.0  # so often a fetch that takes long says how far it is

HOLDERS_MAX: Final = 4  # hotkeys that are connected to for one content; whoever names more has it from the first ones

FindPeers = Callable[[], Awaitable[Sequence[str]]]

_log = logging.getLogger(__name__)


class BlobShelf:
    """Contents in a folder. Everything here reads or writes the disk and belongs into worker threads."""

    def __init__(
        self, folder: Path, *, budget_bytes: int = BUDGET_BYTES, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.folder = folder
        self.budget_bytes = budget_bytes
        self._clock = clock
        self._lock = threading.Lock()

    def lookup(self, sha256: bytes) -> Path | None:
        """The file with this content, for `Blobs`; None when it is not here."""
        path = self._path(sha256)
        return path if path.is_file() and not path.is_symlink() else None

    def read(self, sha256: bytes) -> bytes | None:
        """The content, None when it is not here; a damaged file is removed."""
        path = self.lookup(sha256)
        if path is None:
            return None
        data = path.read_bytes()
        if hashlib.sha256(data).digest() != sha256:
            _log.warning("the content %s was damaged on the disk and is removed", sha256.hex()[:16])
            path.unlink(missing_ok=True)
            return None
        self._touch(path)
        return data

    def put(self, data: bytes, *, pinned: bool) -> Hash:
        """Keep a content. Raises PayloadRefused without room, OSError."""
        name = Hash(hashlib.sha256(data).digest())
        with self._lock:
            path = self._path(name)
            if not path.is_file():
                self._make_room(len(data))
                temporary = self._temporary(name)
                temporary.write_bytes(data)
                os.replace(temporary, path)
            self._touch(path)
            if pinned:
                self._pin(name)
        return name

    def adopt(self, file: Path, sha256: bytes, size_bytes: int) -> None:
        """Take over a complete file whose content was checked. Raises PayloadRefused without room, OSError."""
        with self._lock:
            self._make_room(size_bytes)
            os.replace(file, self._path(sha256))
            self._touch(self._path(sha256))

    def unpin(self, sha256: bytes) -> None:
        """Let a content of one's own give way when room is needed."""
        self._pin_path(sha256).unlink(missing_ok=True)

    def usage(self) -> tuple[int, int, int]:
        """Contents, their bytes, and the bytes of those that are pinned."""
        sizes = self._sizes()
        pinned = sum(size for path, (size, _) in sizes.items() if self._is_pinned(path))
        return len(sizes), sum(size for size, _ in sizes.values()), pinned

    # --- inside -----------------------------------------------------------------------------------------------------

    def _make_room(self, needed_bytes: int) -> None:
        if needed_bytes > self.budget_bytes:
            raise PayloadRefused(
                f"A content of {needed_bytes} bytes does not fit the {self.budget_bytes} bytes kept for large payloads."
            )
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sizes = self._sizes()
        held, count = sum(size for size, _ in sizes.values()), len(sizes)
        for path, (size, _) in sorted(sizes.items(), key=lambda item: item[1][1]):
            if held + needed_bytes <= self.budget_bytes and count < CONTENTS_MAX:
                return
            if not self._is_pinned(path):
                path.unlink(missing_ok=True)
                held, count = held - size, count - 1
        if held + needed_bytes > self.budget_bytes or count >= CONTENTS_MAX:
            raise PayloadRefused("There is no room for this content: what is kept is this node's own.")

    def _pin(self, name: bytes) -> None:
        self._pin_path(name).touch()
        pins = sorted(self.folder.glob("*.pin"), key=lambda path: path.stat().st_mtime_ns)
        sizes = {path.name: size for path, (size, _) in self._sizes().items()}
        held = sum(sizes.get(pin.stem, 0) for pin in pins)
        for pin in pins[:-1]:
            if held <= PINNED_SHARE * self.budget_bytes:
                return
            held -= sizes.get(pin.stem, 0)
            pin.unlink(missing_ok=True)

    def _sizes(self) -> dict[Path, tuple[int, int]]:
        """Size and time of the last use of each content."""
        found: dict[Path, tuple[int, int]] = {}
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if len(path.name) == 2 * HASH_BYTES and path.is_file():
                    stat = path.stat()
                    found[path] = (stat.st_size, stat.st_atime_ns)
        return found

    def _touch(self, path: Path) -> None:
        # The time of access is set by hand: the file system may not keep it, and the other one would say "changed".
        os.utime(path, ns=(self._clock(), path.stat().st_mtime_ns))

    def _is_pinned(self, path: Path) -> bool:
        return path.with_name(f"{path.name}.pin").exists()

    def _path(self, sha256: bytes) -> Path:
        return self.folder / sha256.hex()

    def _pin_path(self, sha256: bytes) -> Path:
        return self.folder / f"{sha256.hex()}.pin"

    def _temporary(self, sha256: bytes) -> Path:
        return self.folder / f".{sha256.hex()}.{threading.get_ident()}"


class PeerBlobs:
    """The `BlobDoor` of a node: its shelf, and its peers. One a node, whatever roles it has."""

    def __init__(self, shelf: BlobShelf, blobs: Blobs, *, progress_s: float = PROGRESS_S) -> None:
        """`blobs` looks contents up on this shelf too."""
        self._shelf = shelf
        self._blobs = blobs
        self._progress_s = progress_s
        self._under_way: dict[Hash, tuple[Download | None, trio.Event]] = {}

    async def put(self, data: bytes, media_type: str) -> BlobRef:
        """Keep a content, pinned, and give it to peers from now on. Raises PayloadRefused without room."""
        _check_media_type(media_type)
        if not 0 < len(data) <= CONTENT_BYTES_MAX:
            raise PayloadRefused(f"A content has 1 to {CONTENT_BYTES_MAX} bytes, not {len(data)}.")
        try:
            name = await trio.to_thread.run_sync(partial(self._shelf.put, data, pinned=True))
        except OSError as error:
            raise PayloadRefused(f"The content could not be written: {error}.") from error
        return BlobRef(name, len(data), media_type)

    async def get(self, ref: BlobRef, *, max_bytes: int, find: FindPeers | None = None) -> bytes:
        """The whole content, from here or from peers. Raises PayloadRefused; then nobody had it, or it is too large.

        `find` is called before peers are asked, and names those to ask first.
        """
        if len(ref.sha256) != HASH_BYTES:
            raise PayloadRefused("This names no content: a SHA-256 has 32 bytes.")
        if not 0 < ref.size <= min(max_bytes, CONTENT_BYTES_MAX):
            raise PayloadRefused(f"The content has {ref.size} bytes, where 1 to {max_bytes} are taken.")
        while True:
            data = await self._read(ref)
            if data is not None:
                return data
            if ref.sha256 in self._under_way:  # somebody else fetches it: wait for that
                await self._under_way[ref.sha256][1].wait()
                data = await self._read(ref)
                if data is None:
                    raise PayloadRefused("The content did not arrive.")
                return data
            await self._fetch(ref, find)

    def progress(self) -> dict[Hash, BlobProgress]:
        """How far each fetch is that is under way."""
        return {name: download.progress() for name, (download, _) in self._under_way.items() if download is not None}

    async def _read(self, ref: BlobRef) -> bytes | None:
        try:
            data = await trio.to_thread.run_sync(self._shelf.read, ref.sha256)
        except OSError as error:
            raise PayloadRefused(f"The content cannot be read here: {error}.") from error
        if data is not None and len(data) != ref.size:
            raise PayloadRefused(f"The content has {len(data)} bytes, not the {ref.size} that were said.")
        return data

    async def _fetch(self, ref: BlobRef, find: FindPeers | None) -> None:
        arrived = trio.Event()
        self._under_way[ref.sha256] = (None, arrived)
        try:
            first = () if find is None else await find()
            download = await self._blobs.begin(ref.sha256, ref.size, folder=self._shelf.folder / PARTS, first=first)
            self._under_way[ref.sha256] = (download, arrived)
            taken = False
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._tell, ref, download)
                    await download.run()
                    nursery.cancel_scope.cancel()
                await trio.to_thread.run_sync(self._shelf.adopt, download.path, ref.sha256, ref.size)
                taken = True
            finally:
                with trio.CancelScope(shield=True):  # lets go of a file: short
                    await download.close(keep=not taken)
        except* (P2PError, OSError) as group:
            raise PayloadRefused(f"The content did not arrive: {group.exceptions[0]}") from group
        finally:
            del self._under_way[ref.sha256]
            arrived.set()

    async def _tell(self, ref: BlobRef, download: Download) -> None:
        while True:
            await trio.sleep(self._progress_s)
            at = download.progress()
            left = "" if at.eta_s is None else f", {at.eta_s:.0f} s left"
            _log.info(
                "fetching %s: %.1f of %.1f MB from %d peers%s",
                ref.sha256.hex()[:16], at.done_bytes / 1e6, at.total_bytes / 1e6, at.peers, left,
            )  # fmt: skip


class SubnetBlobs:
    """The `BlobDoor` of one subnet: the node's contents, and a way to the hotkeys that should have one."""

    def __init__(self, blobs: PeerBlobs, network: Network, view: Callable[[], View]) -> None:
        """`view` tells where the subnet's hotkeys are now."""
        self._blobs = blobs
        self._network = network
        self._view = view

    async def put(self, data: bytes, media_type: str) -> BlobRef:
        """As `PeerBlobs.put`."""
        return await self._blobs.put(data, media_type)

    async def get(self, ref: BlobRef, *, max_bytes: int, holders: Sequence[AccountId] = ()) -> bytes:
        """As `PeerBlobs.get`; `holders` are connected to, where they are not, and asked first."""
        return await self._blobs.get(ref, max_bytes=max_bytes, find=partial(self._reach, holders))

    async def _reach(self, holders: Sequence[AccountId]) -> Sequence[str]:
        view = self._view()
        seats = [seat for seat in map(view.find, holders[:HOLDERS_MAX]) if seat is not None and seat.peer_id]
        async with trio.open_nursery() as nursery:
            for seat in seats:
                nursery.start_soon(self._connect, seat)
        return [seat.peer_id for seat in seats]

    async def _connect(self, seat: Neuron) -> None:
        try:
            stream = await open_stream(self._network, seat, PROTOCOL)
        except Unreachable as error:  # others may have it
            _log.info("a content's holder is not there: %s", error)
            return
        await stream.reset()


def _check_media_type(media_type: str) -> None:
    if not media_type.isascii() or not media_type.isprintable() or len(media_type) > MEDIA_TYPE_CHARS_MAX:
        raise PayloadRefused(f"A media type is at most {MEDIA_TYPE_CHARS_MAX} printable ASCII characters.")
