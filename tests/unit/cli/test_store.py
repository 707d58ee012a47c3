"""`neurond store` and the closer look at a peer: tables, JSON, jobs followed to their end."""

import msgspec
import pytest

from node.control.schema import ErrorView, Job
from node.control.views.data import DataBoard
from node.control.views.inspect import PeerDetail
from tests.unit.cli.conftest import Run, Served
from tests.unit.control.fake import PEER
from tests.unit.control.fake_inspect import FakeInspect


@pytest.fixture(autouse=True)
def _jobs_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every job of the fake be over at once: well for most items, badly for one."""

    def job(fake: FakeInspect, *what: str) -> Job:
        fake.done.append(what)
        if "cd" * 32 in what[1]:
            error = ErrorView("data_damaged", "The content is damaged.", "Drop it.")
            return Job("j", "data", "verify", "failed", message=error.message, error=error)
        return Job("j", "data", " ".join(what[:2]), "done", message=f"{what[1]} is sound")

    monkeypatch.setattr(FakeInspect, "_job", job)


def test_the_list_shows_sizes_states_and_when_things_were_checked(run: Run, node: Served) -> None:
    outcome = run("store")
    assert outcome.code == 0
    for word in ("model:smollm2-135m-instruct", "absent", "damaged", "30 %", "verify, export, drop", "96,000,000"):
        assert word in outcome.out, word
    assert msgspec.json.decode(run("store", "list", "--json").out, type=DataBoard).items


def test_a_check_is_followed_to_its_end_and_a_failure_is_told_with_what_to_do(run: Run, node: Served) -> None:
    assert "chain is sound." in run("store", "verify", "chain").out
    failed = run("store", "verify", "blob:" + "cd" * 32)
    assert failed.code == 1
    assert "The content is damaged. Drop it." in failed.err


def test_an_export_is_told_the_whole_path(run: Run, node: Served) -> None:
    assert run("store", "export", "rows", "./rows").code == 0
    action, item, path = node.api.done[-1]
    assert (action, item) == ("export", "rows")
    assert path.startswith("/")


def test_deleting_asks_first(run: Run, node: Served) -> None:
    refused = run("store", "drop", "blob:" + "ab" * 32)
    assert refused.code == 1
    assert node.api.done == []
    assert run("store", "drop", "blob:" + "ab" * 32, "-y").code == 0


def test_a_peer_is_shown_from_close_up_and_dropped(run: Run, node: Served) -> None:
    outcome = run("peers", "show", PEER)
    for word in (PEER, "/meshsub/1.2.0", "-10 points", "sent a block that is none"):
        assert word in outcome.out, word
    assert msgspec.json.decode(run("peers", "show", PEER, "--json").out, type=PeerDetail).peer_id == PEER
    assert "is disconnected" in run("peers", "drop", PEER).out
    assert node.api.done == [("drop", PEER)]
