"""Large things from several peers at once: found by SHA-256, fetched in chunks, each checked before it is kept.

A stream carries questions and their answers in order, a few questions ahead. Whoever sends a wrong chunk is reported
and asked no more; whoever is slow or leaves costs only the chunks it had promised. An interrupted download goes on
where it stopped, with any peers.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import trio

from p2p import limits
from p2p.api import Network, Stream
from p2p.blob_files import HASH_BYTES, Lookup, Manifest, PartFile, Shelf, decode_manifest, make_room
from p2p.errors import BlobError, BlobUnavailable, EndOfStream, P2PError

PROTOCOL = "/neurond/blobs/1"

_log = logging.getLogger(__name__)


class Find(msgspec.Struct, frozen=True, tag="find"):
    """Which blob has this SHA-256? Answered by its id, or by nothing (an empty frame)."""

    sha256: bytes


class GetManifest(msgspec.Struct, frozen=True, tag="manifest"):
    """Answered by the encoded manifest, or by nothing."""

    blob_id: bytes


class GetChunk(msgspec.Struct, frozen=True, tag="chunk"):
    """Answered by the chunk, or by nothing."""

    blob_id: bytes
    index: int


Question = Find | GetManifest | GetChunk


@dataclass(frozen=True, slots=True)
class BlobProgress:
    """How far a download is; `eta_s` is None while nothing has arrived, `peers` counts those that serve now."""

    done_bytes: int
    total_bytes: int
    peers: int
    bytes_per_s: float
    eta_s: float | None


class Blobs:
    """Gives contents to others and fetches them; one a network. `lookup` tells which file holds a content."""

    def __init__(
        self, network: Network, folder: Path, lookup: Lookup, *, budget_bytes: int = limits.BLOB_BUDGET_BYTES
    ) -> None:
        """Downloads under way lie in `folder` and never take more than `budget_bytes` there."""
        self._network = network
        self._folder = folder
        self._budget_bytes = budget_bytes
        self._shelf = Shelf(lookup)
        self._threads = trio.CapacityLimiter(limits.BLOB_THREADS)
        self._in_use: set[Path] = set()
        self._preparing = trio.Lock()  # two at once would each count the same free room
        network.serve(
            PROTOCOL, self._serve, per_peer=limits.BLOB_STREAMS_PER_PEER, total=limits.BLOB_STREAMS_TOTAL
        )  # fmt: skip

    # Giving

    async def _serve(self, stream: Stream) -> None:
        while True:
            try:
                with trio.fail_after(limits.BLOB_IDLE_S):
                    question = msgspec.msgpack.decode(
                        await stream.receive(limits.BLOB_QUESTION_MAX_BYTES), type=Question
                    )  # fmt: skip
            except EndOfStream:
                return
            except trio.TooSlowError:
                return await stream.reset()
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self._network.report(stream.peer_id, limits.MALFORMED_POINTS, "a malformed question about a blob")
                return await stream.reset()
            answer = await trio.to_thread.run_sync(self._answer, question, limiter=self._threads)
            with trio.move_on_after(limits.BLOB_CHUNK_TIMEOUT_S) as patience:
                await stream.send(answer)
            if patience.cancelled_caught:
                return await stream.reset()

    def _answer(self, question: Question) -> bytes:
        try:
            match question:
                case Find(sha256):
                    return self._shelf.find(sha256) or b""
                case GetManifest(blob_id):
                    return self._shelf.manifest(blob_id) or b""
                case GetChunk(blob_id, index):
                    return self._shelf.chunk(blob_id, index) or b""
        except (OSError, BlobError) as error:
            _log.warning("a blob cannot be read for others: %s", error)
            return b""

    # Fetching

    async def begin(
        self, sha256: bytes, size_bytes: int, *, folder: Path | None = None, first: Sequence[str] = ()
    ) -> "Download":
        """Find a content of this size and get ready to fetch it, in `folder` if named; `Download.run` then does.

        The connected peers among `first` are asked before others, of whom only so many are.

        Raises BlobUnavailable when no connected peer has it, BlobError without room, OSError.
        """
        if not 0 < size_bytes <= limits.BLOB_MAX_BYTES or len(sha256) != HASH_BYTES:
            raise BlobError(f"a blob has a SHA-256 and 1 to {limits.BLOB_MAX_BYTES} bytes")
        holders = await self._holders(sha256, first)
        for blob_id, _ in Counter(holders.values()).most_common():
            peers = [peer for peer, held in holders.items() if held == blob_id]
            manifest = await self._manifest(blob_id, sha256, size_bytes, peers)
            if manifest is not None:
                return await self._download(blob_id, manifest, peers, folder or self._folder)
        raise BlobUnavailable(f"none of {len(self._network.peers())} connected peers has {sha256.hex()[:16]}…")

    async def _download(self, blob_id: bytes, manifest: Manifest, peers: list[str], folder: Path) -> "Download":
        part = PartFile(folder, blob_id, manifest)
        if part.path in self._in_use:
            raise BlobError(f"{manifest.sha256.hex()[:16]}… is being fetched already; wait for that")
        self._in_use.add(part.path)
        try:
            async with self._preparing:
                in_use = frozenset(self._in_use)
                missing = await trio.to_thread.run_sync(self._prepare, part, manifest.size_bytes, in_use)
        except BaseException:
            self._in_use.discard(part.path)
            raise
        return Download(
            self._network, blob_id, manifest, part, missing, peers, lambda: self._in_use.discard(part.path)
        )  # fmt: skip

    def _prepare(self, part: PartFile, size_bytes: int, in_use: frozenset[Path]) -> list[int]:
        folder = part.path.parent
        folder.mkdir(parents=True, exist_ok=True)
        held = part.path.stat().st_size if part.path.exists() else 0
        make_room(folder, size_bytes - held, self._budget_bytes, in_use)
        return part.open()

    async def _holders(self, sha256: bytes, first: Sequence[str]) -> dict[str, bytes]:
        """Which connected peer names which blob for a content."""
        found: dict[str, bytes] = {}

        async def ask(peer_id: str) -> None:
            blob_id = await self._ask(peer_id, Find(sha256), HASH_BYTES)
            if blob_id is not None and len(blob_id) == HASH_BYTES:
                found[peer_id] = blob_id

        connected = sorted((peer.peer_id for peer in self._network.peers()), key=lambda peer: peer not in first)
        async with trio.open_nursery() as nursery:
            for peer_id in connected[: limits.BLOB_PEERS_ASKED_MAX]:
                nursery.start_soon(ask, peer_id)
        return found

    async def _manifest(self, blob_id: bytes, sha256: bytes, size_bytes: int, peers: Sequence[str]) -> Manifest | None:
        for peer_id in peers:
            raw = await self._ask(peer_id, GetManifest(blob_id), limits.BLOB_MANIFEST_MAX_BYTES)
            if raw is None:
                continue
            try:
                return decode_manifest(raw, blob_id, sha256, size_bytes)
            except BlobError as error:
                self._network.report(peer_id, limits.BLOB_WRONG_POINTS, f"it sent a wrong manifest: {error}")
        return None

    async def _ask(self, peer_id: str, question: Question, max_bytes: int) -> bytes | None:
        try:
            raw = await self._network.request(
                peer_id, PROTOCOL, msgspec.msgpack.encode(question), max_bytes=max_bytes,
                timeout_s=limits.BLOB_CHUNK_TIMEOUT_S,
            )  # fmt: skip
        except P2PError as error:
            _log.debug("%s tells nothing about a blob: %s", peer_id, error)
            return None
        return raw or None


class Download:
    """One content on its way. `run` fetches; `chunk` hands out what has arrived, in any order the caller likes."""

    def __init__(
        self, network: Network, blob_id: bytes, manifest: Manifest, part: PartFile, missing: list[int],
        peers: Sequence[str], release: Callable[[], None],
    ) -> None:  # fmt: skip
        self.manifest = manifest
        self._network = network
        self._blob_id = blob_id
        self._part = part
        self._peers = tuple(peers)
        self._release = release
        self._wanted = deque(missing)
        self._missing = set(missing)
        self._in_flight: Counter[int] = Counter()
        self._serving = 0
        self._failure: BlobError | None = None
        self._changed = trio.Event()
        self._threads = trio.CapacityLimiter(limits.BLOB_THREADS)
        self._began_s = trio.current_time()
        self._resumed_bytes = self._done_bytes()

    @property
    def peers(self) -> tuple[str, ...]:
        """The peers it comes from."""
        return self._peers

    @property
    def path(self) -> Path:
        """Where the content grows; whole once `run` has returned."""
        return self._part.path

    def progress(self) -> BlobProgress:
        """How far it is now."""
        done, spent_s = self._done_bytes(), trio.current_time() - self._began_s
        rate = (done - self._resumed_bytes) / spent_s if spent_s > 0 else 0.0
        left = self.manifest.size_bytes - done
        return BlobProgress(done, self.manifest.size_bytes, self._serving, rate, left / rate if rate > 0 else None)

    async def run(self) -> None:
        """Fetch everything that is missing and check the whole.

        Raises BlobUnavailable when the peers gave out before the end (what has arrived is kept), BlobError when the
        whole is not what it was said to be or cannot be written.
        """
        self._serving = len(self._peers)
        try:
            async with trio.open_nursery() as nursery:
                for peer_id in self._peers:
                    nursery.start_soon(self._pull, peer_id)
                while self._missing and self._serving and self._failure is None:
                    await self._changed.wait()
                nursery.cancel_scope.cancel()
            if self._failure is not None:
                raise self._failure
            if self._missing:
                left = len(self._missing)
                raise BlobUnavailable(f"{left} of {self.manifest.chunks} chunks are missing and no peer gives more")
            if not await trio.to_thread.run_sync(self._part.is_whole):
                await trio.to_thread.run_sync(self._part.remove)
                for peer_id in self._peers:
                    self._network.report(peer_id, limits.BLOB_WRONG_POINTS, "it named a blob of another content")
                raise BlobError("the whole is not what the peers said it was; other peers may have it")
        except BlobError as error:
            self._failure = error
            raise
        except OSError as error:
            self._failure = self._disk_failure(error)
            raise self._failure from error
        finally:
            self._notify()

    async def chunk(self, index: int) -> bytes:
        """A chunk, once it is here. Raises BlobError when it will not come."""
        while index in self._missing:
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()
        return await trio.to_thread.run_sync(self._part.get, index)

    async def close(self, *, keep: bool) -> None:
        """Let go of the file; with `keep` it stays, and a later download of the same content goes on from it."""
        try:
            if not keep:
                await trio.to_thread.run_sync(self._part.remove)
        finally:
            self._release()

    # Details

    def _done_bytes(self) -> int:
        return self.manifest.size_bytes - sum(map(self.manifest.chunk_bytes, self._missing))

    def _disk_failure(self, error: OSError) -> BlobError:
        return BlobError(
            f"{self._part.path} cannot be read or written ({error.strerror}); free space, check its rights"
        )

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _pull(self, peer_id: str) -> None:
        """Fetch from one peer until nothing is left to ask it, or it fails."""
        window: deque[int] = deque()
        try:
            stream = await self._network.open(peer_id, PROTOCOL)
            try:
                await self._pull_from(stream, window)
            finally:
                await stream.reset()
        except (P2PError, trio.TooSlowError) as error:
            _log.info("%s gives no more of a blob: %s", peer_id, error or "it is too slow")
        except OSError as error:
            self._failure = self._disk_failure(error)
        finally:
            self._serving -= 1
            self._give_back(window)
            self._notify()

    async def _pull_from(self, stream: Stream, window: deque[int]) -> None:
        while self._missing:
            while len(window) < limits.BLOB_WINDOW_CHUNKS and (index := self._next(window)) is not None:
                window.append(index)
                self._in_flight[index] += 1
                await stream.send(msgspec.msgpack.encode(GetChunk(self._blob_id, index)))
            if not window:
                await self._changed.wait()  # others have promised the rest; one of them may fail yet
                continue
            with trio.fail_after(limits.BLOB_CHUNK_TIMEOUT_S):
                chunk = await stream.receive(limits.BLOB_CHUNK_BYTES)
            await self._take(window[0], chunk, stream.peer_id)
            self._forget(window.popleft())
            self._notify()

    async def _take(self, index: int, chunk: bytes, peer_id: str) -> None:
        if not chunk:
            raise BlobUnavailable("it does not have the blob any more")
        if index not in self._missing:
            return  # somebody else was faster
        if not await trio.to_thread.run_sync(self._part.put, index, chunk, limiter=self._threads):
            self._network.report(peer_id, limits.BLOB_WRONG_POINTS, "it sent a wrong chunk of a blob")
            raise BlobError("a chunk was wrong")
        self._missing.discard(index)

    def _next(self, window: deque[int]) -> int | None:
        """The next chunk nobody has promised; at the end one that only one other peer has, in case it is slow."""
        while self._wanted:
            index = self._wanted.popleft()
            if index in self._missing:
                return index
        late = (index for index, count in self._in_flight.items() if count == 1 and index not in window)
        return min((index for index in late if index in self._missing), default=None)

    def _forget(self, index: int) -> None:
        self._in_flight[index] -= 1
        if not self._in_flight[index]:
            del self._in_flight[index]

    def _give_back(self, window: deque[int]) -> None:
        for index in reversed(window):
            self._forget(index)
            if index in self._missing and index not in self._in_flight:
                self._wanted.appendleft(index)
