"""Promises of recordings: what was said is in them and no secret is, no file can hurt, and a replay changes nothing."""

import asyncio
import gzip
import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.control import recording
from node.control.api import MetagraphRequest, ShutdownRequest, StatusRequest, SubnetsRequest
from node.control.client_async import AsyncClient
from node.control.errors import BadRecording, RemoteError
from node.control.events import AnyEvent, LogEvent, StatusEvent, TasksEvent
from node.control.recorder import Recorder
from node.control.recording import Entry, Header, Packer, canonical, parse_recording, read_recording
from node.control.recording_scrub import Scrubber
from node.control.replay import Player, ReplayClient, Tape, snapshots
from node.control.schema import ErrorView, LogLine
from tests.unit.control.fake import ADDRESS, ALICE, METAGRAPH, PEER, STATUS, SUBNETS, TASK, served

RAW = msgspec.Raw
REAL_PEER = "12D3KooWLPMRwo79PfDfqzzp4nuDnYJoFDBGd8Ub6V5cnSYwqW4x"


class Hand:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def raw(value: object) -> RAW:
    return RAW(msgspec.json.encode(value))


def session() -> list[Entry]:
    """Ten seconds: blocks 120 to 124, a task, a log line a second, and one that was not answered."""
    hello = msgspec.json.encode({"version": "0.1.0", "api_min": 1, "api_max": 1, "pid": 1, "home": "/h",
        "state": "running", "phase": "", "peer_id": PEER, "network": "devnet", "genesis_hash": "ab" * 32})  # fmt: skip
    found = [Entry(0, "hello", data=RAW(hello))]
    for second in range(10):
        status = msgspec.structs.replace(STATUS, height=120 + second // 2)
        line = LogLine(second + 1, 1_000 * second, "debug" if second % 2 else "info", "chain", f"second {second}")
        found.append(Entry(1000 * second, "event", data=raw(StatusEvent(second + 1, status))))
        found.append(Entry(1000 * second, "event", data=raw(LogEvent(second + 1, (line,), snapshot=second == 0))))
    found.append(Entry(9_500, "event", data=raw(TasksEvent(11, (TASK,)))))
    found += [
        Entry(9_500, "answer", "subnets", RAW(b"{}"), raw(SUBNETS)),
        Entry(9_600, "answer", "metagraph", RAW(b'{"netuid":1}'), raw(METAGRAPH)),
        Entry(9_700, "answer", "metagraph", RAW(b'{"netuid":1}'), raw(msgspec.structs.replace(METAGRAPH, height=124))),
        Entry(9_800, "refused", "earnings", RAW(b"{}"), raw(ErrorView("not_ready", "Not yet."))),
        Entry(9_900, "link", data=RAW(b"false")),
    ]
    return found


def packed(entries: list[Entry], header: Header | None = None) -> bytes:
    packer = Packer(header or Header(1, 1, "0.1.0", 1_700_000_000_000))
    for entry in entries:
        assert packer.add(entry)
    return packer.end(entries[-1].t if entries else 0)


def tape() -> Tape:
    return Tape(*parse_recording(packed(session())))


def lines_of(data: bytes) -> bytes:
    return gzip.decompress(data)


# --- the file -------------------------------------------------------------------------------------------------------


def test_what_was_written_is_read_again() -> None:
    header, entries = parse_recording(packed(session()))
    assert (header.started_ms, header.scrubbed) == (1_700_000_000_000, False)
    assert entries == session()


@pytest.mark.parametrize("keep", [0, 1, 10, 0.5, -1, -9])
def test_a_file_that_was_cut_off_says_so_and_can_be_seen_up_to_there(keep: float) -> None:
    data = packed(session())
    cut = data[: int(keep * len(data)) if isinstance(keep, float) else keep]
    with pytest.raises(BadRecording) as caught:
        parse_recording(cut)
    assert caught.value.hint
    if len(cut) > 40:
        assert "cut off" in caught.value.message
        assert "--partial" in caught.value.hint
        _, entries = parse_recording(cut, partial=True)
        assert entries == session()[: len(entries)]


def test_what_a_killed_recorder_leaves_is_whole_up_to_its_last_flush() -> None:
    packer = Packer(Header(1, 1, "0.1.0", 0))
    written = b""
    for entry in session():
        packer.add(entry)
        written += packer.take()
    _, entries = parse_recording(written, partial=True)
    assert entries == session()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no recording"),
        (b"hello\n", "no recording"),
        (b'{"a":1}\n', "no recording"),
        (b'{"neurond_recording":2,"api":1,"version":"9.9","started_ms":0}\n', "format 2"),
        (lines_of(packed(session())).replace(b'{"t":1000', b'{"t":-1000'), "impossible time"),
        (lines_of(packed(session())).replace(b'{"t":9500', b'{"t":1'), "impossible time"),
        (lines_of(packed(session())) + b'{"t":9900,"kind":"link"}\n', "follows"),
        (lines_of(packed(session())).replace(b'"entries":2', b'"entries":3'), "should have"),
        (lines_of(packed(session())).replace(b'"kind":"event"', b'"kind":"order"', 1), "no entry"),
        (lines_of(packed(session())) + b"rest without newline", "follows"),
    ],
)
def test_another_or_a_damaged_file_is_refused_in_a_sentence(content: bytes, word: str) -> None:
    with pytest.raises(BadRecording, match=word):
        parse_recording(gzip.compress(content))
    with pytest.raises(BadRecording):
        parse_recording(content)


