"""A node without internet gets its model from a peer, by hash, with progress; over libp2p with the tiny real model."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import trio

from models import ModelUnavailable, Progress, stored_file
from models.bundle import check_bundle
from models.card import check_tensor_bundle
from models.catalogue import CatalogueEntry
from models.ensure import ensure_entry
from models.fetch import Transport
from node.service.model_peers import FOLDER, ModelPeers
from p2p import HostConfig, MemorySwarm, Network, open_host
from tests.unit.models import test_card
from tests.unit.models.test_ensure import ENTRY, RAW
from tests.unit.p2p.worlds import connected

PEERS_ALONE = replace(ENTRY, sources=())  # as on a machine without internet: no other source answers


@asynccontextmanager
async def two_hosts(folder: Path) -> AsyncIterator[tuple[Network, Network]]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_host(HostConfig(folder / "first.key")))
        second = await stack.enter_async_context(
            open_host(HostConfig(folder / "second.key", bootstrap=first.addresses))
        )
        await connected(first, second)
        yield first, second


def put(store: Path, content: bytes = RAW) -> Path:
    target = stored_file(ENTRY, store)
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    return target


async def get(peers: ModelPeers, store: Path, progress: Callable[[Progress], None] = lambda _: None) -> Path:
    work = partial(ensure_entry, PEERS_ALONE, store, progress, Transport(peer_fetch=peers.fetch))
    with trio.fail_after(30):
        return await trio.to_thread.run_sync(work)


async def test_a_model_comes_from_a_peer_whole_with_progress_and_is_then_given_on(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    put(tmp_path / "a")
    reports: list[Progress] = []
    async with two_hosts(tmp_path) as (first, second):
        ModelPeers(first, tmp_path / "a", nursery, [ENTRY])
        peers = ModelPeers(second, tmp_path / "b", nursery, [ENTRY])
        bundle = await get(peers, tmp_path / "b", reports.append)
        assert check_bundle(bundle).sha256 == ENTRY.model_sha256
        downloads = [report for report in reports if report.stage == "download"]
        assert downloads[-1].done == downloads[-1].total == ENTRY.size_bytes
        assert not list((tmp_path / "b" / FOLDER).iterdir())  # what arrived lies in the store alone
        (tmp_path / "a" / "files").rename(tmp_path / "gone")
        third = ModelPeers(MemorySwarm().join("x"), tmp_path / "c", nursery, [ENTRY])
        with pytest.raises(ModelUnavailable, match="0 connected peers"):
            await get(third, tmp_path / "c")
        assert await first.request(second.peer_id, "/neurond/blobs/1", find(ENTRY), max_bytes=32)  # the second has it


async def test_every_file_of_a_bundle_comes_from_peers(tmp_path: Path, nursery: trio.Nursery) -> None:
    contents = (test_card.RAW, test_card.LABELS)
    for each, content in zip(test_card.ENTRY.pinned(), contents, strict=True):
        target = stored_file(each, tmp_path / "a")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    lone = replace(
        test_card.ENTRY, sources=(), beside=tuple(replace(each, sources=()) for each in test_card.ENTRY.beside)
    )
    async with two_hosts(tmp_path) as (first, second):
        ModelPeers(first, tmp_path / "a", nursery, [lone])
        peers = ModelPeers(second, tmp_path / "b", nursery, [lone])
        work = partial(ensure_entry, lone, tmp_path / "b", transport=Transport(peer_fetch=peers.fetch))
        with trio.fail_after(30):
            bundle = await trio.to_thread.run_sync(work)
        assert check_tensor_bundle(bundle).files.keys() == {"labels.json"}


def find(entry: CatalogueEntry) -> bytes:
    import msgspec

    from p2p.blobs import Find

    return msgspec.msgpack.encode(Find(bytes.fromhex(entry.sha256)))


async def pair(folder: Path, nursery: trio.Nursery) -> ModelPeers:
    swarm = MemorySwarm(nursery)
    giver, taker = swarm.join("giver"), swarm.join("taker")
    await taker.dial(giver.addresses[0])
    ModelPeers(giver, folder / "a", nursery, [ENTRY])
    return ModelPeers(taker, folder / "b", nursery, [ENTRY])


async def test_a_damaged_file_of_a_peer_is_not_taken(tmp_path: Path, nursery: trio.Nursery) -> None:
    put(tmp_path / "a", RAW[:-1] + bytes([RAW[-1] ^ 1]))
    peers = await pair(tmp_path, nursery)
    with pytest.raises(ModelUnavailable, match="none of 1 connected peers has"):
        await get(peers, tmp_path / "b")


async def test_a_hash_outside_the_catalogue_is_neither_given_nor_asked_for(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "secret").write_bytes(RAW)
    peers = await pair(tmp_path, nursery)
    with pytest.raises(ModelUnavailable, match="catalogue"):
        next(peers.fetch("ab" * 32))
    with pytest.raises(ModelUnavailable):
        await get(peers, tmp_path / "b")


async def test_a_reader_that_stops_early_ends_the_download_and_keeps_what_came(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    put(tmp_path / "a")
    peers = await pair(tmp_path, nursery)

    def read_a_little() -> int:
        stream = peers.fetch(ENTRY.sha256)
        first = next(stream)
        stream.close()  # type: ignore[attr-defined]
        return len(first)

    assert await trio.to_thread.run_sync(read_a_little) > 0
    assert [path.suffix for path in (tmp_path / "b" / FOLDER).iterdir()] == [".part"]
    assert check_bundle(await get(peers, tmp_path / "b")).sha256 == ENTRY.model_sha256
