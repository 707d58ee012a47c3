"""Promises of blobs: whole or not at all, from several peers, resumed, bounded, and hostile peers cost little."""

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from p2p import BlobError, BlobUnavailable, Network, Stream, blob_files, limits
from p2p.blob_files import Manifest, blob_id_of, describe, encode_manifest
from p2p.blobs import PROTOCOL, Blobs, Download, Find, GetChunk, GetManifest, Question
from tests.unit.p2p.worlds import Libp2pWorld, MemoryWorld, World, until

CHUNK = limits.BLOB_CHUNK_BYTES
CONTENT = random.Random(7).randbytes(9 * CHUNK + 1234)
SHA256 = hashlib.sha256(CONTENT).digest()


@dataclass
class Town:
    """Nodes that hold the content, and one that wants it."""

    world: World
    folder: Path

    async def holder(self, name: str, content: bytes = CONTENT) -> Network:
        node = await self.world.start(name)
        path = self.folder / f"{name}.bin"
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).digest()
        Blobs(node, self.folder / f"{name}-blobs", lambda asked: path if asked == sha256 else None)
        return node

    async def liar(self, name: str, answer: Callable[[Question], bytes | None]) -> Network:
        """A node that answers by `answer`; None leaves the question unanswered."""
        node = await self.world.start(name)

        async def serve(stream: Stream) -> None:
            while True:
                question = msgspec.msgpack.decode(await stream.receive(1 << 10), type=Question)  # type: ignore[call-overload]
                reply = answer(question)
                if reply is None:
                    await trio.sleep_forever()
                else:
                    await stream.send(reply)

        node.serve(PROTOCOL, serve)
        return node

    async def asker(self, *peers: Network, budget_bytes: int = 1 << 30) -> tuple[Network, Blobs]:
        node = await self.world.start("asker")
        for peer in peers:
            await node.dial(peer.addresses[0])
        return node, Blobs(node, self.folder / "asker", lambda _sha256: None, budget_bytes=budget_bytes)


@pytest.fixture
def town(world: World, tmp_path: Path) -> Town:
    return Town(world, tmp_path)


@pytest.fixture
def memory_town(nursery: trio.Nursery, tmp_path: Path) -> Town:
    return Town(MemoryWorld(nursery), tmp_path)


async def fetched(blobs: Blobs) -> Download:
    with trio.fail_after(20):
        download = await blobs.begin(SHA256, len(CONTENT))
        await download.run()
    return download


def honest(question: Question) -> bytes:
    manifest = encode_manifest(Manifest(len(CONTENT), SHA256, MANIFEST.hashes))
    match question:
        case Find():
            return blob_id_of(manifest)
        case GetManifest():
            return manifest
        case GetChunk(_, index):
            return CONTENT[index * CHUNK : (index + 1) * CHUNK]


MANIFEST: Manifest


@pytest.fixture(autouse=True)
def manifest(tmp_path_factory: pytest.TempPathFactory) -> None:
    global MANIFEST
    path = tmp_path_factory.mktemp("content") / "content"
    path.write_bytes(CONTENT)
    MANIFEST = describe(path)


async def test_a_content_arrives_whole_from_several_peers_at_once(town: Town) -> None:
    holders = [await town.holder(name) for name in ("a", "b", "c")]
    _, blobs = await town.asker(*holders)
    download = await fetched(blobs)
    assert download.path.read_bytes() == CONTENT
    progress = download.progress()
    assert (progress.done_bytes, progress.total_bytes) == (len(CONTENT), len(CONTENT))
    await download.close(keep=False)
    assert not download.path.exists()


async def test_chunks_can_be_read_in_order_while_the_rest_is_on_its_way(town: Town, nursery: trio.Nursery) -> None:
    _, blobs = await town.asker(await town.holder("a"))
    download = await blobs.begin(SHA256, len(CONTENT))
    nursery.start_soon(download.run)
    with trio.fail_after(20):
        pieces = [await download.chunk(index) for index in range(download.manifest.chunks)]
    assert b"".join(pieces) == CONTENT