def test_bombs_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    header = lines_of(packed([]))
    many = gzip.compress(header.split(b"\n")[0] + b"\n" + b'{"t":0,"kind":"link"}\n' * 500_000)
    assert len(many) < 100_000
    monkeypatch.setattr(recording, "RECORDING_LINES_MAX", 1000)
    with pytest.raises(BadRecording, match="more than 1,000 lines"):
        parse_recording(many)
    monkeypatch.setattr(recording, "RECORDING_CONTENT_BYTES_MAX", 1_000_000)
    monkeypatch.setattr(recording, "RECORDING_LINES_MAX", 10**9)
    with pytest.raises(BadRecording, match="unpacks to more"):
        parse_recording(many)
    monkeypatch.setattr(recording, "RECORDING_LINE_BYTES_MAX", 100_000)
    with pytest.raises(BadRecording, match="a line of more"):
        parse_recording(gzip.compress(bytes(900_000)))


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path, Path("/dev/zero")):
        with pytest.raises(BadRecording, match=path.name):
            read_recording(path)
    (tmp_path / "large").write_bytes(b"\x1f\x8b" + bytes(64))
    with pytest.raises(BadRecording, match="large"):
        read_recording(tmp_path / "large")


@given(st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_end_in_anything_but_a_sentence(noise: bytes, at: int) -> None:
    data = packed(session())
    for each in (noise, b"\x1f\x8b" + noise, data[:at] + noise + data[at + len(noise) :]):
        for partial in (False, True):
            try:
                Tape(*parse_recording(each, partial=partial))
            except BadRecording as error:
                assert error.hint  # noqa: PT017  # both ends are right


def test_a_recorder_stops_before_the_form_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "RECORDING_LINES_MAX", 5)
    packer = Packer(Header(1, 1, "0.1.0", 0))
    while not packer.is_full:
        packer.add(Entry(0, "link", data=RAW(b"true")))
    _, entries = parse_recording(packer.end(0))
    assert len(entries) == packer.entries == 3


# --- recording ------------------------------------------------------------------------------------------------------


