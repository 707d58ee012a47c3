"""Promises of `neurond web`: only its own page, with the token, once a ticket, gets a window; and only on loopback."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web

from node.commands.web_server import TICKETS_MAX, WINDOWS_MAX, WebServer, listener
from tests.unit.cli.conftest import Run

TOKEN = "t" * 43
ECHO = """
import sys
out = sys.stdout.buffer
def packet(kind, data):
    out.write(kind + len(data).to_bytes(4, "big") + data)
    out.flush()
out.write(b"__GANGLION__\\n")
packet(b"D", b"hello")
while head := sys.stdin.buffer.read(5):
    data = sys.stdin.buffer.read(int.from_bytes(head[1:], "big"))
    if head[:1] == b"M" and b"quit" in data:
        break
    packet(b"D", head[:1] + data)
"""
"""A program that speaks as a window in a browser does, and sends back what it gets."""

Scenario = Callable[[ClientSession, str, WebServer], Awaitable[None]]


def serving(scenario: Scenario, program: str = ECHO) -> None:
    async def main() -> None:
        at = listener(0)
        port = at.getsockname()[1]
        server = WebServer([sys.executable, "-c", program], port, TOKEN)
        runner = web.AppRunner(server.application(), shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, at).start()
        try:
            async with asyncio.timeout(60), ClientSession() as session:
                await scenario(session, f"http://127.0.0.1:{port}", server)
        finally:
            await runner.cleanup()

    asyncio.run(main())


async def ticket(session: ClientSession, base: str, token: str = TOKEN) -> tuple[int, str]:
    async with session.post(f"{base}/ticket", data=token, headers={"Origin": base}) as answer:
        return answer.status, await answer.text()


async def refused(session: ClientSession, base: str, path: str, **headers: str) -> int:
    with pytest.raises(WSServerHandshakeError) as caught:
        await session.ws_connect(f"{base}{path}", headers={"Origin": base, **headers})
    return caught.value.status


def test_the_token_opens_one_window_a_ticket() -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        status, name = await ticket(session, base)
        assert status == 200
        async with session.ws_connect(f"{base}/ws/{name}?width=99&height=30", headers={"Origin": base}) as pipe:
            assert await pipe.receive_bytes() == b"hello"
            await pipe.send_json(["stdin", "ü"])
            assert await pipe.receive_bytes() == b"D\xc3\xbc"
            await pipe.send_json(["resize", {"width": 10**9, "height": "x"}])
            size = json.loads((await pipe.receive_bytes())[1:])
            assert (size["width"], size["height"]) == (1000, 24)
        assert await refused(session, base, f"/ws/{name}") == 401  # used
        assert await refused(session, base, "/ws/guess") == 401

    serving(act)


def test_without_the_token_there_is_no_ticket() -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        for wrong in ("", "x", TOKEN[:-1], TOKEN + "t"):
            assert (await ticket(session, base, wrong))[0] == 401
        assert (await ticket(session, base, "x" * 100_000))[0] == 413
        for path in ("/ws", "/download/x", "/static/", "/static/../server.py", "/nothing"):
            async with session.get(base + path) as answer:
                assert answer.status in (403, 404), path

    serving(act)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:80"])
def test_another_host_name_is_refused_everywhere(host: str) -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        _, name = await ticket(session, base)
        for path in ("/", "/static/js/textual.js"):
            async with session.get(base + path, headers={"Host": host}) as answer:
                assert answer.status == 421
        assert await refused(session, base, f"/ws/{name}", Host=host) == 421

    serving(act)


def test_another_origin_is_refused_even_with_token_and_ticket() -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        _, name = await ticket(session, base)
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", base.replace("http", "https")):
            assert await refused(session, base, f"/ws/{name}", Origin=origin) == 403
            async with session.post(f"{base}/ticket", data=TOKEN, headers={"Origin": origin}) as answer:
                assert answer.status == 403
        async with session.post(f"{base}/ticket", data=TOKEN) as answer:
            assert answer.status == 403  # no page at all
        async with session.ws_connect(f"{base}/ws/{name}", headers={"Origin": base}) as pipe:
            assert await pipe.receive_bytes() == b"hello"  # none of that used the ticket up

    serving(act)


def test_the_page_loads_nothing_from_elsewhere_and_holds_no_secret() -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        async with session.get(base + "/") as answer:
            text, policy = await answer.text(), answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"
        assert TOKEN not in text
        assert "//" not in text.replace("ws://${location.host}", "")
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        assert "frame-ancestors 'none'" in policy
        async with session.get(base + "/") as answer:
            assert answer.headers["Content-Security-Policy"] != policy  # the nonce is used once

    serving(act)


def test_windows_and_tickets_are_bounded_and_nonsense_is_dropped() -> None:
    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        names = [(await ticket(session, base))[1] for _ in range(TICKETS_MAX)]
        assert (await ticket(session, base))[0] == 429
        pipes = [
            await session.ws_connect(f"{base}/ws/{names.pop()}", headers={"Origin": base}) for _ in range(WINDOWS_MAX)
        ]
        assert await refused(session, base, f"/ws/{names.pop()}") == 503
        first = pipes[0]
        assert await first.receive_bytes() == b"hello"
        for text in ("", "{", "[]", "3", '["stdin", 5]', '["resize", "big"]', '["x"]', "[" * 3000):
            await first.send_str(text)
        await first.send_bytes(b"\xff")
        await first.send_json(["stdin", "still here"])
        assert await first.receive_bytes() == b"Dstill here"
        await first.send_str("x" * 100_000)
        assert (await first.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR)
        for each in pipes:
            await each.close()
        async with asyncio.timeout(20):
            while server._windows:
                await asyncio.sleep(0.05)
        assert (await ticket(session, base))[0] == 200

    serving(act)


def test_a_window_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.commands.web_server.STOP_S", 0.2)

    async def act(session: ClientSession, base: str, server: WebServer) -> None:
        _, name = await ticket(session, base)
        pipe = await session.ws_connect(f"{base}/ws/{name}", headers={"Origin": base})
        assert await pipe.receive_bytes() == b"hello"
        await pipe.close()
        async with asyncio.timeout(20):
            while server._windows:
                await asyncio.sleep(0.05)

    serving(act, ECHO.replace('b"quit" in data', "False"))


def test_only_this_machine_and_only_a_free_port(run: Run, tmp_path: Path) -> None:
    outcome = run("web", "--host", "0.0.0.0")
    assert outcome.code == 2
    assert "ssh -L" in outcome.err
    with listener(0) as taken:
        outcome = run("web", "--port", str(taken.getsockname()[1]))
    assert (outcome.code, outcome.err.count("\n")) == (1, 1)
    assert "cannot be had" in outcome.err


def test_no_other_user_sees_the_token_when_the_browser_is_opened(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str, int]] = []

    def browser(address: str) -> None:  # its arguments are in the list of processes, for everybody on the machine
        path = Path(unquote(urlsplit(address).path))
        opened.append((address, path.read_text(), stat.S_IMODE(path.stat().st_mode)))

    async def at_once(server: WebServer, at: object, ready: Callable[[], None]) -> None:
        ready()

    monkeypatch.setattr("webbrowser.open", browser)
    monkeypatch.setattr("node.commands.web_server.serve", at_once)
    before = os.umask(0)
    try:
        outcome = run("web", "--open", "--json")
    finally:
        os.umask(before)
    url = json.loads(outcome.out)["url"]
    [(address, page, mode)] = opened
    assert (address.startswith("file://"), mode) == (True, 0o600)
    assert url.partition("=")[2] not in address
    assert url in page
    assert list(home.glob(".open*")) == [], "and nothing of it is left"
