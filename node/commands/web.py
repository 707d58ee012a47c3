"""`neurond web`: the same window in a browser, on this machine alone, behind a token that only its caller sees."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click

from node.commands.common import Env, home_command, narrate
from node.commands.options import from_config
from node.control import launcher
from node.control.errors import WebUnavailable
from node.control.paths import create_home

_HOSTS = ("127.0.0.1", "localhost")


def _loopback(_ctx: click.Context, _param: click.Parameter, given: str) -> str:
    if given not in _HOSTS:
        raise click.BadParameter(
            f"{given!r} is not this machine alone, and what this page shows is an unlocked door to its node. "
            "From elsewhere, forward the port: ssh -L 8080:127.0.0.1:PORT HOST"
        )
    return given


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=from_config("web.port"), show_default="web.port, 0 at first",
    help="Port on 127.0.0.1; 0 takes any free one.",
)  # fmt: skip
@click.option("--host", default=_HOSTS[0], show_default=True, callback=_loopback, help="Only this machine.")
@click.option("--open/--no-open", "open_browser", default=False, show_default=True, help="Open the browser as well.")
@home_command
def web(env: Env, port: int, host: str, open_browser: bool) -> int:
    """Show the window in a browser until Ctrl-C. The printed address holds the key to it: keep it to yourself.

    \b
    Examples:
      neurond web
      neurond web --port 8800 --open
    """
    import asyncio
    import secrets
    import webbrowser

    try:
        from node.commands.web_server import TOKEN_BYTES, WebServer, listener, serve
    except ImportError as error:
        raise WebUnavailable(f"The package textual-serve is missing: {error.name}.") from error
    try:
        at = listener(port)
    except OSError as error:
        raise WebUnavailable(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.") from error
    token = secrets.token_urlsafe(TOKEN_BYTES)
    found = at.getsockname()[1]
    url = f"http://127.0.0.1:{found}/#token={token}"
    server = WebServer([*launcher.neurond_command(), "--home", os.fspath(env.home)], found, token)

    def ready() -> None:
        answer: dict[str, Any] = {"url": url, "port": found}
        env.emit(answer, lambda: click.echo(url))
        narrate("Whoever has this address has this window. Ctrl-C ends it; the node keeps running.")
        if open_browser:
            webbrowser.open(doors.enter_context(_door_to(url, env.home)))

    with at, ExitStack() as doors:
        asyncio.run(serve(server, at, ready))
    return 0


@contextmanager
def _door_to(url: str, home: Path) -> Iterator[str]:
    """The address of a private file that leads a browser to `url`, for as long as the block runs.

    A browser's arguments are in the list of processes, which every user of the machine can read.
    """
    import tempfile

    create_home(home)
    with tempfile.NamedTemporaryFile("w", prefix=".open-", suffix=".html", dir=home, encoding="utf-8") as file:
        file.write(f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={url}">')
        file.flush()
        yield Path(file.name).as_uri()