async def _recorded(home: Path, for_s: float, scrubber: Scrubber | None = None) -> bytes:
    sink = io.BytesIO()
    async with AsyncClient(home) as client:
        loop = asyncio.get_running_loop()
        recorder = Recorder(client, sink, started_ms=5, clock_s=loop.time, scrubber=scrubber)
        await recorder.run(for_s)
    return sink.getvalue()


def test_a_session_of_a_node_is_recorded_and_answers_again(tmp_path: Path) -> None:
    with served(tmp_path) as node:
        node.do(lambda: node.api.hub.put_status(STATUS))
        node.do(lambda: node.api.hub.put_task(TASK))
        found = Tape(*parse_recording(asyncio.run(_recorded(tmp_path, 0.6))))
        changing = {name for name, _ in node.api.calls} - set(recording_reads())
    assert found.hello.network == "devnet"
    assert {"subnets", "metagraph", "account", "peers", "status"} <= set(found.reads)
    assert {type(event) for _, event in found.events} >= {StatusEvent, TasksEvent, LogEvent}
    assert changing == {"hello", "subscribe"}, "a recorder asks, and changes nothing"
    client = ReplayClient(Player(found, Hand()))
    assert asyncio.run(client.call(SubnetsRequest())) == SUBNETS
    assert asyncio.run(client.metagraph(1)) == METAGRAPH
    assert asyncio.run(client.account(ALICE)).address == ALICE


def recording_reads() -> tuple[str, ...]:
    from node.control.catalogue import READS

    return READS


def test_the_same_answer_is_written_once(tmp_path: Path) -> None:
    with served(tmp_path):
        _, entries = parse_recording(asyncio.run(_recorded(tmp_path, 0.3)))
    asked = [(each.method, bytes(each.params)) for each in entries if each.kind == "answer"]
    assert len(asked) == len(set(asked))


def test_scrubbed_recordings_tell_no_place_no_peer_and_no_question(tmp_path: Path) -> None:
    with served(tmp_path) as node:
        node.do(lambda: node.api.hub.put_status(STATUS))
        node.do(lambda: node.api.hub.put_task(TASK))
        data = asyncio.run(_recorded(tmp_path, 0.4, Scrubber(b"k" * 32)))
        plain = asyncio.run(_recorded(tmp_path, 0.4))
    for secret in (b"127.0.0.1", TASK.preview.encode()):
        assert secret in lines_of(plain), "the test would see it"
        assert secret not in lines_of(data)
    assert parse_recording(data)[0].scrubbed
    Tape(*parse_recording(data))


@pytest.mark.parametrize(
    "text",
    [
        f"/ip4/203.0.113.7/tcp/4001/p2p/{REAL_PEER}", "dialled 203.0.113.7:4001", "from 2001:db8:1:2::7 again",
        "https://node.example.org:8080/v1?key=203.0.113.7", f"/{'home'}/ada/.local/share/neurond",
        "/dns4/ada.example/tcp/1", f"{REAL_PEER} left", "nd1" + "A" * 60,
    ],
)  # fmt: skip
def test_texts_are_scrubbed_and_stay_readable(text: str) -> None:
    shown = Scrubber(b"1" * 32).text(text)
    for secret in ("203.0.113.7", "2001:db8:1:2", "example", "ada", REAL_PEER, "AAAA"):
        assert secret not in shown
    assert shown == Scrubber(b"1" * 32).text(text), "the same name stays the same"
    assert Scrubber(b"2" * 32).text(REAL_PEER) != Scrubber(b"1" * 32).text(REAL_PEER)
    assert Scrubber(b"1" * 32).text("block 1,204 of 12:30:59 took 5.1 ms") == "block 1,204 of 12:30:59 took 5.1 ms"


# --- replaying ------------------------------------------------------------------------------------------------------


