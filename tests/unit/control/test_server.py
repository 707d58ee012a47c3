"""Promises of the daemon's end of the socket: private, bounded, and unharmed by whatever clients do."""

import json
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from node.control.api import AskRequest, StatusRequest, SubscribeRequest
from node.control.errors import SocketUnusable
from node.control.limits import CLIENTS_MAX, LINE_BYTES_MAX, OUTGOING_QUEUE_MAX, REQUESTS_PER_CLIENT_MAX
from node.control.paths import default_home, socket_path_to_connect, socket_path_to_create
from node.control.protocol import encode_call, encode_cancel
from node.control.schema import ChatMessage
from node.control.server import ControlServer, bind_private
from node.primitives.errors import LedgerError
from tests.unit.control.fake import FakeApi, Served, served


class Raw:
    """A client without manners: bytes in, JSON lines out."""

    def __init__(self, home: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(str(socket_path_to_connect(home)))
        self._file = self.socket.makefile("rb")

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> dict[str, object]:
        line = self._file.readline()
        return json.loads(line) if line else {}

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as serving:
        yield serving


@pytest.fixture
def client(node: Served, tmp_path: Path) -> Iterator[Raw]:
    raw = Raw(tmp_path)
    yield raw
    raw.close()


STATUS = encode_call(1, StatusRequest())
ASK = AskRequest((ChatMessage("user", "Hello"),))


def test_the_socket_is_for_its_owner_alone(node: Served, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600


def test_nothing_is_left_beside_the_socket_and_nothing_after_the_end(tmp_path: Path) -> None:
    with served(tmp_path):
        assert [each.name for each in tmp_path.iterdir()] == ["control.sock"]
    assert list(tmp_path.iterdir()) == []


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control.sock"))
    dead.close()
    with served(tmp_path):
        Raw(tmp_path).close()
        with pytest.raises(SocketUnusable, match="already listens"):
            bind_private(tmp_path / "control.sock")
        Raw(tmp_path).close()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name leaves room for a socket, wherever the tests keep their own."""
    with tempfile.TemporaryDirectory(prefix="nd", dir="/tmp") as folder:
        yield Path(folder)


def test_a_home_too_deep_for_a_socket_gets_a_pointer(
    short_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short_path))
    home = tmp_path / ("d" * 60) / ("e" * 60)
    with served(home):
        monkeypatch.delenv("XDG_RUNTIME_DIR")  # another login session must find it too
        raw = Raw(home)
        raw.say(STATUS)
        assert raw.hear()["id"] == 1
        raw.close()


def test_a_runtime_folder_that_others_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "neurond").mkdir(mode=0o755)
    home = tmp_path / ("d" * 60) / ("e" * 60)
    home.mkdir(parents=True)
    with pytest.raises(SocketUnusable, match="not private"):
        socket_path_to_create(home)


def test_a_spoilt_pointer_leads_nowhere(tmp_path: Path) -> None:
    home = tmp_path / ("d" * 60) / ("e" * 60)
    home.mkdir(parents=True)
    for spoilt in (b"", b"\0" * 50, b"/x" * 4000):
        (home / "control.path").write_bytes(spoilt)
        assert not socket_path_to_connect(home).is_socket()


def test_the_home_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROND_HOME", "/somewhere")
    assert default_home() == Path("/somewhere")
    monkeypatch.delenv("NEUROND_HOME")
    assert default_home().name == "neurond"


def test_bad_input_is_answered_counted_and_survived(node: Served, client: Raw) -> None:
    for bad in (b"garbage\n", b"\n", b'{"jsonrpc":"2.0","id":3,"method":"x"}\n', b"x" * (LINE_BYTES_MAX + 1) + b"\n"):
        client.say(bad)
    answers = [client.hear() for _ in range(3)]
    assert all("error" in answer for answer in answers)
    client.say(STATUS)
    assert client.hear()["id"] == 1
    assert node.server.counters()["bad_lines"] == 3


def test_a_binary_flood_ends_in_answers_not_in_a_crash(node: Served, client: Raw) -> None:
    client.say(bytes(range(256)) * 40 + b"\n")
    while "result" not in client.hear():
        client.say(STATUS)


def test_an_expected_failure_reaches_the_client_whole(node: Served, client: Raw) -> None:
    node.api.trouble["status"] = LedgerError("Too little.", remedy="Add some.")
    client.say(STATUS)
    error = {"code": -32000, "message": "Too little.", "data": {"code": "ledger_error", "hint": "Add some."}}
    assert client.hear() == {"jsonrpc": "2.0", "id": 1, "error": error}


def test_a_defect_is_reported_inside_and_excused_outside(node: Served, client: Raw) -> None:
    node.api.trouble["status"] = ZeroDivisionError("secret detail")
    client.say(STATUS)
    answer = client.hear()
    assert "secret" not in json.dumps(answer)
    assert answer["error"]["data"]["code"] == "internal_error"  # type: ignore[index]
    assert [type(defect) for defect in node.defects] == [ZeroDivisionError]
    node.api.trouble.clear()
    client.say(STATUS)
    assert "result" in client.hear()


def test_too_many_calls_at_once_are_refused(node: Served, client: Raw) -> None:
    for number in range(REQUESTS_PER_CLIENT_MAX + 1):
        client.say(encode_call(number, SubscribeRequest(("job",))))
    answers = [client.hear() for _ in range(REQUESTS_PER_CLIENT_MAX + 1)]  # a snapshot for each but the last
    (refused,) = (answer for answer in answers if "error" in answer)
    assert refused["id"] == REQUESTS_PER_CLIENT_MAX


def test_one_id_cannot_be_used_twice_at_once(node: Served, client: Raw) -> None:
    client.say(encode_call(1, SubscribeRequest(("job",))) + STATUS)
    while "error" not in (answer := client.hear()):
        pass
    assert "in use" in answer["error"]["message"]  # type: ignore[index]


def test_too_many_clients_are_turned_away_and_the_others_go_on(node: Served, tmp_path: Path) -> None:
    crowd = []
    for _ in range(CLIENTS_MAX):
        crowd.append(Raw(tmp_path))
        crowd[-1].say(STATUS)
        assert crowd[-1].hear()["id"] == 1
    late = Raw(tmp_path)
    assert "clients already" in late.hear()["error"]["message"]  # type: ignore[index]
    crowd.pop().close()
    for each in crowd:
        each.say(STATUS)
        assert each.hear()["id"] == 1
        each.close()
    late.close()


def test_a_frozen_client_does_not_slow_another_one(node: Served, tmp_path: Path, client: Raw) -> None:
    node.api.endless = True
    frozen = Raw(tmp_path)
    frozen.say(encode_call(1, ASK))  # and then it never reads
    for _ in range(50):
        client.say(STATUS)
        assert client.hear()["id"] == 1
    frozen.close()


def test_a_client_that_never_reads_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.server.SEND_TIMEOUT_S", 0.2)
    api = FakeApi()
    api.endless = True
    with served(tmp_path, api) as node:
        frozen = Raw(tmp_path)
        frozen.say(encode_call(1, ASK))
        other = Raw(tmp_path)
        while not node.server.counters().get("cut_off"):
            other.say(STATUS)
            assert other.hear()["id"] == 1
        while frozen.hear():
            pass  # what was under way, then the end
        assert api.asks_ended == 1
        other.close()
        frozen.close()


def test_a_client_that_asks_and_never_reads_is_heard_no_further(node: Served, tmp_path: Path, client: Raw) -> None:
    greedy = Raw(tmp_path)
    greedy.socket.settimeout(1.0)
    with suppress(TimeoutError):
        for batch in range(200):  # few at once, so that none is refused
            greedy.say(b"".join(encode_call(batch * 5 + each, StatusRequest()) for each in range(5)))
            time.sleep(0.005)
    assert node.server.counters()["calls"] < 400  # what the sockets hold; every answer beyond is held by the daemon
    client.say(STATUS)
    assert client.hear()["id"] == 1
    greedy.close()


def test_a_client_that_hangs_up_stops_the_work_behind_its_stream(node: Served, tmp_path: Path, client: Raw) -> None:
    node.api.endless = True
    leaving = Raw(tmp_path)
    leaving.say(encode_call(1, ASK))
    leaving.hear()
    leaving.close()
    while not node.api.asks_ended:
        client.say(STATUS)
        client.hear()


def test_a_cancelled_stream_ends_with_an_answer_and_its_work_stops(node: Served, client: Raw) -> None:
    node.api.endless = True
    client.say(encode_call(1, ASK))
    client.hear()
    client.say(encode_cancel(1) + encode_cancel(77))
    while (answer := client.hear()).get("id") != 1:
        pass
    assert answer == {"jsonrpc": "2.0", "id": 1, "result": None}
    assert node.api.asks_ended == 1


def test_a_stream_cancelled_in_the_same_breath_ends_too(node: Served, client: Raw) -> None:
    node.api.endless = True
    client.socket.settimeout(5)
    client.say(encode_call(1, ASK) + encode_cancel(1))
    for _ in range(OUTGOING_QUEUE_MAX):
        if client.hear().get("id") == 1:
            return
    pytest.fail("it goes on")


async def test_cancelling_the_server_closes_everything(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        path = await nursery.start(ControlServer(FakeApi(), lambda _: None).run, tmp_path)
        stream = await trio.open_unix_socket(os.fspath(path))
        await stream.send_all(STATUS)
        await stream.receive_some()
        nursery.cancel_scope.cancel()
    assert await stream.receive_some() == b""
    assert not path.exists()
