"""Promises of the two clients: every method, every failure by its name, and coming back after the daemon did."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import msgspec
import pytest

from node.control.api import Api, AskRequest, StatusRequest, SubscribeRequest
from node.control.client_async import AsyncClient
from node.control.client_sync import SyncClient
from node.control.errors import (
    ConnectionLost,
    NotRunning,
    ProtocolError,
    RemoteError,
    RequestTimeout,
    VersionMismatch,
)
from node.control.events import LogEvent, StatusEvent
from node.control.methods import METHOD_OF
from node.control.protocol import encode_answer, encode_part
from node.control.schema import AskPart, ChatMessage, Hello
from node.primitives.errors import LedgerError
from tests.unit.control.examples import REQUESTS
from tests.unit.control.fake import ANSWER, DONE, STATUS, FakeApi, served

QUESTION = (ChatMessage("user", "Hello"),)
Scenario = Callable[[AsyncClient], Coroutine[None, None, None]]


def with_client(home: Path, scenario: Scenario) -> None:
    async def main() -> None:
        async with asyncio.timeout(30), AsyncClient(home, "test") as client:
            await scenario(client)

    asyncio.run(main())


@contextmanager
def scripted(home: Path, *answers: bytes) -> Iterator[None]:
    """A false daemon that answers each line it gets with the next of `answers`, and hangs up after the last."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(home / "control.sock"))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            for answer in answers:
                lines.readline()
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    listener.close()
    thread.join(20)


HELLO = encode_answer(1, Hello("0.1.0", 1, 1, 1, "/h", "running"))


def test_the_asynchronous_client_is_an_api() -> None:
    client: Api = AsyncClient(Path("/nowhere"))
    assert not isinstance(client, FakeApi)


def test_both_clients_get_the_same_answer_to_every_method(tmp_path: Path) -> None:
    with served(tmp_path), SyncClient(tmp_path) as blocking:

        async def scenario(client: AsyncClient) -> None:
            for request in REQUESTS:
                method = METHOD_OF[type(request)]
                if not method.streams:
                    arguments = msgspec.structs.asdict(request)
                    arguments.pop("scope", None)  # of hello: the server keeps it for itself
                    answer = await getattr(client, method.name)(**arguments)
                    assert answer == blocking.call(request)  # type: ignore[arg-type]
                    assert answer == await getattr(FakeApi(), method.name)(**arguments) or method.name == "hello"

        with_client(tmp_path, scenario)


def test_an_answer_streams_to_both_clients(tmp_path: Path) -> None:
    wanted = [*(AskPart(text) for text in ANSWER), AskPart("", DONE)]

    async def scenario(client: AsyncClient) -> None:
        assert [part async for part in client.ask(QUESTION, max_tokens=5)] == wanted

    with served(tmp_path) as node, SyncClient(tmp_path) as blocking:
        with_client(tmp_path, scenario)
        assert list(blocking.stream(AskRequest(QUESTION, None, 5))) == wanted
        assert node.api.calls[-1] == ("ask", (QUESTION, None, 5, None))


def test_leaving_an_answer_early_stops_it_and_the_connection_goes_on(tmp_path: Path) -> None:
    api = FakeApi()
    api.endless = True

    async def scenario(client: AsyncClient) -> None:
        async with aclosing(client.ask(QUESTION)) as parts:
            await anext(parts)
        while not api.asks_ended:
            assert await client.status() == STATUS

    with served(tmp_path, api), SyncClient(tmp_path) as blocking:
        with_client(tmp_path, scenario)
        parts = blocking.stream(AskRequest(QUESTION))
        next(parts)
        parts.close()
        while api.asks_ended < 2:
            assert blocking.call(StatusRequest()) == STATUS


def test_several_calls_travel_at_once_beside_a_subscription(tmp_path: Path) -> None:
    async def scenario(client: AsyncClient) -> None:
        async with aclosing(client.subscribe(("log",))) as events:
            assert isinstance(await anext(events), LogEvent)
            answers = await asyncio.gather(*(client.metagraph(1) for _ in range(10)))
            assert len(set(map(str, answers))) == 1

    with served(tmp_path):
        with_client(tmp_path, scenario)


def test_more_calls_than_a_daemon_takes_at_once_wait_their_turn(tmp_path: Path) -> None:
    async def scenario(client: AsyncClient) -> None:
        assert len(await asyncio.gather(*(client.metagraph(1) for _ in range(100)))) == 100

    with served(tmp_path):
        with_client(tmp_path, scenario)


def test_two_clients_hear_the_same_events(tmp_path: Path) -> None:
    async def scenario(one: AsyncClient) -> None:
        async with AsyncClient(tmp_path) as two:
            for client in (one, two):
                async with aclosing(client.subscribe(("status",))) as events:
                    assert await anext(events) == StatusEvent(1, STATUS)

    api = FakeApi()
    api.hub.put_status(STATUS)
    with served(tmp_path, api):
        with_client(tmp_path, scenario)


def test_a_refusal_arrives_as_remote_error_with_its_reason(tmp_path: Path) -> None:
    api = FakeApi()
    api.trouble["status"] = LedgerError("Too little.", remedy="Add some.")
    api.trouble["ask"] = LedgerError("Nobody answers.")

    async def scenario(client: AsyncClient) -> None:
        with pytest.raises(RemoteError, match=r"Too little\. Add some\.") as caught:
            await client.status()
        assert caught.value.view.code == "ledger_error"
        with pytest.raises(RemoteError, match="Nobody"):
            await anext(client.ask(QUESTION))

    with served(tmp_path, api), SyncClient(tmp_path) as blocking:
        with_client(tmp_path, scenario)
        with pytest.raises(RemoteError, match="Too little"):
            blocking.call(StatusRequest())
        with pytest.raises(RemoteError, match="Nobody"):
            next(blocking.stream(AskRequest(QUESTION)))


