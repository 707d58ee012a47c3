"""How long a command takes to start: CPU of the whole process, user and system, best of several turns.

Every group of commands once with --help, and the lists that people look at most: of a home with one wallet, whose node
answers at once from memory, so that what is measured is the command. With --all: --help of every command.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from benchmarks.measure import show, title
from node.cli import cli
from node.control.paths import wallets_path
from node.wallet import WalletStore
from tests.unit.control.fake import served

CPU_S_MAX: Final = 0.3
TURNS: Final = 3
WORKING: Final = (
    ("--version",), ("subnet", "list"), ("tx", "list"), ("query",), ("tools",), ("models", "list"), ("wallet", "list"),
    ("subnets", "list"), ("stake", "list"), ("help-aliases",), ("explain", "not_running"), ("config", "show"),
    ("status",), ("peers",), ("metagraph", "1"), ("proposals",), ("channels",), ("wallet", "balance"), ("keys", "list"),
    ("authorities",), ("stake", "quote", "10"), ("role",), ("journal",), ("offers",),
)  # fmt: skip
NEUROND: Final = Path(sys.executable).with_name("neurond")


def every_command(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from every_command(found, (*words, name))
        else:
            yield (*words, name)


def start_cpu_s(words: tuple[str, ...], home: str, turns: int) -> float:
    """CPU seconds of the fastest start."""
    best = float("inf")
    environment = {**os.environ, "NEUROND_HOME": home}
    for _ in range(turns):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([NEUROND, *words], env=environment, capture_output=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"neurond {' '.join(words)}: {done.stderr.decode().strip()}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main() -> int:
    """Print the figures; 1 when a command takes longer than it may."""
    whole = "--all" in sys.argv
    lines = [(*words, "--help") for words in every_command(cli)] if whole else []
    if not whole:
        lines = [(name, "--help") for name in cli.list_commands(click.Context(cli))]
    title(f"A command starts within {CPU_S_MAX} s of CPU.")
    with tempfile.TemporaryDirectory() as home, served(Path(home)):
        WalletStore(wallets_path(Path(home))).create("default", None)
        figures = {words: start_cpu_s(words, home, 2 if whole else TURNS) for words in [("--help",), *WORKING, *lines]}
    slow = 0
    for words, cpu_s in sorted(figures.items(), key=lambda each: each[1], reverse=True):
        slow += cpu_s > CPU_S_MAX
        show(f"neurond {' '.join(words)}", f"{cpu_s:.3f} s", "" if cpu_s <= CPU_S_MAX else "too slow")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
