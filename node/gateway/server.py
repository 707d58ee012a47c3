"""Serving the gateway on 127.0.0.1 inside the daemon's nursery."""

import logging
import socket

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

from node.gateway.app import Gateway
from node.gateway.limits import GRACE_S, HEADERS_BYTES_MAX, IDLE_S
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
    config.graceful_timeout = GRACE_S
    config.accesslog = None
    config.errorlog = _troubles()
    config.bind = [f"fd://{bound.detach()}"]
    config.include_server_header = False
    config.h11_max_incomplete_size = HEADERS_BYTES_MAX
    config.h2_max_header_list_size = HEADERS_BYTES_MAX
    config.keep_alive_timeout = IDLE_S
    async with trio.open_nursery() as books:
        books.start_soon(gateway.keep_books)
        async with trio.open_nursery() as nursery:
            binds = await nursery.start(_serve, gateway, config, stop)
            _log.info("listening on %s", binds[0])
            task_status.started(f"{binds[0]}/v1")
        books.cancel_scope.cancel()


def _troubles() -> logging.Logger:
    """Where the library tells its troubles, and not that ctrl + c quits, which is untrue of a daemon."""
    found = logging.getLogger(f"{_log.name}.server")
    found.setLevel(logging.WARNING)
    return found


async def _serve(
    gateway: Gateway, config: Config, stop: trio.Event, *, task_status: trio.TaskStatus[list[str]]
) -> None:
    await serve(gateway.app, config, shutdown_trigger=stop.wait, task_status=task_status)


__all__ = ["HOST", "bind", "run_gateway"]
