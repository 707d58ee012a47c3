"""`neurond record` and `neurond replay`: a session in a file, and the window on it; also what a good bug report has."""

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from node.commands.common import Env, command, facts, home_command, narrate
from node.commands.errors import AlreadyThere
from node.commands.options import Number
from node.control.limits import RECORDING_S_MAX, REPLAY_SPEED_MAX
from node.control.schema import View

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from node.control.replay import Tape

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}


class RecordingView(View, frozen=True):
    """What was recorded."""

    path: str
    seconds: float
    entries: int
    file_bytes: int
    left_out: int
    scrubbed: bool


class _Span(click.ParamType[float]):
    """A length of time: 90s, 10m, 1h, or 00:03:00."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        found = re.fullmatch(r"(\d{1,6})(?:\.\d{1,3})?\s*([smh]?)", text)
        clock = re.fullmatch(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{1,2})", text)
        if found is not None:
            seconds = float(text.removesuffix(found[2]).strip()) * _UNITS_S[found[2] or "s"]
        elif clock is not None:
            seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + int(clock[3])
        else:
            self.fail(f"{text[:20]!r} is no time; write 90s, 10m, 1h or 00:03:00.", param, ctx)
        if seconds > RECORDING_S_MAX:
            self.fail("A recording has a day at most.", param, ctx)
        return float(seconds)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--for", "for_s", type=_Span(), metavar="TIME", help="Stop after 90s, 10m or 1h. Default: at Ctrl-C.")
@click.option("--scrub", is_flag=True, help="Replace addresses, peer ids, paths and questions.")
@command
def record(env: Env, file: Path, for_s: float | None, scrub: bool) -> None:
    """Write what the running node says into FILE: how it was, and every change, with times.

    Keys, passwords and signed transactions are never in it. With --scrub it can be given to strangers.

    \b
    Examples:
      neurond record session.nrec --for 10m
      neurond record report.nrec --scrub
    """
    import asyncio

    shown = asyncio.run(_record(env, file, for_s, scrub))
    rows: list[tuple[str, object]] = [
        ("written", shown.path), ("length", f"{shown.seconds:.0f} s"), ("entries", f"{shown.entries:,}"),
        ("size", f"{shown.file_bytes:,} bytes"),
    ]  # fmt: skip
    env.emit(shown, lambda: facts(rows))


async def _record(env: Env, file: Path, for_s: float | None, scrub: bool) -> RecordingView:
    import secrets

    from node.control.client_async import AsyncClient
    from node.control.recorder import Recorder
    from node.control.recording_scrub import Scrubber

    async with AsyncClient(env.home, "neurond-record") as client:
        try:
            number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise AlreadyThere(f"There is a file {file} already.") from error
        begun_s = time.monotonic()
        with os.fdopen(number, "wb", buffering=0) as sink:
            recorder = Recorder(
                client, sink, started_ms=time.time_ns() // 1_000_000, clock_s=time.monotonic,
                scrubber=Scrubber(secrets.token_bytes(32)) if scrub else None,
            )  # fmt: skip
            narrate("recording; Ctrl-C ends it" if for_s is None else f"recording for {for_s:.0f} s")
            await _until_interrupted(recorder.run(for_s))
        seconds = time.monotonic() - begun_s
        return RecordingView(str(file), seconds, recorder.entries, recorder.file_bytes, recorder.left_out, scrub)


async def _until_interrupted(work: "Coroutine[None, None, None]") -> None:
    """Let Ctrl-C and SIGTERM end the work in order: the file gets its last line, and the command succeeds."""
    import asyncio
    import signal

    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if not task.cancelled():
            raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--speed", type=Number(1 / REPLAY_SPEED_MAX, REPLAY_SPEED_MAX), default=1.0, show_default=True,
    help="Times as fast.",
)  # fmt: skip
@click.option("--at", "at_s", type=_Span(), default="0s", metavar="TIME", help="Begin at 00:03:00.")
@click.option("--partial", is_flag=True, help="Also show a recording that was cut off.")
@click.option("--info", is_flag=True, help="Only tell what is in it.")
@click.pass_context
@home_command
def replay(
    env: Env, ctx: click.Context, /, file: Path, *, speed: float, at_s: float, partial: bool, info: bool
) -> None:
    """Open the window on a recorded session: it looks as it did, and nothing can be changed.

    p holds and goes on; , and . go back and forth ten seconds, < and > a minute; + and _ change the speed.

    \b
    Example:
      neurond replay session.nrec --speed 10 --at 00:03:00
    """
    from node.control.recording import read_recording
    from node.control.replay import Tape

    tape = Tape(*read_recording(file, partial=partial))
    if info or env.json:
        env.emit(_info(file, tape), lambda: facts(_info_facts(_info(file, tape))))
        return
    from tui.replay import run

    ctx.exit(run(tape, speed=speed, at_ms=int(at_s * 1000)))


class ReplayInfo(View, frozen=True):
    """What a recording holds."""

    path: str
    started_ms: int
    seconds: float
    version: str
    network: str
    scrubbed: bool
    events: int
    reads: tuple[str, ...]


def _info(file: Path, tape: "Tape") -> ReplayInfo:
    header = tape.header
    return ReplayInfo(
        str(file), header.started_ms, tape.length_ms / 1000, header.version, tape.hello.network, header.scrubbed,
        len(tape.events), tape.reads,
    )  # fmt: skip


def _info_facts(shown: ReplayInfo) -> list[tuple[str, object]]:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(shown.started_ms / 1000))
    return [
        ("recording", shown.path), ("began", f"{began} UTC"), ("length", f"{shown.seconds:.0f} s"),
        ("made by", f"neurond {shown.version}"), ("network", shown.network),
        ("scrubbed", "yes" if shown.scrubbed else "no"), ("events", f"{shown.events:,}"),
        ("answers to", ", ".join(shown.reads)),
    ]  # fmt: skip
