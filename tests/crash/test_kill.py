"""kill -9 at random moments: whatever was acknowledged is there, and what is there is whole."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage import ChainStore, SignGuard, SignRefused
from tests.crash.writer import KEYS, block, block_hash, changes, key

CHAIN_KILLS = 30
SIGNING_KILLS = 8
LIFE_S_MAX = 0.15  # counted from the first acknowledged commit, so that no kill falls into the start of Python


def _killed_writer(what: str, path: Path, chance: random.Random) -> int:
    """Run a writer, kill it at a random moment, and return the last height that it acknowledged."""
    command = [sys.executable, "-m", "tests.crash.writer", what, str(path), str(chance.randrange(2**31))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            first = child.stdout.readline()
            assert first, "the writer could not open what the last kill left"
            time.sleep(chance.uniform(0, LIFE_S_MAX))  # the random moment of the kill, not a wait for anything
        finally:
            child.kill()
        rest = child.stdout.read()
    lines = (first + rest).split(b"\n")[:-1]  # a last line without its end was cut by the kill
    return int(lines[-1])


def _replay(model: dict[bytes, bytes], heights: range) -> None:
    for height in heights:
        for path, value in changes(height).items():
            if value is None:
                model.pop(path, None)
            else:
                model[path] = value


@pytest.mark.timeout(120)
def test_the_chain_survives_kills_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "chain.sqlite"
    chance = random.Random(20)
    model: dict[bytes, bytes] = {}
    replayed = 0
    for _ in range(CHAIN_KILLS):
        acknowledged = _killed_writer("chain", path, chance)
        with ChainStore.open(path) as store:
            store.integrity_check()
            tip = store.tip()
            assert tip is not None
            assert acknowledged <= tip.height <= acknowledged + 1
            assert tip.hash == block_hash(tip.height)
            assert store.meta("marker") == tip.height.to_bytes(8, "big")
            assert store.block(tip.hash) == block(tip.height)
            certificate = store.latest_certificate()
            assert certificate is not None
            assert certificate.certificate == b"certificate %d" % tip.height
            assert store.events_at(tip.height) == [b"event %d" % tip.height]
            assert store.events_at(tip.height + 1) == []
            assert store.unfinalised() in ([], [block(tip.height + 1)])
            _replay(model, range(replayed, tip.height + 1))
            replayed = tip.height + 1
            assert list(store.state_rows()) == sorted(model.items())
    assert replayed > CHAIN_KILLS * 2
    assert 0 < len(model) < KEYS


@pytest.mark.timeout(60)
def test_the_signing_record_remembers_every_acknowledged_position(tmp_path: Path) -> None:
    path = tmp_path / "signing.sqlite"
    chance = random.Random(21)
    for _ in range(SIGNING_KILLS):
        acknowledged = _killed_writer("signing", path, chance)
        with SignGuard.open(path) as guard:
            recorded = guard.position("votes")
            assert recorded is not None
            assert recorded[0] >= acknowledged
            guard.advance("votes", recorded, key(recorded[0]))
            with pytest.raises(SignRefused):
                guard.advance("votes", (acknowledged, 0), key(acknowledged + 1))
