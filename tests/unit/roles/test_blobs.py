"""Large payloads: kept within a budget, pinned when one's own, fetched from peers by hash, and never believed."""

import hashlib
from pathlib import Path

import pytest
import trio

from node.market.errors import PayloadRefused
from node.primitives.types import AccountId, Hash
from node.service.roles.blobs import PARTS, BlobShelf, PeerBlobs, SubnetBlobs
from node.subnets.base import BlobRef
from p2p import MemorySwarm, Network, limits
from p2p.blobs import Blobs
from tests.unit.market.support import World, signer_of

CONTENT = bytes(range(256)) * 4 * 700  # three chunks
REF = BlobRef(Hash(hashlib.sha256(CONTENT).digest()), len(CONTENT), "application/x-test")


class Ticks:
    """A clock that goes on at every look."""

    def __init__(self) -> None:
        self.now = 10**18

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


def shelf(folder: Path, budget_bytes: int = 1000) -> BlobShelf:
    return BlobShelf(folder, budget_bytes=budget_bytes, clock=Ticks())


def name(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# --- the shelf ------------------------------------------------------------------------------------------------------


def test_what_was_put_can_be_read_over_a_restart(tmp_path: Path) -> None:
    made = shelf(tmp_path / "blobs").put(b"content", pinned=True)
    again = shelf(tmp_path / "blobs")
    assert again.read(made) == b"content"
    assert again.lookup(made) == tmp_path / "blobs" / made.hex()
    assert again.read(name(b"other")) is None
    assert again.usage() == (1, 7, 7)


def test_the_longest_unused_gives_way_first(tmp_path: Path) -> None:
    held = shelf(tmp_path)
    contents = [bytes([n]) * 300 for n in range(3)]
    for content in contents:
        held.put(content, pinned=False)
    held.read(name(contents[0]))  # used: now the second is the oldest
    held.put(b"x" * 300, pinned=False)
    assert [held.read(name(content)) is not None for content in contents] == [True, False, True]
    assert held.usage()[1] <= 1000


def test_what_is_pinned_stays_until_its_share_is_used_up(tmp_path: Path) -> None:
    held = shelf(tmp_path)
    held.put(b"own" * 100, pinned=True)
    for n in range(10):
        held.put(bytes([n]) * 300, pinned=False)
    assert held.read(name(b"own" * 100)) is not None
    held.put(b"two" * 100, pinned=True)
    held.put(b"six" * 100, pinned=True)  # 900 bytes of pins, where 750 may be
    assert held.usage()[2] == 600
    held.put(b"x" * 400, pinned=False)
    assert held.read(name(b"own" * 100)) is None  # the oldest pin was let go
    assert held.read(name(b"six" * 100)) is not None


def test_there_is_no_room_where_all_of_it_is_pinned(tmp_path: Path) -> None:
    held = shelf(tmp_path)
    held.put(b"a" * 700, pinned=True)
    with pytest.raises(PayloadRefused, match="no room"):
        held.put(b"b" * 400, pinned=False)
    with pytest.raises(PayloadRefused, match="does not fit"):
        held.put(b"c" * 1001, pinned=False)
    held.unpin(name(b"a" * 700))
    held.put(b"b" * 400, pinned=False)
    assert held.read(name(b"a" * 700)) is None


def test_a_damaged_content_is_removed_and_not_given(tmp_path: Path) -> None:
    held = shelf(tmp_path)
    made = held.put(b"content", pinned=False)
    (tmp_path / made.hex()).write_bytes(b"kontent")
    assert held.read(made) is None
    assert held.lookup(made) is None


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x" * 5000)
    held = shelf(tmp_path)
    held.put(b"y" * 900, pinned=False)
    held.put(b"z" * 900, pinned=False)
    assert (tmp_path / "notes.txt").exists()


# --- peers ----------------------------------------------------------------------------------------------------------


class Town:
    """Nodes with a shelf each, all connected to the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.swarm = MemorySwarm()
        self.first: Network | None = None

    def node(self, who: str) -> PeerBlobs:
        bootstrap = () if self.first is None else self.first.addresses[:1]
        network = self.swarm.join(who, bootstrap=bootstrap)
        self.first = self.first or network
        held = BlobShelf(self.folder / who, budget_bytes=2 * len(CONTENT))
        blobs = Blobs(network, self.folder / who / "other", held.lookup)
        return PeerBlobs(held, blobs, progress_s=0.001)


async def test_a_content_comes_from_a_peer_and_is_then_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    town = Town(tmp_path)
    giver, taker = town.node("giver"), town.node("taker")
    ref = await giver.put(CONTENT, "application/x-test")
    assert ref == REF
    with trio.fail_after(10):
        assert await taker.get(ref, max_bytes=len(CONTENT)) == CONTENT
    assert (tmp_path / "taker" / ref.sha256.hex()).is_file()
    assert list((tmp_path / "taker" / PARTS).iterdir()) == []
    assert taker.progress() == {}


async def test_two_who_want_the_same_fetch_it_once(tmp_path: Path) -> None:
    town = Town(tmp_path)
    giver, taker = town.node("giver"), town.node("taker")
    ref = await giver.put(CONTENT, "application/x-test")
    got: list[bytes] = []

    async def get() -> None:
        got.append(await taker.get(ref, max_bytes=limits.BLOB_MAX_BYTES))

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(get)
    assert got == [CONTENT] * 3


@pytest.mark.parametrize(
    ("ref", "max_bytes"),
    [
        (REF, len(CONTENT) - 1),
        (BlobRef(REF.sha256, 0, ""), 100),
        (BlobRef(REF.sha256, -1, ""), 100),
        (BlobRef(Hash(b"short"), 10, ""), 100),
        (BlobRef(REF.sha256, 10**12, ""), 10**13),
    ],
)
async def test_a_reference_out_of_bounds_is_refused_before_anything_is_asked(
    tmp_path: Path, ref: BlobRef, max_bytes: int
) -> None:
    town = Town(tmp_path)
    giver, taker = town.node("giver"), town.node("taker")
    await giver.put(CONTENT, "x")
    with pytest.raises(PayloadRefused):
        await taker.get(ref, max_bytes=max_bytes)
    assert not (tmp_path / "taker" / PARTS).exists()


async def test_a_reference_that_lies_about_the_size_brings_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    giver, taker = town.node("giver"), town.node("taker")
    await giver.put(CONTENT, "x")
    for size in (len(CONTENT) - 1, len(CONTENT) + 1):
        with trio.fail_after(10), pytest.raises(PayloadRefused):
            await taker.get(BlobRef(REF.sha256, size, ""), max_bytes=10**9)
        with pytest.raises(PayloadRefused):  # nor where it is here
            await giver.get(BlobRef(REF.sha256, size, ""), max_bytes=10**9)


async def test_who_should_have_it_is_connected_to_and_asked_first(tmp_path: Path) -> None:
    world = World()
    miner, validator = world.join("miner"), world.join("validator")
    await validator.network.drop(miner.network.peer_id)
    with trio.fail_after(10):
        while validator.network.peers():
            await trio.sleep(0.01)
    doors: list[SubnetBlobs] = []
    for context in (miner, validator):
        held = BlobShelf(tmp_path / context.hotkey.hex()[:8], budget_bytes=2 * len(CONTENT))
        blobs = Blobs(context.network, held.folder / "other", held.lookup)
        doors.append(SubnetBlobs(PeerBlobs(held, blobs), context.network, context.view))
    ref = await doors[0].put(CONTENT, "x")
    with pytest.raises(PayloadRefused):
        await doors[1].get(ref, max_bytes=len(CONTENT))
    gone = world.chain.seat(signer_of("gone").public, peer_id="nobody").hotkey
    with trio.fail_after(20):
        got = await doors[1].get(ref, max_bytes=len(CONTENT), holders=(gone, AccountId(bytes(32)), miner.hotkey))
    assert got == CONTENT


async def test_what_nobody_has_does_not_arrive_and_can_be_asked_for_again(tmp_path: Path) -> None:
    town = Town(tmp_path)
    giver, taker = town.node("giver"), town.node("taker")
    with pytest.raises(PayloadRefused):
        await taker.get(REF, max_bytes=10**9)
    await giver.put(CONTENT, "x")
    assert await taker.get(REF, max_bytes=10**9) == CONTENT


async def test_nothing_and_too_much_cannot_be_put(tmp_path: Path) -> None:
    node = Town(tmp_path).node("one")
    for data, media_type in ((b"", "x"), (bytes(2 * len(CONTENT) + 1), "x"), (b"x", "y" * 200), (b"x", "text\n")):
        with pytest.raises(PayloadRefused):
            await node.put(data, media_type)
