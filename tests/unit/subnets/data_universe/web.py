"""A web server on loopback for tests: what it answers is said by path, and it remembers what it was asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import h11
import trio


@dataclass
class Reply:
    """An answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    stall: bool = False


class Site:
    """Replies by path."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset({f"127.0.0.1:{self.port}"})

    async def handle(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        path = ""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await stream.receive_some(65536)
                connection.receive_data(data)
                if not data:
                    return
            elif isinstance(event, h11.Request):
                path = event.target.decode()
                self.asked.append((path, {k.decode(): v.decode() for k, v in event.headers}))
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return
        reply = self.replies.get(path, Reply(b"nothing here", 404))
        if reply.stall:
            await trio.sleep_forever()
        headers = {"content-length": str(len(reply.body)), "connection": "close", **reply.headers}
        response = h11.Response(
            status_code=reply.status, headers=[(name, said.encode("latin-1")) for name, said in headers.items()]
        )
        out = connection.send(response) or b""
        if reply.status != 304:
            out += connection.send(h11.Data(data=reply.body)) or b""
        await stream.send_all(out + (connection.send(h11.EndOfMessage()) or b""))


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    """Run a site while the block runs."""
    site = Site()
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, site.handle, 0, host="127.0.0.1"))
        site.port = listeners[0].socket.getsockname()[1]
        yield site
        nursery.cancel_scope.cancel()
