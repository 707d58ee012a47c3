"""The window in a browser: textual-serve's page and pipe behind a checking layer of our own, on loopback alone.

textual-serve has no login. Here the token of the printed URL, which as a fragment is in no log and no address of a
request, is exchanged for a ticket; one ticket opens one window, once, within seconds. There are no cookies, which ports
of one machine would share. Every request must name this server as its host, and come from its own page or from none.
Loaded only by `neurond web`: aiohttp stays out of everything else.
"""

import asyncio
import hmac
import secrets
import signal
import socket
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import textual_serve
from aiohttp import WSMsgType, web
from aiohttp.typedefs import Middleware
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from node.commands.web_pages import PAGE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_BYTES: Final = 32  # nobody guesses 256 bits
TICKETS_MAX: Final = 16  # asked for and not used yet
TICKET_S: Final = 30.0  # from the page's script to its connection
WINDOWS_MAX: Final = 4  # each is a process of its own
BODY_BYTES_MAX: Final = 4096  # a token has 43 characters
MESSAGE_BYTES_MAX: Final = 64 * 1024  # a large paste
CELLS_MAX: Final = 1000  # columns or rows; a wall of screens has fewer
HEARTBEAT_S: Final = 15.0
STOP_S: Final = 5.0  # what a window gets to close itself
_STATICS: Final = Path(textual_serve.__file__).with_name("static")


def listener(port: int) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1, 0 for a free one. Raises OSError."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", port))
        found.listen()
    except OSError:
        found.close()
        raise
    return found


class Window(AppService):
    """One window: the process behind one browser tab, started without a shell."""

    def __init__(self, command: Sequence[str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            "", write_bytes=socket.send_bytes, write_str=socket.send_str, close=_closer(socket),
            download_manager=DownloadManager(),
        )  # fmt: skip
        self._words = tuple(command)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        process = await asyncio.create_subprocess_exec(
            *self._words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self._build_environment(width=width, height=height), "TERM": "xterm-256color"},
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def end(self) -> None:
        """Let the window close itself and wait until it is gone; one that stays is ended."""
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(STOP_S):
                await self.stop()
                await process.wait()
        except TimeoutError:
            process.kill()
        finally:
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()


class WebServer:
    """The checking layer and the pages; `command` is what a window runs."""

    def __init__(self, command: Sequence[str], port: int, token: str) -> None:
        self._command = tuple(command)
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._token = token.encode()
        self._tickets: dict[str, float] = {}
        self._windows = 0

    def application(self) -> web.Application:
        """Return the application with its routes."""
        app = web.Application(middlewares=[self._guard()], client_max_size=BODY_BYTES_MAX)
        app.add_routes(
            [
                web.get("/", self._page),
                web.post("/ticket", self._ticket),
                web.get("/ws/{ticket}", self._window),
                web.static("/static", _STATICS, show_index=False, follow_symlinks=False),
            ]
        )
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.host not in self._hosts:  # a name that somebody else points at this machine
                return _refusal(421, "This server answers to its own address only.")
            origin = request.headers.get("Origin")
            needs_origin = request.method == "POST" or request.path.startswith("/ws/")
            if (origin is not None or needs_origin) and origin != f"http://{request.host}":
                return _refusal(403, "This page belongs to somebody else.")
            return await handler(request)

        return guard

    async def _page(self, request: web.Request) -> web.StreamResponse:
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src data:; "
            f"connect-src 'self' ws://{request.host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        return web.Response(text=PAGE.replace("@NONCE@", nonce), content_type="text/html", headers=headers)

    async def _ticket(self, request: web.Request) -> web.StreamResponse:
        try:
            given = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "That is no token.")
        if not hmac.compare_digest(given, self._token):
            return _refusal(401, "That is not the token of this server: open the address that it printed.")
        now_s = time.monotonic()
        self._tickets = {name: until_s for name, until_s in self._tickets.items() if until_s > now_s}
        if len(self._tickets) >= TICKETS_MAX:
            return _refusal(429, "Too many windows were asked for at once; wait half a minute.")
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        self._tickets[ticket] = now_s + TICKET_S
        return web.Response(text=ticket, headers=_HEADERS)

    async def _window(self, request: web.Request) -> web.StreamResponse:
        until_s = self._tickets.pop(request.match_info["ticket"], 0.0)
        if until_s <= time.monotonic():
            return _refusal(401, "This ticket was used or is too old; reload the page.")
        if self._windows >= WINDOWS_MAX:
            return _refusal(503, f"There are {WINDOWS_MAX} windows already; close one.")
        self._windows += 1
        pipe = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES_MAX)
        try:
            await pipe.prepare(request)
            window = Window(self._command, pipe)
            await window.start(_cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24))
            try:
                await _carry(pipe, window)
            finally:
                await window.end()
        finally:
            self._windows -= 1
        return pipe


async def _carry(pipe: web.WebSocketResponse, window: Window) -> None:
    """Hand what the page sends to the window; what is none of the few known messages is dropped."""
    async for message in pipe:
        if message.type != WSMsgType.TEXT:
            continue
        try:
            kind, *rest = message.json()
        except (ValueError, TypeError, RecursionError):
            continue
        given = rest[0] if rest else None
        if kind == "stdin" and isinstance(given, str):
            await window.send_bytes(given.encode("utf-8", "replace"))
        elif kind == "resize" and isinstance(given, dict):
            await window.set_terminal_size(_cells(given.get("width"), 80), _cells(given.get("height"), 24))
        elif kind == "ping" and isinstance(given, str | int | float):
            await pipe.send_json(["pong", given])
        elif kind == "blur":
            await window.blur()
        elif kind == "focus":
            await window.focus()


async def serve(server: WebServer, at: socket.socket, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once it answers."""
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=STOP_S)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await web.SockSite(runner, at).start()
        ready()
        await stop.wait()
    finally:
        await runner.cleanup()


_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def _refusal(status: int, words: str) -> web.Response:
    return web.Response(status=status, text=f"{words}\n", headers=_HEADERS)


def _cells(given: object, default: int) -> int:
    try:
        return min(max(int(str(given)[:9]), 1), CELLS_MAX)
    except ValueError:
        return default


def _closer(pipe: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await pipe.close()

    return close
