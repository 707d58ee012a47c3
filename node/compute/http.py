"""A small HTTP/1.1 client over trio: one request a connection, answers read line by line, everything bounded.

For servers that the miner's owner named. Speaks https with the system's certificates. No redirects, no cookies, no
proxies.
"""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import h11
import trio

from models import RuntimeFailure
from node.compute.limits import BODY_BYTES_MAX, CONNECT_TIMEOUT_S, HEAD_BYTES_MAX, LINE_BYTES_MAX, SILENCE_TIMEOUT_S

_CHUNK_BYTES: Final = 65_536


@dataclass
class Reply:
    """An answer whose head has arrived."""

    status: int
    headers: dict[str, str]
    _connection: h11.Connection
    _stream: trio.abc.Stream

    async def body(self) -> bytes:
        """The whole body. Raises RuntimeFailure when it is too long."""
        out = bytearray()
        async for chunk in self._chunks():
            out += chunk
            if len(out) > BODY_BYTES_MAX:
                raise RuntimeFailure(f"the server sent more than {BODY_BYTES_MAX} bytes")
        return bytes(out)

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """The body line by line, without ends of lines. Raises RuntimeFailure for a line without end."""
        rest = b""
        async for chunk in self._chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r")
            if len(rest) > LINE_BYTES_MAX:
                raise RuntimeFailure(f"the server sent a line of more than {LINE_BYTES_MAX} bytes")
        if rest:
            yield rest

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        while True:
            event = await _next_event(self._connection, self._stream)
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return


@asynccontextmanager
async def request(
    method: str, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> AsyncGenerator[Reply, None]:
    """Send one request; the reply's body is read inside the block. Raises RuntimeFailure."""
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    try:
        with trio.fail_after(CONNECT_TIMEOUT_S):
            stream: trio.abc.Stream = await trio.open_tcp_stream(host, port)
            if secure:
                stream = trio.SSLStream(
                    stream, ssl.create_default_context(), server_hostname=host, https_compatible=True
                )
    except (OSError, trio.TooSlowError) as error:
        raise RuntimeFailure(f"the server at {host}:{port} cannot be reached: {error!s:.200}") from error
    try:
        connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        named = {"host": parts.netloc, "content-length": str(len(body)), "connection": "close", "accept": "*/*"}
        head = h11.Request(method=method, target=parts.path or "/", headers=list({**named, **(headers or {})}.items()))
        with trio.fail_after(CONNECT_TIMEOUT_S):
            await stream.send_all(
                (connection.send(head) or b"")
                + (connection.send(h11.Data(data=body)) or b"" if body else b"")
                + (connection.send(h11.EndOfMessage()) or b"")
            )
        event = await _next_event(connection, stream)
        while isinstance(event, h11.InformationalResponse):
            event = await _next_event(connection, stream)
        if not isinstance(event, h11.Response):
            raise RuntimeFailure("the server closed the line without an answer")
        known = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in event.headers}
        yield Reply(event.status_code, known, connection, stream)
    except (trio.BrokenResourceError, trio.TooSlowError, h11.ProtocolError, ssl.SSLError) as error:
        raise RuntimeFailure(f"the line to the server broke: {error!s:.200}") from error
    finally:
        with trio.move_on_after(1.0, shield=True):
            await trio.aclose_forcefully(stream)


async def _next_event(connection: h11.Connection, stream: trio.abc.Stream) -> object:
    while True:
        event = connection.next_event()
        if event is not h11.NEED_DATA:
            return event
        try:
            with trio.fail_after(SILENCE_TIMEOUT_S):
                data = await stream.receive_some(_CHUNK_BYTES)
        except trio.TooSlowError as error:
            raise RuntimeFailure(f"the server was silent for {SILENCE_TIMEOUT_S:.0f} s") from error
        except trio.BrokenResourceError as error:
            raise RuntimeFailure("the line to the server broke") from error
        connection.receive_data(bytes(data))
