"""Promises of the doctor: each trouble is its own row, and every row that is not well says what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

import models
from models import RuntimeReport
from models.providers import CPU, CUDA
from node.control.schema import Check
from node.service import clock_offset as clock
from node.service import doctor, local_checks
from node.service.chain import now_ms
from node.service.clock_offset import ClockOffset
from node.service.home import Home
from node.service.model_store import ChosenModel
from p2p import Ban, MemorySwarm, PeerView, Stream
from p2p.mdns import Lan
from p2p.memory import MemoryNetwork
from storage import ChainStore

PEER = PeerView("12D3a", (), "out", 5.0, "neurond/0.0.1", 0.0, 0.0)
MODEL = ChosenModel("smollm2-135m-instruct")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


ROWS: list[tuple[str, Callable[[], Check], str]] = [
    ("clock right", lambda: doctor.clock_check(ClockOffset(12.0, 3.0, 5), 1000), "ok"),
    ("clock a bit off", lambda: doctor.clock_check(ClockOffset(-300.0, 3.0, 5), 1000), "warn"),
    ("clock wrong", lambda: doctor.clock_check(ClockOffset(-9_000.0, 3.0, 5), 1000), "bad"),
    ("clock unknown", lambda: doctor.clock_check(None, 1000), "warn"),
    ("same error, long slot", lambda: doctor.clock_check(ClockOffset(-300.0, 3.0, 5), 12_000), "ok"),
    ("ports", lambda: doctor.ports_check(("/ip4/1.2.3.4/tcp/4001/p2p/x",), "http://x/v1", listens=True), "ok"),
    ("no ports", lambda: doctor.ports_check((), None, listens=True), "bad"),
    ("no ports wanted", lambda: doctor.ports_check((), None, listens=False), "ok"),
    ("peers", lambda: doctor.peers_check((PEER,)), "ok"),
    ("alone", lambda: doctor.peers_check(()), "bad"),
    ("other versions", lambda: doctor.agents_check((PEER,)), "warn"),
    ("no lag", lambda: doctor.lag_check(0.7), "ok"),
    ("some lag", lambda: doctor.lag_check(250.0), "warn"),
    ("much lag", lambda: doctor.lag_check(5_000.0), "bad"),
    ("lan", lambda: doctor.lan_check(Lan(("192.168.1.2",), 3), wanted=True), "ok"),
    ("lan off", lambda: doctor.lan_check(Lan(), wanted=False), "ok"),
    ("loopback only", lambda: doctor.lan_check(Lan(), wanted=True), "ok"),
    ("no multicast", lambda: doctor.lan_check(Lan(("192.168.1.2",), 0, "it does not work"), wanted=True), "warn"),
    ("stopped", lambda: doctor.stopped_checks(())[0], "warn"),
]


@pytest.mark.parametrize(("check", "state"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_trouble_has_its_state_and_its_fix(check: Callable[[], Check], state: str) -> None:
    row = check()
    assert row.state == state
    assert row.found
    assert bool(row.fix) == (state != "ok")


def test_one_bad_row_makes_the_node_unhealthy_and_a_warning_does_not() -> None:
    fine, look, bad = Check("a", "ok", "x"), Check("b", "warn", "x", "y"), Check("c", "bad", "x", "y")
    assert doctor.checkup([fine, look]).healthy
    assert not doctor.checkup([fine, bad, look]).healthy


# --- a home of its own -----------------------------------------------------------------------------------------------


def test_a_healthy_home_has_no_bad_row(home: Home, tmp_path: Path) -> None:
    with ChainStore.open(home.chain):
        rows = local_checks.local_checks(home, MODEL, tmp_path / "models")
    states = {row.name: row.state for row in rows}
    assert states["database"] == states["keys"] == states["versions"] == "ok"
    assert states["model"] == "warn"  # not pulled yet
    assert set(states) == {
        "versions", "disk", "memory", "open files", "machine", "keys", "database", "model", "GPU",
    }  # fmt: skip


def test_a_key_that_others_may_read_is_named_with_the_command_that_closes_it(home: Home) -> None:
    home.identity.write_bytes(b"key")
    home.identity.chmod(0o640)
    row = local_checks.check_permissions(home)
    assert row.state == "bad"
    assert row.fix == f"Run: chmod 600 '{home.identity}'"
    home.identity.chmod(0o600)
    assert local_checks.check_permissions(home).state == "ok"
    hotkey = home.path / "wallets" / "default" / "hotkeys" / "default"
    hotkey.parent.mkdir(parents=True, mode=0o755)
    for folder in (hotkey.parent, hotkey.parent.parent, hotkey.parent.parent.parent):
        folder.chmod(0o700)
    hotkey.write_text("{}")
    hotkey.chmod(0o604)
    assert str(hotkey) in local_checks.check_permissions(home).found
    hotkey.chmod(0o600)
    home.path.chmod(0o755)
    home.identity.chmod(0o644)
    both = local_checks.check_permissions(home).fix
    assert both == f"Run: chmod 700 '{home.path}'; chmod 600 '{home.identity}'"
    home.identity.chmod(0o600)
    assert local_checks.check_permissions(home).fix == f"Run: chmod 700 '{home.path}'"


def test_a_damaged_database_is_a_row_that_says_what_to_run(home: Home) -> None:
    home.chain.write_bytes(b"no database" * 1000)
    row = local_checks.check_database(home.chain)
    assert row.state == "bad"
    assert "db check" in row.fix


def test_a_full_disk_and_little_memory_are_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Little:
        free = available = 1000

    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Little)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Little)
    assert local_checks.check_disk(home.path / "not" / "yet").state == "bad"
    assert local_checks.check_memory().state == "bad"


def test_a_low_limit_of_open_files_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    used = psutil.Process().num_fds()
    for allowed, state in ((used + 10, "bad"), (used + 300, "warn"), (used + 4000, "ok"), (-1, "ok")):
        monkeypatch.setattr(resource, "getrlimit", lambda _kind, allowed=allowed: (allowed, allowed))
        row = local_checks.check_open_files()
        assert (row.state, bool(row.fix)) == (state, state != "ok"), row


def test_bans_have_a_row_only_when_there_are_some() -> None:
    assert doctor.bans_check(()) is None
    row = doctor.bans_check((Ban("a", 5.0, "junk"), Ban("b", 5.0, "junk")))
    assert row is not None
    assert "2 peers kept out: junk (2)" in row.found


@pytest.mark.parametrize(
    ("built_for", "note", "state"),
    [
        ((CPU,), "this onnxruntime is built without CUDA", "ok"),
        ((CUDA, CPU), "no NVIDIA driver was found", "ok"),
        ((CUDA, CPU), "a CUDA library is missing or the driver is too old; install the cuda extra", "warn"),
        ((CUDA, CPU), "", "ok"),
    ],
)
def test_the_gpu_row_tells_what_really_runs(
    built_for: tuple[str, ...], note: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usable = (CPU,) if note else (CUDA, CPU)
    monkeypatch.setattr(models, "runtime_report", lambda: RuntimeReport("1", built_for, usable, note))
    row = local_checks.check_gpu()
    assert row.state == state
    assert ("CUDA works" in row.found) == (not note)


def test_an_unknown_model_and_a_folder_that_is_gone_are_bad(tmp_path: Path) -> None:
    assert local_checks.check_models(ChosenModel("no-such-model"), tmp_path).state == "bad"
    assert local_checks.check_models(ChosenModel("mine", tmp_path / "gone"), tmp_path).state == "bad"


def test_a_check_that_may_not_look_is_a_row_too(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Any) -> None:
        raise PermissionError(13, "Permission denied", "/x")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    rows = local_checks.local_checks(home, MODEL, home.path)
    assert [row.found for row in rows if row.state == "bad"] == ["/x: Permission denied"]


# --- the clock --------------------------------------------------------------------------------------------------------


async def network_of(count: int) -> tuple[MemoryNetwork, list[MemoryNetwork]]:
    swarm = MemorySwarm()
    here, others = swarm.join("here"), [swarm.join(f"other-{number}") for number in range(count)]
    for other in others:
        await here.dial(other.addresses[0])
    return here, others


def tells(network: MemoryNetwork, ahead_ms: int) -> None:
    """Serve a time that is off by so much."""

    async def answer(stream: Stream) -> None:
        await stream.receive(64)
        await stream.send(b'{"unix_ms":%d}' % (now_ms() + ahead_ms))
        await stream.close_write()

    network.serve(clock.PROTOCOL, answer)


async def test_the_median_of_peers_is_the_offset_and_one_liar_does_not_move_it() -> None:
    here, others = await network_of(5)
    for other, ahead_ms in zip(others, (480, 500, 520, 500, -90_000_000), strict=True):
        tells(other, ahead_ms)
    found = await clock.clock_offset(here)
    assert found is not None
    assert found.peers == 5
    assert found.offset_ms == pytest.approx(-500, abs=60)


async def test_an_honest_peer_answers_with_its_time() -> None:
    here, (other,) = await network_of(1)
    clock.serve_time(other)
    found = await clock.clock_offset(here)
    assert found is not None
    assert abs(found.offset_ms) < 100


async def test_nonsense_silence_and_absence_are_no_answers(autojump_clock: object) -> None:
    here, (silent, mad, _absent) = await network_of(3)

    async def hang(stream: Stream) -> None:
        await trio.sleep_forever()

    async def rave(stream: Stream) -> None:
        await stream.receive(64)
        await stream.send(b"soon")

    silent.serve(clock.PROTOCOL, hang)
    mad.serve(clock.PROTOCOL, rave)
    assert await clock.clock_offset(here) is None
