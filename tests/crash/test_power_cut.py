"""The power goes: what was written since the last sync is kept, dropped or torn, and the store is whole."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from storage import ChainStore, SignGuard
from tests.crash.checks import HOST, Model, check_chain, check_signing
from tests.crash.long import Snapshots, take_snapshot
from tests.crash.vfs import Disk, cruel_disk
from tests.crash.writer import commits, key

BLOCKS = 60
SIGNATURES = 40
ROUNDS = 4
CUTS = 120


def _after_cuts(disk: Disk, tmp_path: Path, chance: random.Random, check: Callable[[Path, int], None]) -> None:
    for number in range(CUTS):
        cut = chance.randrange(len(disk.ops) + 1)
        target = tmp_path / f"cut {number}"
        disk.leave_behind(cut, target, chance)
        check(target, disk.acknowledged(cut))
        shutil.rmtree(target)


def _write_chain(path: Path, disk: Disk, *, survives_power_loss: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "storage.database.WAL_PAGES_PER_CHECKPOINT", 60
    )  # often enough that cuts fall into many of them
    with ChainStore.open(path, survives_power_loss=survives_power_loss) as store:
        for height in range(BLOCKS):
            for commit in commits(height):
                store.commit(commit)
            disk.ack(height)


@pytest.mark.timeout(120)
def test_a_store_that_survives_power_loss_loses_no_acknowledged_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cruel_disk() as disk:
        _write_chain(tmp_path / "live" / "chain.db", disk, survives_power_loss=True, monkeypatch=monkeypatch)
    model, found = Model(), set[int]()

    def check(target: Path, acknowledged: int) -> None:
        found.add(check_chain(target / "chain.db", model, acknowledged))

    _after_cuts(disk, tmp_path, random.Random(40), check)
    assert len(found) > BLOCKS // 3


@pytest.mark.timeout(120)
def test_any_other_store_loses_whole_commits_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cruel_disk() as disk:
        _write_chain(tmp_path / "live" / "chain.db", disk, survives_power_loss=False, monkeypatch=monkeypatch)
    model, lost = Model(), set[int]()

    def check(target: Path, acknowledged: int) -> None:
        lost.add(acknowledged - check_chain(target / "chain.db", model, acknowledged, lost=True))

    _after_cuts(disk, tmp_path, random.Random(41), check)
    assert max(lost) > 0, "the cuts were too kind to show anything"


@pytest.mark.timeout(120)
def test_an_adopted_snapshot_is_there_whole_and_a_staged_one_is_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.database.WAL_PAGES_PER_CHECKPOINT", 60)
    with cruel_disk() as disk, ChainStore.open(tmp_path / "live" / "chain.db", survives_power_loss=True) as store:
        for number in range(1, ROUNDS + 1):
            take_snapshot(store, number)
            disk.ack(number)

    def check(target: Path, acknowledged: int) -> None:
        Snapshots(target / "chain.db").check([(max(0, acknowledged), b"")])

    _after_cuts(disk, tmp_path, random.Random(44), check)


@pytest.mark.timeout(120)
def test_the_signing_record_never_forgets_a_signature(tmp_path: Path) -> None:
    with cruel_disk() as disk, SignGuard.open(tmp_path / "live" / "signing.db", host=HOST) as guard:
        for height in range(SIGNATURES):
            guard.advance("votes", (height, 0), key(height), note=("lock", b"proof" * height))
            disk.ack(height)

    def check(target: Path, acknowledged: int) -> None:
        check_signing(target / "signing.db", acknowledged)

    _after_cuts(disk, tmp_path, random.Random(42), check)


@pytest.mark.timeout(120)
def test_the_cuts_find_a_store_that_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test of the tests: a signing record with the chain's weaker setting is found out."""
    real = SignGuard.open.__globals__["open_database"]
    monkeypatch.setattr("storage.signing.open_database", lambda path, kind, **_: real(path, kind, synchronous="NORMAL"))
    with cruel_disk() as disk, SignGuard.open(tmp_path / "live" / "signing.db", host=HOST) as guard:
        for height in range(SIGNATURES):
            guard.advance("votes", (height, 0), key(height))
            disk.ack(height)

    def check(target: Path, acknowledged: int) -> None:
        check_signing(target / "signing.db", acknowledged)

    with pytest.raises(AssertionError):
        _after_cuts(disk, tmp_path, random.Random(43), check)