def test_without_a_daemon_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    async def main() -> None:
        await AsyncClient(tmp_path).connect()

    with pytest.raises(NotRunning, match="neurond up"):
        asyncio.run(main())
    with pytest.raises(NotRunning, match="neurond up"):
        SyncClient(tmp_path)


def test_a_stale_socket_is_no_daemon(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control.sock"))
    dead.close()
    with pytest.raises(NotRunning):
        SyncClient(tmp_path)


def test_a_daemon_that_accepts_but_never_answers_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.client_sync.CONNECT_TIMEOUT_S", 0.1)
    monkeypatch.setattr("node.control.client_async.CONNECT_TIMEOUT_S", 0.1)

    async def main() -> None:
        await AsyncClient(tmp_path).connect()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()
    with listener:
        with pytest.raises(RequestTimeout):
            SyncClient(tmp_path)
        with pytest.raises(RequestTimeout):
            asyncio.run(main())


def test_a_daemon_of_another_version_is_named(tmp_path: Path) -> None:
    with (
        scripted(tmp_path, encode_answer(1, Hello("7.0", 4, 5, 1, "/h", "running"))),
        pytest.raises(VersionMismatch, match=r"7\.0"),
    ):
        SyncClient(tmp_path)


@pytest.mark.parametrize("answer", [b"nonsense\n", encode_answer(2, {"peer_id": 5}), encode_part(2, {"text": "?"})])
def test_nonsense_from_the_daemon_is_a_protocol_error(tmp_path: Path, answer: bytes) -> None:
    with scripted(tmp_path, HELLO, answer), SyncClient(tmp_path) as client, pytest.raises(ProtocolError):
        client.call(StatusRequest())


def test_a_daemon_that_dies_during_a_call_is_a_lost_connection(tmp_path: Path) -> None:
    with scripted(tmp_path, HELLO), SyncClient(tmp_path) as client, pytest.raises(ConnectionLost):
        client.call(StatusRequest())


def test_a_daemon_that_dies_ends_all_waiting_calls_of_the_asynchronous_client(tmp_path: Path) -> None:
    async def scenario(client: AsyncClient) -> None:
        outcomes = await asyncio.gather(client.status(), client.peers(), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ConnectionLost, ConnectionLost]

    with scripted(tmp_path, HELLO, b""):
        with_client(tmp_path, scenario)


def test_the_client_comes_back_and_its_subscription_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.client_async.RECONNECT_FIRST_S", 0.01)
    states: list[str] = []
    first, second = FakeApi(), FakeApi()
    first.hub.put_status(STATUS)
    reborn = msgspec.structs.replace(STATUS, pid=5000)
    second.hub.put_status(reborn)

    async def main() -> None:
        ended = BackgroundNode(tmp_path, first)
        await ended.start()
        client = AsyncClient(tmp_path, on_state=states.append)
        await client.connect()
        events = client.subscribe(("status",))
        assert await anext(events) == StatusEvent(1, STATUS)
        assert not client.stale
        waiting = asyncio.create_task(anext(events))  # type: ignore[arg-type]
        await ended.stop()
        while client.connected:
            await asyncio.sleep(0)
        assert client.stale
        with pytest.raises(NotRunning):
            await client.status()
        again = BackgroundNode(tmp_path, second)
        await again.start()
        event = await waiting
        while not (isinstance(event, StatusEvent) and event.status.pid == 5000):
            event = await anext(events)
        assert event.seq == 1
        await events.aclose()
        await client.aclose()
        await again.stop()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert states == ["connected", "disconnected", "connected", "closed"]


class BackgroundNode:
    """`served`, entered and left without blocking the event loop."""

    def __init__(self, home: Path, api: FakeApi) -> None:
        self._manager = served(home, api)

    async def start(self) -> None:
        await asyncio.to_thread(self._manager.__enter__)

    async def stop(self) -> None:
        await asyncio.to_thread(self._manager.__exit__, None, None, None)


def test_a_silent_daemon_makes_the_screen_stale_and_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.control.client_async.STALE_AFTER_S", 0.05)
    monkeypatch.setattr("node.control.client_async.SILENT_FOR_S", 0.1)
    states: list[str] = []

    async def main() -> None:
        client = AsyncClient(tmp_path, on_state=states.append)
        await client.connect()
        waiting = asyncio.create_task(anext(client.subscribe(("status",))))  # type: ignore[arg-type]
        while "disconnected" not in states:
            await asyncio.sleep(0.01)
        assert client.stale
        waiting.cancel()
        await client.aclose()

    silent = threading.Event()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            lines.readline()
            connection.sendall(HELLO)
            silent.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        asyncio.run(asyncio.wait_for(main(), 30))
    finally:
        silent.set()
        listener.close()
        thread.join(20)


def test_a_reader_that_picks_nothing_up_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.control.connection.PARTS_HELD_MAX", 50)
    api = FakeApi()
    api.endless = True

    async def scenario(client: AsyncClient) -> None:
        parts = client.ask(QUESTION)
        await anext(parts)
        while not api.asks_ended:
            await client.status()
        with pytest.raises(ConnectionLost):
            async for _ in parts:
                pass

    with served(tmp_path, api):
        with_client(tmp_path, scenario)


def test_subscriptions_of_the_blocking_client_end_when_closed(tmp_path: Path) -> None:
    api = FakeApi()
    api.hub.put_status(STATUS)
    with served(tmp_path, api), SyncClient(tmp_path) as client:
        events = client.stream(SubscribeRequest(("status",)))
        assert next(events) == StatusEvent(1, STATUS)
        events.close()
        assert client.call(StatusRequest()) == STATUS
