"""Promises of the protocol core: exact bytes, bounded lines, no input that breaks it."""

import inspect
import json
import os
import typing
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.control.api import Api, MetagraphRequest
from node.control.errors import ProtocolError, RemoteError, VersionMismatch, error_view
from node.control.events import AnyEvent
from node.control.methods import METHOD_OF, METHODS
from node.control.protocol import (
    Answer,
    BadLine,
    Call,
    Cancel,
    Failure,
    LineBuffer,
    Part,
    check_version,
    decode_result,
    encode_answer,
    encode_call,
    encode_cancel,
    encode_failure,
    encode_part,
    parse_answer,
    parse_line,
)
from node.control.schema import ErrorView, Hello
from node.primitives.errors import LedgerError
from tests.unit.control import fake
from tests.unit.control.examples import EVENTS, REQUESTS

GOLDEN = Path(__file__).parent / "golden.json"


async def examples() -> dict[str, object]:
    """Every request line, every answer and every event, as plain JSON values."""
    node = fake.FakeApi()
    requests: dict[str, object] = {}
    results: dict[str, object] = {}
    for request in REQUESTS:
        name = METHOD_OF[type(request)].name
        requests[name] = json.loads(encode_call(1, request))  # type: ignore[arg-type]
        if METHOD_OF[type(request)].streams:
            continue
        arguments = msgspec.structs.asdict(request)
        arguments.pop("scope", None)  # of hello: the server keeps it for itself
        answer = await getattr(node, name)(**arguments)
        results[name] = json.loads(encode_answer(1, answer))
    parts = [json.loads(encode_part(1, part)) async for part in node.ask(())]
    events = [json.loads(encode_part(2, event)) for event in EVENTS]
    failure = json.loads(encode_failure(3, ErrorView("ledger_error", "Too little.", "Add some.")))
    return {"requests": requests, "results": results, "ask": parts, "events": events, "failure": failure}


async def test_the_bytes_of_every_method_and_event_are_as_published() -> None:
    now = await examples()
    if os.environ.get("GOLDEN_UPDATE"):
        GOLDEN.write_text(json.dumps(now, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    assert now == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_every_method_of_the_api_has_a_request_and_the_other_way_round() -> None:
    parts = [kind for kind in Api.__mro__ if kind.__module__.startswith("node.control.")]
    public = {name for kind in parts for name in vars(kind) if not name.startswith("_")}
    assert public == set(METHODS)
    assert {METHOD_OF[type(request)].name for request in REQUESTS} == set(METHODS)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_request_has_exactly_the_parameters_and_the_answer_of_its_method(name: str) -> None:
    method = METHODS[name]
    function = getattr(Api, name)
    wanted = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
    of_the_connection = ["scope"] if name == "hello" else []  # which the server keeps for itself
    assert list(method.request.__struct_fields__) == wanted + of_the_connection
    answer = typing.get_type_hints(function)["return"]
    assert method.result == (typing.get_args(answer)[0] if method.streams else answer)


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: METHOD_OF[type(r)].name)
def test_a_call_survives_the_wire(request_: msgspec.Struct) -> None:
    call = parse_line(encode_call(7, request_).rstrip(b"\n"))  # type: ignore[arg-type]
    assert call == Call(7, METHOD_OF[type(request_)], request_)


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: type(e).__name__)
def test_an_event_survives_the_wire(event: AnyEvent) -> None:
    part = parse_answer(encode_part(4, event))
    assert isinstance(part, Part)
    subscribe = next(each for each in REQUESTS if METHOD_OF[type(each)].name == "subscribe")
    assert decode_result(subscribe, part.part) == event


def test_a_failure_keeps_code_message_and_hint() -> None:
    view = ErrorView("no_stake", "Too little stake.", "Add 5 τ.")
    assert parse_answer(encode_failure("x", view)) == Failure("x", view)


def test_a_cancel_names_its_stream() -> None:
    assert parse_line(encode_cancel(9)) == Cancel(9)


