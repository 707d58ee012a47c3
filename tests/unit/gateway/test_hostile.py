"""Hostile HTTP: whatever arrives gets an answer of the gateway's own, quickly, and nobody else is slowed or held."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import node.gateway.guard
import node.gateway.server
from node.gateway.app import Gateway
from node.gateway.limits import HEADERS_BYTES_MAX
from node.subnets.doors import Empty, LocalRoute
from tests.unit.gateway.doors import QUESTION, FakeDoor, serving

JSON = {"content-type": "application/json"}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = (
    "model", "messages", "prompt", "input", "n", "seed", "stop", "temperature", "top_p", "max_tokens", "stream",
    "stream_options", "logprobs", "top_logprobs", "response_format", "tools", "logit_bias", "encoding_format",
    "dimensions", "size", "quality", "suffix", "name", "scopes",
)  # fmt: skip
PATHS = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/images/generations", "/v1/keys", "/v1/echo")


async def _echo(host: object, request: Empty) -> Any:
    return {}


def gateway() -> Gateway:
    door = FakeDoor(local_routes=(LocalRoute("POST", "/v1/echo", _echo, Empty),))
    return Gateway(lambda: [door])


def ask(work: Callable[[httpx.AsyncClient], Any]) -> httpx.Response:
    """Put one request straight to the application, without a socket."""

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(gateway().app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            reply: httpx.Response = await work(client)
            return reply

    return trio.run(run)


def is_answer(reply: httpx.Response) -> bool:
    """A success, or a refusal in the one envelope that is not the gateway's own fault."""
    if reply.status_code in (200, 201):
        return True
    error = reply.json()["error"]
    return 400 <= reply.status_code < 500 and bool(error["message"]) and bool(error["code"])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(path=st.sampled_from(PATHS), body=st.dictionaries(st.sampled_from(NAMES), values, max_size=6))
def test_no_body_is_the_gateways_fault(path: str, body: dict[str, Any]) -> None:
    defaults = {"model": "tiny", "messages": QUESTION["messages"], "prompt": "x", "input": "x"}
    whole = {**defaults, **body} if path in PATHS[:4] else body
    assert is_answer(ask(lambda client: client.post(path, content=json.dumps(whole), headers=JSON)))


@settings(max_examples=40, deadline=None)
@given(path=st.sampled_from(PATHS), body=st.binary(max_size=200))
def test_no_bytes_are_the_gateways_fault(path: str, body: bytes) -> None:
    assert is_answer(ask(lambda client: client.post(path, content=body, headers=JSON)))


@settings(max_examples=40, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]),
    path=st.text(
        st.characters(codec="ascii", exclude_characters="?#\\", min_codepoint=33, max_codepoint=126), max_size=60
    ),
    query=st.text(
        st.characters(codec="ascii", exclude_characters="#", min_codepoint=33, max_codepoint=126), max_size=60
    ),
)
def test_no_path_is_the_gateways_fault(method: str, path: str, query: str) -> None:
    url = httpx.URL("http://127.0.0.1").copy_with(raw_path=f"/v1/{path}?{query}".encode())
    reply = ask(lambda client: client.request(method, url, headers=JSON))
    assert reply.status_code < 500


async def test_a_page_of_another_site_is_refused_and_learns_nothing() -> None:
    async with serving(FakeDoor()) as client:
        for site in ("cross-site", "same-site"):
            reply = await client.get("/models", headers={"sec-fetch-site": site, "origin": "https://evil.example"})
            assert reply.status_code == 403
            assert not [name for name in reply.headers if name.startswith("access-control")]
        preflight = await client.options(
            "/chat/completions", headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
        )
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind", ["application/json; charset=latin-1", "text/plain", "", "application/x-www-form-urlencoded"]
)
async def test_a_body_that_is_no_json_in_utf8_is_refused(kind: str) -> None:
    async with serving(FakeDoor()) as client:
        reply = await client.post("/chat/completions", content=json.dumps(QUESTION), headers={"content-type": kind})
    assert reply.status_code == 415


async def _raw(port: int, data: bytes, within_s: float) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        try:
            await stream.send_all(data)
            with trio.fail_after(within_s):
                return bytes(await stream.receive_some(200))
        except trio.BrokenResourceError:
            return b""