def test_time_runs_is_held_moved_and_ends() -> None:
    hand = Hand()
    player = Player(tape(), hand, speed=2)
    hand.s = 1.5
    assert player.at_ms == 3000
    player.pause()
    hand.s = 9.0
    assert (player.at_ms, player.paused) == (3000, True)
    player.seek(-5)
    assert player.at_ms == 0
    player.pause()
    player.set_speed(10)
    hand.s += 60
    assert (player.at_ms, player.ended) == (9900, True)
    player.seek(10**9)
    assert player.at_ms == 9900


def test_a_snapshot_says_how_it_was_at_that_moment() -> None:
    status, log, tasks, _ = snapshots(tape(), 5_500)
    assert isinstance(status, StatusEvent)
    assert status.status.height == 122
    assert isinstance(log, LogEvent)
    assert [line.message for line in log.lines] == [f"second {n}" for n in range(6)]
    assert isinstance(tasks, TasksEvent)
    assert tasks.tasks == ()
    assert snapshots(tape(), 9_900)[2] == TasksEvent(0, (TASK,), snapshot=True)


def test_answers_are_those_of_the_moment() -> None:
    player = Player(tape(), Hand(), at_ms=0)
    client = ReplayClient(player)
    assert asyncio.run(client.call(MetagraphRequest(1))).height == 120, "before the first answer, that one"
    player.seek(9_750)
    assert asyncio.run(client.call(MetagraphRequest(1))).height == 124
    assert asyncio.run(client.call(StatusRequest())).height == 124, "from the events, when it was never asked for"
    assert client.connected
    player.seek(9_900)
    assert not client.connected
    for refused, code in ((client.earnings(), "not_ready"), (client.metagraph(9), "not_recorded")):
        with pytest.raises(RemoteError) as caught:
            asyncio.run(refused)
        assert caught.value.view.code == code


@pytest.mark.parametrize("change", ["shutdown", "tx", "role", "ban", "invite", "ask"])
def test_a_replay_changes_nothing_and_says_why(change: str) -> None:
    client = ReplayClient(Player(tape(), Hand()))

    async def attempt() -> None:
        match change:
            case "shutdown":
                await client.call(ShutdownRequest())
            case "tx":
                await client.tx_submit(b"x")
            case "role":
                await client.role_apply("miner")
            case "ban":
                await client.peer_ban(PEER)
            case "invite":
                await client.invite(addresses=(ADDRESS,))
            case _:
                async for _ in client.ask(()):
                    pass

    with pytest.raises(RemoteError, match="replay"):
        asyncio.run(attempt())


def test_a_subscription_begins_anew_after_every_seek() -> None:
    async def follow() -> list[AnyEvent]:
        hand = Hand()
        player = Player(tape(), hand, at_ms=2_000)
        seen: list[AnyEvent] = []
        async for event in ReplayClient(player).subscribe(("status", "log"), "info"):
            seen.append(event)
            if len(seen) == 2:
                hand.s = 1.0  # second 3 happens
            if len(seen) == 3:
                player.seek(0)
            if len(seen) == 5:
                break
        return seen

    first, log, moved, again, begun = asyncio.run(follow())
    assert isinstance(first, StatusEvent)
    assert isinstance(moved, StatusEvent)
    assert isinstance(again, StatusEvent)
    assert isinstance(log, LogEvent)
    assert isinstance(begun, LogEvent)
    assert (first.status.height, moved.status.height, again.status.height) == (121, 121, 120)
    assert [line.message for line in log.lines] == ["second 0", "second 2"], "debug was not asked for"
    assert [line.message for line in begun.lines] == ["second 0"]


def test_a_recording_of_nobody_is_refused() -> None:
    with pytest.raises(BadRecording, match="introduces"):
        Tape(*parse_recording(packed(session()[1:])))
    with pytest.raises(BadRecording, match="version"):
        Tape(*parse_recording(packed([session()[0], Entry(1, "event", data=RAW(b'{"topic":"weather"}'))])))


def test_questions_are_found_by_their_arguments_whatever_the_order() -> None:
    assert canonical(MetagraphRequest(1)) == b'{"netuid":1}'
