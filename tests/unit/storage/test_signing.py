"""The signing record refuses everything that could be signing twice."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import CopiedHome, Locked, OutOfBounds, SignGuard, SignRefused
from storage.host import host_fingerprint

A, B = b"a" * 32, b"b" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing.sqlite"


def test_positions_only_grow_and_repeats_need_the_same_digest(path: Path) -> None:
    with SignGuard.open(path) as guard:
        guard.advance("votes", (5, 0), A)
        guard.advance("votes", (5, 0), A)
        with pytest.raises(SignRefused, match=r"\(5, 0\)"):
            guard.advance("votes", (5, 0), B)
        with pytest.raises(SignRefused):
            guard.advance("votes", (4, 9), B)
        guard.advance("votes", (5, 1), B)
        with pytest.raises(SignRefused):
            guard.advance("votes", (5, 0), A)
        assert guard.position("votes") == (5, 1)


def test_lanes_do_not_know_of_each_other(path: Path) -> None:
    with SignGuard.open(path) as guard:
        guard.advance("votes", (5,), A)
        guard.advance("blocks", (1,), B)
        assert guard.position("votes") == (5,)
        assert guard.position("blocks") == (1,)
        assert guard.position("other") is None


def test_a_restart_remembers(path: Path) -> None:
    with SignGuard.open(path) as guard:
        assert guard.fresh
        guard.advance("votes", (7,), A)
    with SignGuard.open(path) as guard:
        assert not guard.fresh
        with pytest.raises(SignRefused):
            guard.advance("votes", (7,), B)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2**63 - 1), st.sampled_from([A, B])), max_size=12))
def test_order_is_that_of_tuples(
    tmp_path_factory: pytest.TempPathFactory, attempts: list[tuple[int, int, bytes]]
) -> None:
    with SignGuard.open(tmp_path_factory.mktemp("guard") / "signing.sqlite") as guard:
        last: tuple[tuple[int, int], bytes] | None = None
        for first, second, digest in attempts:
            position = (first, second)
            allowed = last is None or position > last[0] or (position, digest) == last
            if allowed:
                guard.advance("votes", position, digest)
                last = (position, digest)
            else:
                with pytest.raises(SignRefused):
                    guard.advance("votes", position, digest)


def test_a_lane_does_not_change_how_it_counts(path: Path) -> None:
    with SignGuard.open(path) as guard:
        guard.advance("votes", (5, 0), A)
        with pytest.raises(SignRefused, match="2 parts"):
            guard.advance("votes", (6,), A)


@pytest.mark.parametrize(
    ("lane", "position", "digest"),
    [
        ("", (1,), A),
        ("x" * 129, (1,), A),
        ("votes", (), A),
        ("votes", (1,) * 9, A),
        ("votes", (-1,), A),
        ("votes", (2**63,), A),
        ("votes", (1,), b"short"),
    ],
)
def test_malformed_requests_are_refused(path: Path, lane: str, position: tuple[int, ...], digest: bytes) -> None:
    with SignGuard.open(path) as guard:
        with pytest.raises(OutOfBounds):
            guard.advance(lane, position, digest)
        assert guard.position(lane) is None


def test_a_copied_home_is_refused_until_accepted(path: Path, tmp_path: Path) -> None:
    with SignGuard.open(path) as guard:
        guard.advance("votes", (7,), A)
    copy = tmp_path / "copy" / "signing.sqlite"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    with pytest.raises(CopiedHome, match="--accept-copied-home"):
        SignGuard.open(copy)
    with SignGuard.open(copy, accept_copied_home=True) as guard, pytest.raises(SignRefused):
        guard.advance("votes", (7,), B)
    SignGuard.open(copy).close()


def test_another_machine_is_noticed_and_a_renamed_home_is_not(path: Path, tmp_path: Path) -> None:
    SignGuard.open(path).close()
    with pytest.raises(CopiedHome):
        SignGuard.open(path, host=b"another machine")
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in list(tmp_path.glob("signing.sqlite*")):
        file.rename(moved / file.name)
    SignGuard.open(moved / "signing.sqlite").close()


def test_the_machine_id_is_part_of_the_fingerprint(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"")
    prints = set()
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        monkeypatch.setattr("storage.host._MACHINE_ID_FILES", (tmp_path / "missing", tmp_path / name))
        prints.add(host_fingerprint(path))
    monkeypatch.setattr("storage.host._MACHINE_ID_FILES", ())
    prints.add(host_fingerprint(path))
    assert len(prints) == 3


def test_two_holders_at_once_are_refused(path: Path) -> None:
    with SignGuard.open(path), pytest.raises(Locked):
        SignGuard.open(path)
    SignGuard.open(path).close()


def test_a_refused_opening_leaves_no_lock_behind(path: Path) -> None:
    SignGuard.open(path, host=b"here").close()
    with pytest.raises(CopiedHome):
        SignGuard.open(path, host=b"there")
    SignGuard.open(path, host=b"here").close()


def test_each_advance_is_flushed_to_the_disk(path: Path) -> None:
    with SignGuard.open(path) as guard:
        for connection in (guard._database.write(), guard._database.read()):
            with connection as opened:
                assert opened.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_note_is_kept_with_the_position_it_belongs_to(path: Path) -> None:
    with SignGuard.open(path) as guard:
        guard.advance("vote", (1, 0, 1), A, note=("lock", b"first"))
        with pytest.raises(SignRefused):
            guard.advance("vote", (1, 0, 0), A, note=("lock", b"second"))
    with SignGuard.open(path) as guard:
        assert guard.note("lock") == b"first"
        assert guard.note("other") is None
