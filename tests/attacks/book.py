"""The book of attacks: each is one function of a scene, entered here with what must come of it on our side."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.crypto.keys import KeyPair

from tests.attacks.wire import Cut, Line, Serve, Target, connected

Side = Literal["stock", "ours"]
Fate = Literal["banned", "cut", "slowed", "harmless", "refused"]
"""What happens to the offender: banned for an hour; its connection or stream cut; read slower or turned away by rate;
nothing, since what it did costs us nothing; refused at the door, before it is known who it is."""


@dataclass
class Scene:
    """One attack under way: where it goes, as whom, and what was noticed."""

    target: Target
    side: Side
    protocols: tuple[str, ...] = ()
    """Protocols of its own that the victim serves."""
    topics: tuple[str, ...] = ()
    genesis_hash: bytes = b""
    note: str = ""
    sent: int = 0
    keys: KeyPair = field(default_factory=create_new_key_pair)

    @asynccontextmanager
    async def line(self, *, source: str = "127.0.0.2", serve: dict[str, Serve] | None = None) -> AsyncIterator[Line]:
        """A connection as this scene's offender."""
        async with connected(self.target, source=source, keys=self.keys, serve=serve) as line:
            yield line

    async def stranger(self, source: str = "127.0.0.2") -> None:
        """Change the offender's identity."""
        self.keys = create_new_key_pair()

    async def repeated(
        self, send: Callable[[Line], Awaitable[object]], *, most: int = 12, pause_s: float = 0.05
    ) -> None:
        """Do it on a new connection each time, until the door stays shut; `sent` says how often it went."""
        for _ in range(most):
            try:
                async with self.line() as line:
                    await line.open("/ipfs/ping/1.0.0")  # a peer that is kept out is cut only after the handshake
                    self.sent += 1
                    await send(line)
                    with trio.move_on_after(0.5):
                        await line.dead.wait()
            except Cut:
                if self.sent:
                    return
                raise
            await trio.sleep(pause_s)


Run = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True)
class Attack:
    """An attack and what it must lead to: `counters` that rise (any of them), and the offender's `fate`."""

    name: str
    what: str
    run: Run
    fate: Fate
    counters: tuple[str, ...]
    only: Side | None
    in_ci: bool


BOOK: dict[str, Attack] = {}


def attack(
    name: str, what: str, fate: Fate, *counters: str, only: Side | None = None, in_ci: bool = True
) -> Callable[[Run], Run]:
    """Enter a function into the book."""

    def enter(run: Run) -> Run:
        if name in BOOK:
            raise ValueError(f"{name} is in the book already")
        BOOK[name] = Attack(name, what, run, fate, counters, only, in_ci)
        return run

    return enter


async def hold(seconds: float, line: Line | None = None) -> None:
    """Wait, or until the connection is cut."""
    with trio.move_on_after(seconds):
        if line is None:
            await trio.sleep_forever()
        else:
            await line.dead.wait()


async def for_a_while(seconds: float, action: Callable[[], Awaitable[object]]) -> int:
    """Repeat until the time is over or the other side ends it; how often it went."""
    until_s = time.monotonic() + seconds
    done = 0
    try:
        while time.monotonic() < until_s:
            await action()
            done += 1
            await trio.lowlevel.checkpoint()
    except Cut:
        return done
    return done