async def test_a_content_nobody_has_is_unavailable(town: Town) -> None:
    _, blobs = await town.asker(await town.holder("a", b"something else"))
    with pytest.raises(BlobUnavailable):
        await blobs.begin(SHA256, len(CONTENT))


async def test_an_interrupted_download_goes_on_where_it_stopped_with_other_peers(memory_town: Town) -> None:
    town = memory_town
    asked: list[int] = []

    def gives_four(question: Question) -> bytes | None:
        if isinstance(question, GetChunk):
            asked.append(question.index)
            return honest(question) if len(asked) <= 4 else b""
        return honest(question)

    first = await town.liar("first", gives_four)
    node, blobs = await town.asker(first)
    download = await blobs.begin(SHA256, len(CONTENT))
    with pytest.raises(BlobUnavailable, match="6 of 10"):
        await download.run()
    await download.close(keep=True)
    await node.drop(first.peer_id)
    asked.clear()

    def counting(question: Question) -> bytes:
        if isinstance(question, GetChunk):
            asked.append(question.index)
        return honest(question)

    await node.dial((await town.liar("second", counting)).addresses[0])
    download = await blobs.begin(SHA256, len(CONTENT))
    assert download.progress().done_bytes == 4 * CHUNK
    await download.run()
    assert download.path.read_bytes() == CONTENT
    assert sorted(asked) == list(range(4, 10))


async def test_a_chunk_that_rotted_on_the_disk_is_fetched_again(memory_town: Town) -> None:
    _, blobs = await memory_town.asker(await memory_town.holder("a"))
    download = await fetched(blobs)
    await download.close(keep=True)
    with download.path.open("r+b") as file:
        file.seek(3 * CHUNK)
        file.write(b"rot")
    again = await blobs.begin(SHA256, len(CONTENT))
    assert again.progress().done_bytes == len(CONTENT) - CHUNK
    await again.run()
    assert again.path.read_bytes() == CONTENT


async def test_a_peer_that_sends_wrong_chunks_is_reported_and_the_others_finish(memory_town: Town) -> None:
    def poison(question: Question) -> bytes:
        return bytes(CHUNK) if isinstance(question, GetChunk) else honest(question)

    liar, holder = await memory_town.liar("liar", poison), await memory_town.holder("holder")
    node, blobs = await memory_town.asker(liar, holder)
    download = await fetched(blobs)
    assert download.path.read_bytes() == CONTENT
    scores = {peer.peer_id: peer.score for peer in node.peers()}
    assert scores[liar.peer_id] == pytest.approx(-limits.BLOB_WRONG_POINTS, rel=0.01)
    assert scores[holder.peer_id] == 0.0


async def test_a_peer_that_promises_and_stays_silent_costs_only_what_it_promised(memory_town: Town) -> None:
    silent = await memory_town.liar("silent", lambda q: None if isinstance(q, GetChunk) else honest(q))
    _, blobs = await memory_town.asker(silent, await memory_town.holder("holder"))
    with trio.fail_after(limits.BLOB_CHUNK_TIMEOUT_S / 2):  # not even one timeout: others fetch what it promised
        download = await blobs.begin(SHA256, len(CONTENT))
        await download.run()
    assert download.path.read_bytes() == CONTENT


async def test_one_peer_that_lies_and_one_that_is_slow_cost_an_honest_download_little(memory_town: Town) -> None:
    gate = trio.Event()

    def poison(question: Question) -> bytes:
        return bytes(CHUNK) if isinstance(question, GetChunk) else honest(question)

    async def crawl(stream: Stream) -> None:
        while True:
            question = msgspec.msgpack.decode(await stream.receive(1 << 10), type=Question)  # type: ignore[call-overload]
            if isinstance(question, GetChunk):
                await gate.wait()
            await stream.send(honest(question))

    slow = await memory_town.world.start("slow")
    slow.serve(PROTOCOL, crawl)
    liar, holder = await memory_town.liar("liar", poison), await memory_town.holder("holder")
    node, blobs = await memory_town.asker(slow, liar, holder)
    with trio.fail_after(limits.BLOB_CHUNK_TIMEOUT_S / 2):
        download = await blobs.begin(SHA256, len(CONTENT))
        assert set(download.peers) == {slow.peer_id, liar.peer_id, holder.peer_id}
        await download.run()
    assert download.path.read_bytes() == CONTENT
    scores = {peer.peer_id: peer.score for peer in node.peers()}
    assert (scores[slow.peer_id], scores[holder.peer_id]) == (0.0, 0.0)
    assert scores[liar.peer_id] == pytest.approx(-limits.BLOB_WRONG_POINTS, rel=0.01)