async def test_headers_without_end_garbage_and_idle_connections_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.gateway.server, "IDLE_S", 0.5)
    async with serving(FakeDoor()) as client:
        port = client.base_url.port or 0
        begin = b"GET /v1/health HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        huge = await _raw(port, begin + b"x: " + b"a" * 2 * HEADERS_BYTES_MAX, 5)
        assert huge.startswith(b"HTTP/1.1 431")
        assert (await _raw(port, b"\x00\xff\r\n\r\n", 5)).startswith(b"HTTP/1.1 400")
        assert await _raw(port, begin, 5) == b""  # a request that never begins
        assert await _raw(port, b"", 5) == b""
        assert (await client.get("/health")).status_code == 200


async def test_a_body_that_dribbles_is_ended_and_holds_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.gateway.guard, "BODY_TIMEOUT_S", 0.5)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    async with serving(FakeDoor(), answers_at_once=1) as client:
        slow = await _raw(client.base_url.port or 0, head + b"content-length: 100\r\n\r\n{", 5)
        assert slow.startswith(b"HTTP/1.1 408")
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200


async def test_bodies_of_all_requests_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    door = FakeDoor()
    async with serving(door) as client:
        bodies = node.gateway.guard.Bodies(bytes_max=1000)
        monkeypatch.setattr(node.gateway.guard.Bodies, "read", lambda self, request: bodies_read(bodies, request))
        reply = await client.post("/chat/completions", json={**QUESTION, "user": "x" * 2000})
        small = await client.post("/chat/completions", json=QUESTION)
    assert (reply.status_code, small.status_code) == (429, 200)
    assert reply.headers["retry-after"] == "1"


_real_read = node.gateway.guard.Bodies.read


async def bodies_read(bodies: node.gateway.guard.Bodies, request: Any) -> bytes:
    """Read through one small pool, and give its bytes back."""
    body = await _real_read(bodies, request)
    bodies.release(len(body))
    return body


async def _reads_nothing(port: int, *, holds: int = 4096) -> trio.socket.SocketType:
    """A client that asks for a long stream and never reads a byte of it."""
    asked = json.dumps({**QUESTION, "stream": True}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    deaf = trio.socket.socket()
    deaf.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, holds)
    await deaf.connect(("127.0.0.1", port))
    await deaf.send(head + b"content-length: %d\r\n\r\n" % len(asked) + asked)
    return deaf


async def test_a_client_that_reads_nothing_loses_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.gateway.server, "UNREAD_S", 0.5)
    door = FakeDoor(words=("x" * 2000,) * 20_000)
    async with serving(door, answers_at_once=1) as client:
        deaf = await _reads_nothing(client.base_url.port or 0)
        with trio.fail_after(10):
            await door.left.wait()
        assert (await client.get("/models")).status_code == 200
        door.words = ("Good",)
        assert (await client.post("/chat/completions", json=QUESTION)).status_code == 200
        deaf.close()


async def test_a_client_that_reads_nothing_does_not_keep_the_node_from_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node.gateway.server, "GRACE_S", 0.5)
    door = FakeDoor(words=("x" * 2000,) * 20_000)
    with trio.fail_after(10):
        async with serving(door) as client:
            deaf = await _reads_nothing(client.base_url.port or 0)
            while not door.asked:
                await trio.sleep(0.05)
            await trio.sleep(1)  # what the system holds for the client is full
    deaf.close()


async def test_answers_are_given_over_a_protocol_that_shows_who_reads_no_more() -> None:
    door = FakeDoor()
    async with (
        serving(door) as client,
        httpx.AsyncClient(base_url=client.base_url, http1=False, http2=True) as newer,  # its window may be 0
    ):
        assert (await newer.get("/models")).status_code == 200
        refused = await newer.post("/chat/completions", json=QUESTION)
    assert (refused.status_code, refused.json()["error"]["param"]) == (505, "version")
    assert not door.asked


async def test_a_client_that_reads_slowly_gets_all_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.gateway.server, "UNREAD_S", 0.5)
    door = FakeDoor(words=("x" * 2000,) * 2_000)
    read = 0
    async with serving(door) as client:
        slow = await _reads_nothing(client.base_url.port or 0, holds=65_536)
        for _ in range(5):
            await trio.sleep(0.3)
            read += len(await slow.recv(200_000))
        while data := await slow.recv(1_000_000):
            read += len(data)
            if data.rstrip().endswith((b"[DONE]", b"\r\n0")):
                break
        slow.close()
    assert read > 2_000 * 2000
