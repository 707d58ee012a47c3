"""A file of frames: whole or not there at all, and damage to its ends is found when it is opened."""

import random
from pathlib import Path

import pytest

from storage import Corrupted, DiskFull, Inaccessible, OutOfBounds, StorageError, WrongDatabase
from storage.limits import SNAPSHOT_FRAME_BYTES_MAX
from storage.snapshot_file import SnapshotReader, SnapshotWriter

FRAMES = {b"c%d" % number: bytes([number]) * (number * 100) for number in range(30)}


def _written(path: Path) -> bytes:
    with SnapshotWriter(path) as writer:
        for name, frame in FRAMES.items():
            writer.add(name, frame)
        assert not path.exists()
        writer.finish(b"the head")
    return path.read_bytes()


def test_what_was_written_is_read_in_any_order(tmp_path: Path) -> None:
    _written(tmp_path / "a")
    with SnapshotReader(tmp_path / "a") as reader:
        assert reader.head == b"the head"
        assert list(reader.names()) == list(FRAMES)
        assert all(reader.read(name) == frame for name, frame in reversed(FRAMES.items()))
        assert reader.read(b"none") is None
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_writer_that_is_given_up_leaves_nothing_and_spares_the_old_file(tmp_path: Path) -> None:
    old = _written(tmp_path / "a")
    with SnapshotWriter(tmp_path / "a") as writer:
        writer.add(b"c", b"new")
    assert (tmp_path / "a").read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_every_cut_and_every_change_of_the_ends_is_found(tmp_path: Path) -> None:
    whole = _written(tmp_path / "a")
    frames_end = 16 + sum(map(len, FRAMES.values()))
    bad = tmp_path / "bad"
    chance = random.Random(5)
    for cut in [*range(40), *(chance.randrange(len(whole)) for _ in range(100)), len(whole) - 1]:
        bad.write_bytes(whole[:cut])
        with pytest.raises((Corrupted, WrongDatabase)):
            SnapshotReader(bad)
    for at in [*range(16), *range(frames_end, len(whole))]:
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])
        with pytest.raises((Corrupted, WrongDatabase)):
            SnapshotReader(bad)


def test_hostile_ends_cost_no_memory(tmp_path: Path) -> None:
    """A trailer may name any place and size; none of them is believed before it fits the file."""
    import hashlib
    import struct

    magic = b"neurond snap 1\r\n"
    bad = tmp_path / "bad"
    body = magic + b"x" * 50
    for index_at, index_bytes, head_at, head_bytes in (
        (0, 0xFFFFFFFF, 0xFFFFFFFF, 4),
        (1 << 63, 1, (1 << 63) + 1, 1),
        (16, 25, 41, 25),
    ):
        ends = hashlib.blake2b(body[16:], digest_size=32).digest()
        bad.write_bytes(body + struct.pack(">QIQI32s16s", index_at, index_bytes, head_at, head_bytes, ends, magic))
        with pytest.raises(Corrupted):
            SnapshotReader(bad)


def test_frames_and_heads_are_bounded(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "a") as writer:
        for name, size in ((b"", 1), (bytes(65), 1), (b"c", SNAPSHOT_FRAME_BYTES_MAX + 1)):
            with pytest.raises(OutOfBounds):
                writer.add(name, bytes(size))
        with pytest.raises(OutOfBounds):
            writer.finish(bytes(1 << 20))
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Inaccessible):
        SnapshotWriter(tmp_path / "file" / "a")
    with pytest.raises(StorageError):
        SnapshotReader(tmp_path / "none")
    if Path("/dev/full").exists():
        (tmp_path / "a.part").symlink_to("/dev/full")
        with pytest.raises(DiskFull), SnapshotWriter(tmp_path / "a") as writer:
            writer.add(b"c", bytes(1 << 20))