@pytest.mark.parametrize(
    ("line", "rpc_code", "words"),
    [
        (b"hello", -32700, "not JSON"),
        (b"\xff\xfe", -32700, "not JSON"),
        (b'{"jsonrpc":"2.0","id":1,"method":"status","params":' + b"[" * 100_000, -32700, "not JSON"),
        (b"[]", -32600, "no JSON-RPC 2.0 request"),
        (b'{"id":5,"method":"status"}', -32600, "jsonrpc"),
        (b'{"jsonrpc":"1.0","id":5,"method":"status"}', -32600, "jsonrpc"),
        (b'{"jsonrpc":"2.0","id":5,"method":"status","extra":1}', -32600, "extra"),
        (b'{"jsonrpc":"2.0","method":"status"}', -32600, "needs an id"),
        (b'{"jsonrpc":"2.0","id":1e99,"method":"status"}', -32600, "id"),
        (b'{"jsonrpc":"2.0","id":"' + b"a" * 65 + b'","method":"status"}', -32600, "needs an id"),
        (b'{"jsonrpc":"2.0","id":18446744073709551615,"method":"status"}', -32600, "needs an id"),
        (b'{"jsonrpc":"2.0","id":5,"method":"reboot"}', -32601, "reboot"),
        (b'{"jsonrpc":"2.0","id":5,"method":"status","params":[]}', -32602, "status"),
        (b'{"jsonrpc":"2.0","id":5,"method":"status","params":{"x":1}}', -32602, "x"),
        (b'{"jsonrpc":"2.0","id":5,"method":"metagraph","params":{}}', -32602, "netuid"),
        (b'{"jsonrpc":"2.0","id":5,"method":"metagraph","params":{"netuid":-1}}', -32602, "netuid"),
        (b'{"jsonrpc":"2.0","id":5,"method":"metagraph","params":{"netuid":65536}}', -32602, "netuid"),
        (b'{"jsonrpc":"2.0","id":5,"method":"tx_status","params":{"transaction_hash":"xx"}}', -32602, "transaction"),
        (b'{"jsonrpc":"2.0","id":5,"method":"tasks","params":{"limit":1000000}}', -32602, "limit"),
        (b'{"jsonrpc":"2.0","method":"cancel","params":{}}', -32602, "cancel"),
    ],
)
def test_a_bad_line_gets_an_answer_that_says_what_is_wrong(line: bytes, rpc_code: int, words: str) -> None:
    with pytest.raises(BadLine) as caught:
        parse_line(line)
    answer = json.loads(caught.value.answer)
    assert answer["error"]["code"] == rpc_code
    assert words in answer["error"]["message"]
    assert answer["error"]["data"]["code"] in ("bad_request", "unknown_method")


@pytest.mark.parametrize("line", [b'{"id":5,"method":"status"}', b'{"jsonrpc":"2.0","id":5,"method":"reboot"}'])
def test_a_refusal_names_the_call_when_it_can_be_told(line: bytes) -> None:
    with pytest.raises(BadLine) as caught:
        parse_line(line)
    assert json.loads(caught.value.answer)["id"] == 5


@given(st.binary(max_size=400))
@example(b'{"jsonrpc":"2.0","id":null,"method":"status"}')
@example(b'{"jsonrpc":"2.0","id":1,"method":"ask","params":{"messages":[],"temperature":1e999}}')
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_line_does_more_than_be_refused(line: bytes) -> None:
    with suppress(BadLine):
        parse_line(line)
    with suppress(ProtocolError):
        parse_answer(line)


JSON_KEYS = st.sampled_from(["netuid", "role", "id", "messages", "x"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JSON_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(JSON_VALUES, st.sampled_from(sorted(METHODS)))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_parameters_do_more_than_be_refused(params: object, method: str) -> None:
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with suppress(BadLine):
        assert isinstance(parse_line(line), Call)


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 7))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_lines_are_the_same_however_the_bytes_arrive(pieces: list[bytes], size: int) -> None:
    data = b"\n".join(pieces) + b"\n"
    whole = LineBuffer(20).feed(data)
    buffer = LineBuffer(20)
    dribbled = [line for start in range(0, len(data), size) for line in buffer.feed(data[start : start + size])]
    expected = [None if len(line) > 20 else line for line in data.split(b"\n")[:-1] if line]
    assert whole == dribbled == expected


def test_a_line_that_never_ends_uses_no_memory() -> None:
    buffer = LineBuffer(100)
    for _ in range(1000):
        assert buffer.feed(b"x" * 1000) == []
    assert len(buffer._held) <= 100
    assert buffer.feed(b"\nnext\n") == [None, b"next"]


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","method":"part"}'])
def test_nonsense_from_a_daemon_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_answer(line)


def test_an_answer_of_the_wrong_type_is_a_protocol_error() -> None:
    answer = parse_answer(encode_answer(1, {"netuid": "one"}))
    assert isinstance(answer, Answer)
    with pytest.raises(ProtocolError, match="metagraph"):
        decode_result(MetagraphRequest(1), answer.result)


def test_a_daemon_of_another_api_version_is_refused() -> None:
    hello = Hello("9.0", 2, 3, 1, "/h", "running")
    with pytest.raises(VersionMismatch, match=r"9\.0"):
        check_version(hello)


def test_errors_of_all_trees_travel_with_their_code_and_defects_do_not() -> None:
    class LeafError(Exception):
        code = "leaf.broken"

    assert error_view(LedgerError("No.", remedy="Yes.")) == ErrorView("ledger_error", "No.", "Yes.")
    assert error_view(LeafError("Broken.")) == ErrorView("leaf.broken", "Broken.")
    assert error_view(RemoteError(ErrorView("a", "b", "c"))) == ErrorView("a", "b", "c")
    assert error_view(ValueError("x")) is None
