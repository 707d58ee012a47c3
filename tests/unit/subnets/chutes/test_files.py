"""Files of chutes: taken in whole or not at all, within a bound, and never under another file's name."""

import hashlib
import os
from pathlib import Path

import pytest

from models import ModelError, ModelUnavailable
from node.subnets.chutes.bundle import File
from node.subnets.chutes.files import FILES, Shelf, make_room, store
from node.subnets.chutes.hold import places, proof
from node.subnets.chutes.limits import FETCH_BYTES_MAX, RANGES
from node.subnets.lab.hosts import key_of
from tests.unit.subnets.chutes.support import Market

A, B = key_of("a").public, key_of("b").public


def file_of(data: bytes) -> File:
    return File(role="tokenizer", sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def test_what_was_unused_for_longest_makes_room(tmp_path: Path) -> None:
    paths = [store(data, file_of(data), tmp_path) for data in (b"a" * 100, b"b" * 100, b"c" * 100)]
    for age, path in enumerate(paths):
        os.utime(path, (1000 + (age + 1) % 3, 1000))  # the last one is the oldest
    make_room(tmp_path, 50, bytes_max=300)
    assert [path.exists() for path in paths] == [True, True, False]
    make_room(tmp_path, 100, bytes_max=300)
    assert [path.exists() for path in paths] == [True, True, False]


@pytest.mark.parametrize("data", [b"other", b"", b"content and more"])
def test_another_content_is_not_taken(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelUnavailable, match="another file"):
        store(data, file_of(b"content"), tmp_path)
    assert not (tmp_path / FILES).exists()


async def test_a_file_comes_from_others_once_and_a_huge_one_never() -> None:
    market, shelf = Market(), Shelf()
    data = b"words"
    await market.host(0).blobs.put(data, "application/octet-stream")
    first = await shelf.path(file_of(data), market.judging())
    market.world.blobs.clear()
    assert await shelf.path(file_of(data), market.judging()) == first
    huge = File(role="tokenizer", sha256="0" * 64, size=FETCH_BYTES_MAX + 1)
    with pytest.raises(ModelError, match="not fetched by itself"):
        await shelf.path(huge, market.judging())


def test_a_proof_fits_one_file_one_question_and_one_miner(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 100)
    proven = proof(path, b"n" * 32, A)
    assert proven == proof(path, b"n" * 32, A)
    assert proven != proof(path, b"m" * 32, A)
    assert proven != proof(path, b"n" * 32, B)
    offset, length = places(b"n" * 32, A, 25_600)[0]
    changed = bytearray(path.read_bytes())
    changed[offset + length // 2] ^= 1
    path.write_bytes(changed)
    assert proven != proof(path, b"n" * 32, A)


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 10**9])
def test_asked_ranges_lie_in_the_file(size: int) -> None:
    found = places(b"n" * 32, A, size)
    assert len(found) == RANGES
    assert all(offset >= 0 and length > 0 and offset + length <= size for offset, length in found)
