"""Serving the gateway on 127.0.0.1 inside the daemon's nursery.

The server library handles one connection; accepting them is done here, because it waits without end, and without being
cancelled, for a client that reads no more: such a client would hold its place for ever, and the node could not stop.
"""

import logging
import socket
from functools import partial
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

from node.gateway.app import Gateway
from node.gateway.limits import GRACE_S, HEADERS_BYTES_MAX, IDLE_S, SENT_AT_ONCE_BYTES, UNREAD_S
from node.service.errors import PortTaken

HOST = "127.0.0.1"
_log = logging.getLogger("neurond.gateway")


def bind(port: int) -> socket.socket:
    """Return a bound socket on 127.0.0.1; 0 picks a free port. Raises PortTaken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except OSError as error:
        bound.close()
        raise PortTaken(f"The gateway cannot listen on {HOST}:{port}: {error.strerror}.") from error
    bound.setblocking(False)
    return bound


async def run_gateway(
    gateway: Gateway, bound: socket.socket, stop: trio.Event, *, task_status: trio.TaskStatus[str]
) -> None:
    """Serve until `stop` is set; reports the URL when it listens."""
    config = Config()
    config.accesslog = None
    config.errorlog = _troubles()
    config.include_server_header = False
    config.h11_max_incomplete_size = HEADERS_BYTES_MAX
    config.h2_max_header_list_size = HEADERS_BYTES_MAX
    config.keep_alive_timeout = IDLE_S
    bound.listen(config.backlog)
    url = f"http://{HOST}:{bound.getsockname()[1]}"
    try:
        async with trio.open_nursery() as books:
            books.start_soon(gateway.keep_books)
            _log.info("listening on %s", url)
            task_status.started(f"{url}/v1")
            await _serve(gateway, bound, config, stop)
            books.cancel_scope.cancel()
    finally:
        await gateway.close_books()  # after the last answer, also where everything is cancelled at once


def _troubles() -> logging.Logger:
    """Where the library tells its troubles."""
    found = logging.getLogger(f"{_log.name}.server")
    found.setLevel(logging.WARNING)
    return found


async def _serve(gateway: Gateway, bound: socket.socket, config: Config, stop: trio.Event) -> None:
    """Accept connections until `stop` is set; those that are open then have GRACE_S to end."""
    context, sending = WorkerContext(None), set[trio.CancelScope]()
    app = wrap_app(gateway.app, config.wsgi_max_body_size, "asgi")
    connect = partial(_Connection, sending, app, config, context, ConnectionState({}))
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(bound))
    async with trio.open_nursery() as connections, listener, trio.open_nursery() as accepting:
        accepting.start_soon(partial(trio.serve_listeners, connect, [listener], handler_nursery=connections))
        try:
            await stop.wait()
        finally:  # also when this is cancelled: what is being sent must not outlast it by more
            accepting.cancel_scope.cancel()
            connections.cancel_scope.deadline = trio.current_time() + GRACE_S
            for scope in sending:
                scope.deadline = min(scope.deadline, connections.cancel_scope.deadline)
            await context.terminated.set()


class _Connection(TCPServer):  # type: ignore[misc]
    """A connection whose client has to go on reading; `sending` has the scopes of what is being sent by all of them."""

    def __init__(self, sending: set[trio.CancelScope], *arguments: Any) -> None:
        super().__init__(*arguments)
        self._sending = sending

    async def protocol_send(self, event: Event) -> None:
        """Send what the protocol says, or close the connection."""
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            is_sent = await self._send(memoryview(event.data))
        if not is_sent:
            await trio.aclose_forcefully(self.stream)
            await self.protocol.handle(Closed())

    async def _send(self, data: memoryview) -> bool:
        """Send all of it, whoever is cancelled: half a piece would break what follows. False when nobody reads."""
        stopping = self.context.terminated.is_set
        with trio.CancelScope(shield=True, deadline=trio.current_time() + GRACE_S) as scope:
            self._sending.add(scope)
            try:
                while data:
                    if not stopping():
                        scope.deadline = trio.current_time() + UNREAD_S
                    await self.stream.send_all(data[:SENT_AT_ONCE_BYTES])
                    data = data[SENT_AT_ONCE_BYTES:]
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return False
            finally:
                self._sending.discard(scope)
        return not data


__all__ = ["HOST", "bind", "run_gateway"]
