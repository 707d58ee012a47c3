"""A power cut loses the end of the write-ahead log at most: whole commits go, never a part of one."""

import random
import shutil
from pathlib import Path

import pytest

from storage import ChainStore, Commit
from tests.crash.writer import block, block_hash, changes

HEIGHTS = 12
CUTS = 25


def _state_at(height: int) -> dict[bytes, bytes]:
    state: dict[bytes, bytes] = {}
    for past in range(height + 1):
        for path, value in changes(past).items():
            if value is None:
                state.pop(path, None)
            else:
                state[path] = value
    return state


@pytest.mark.parametrize("damage", ["cut", "garbled"])
def test_a_log_that_lost_its_end_opens_at_an_earlier_commit(tmp_path: Path, damage: str) -> None:
    chance = random.Random(31)
    live = tmp_path / "live" / "chain.sqlite"
    log = live.with_name("chain.sqlite-wal")
    found: set[int] = set()
    with ChainStore.open(live) as store:
        for height in range(HEIGHTS):
            state = changes(height)
            store.commit(Commit(blocks=(block(height),), finalised=((height, block_hash(height)),), state=state))
        length = log.stat().st_size
        for number in range(CUTS):
            path = tmp_path / str(number) / "chain.sqlite"
            path.parent.mkdir()
            shutil.copy(live, path)
            kept = chance.randrange(length // 4, length)
            whole = log.read_bytes()
            tail = chance.randbytes(length - kept) if damage == "garbled" else b""
            path.with_name("chain.sqlite-wal").write_bytes(whole[:kept] + tail)
            with ChainStore.open(path) as copy:
                copy.integrity_check()
                tip = copy.tip()
                height = -1 if tip is None else tip.height
                assert dict(copy.state_rows()) == _state_at(height)
                found.add(height)
    assert len(found) > 3
    assert max(found) < HEIGHTS
