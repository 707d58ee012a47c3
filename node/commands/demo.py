"""`neurond demo`: the main job from end to end, headless; exit code 0 only if every promise held."""

import time
from dataclasses import asdict
from pathlib import Path

import click

from node.commands.common import Env, command, narrate, show_progress


@click.command()
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep the nodes' homes in this folder.")
@command
def demo(env: Env, keep: Path | None) -> None:
    """Run a whole network for two minutes: questions, scores, rewards, a cheat, a crash. Exits 0 if all of it held.

    \b
    Example:
      neurond demo
    """
    from node.service import demo as service

    begun = time.monotonic()

    def say(text: str) -> None:
        line = f"[{time.monotonic() - begun:5.1f} s] {text}"
        narrate(line) if env.json else click.echo(line)

    report = service.run(say, show_progress, keep=None if keep is None else keep.expanduser().absolute())
    env.emit(asdict(report), lambda: click.echo(f"all of it held, in {report.seconds:.0f} s"))