async def test_a_download_tells_its_rate_and_the_time_left(
    memory_town: Town, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.2  # what the disk's threads do takes no time on this clock
    give = trio.Event()
    world = memory_town.world
    node = await world.start("paced")

    async def paced(stream: Stream) -> None:
        while True:
            question = msgspec.msgpack.decode(await stream.receive(1 << 10), type=Question)  # type: ignore[call-overload]
            if isinstance(question, GetChunk):
                await trio.sleep(2.0)
            if isinstance(question, GetChunk) and question.index == 5:
                await give.wait()
            await stream.send(honest(question))

    node.serve(PROTOCOL, paced)
    _, blobs = await memory_town.asker(node)
    download = await blobs.begin(SHA256, len(CONTENT))
    assert (download.progress().done_bytes, download.progress().eta_s) == (0, None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(download.run)
        await download.chunk(4)
        progress = download.progress()
        assert progress.done_bytes == 5 * CHUNK
        assert progress.peers == 1
        assert progress.bytes_per_s == pytest.approx(CHUNK / 2, rel=0.05)
        left = len(CONTENT) - 5 * CHUNK
        assert progress.eta_s == pytest.approx(left / progress.bytes_per_s)
        give.set()
    assert download.progress().eta_s == 0.0


KILLED = """
import sys
from pathlib import Path
import trio
from p2p import HostConfig, open_host
from p2p.blobs import Blobs

async def main(address, folder, sha256, size):
    async with open_host(HostConfig(folder / "key", target_peers=0)) as network:
        await network.dial(address)
        download = await Blobs(network, folder / "blobs", lambda _: None).begin(bytes.fromhex(sha256), size)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(download.run)
            for index in range(4):
                await download.chunk(index)
            print("four", flush=True)
            await trio.sleep_forever()

trio.run(main, sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
"""


async def test_a_download_whose_process_was_killed_goes_on_where_it_stopped(
    libp2p_world: Libp2pWorld, tmp_path: Path
) -> None:
    asked: list[int] = []

    def gives_four(question: Question) -> bytes | None:
        if isinstance(question, GetChunk):
            asked.append(question.index)
            return honest(question) if question.index < 4 else None
        return honest(question)

    town = Town(libp2p_world, tmp_path)
    stingy = await town.liar("stingy", gives_four)
    folder = tmp_path / "killed"
    arguments = (stingy.addresses[0], str(folder), SHA256.hex(), str(len(CONTENT)))
    with trio.fail_after(30):
        process = await trio.lowlevel.open_process([sys.executable, "-c", KILLED, *arguments], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert (await process.stdout.receive_some(100)).startswith(b"four")
        process.kill()
        await process.wait()
    generous = await town.holder("generous")
    node = await libp2p_world.start("again")
    await node.dial(generous.addresses[0])
    download = await Blobs(node, folder / "blobs", lambda _: None).begin(SHA256, len(CONTENT))
    assert download.progress().done_bytes == 4 * CHUNK
    await download.run()
    assert download.path.read_bytes() == CONTENT


async def test_a_peer_that_dies_in_the_middle_is_replaced(town: Town, nursery: trio.Nursery) -> None:
    first, second = await town.holder("first"), await town.holder("second")
    _, blobs = await town.asker(first, second)
    download = await blobs.begin(SHA256, len(CONTENT))
    nursery.start_soon(download.run)
    await download.chunk(0)
    await town.world.stop("first")
    with trio.fail_after(20):
        for index in range(download.manifest.chunks):
            await download.chunk(index)
    assert download.path.read_bytes() == CONTENT


async def test_peers_that_agree_on_a_wrong_content_are_found_out_at_the_end(memory_town: Town) -> None:
    fake = bytes(len(CONTENT))
    path = memory_town.folder / "fake"
    path.write_bytes(fake)
    lie = encode_manifest(Manifest(len(CONTENT), SHA256, describe(path).hashes))

    def answer(question: Question) -> bytes:
        match question:
            case Find():
                return blob_id_of(lie)
            case GetManifest():
                return lie
            case GetChunk(_, index):
                return fake[index * CHUNK : (index + 1) * CHUNK]

    liars = [await memory_town.liar(name, answer) for name in ("x", "y")]
    node, blobs = await memory_town.asker(*liars)
    download = await blobs.begin(SHA256, len(CONTENT))
    with pytest.raises(BlobError, match="not what the peers said"):
        await download.run()
    await download.close(keep=True)
    assert not download.path.exists()
    assert all(peer.score < 0 for peer in node.peers())


BAD_MANIFESTS: dict[str, bytes] = {
    "of another size": encode_manifest(Manifest(len(CONTENT) + 1, SHA256, bytes(32 * 10))),
    "of another hash": encode_manifest(Manifest(len(CONTENT), bytes(32), bytes(32 * 10))),
    "with too few chunks": encode_manifest(Manifest(len(CONTENT), SHA256, bytes(32 * 9))),
    "with half a hash": encode_manifest(Manifest(len(CONTENT), SHA256, bytes(32 * 9 + 16))),
    "that is none": b"\xc1\xff",
}


@pytest.mark.parametrize("raw", BAD_MANIFESTS.values(), ids=BAD_MANIFESTS.keys())
async def test_a_wrong_manifest_is_refused_before_anything_is_written(memory_town: Town, raw: bytes) -> None:
    liar = await memory_town.liar("liar", lambda q: blob_id_of(raw) if isinstance(q, Find) else raw)
    node, blobs = await memory_town.asker(liar)
    with pytest.raises(BlobUnavailable):
        await blobs.begin(SHA256, len(CONTENT))
    assert node.peers()[0].score < 0
    assert not list((memory_town.folder / "asker").glob("*"))


async def test_a_manifest_that_is_not_the_one_named_is_refused(memory_town: Town) -> None:
    liar = await memory_town.liar("liar", lambda q: bytes(32) if isinstance(q, Find) else honest(GetManifest(b"")))
    _, blobs = await memory_town.asker(liar)
    with pytest.raises(BlobUnavailable):
        await blobs.begin(SHA256, len(CONTENT))


async def test_the_budget_makes_old_leftovers_go_and_refuses_what_does_not_fit(memory_town: Town) -> None:
    _, blobs = await memory_town.asker(await memory_town.holder("a"), budget_bytes=len(CONTENT) + 10)
    folder = memory_town.folder / "asker"
    folder.mkdir(exist_ok=True)
    (folder / "old.part").write_bytes(bytes(1000))
    download = await fetched(blobs)
    assert sorted(path.name for path in folder.iterdir()) == [download.path.name]
    small = Blobs(await memory_town.world.start("other"), memory_town.folder / "small", lambda _: None, budget_bytes=10)
    await small._network.dial(next(iter(blobs._network.peers())).addresses[0])
    with pytest.raises(BlobError, match="do not fit"):
        await small.begin(SHA256, len(CONTENT))


async def test_two_downloads_begun_at_once_keep_to_the_budget_together(
    memory_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = CONTENT[::-1]
    holders = [await memory_town.holder("a"), await memory_town.holder("b", other)]
    _, blobs = await memory_town.asker(*holders, budget_bytes=len(CONTENT) + 10)

    def dawdle(*arguments: Any) -> None:
        blob_files.make_room(*arguments)
        time.sleep(0.1)  # in a worker thread: the other one has every chance to count the same room

    monkeypatch.setattr("p2p.blobs.make_room", dawdle)
    begun: list[Download] = []
    refused: list[str] = []

    async def begin(content: bytes) -> None:
        try:
            begun.append(await blobs.begin(hashlib.sha256(content).digest(), len(content)))
        except BlobError as error:
            refused.append(str(error))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(begin, CONTENT)
        nursery.start_soon(begin, other)
    assert (len(begun), len(refused)) == (1, 1)
    assert "do not fit" in refused[0]


async def test_one_content_is_fetched_once_at_a_time(memory_town: Town) -> None:
    _, blobs = await memory_town.asker(await memory_town.holder("a"))
    download = await blobs.begin(SHA256, len(CONTENT))
    with pytest.raises(BlobError, match="already"):
        await blobs.begin(SHA256, len(CONTENT))
    await download.close(keep=True)
    await (await blobs.begin(SHA256, len(CONTENT))).close(keep=False)


async def test_a_file_that_changed_is_not_given_away_under_its_old_hash(memory_town: Town) -> None:
    holder = await memory_town.holder("a")
    _, blobs = await memory_town.asker(holder)
    await (await fetched(blobs)).close(keep=False)
    (memory_town.folder / "a.bin").write_bytes(b"changed")
    with pytest.raises(BlobUnavailable):
        await blobs.begin(SHA256, len(CONTENT))


async def test_a_damaged_file_is_not_offered_at_all(memory_town: Town) -> None:
    node = await memory_town.world.start("a")
    path = memory_town.folder / "damaged"
    path.write_bytes(CONTENT[:-1] + bytes([CONTENT[-1] ^ 1]))
    Blobs(node, memory_town.folder / "x", lambda _: path)
    _, blobs = await memory_town.asker(node)
    with pytest.raises(BlobUnavailable):
        await blobs.begin(SHA256, len(CONTENT))


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xc1", b"nonsense", msgspec.msgpack.encode({"type": "chunk"}), msgspec.msgpack.encode({"type": "x"})],
)
async def test_a_malformed_question_costs_its_sender_and_the_others_are_served(memory_town: Town, raw: bytes) -> None:
    holder = await memory_town.holder("a")
    node, blobs = await memory_town.asker(holder)
    stream = await node.open(holder.peer_id, PROTOCOL)
    await stream.send(raw)
    with pytest.raises(Exception, match="reset"):
        await stream.receive(10)
    assert holder.peers()[0].score < 0
    assert (await fetched(blobs)).path.read_bytes() == CONTENT


async def test_chunks_outside_the_content_are_answered_by_nothing(memory_town: Town) -> None:
    holder = await memory_town.holder("a")
    node, _ = await memory_town.asker(holder)
    stream = await node.open(holder.peer_id, PROTOCOL)
    await stream.send(msgspec.msgpack.encode(Find(SHA256)))
    blob_id = await stream.receive(32)
    for index in (10, -1, 2**62, -(2**62)):
        await stream.send(msgspec.msgpack.encode(GetChunk(blob_id, index)))
        assert await stream.receive(CHUNK) == b""
    await stream.send(msgspec.msgpack.encode(GetChunk(bytes(32), 0)))
    assert await stream.receive(CHUNK) == b""
    await stream.aclose()


async def test_a_disk_that_cannot_be_written_ends_the_download_in_words(
    memory_town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    _, blobs = await memory_town.asker(await memory_town.holder("a"))
    download = await blobs.begin(SHA256, len(CONTENT))
    monkeypatch.setattr(download._part, "put", full)
    with pytest.raises(BlobError, match="No space left"):
        await download.run()
    with suppress(BlobError):
        await download.chunk(0)


async def test_a_cancelled_download_leaves_no_stream_open(libp2p_world: Libp2pWorld, tmp_path: Path) -> None:
    town = Town(libp2p_world, tmp_path)
    holder = await town.holder("a")
    _, blobs = await town.asker(holder)
    download = await blobs.begin(SHA256, len(CONTENT))

    async def cancelled_by(event: Callable[[], Awaitable[object]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(download.run)
            await event()
            nursery.cancel_scope.cancel()

    await cancelled_by(lambda: download.chunk(1))
    await download.close(keep=True)
    await until(lambda: holder.services._services[PROTOCOL].open_streams == 0)  # type: ignore[attr-defined]
    assert (await fetched(blobs)).path.read_bytes() == CONTENT
