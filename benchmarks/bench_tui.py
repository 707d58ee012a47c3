"""The window on a real terminal beside a node that works: key to screen, first paint, idle cost, attaching.

    bench_tui.py [--keys N] [--attach N]

A devnet of three nodes with blocks every half second; "load" is four clients that ask its gateway without a pause, so
that the daemons import blocks and serve inference with all that the machine has. Key to screen: a letter typed into the
question, until the terminal gets it; and a digit, until the other screen's first words are drawn. Wall-clock, with the
machine's load beside; CPU where CPU is meant.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import httpx

from benchmarks.measure import at_most, show, title
from benchmarks.terminal import Terminal
from node.control.options import DevnetOptions, DevnetStatus
from node.service import devnet
from tests.unit.models.synthetic import tiny_bundle

NEUROND: Final = str(Path(sys.executable).with_name("neurond"))
LETTERS: Final = tuple(chr(0x0410 + number) for number in range(64))  # nothing else on the screen is Cyrillic
SCREENS: Final = (("3", "Tasks"), ("1", "Chain"))
READY: Final = "devnet"
CLIENTS: Final = 4
IDLE_S: Final = 20.0
SERVED_WITHIN_S: Final = 90.0


@contextmanager
def running(folder: Path) -> Iterator[DevnetStatus]:
    """Two validators and a miner with a tiny model."""
    model = str(tiny_bundle(folder / "model"))
    home = folder / "net"
    try:
        yield devnet.up(DevnetOptions(home, nodes=3, slot_ms=500, tempo=12, model=model), lambda step: None)
    finally:
        devnet.down(home, lambda step: None)


def served(net: DevnetStatus) -> str:
    """The model that somebody serves, once somebody does. Raises TimeoutError."""
    end_s = time.monotonic() + SERVED_WITHIN_S
    while time.monotonic() < end_s:
        for model in httpx.get(f"{net.nodes[0].gateway_url}/models", timeout=30).json()["data"]:
            if model["miners"]:
                return str(model["id"])
        time.sleep(0.5)
    raise TimeoutError("no miner came online")


@contextmanager
def load(net: DevnetStatus) -> Iterator[list[int]]:
    """Questions without a pause; yields how many were answered."""
    over, answered = threading.Event(), [0]
    body = {"model": served(net), "messages": [{"role": "user", "content": "the world"}], "max_tokens": 64}

    def ask() -> None:
        with httpx.Client(timeout=60) as http:
            while not over.is_set():
                with suppress(httpx.HTTPError):
                    done = http.post(f"{net.nodes[0].gateway_url}/chat/completions", json=body)
                    answered[0] += done.status_code == 200

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield answered
    finally:
        over.set()
        for thread in threads:
            thread.join()


def window(net: DevnetStatus) -> Terminal:
    """The window on the first node."""
    return Terminal([NEUROND, "--home", net.nodes[0].home])


def typed(terminal: Terminal, keys: int) -> list[float]:
    """Seconds from a letter to the screen, for `keys` letters typed into the question."""
    terminal.press("2")
    terminal.drain(2.0)
    times = []
    for number in range(keys):
        terminal.press(LETTERS[number % len(LETTERS)])
        times.append(terminal.wait(LETTERS[number % len(LETTERS)]))
        terminal.drain(0.03 + 0.09 * (number % 7) / 6)  # as fast and as unevenly as people type
    return times


def switched(terminal: Terminal, keys: int) -> list[float]:
    """Seconds from a digit to the other screen; both have been seen before."""
    terminal.press("\x1b")
    terminal.drain(1.0)
    for key, words in SCREENS:
        terminal.press(key)
        terminal.wait(words)
        terminal.drain(1.0)
    times = []
    for number in range(keys):
        key, words = SCREENS[number % 2]
        terminal.press(key)
        times.append(terminal.wait(words))
        terminal.drain(0.3)
    return times


def tell(what: str, times_s: list[float]) -> None:
    cut = quantiles(times_s, n=20)[-1]
    show(f"{what}, p50", f"{median(times_s) * 1e3:.0f} ms", at_most(median(times_s) * 1e3, 40, " ms"))
    show(f"{what}, p95", f"{cut * 1e3:.0f} ms", at_most(cut * 1e3, 150, " ms"))


def measured(net: DevnetStatus, keys: int) -> None:
    """First paint and idle cost, then keys with an idle and a loaded node."""
    with window(net) as terminal:
        terminal.wait(READY)
        show("first paint of Home, CPU", f"{terminal.cpu_s():.2f} s", at_most(terminal.cpu_s(), 0.8, " s"))
        terminal.drain(5.0)
        begin_s = terminal.cpu_s()
        terminal.drain(IDLE_S)
        share = (terminal.cpu_s() - begin_s) / IDLE_S * 100
        show("Home of a node with two blocks a second, of a core", f"{share:.1f} %", at_most(share, 3, " %"))
        tell("letter to screen", typed(terminal, keys))
        tell("digit to screen", switched(terminal, keys // 4))
        with load(net) as answered:
            begin_s = time.perf_counter()
            tell("letter to screen, node at full load", typed(terminal, keys))
            tell("digit to screen, node at full load", switched(terminal, keys // 4))
            rate = answered[0] / (time.perf_counter() - begin_s)
        show("meanwhile answered", f"{rate:.1f} /s", "64 tokens each")


def attached(net: DevnetStatus, times: int) -> None:
    """Open the window `times` times while the node works; each has to show the node and to leave by `q`."""
    good = 0
    with load(net):
        for _ in range(times):
            with window(net) as terminal:
                try:
                    terminal.wait(READY)
                    terminal.press("q")
                    good += terminal.left()
                except (TimeoutError, EOFError):
                    continue
    show("attached and left under load", f"{good} of {times}", "target: all")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--attach", type=int, default=10)
    options = parser.parse_args()
    title("The window is quick while the node works.")
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as net:
        measured(net, options.keys)
        attached(net, options.attach)


if __name__ == "__main__":
    main()
