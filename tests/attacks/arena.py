"""One attack after another against a victim, with an honest neighbour watching: what came of each."""

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import psutil
import trio
from libp2p.identity.identify.pb.identify_pb2 import Identify

from tests.attacks import connections, gossip, handlers, protocols
from tests.attacks.book import BOOK, Attack, Scene
from tests.attacks.connections import gets_in
from tests.attacks.victims import Honest, Service, Usage, Victim
from tests.attacks.wire import Cut, connected

MODULES = (gossip, handlers, connections, protocols)
ATTACK_S = 60.0
DYING_S = 4.0
AFTERWARDS_S = 1.5
"""How long the honest neighbour is watched on after an attack."""


@dataclass(frozen=True)
class Outcome:
    """What came of one attack."""

    attack: Attack
    alive: bool
    last_words: str
    service: Service
    newcomer: bool
    counted: dict[str, int]
    """Counters that rose, by how much."""
    banned: bool
    sent: int
    note: str
    before: Usage | None
    peak_mb: int
    """Memory at its highest while the attack went on."""
    after: Usage | None
    seconds: float

    @property
    def honest_served(self) -> bool:
        """Whether no request of the honest neighbour failed, and some went through."""
        return self.service.served > 0 and self.service.failed == 0


async def carry_out(attack: Attack, victim: Victim, honest: Honest) -> Outcome:
    """Run one attack and look at everybody afterwards."""
    scene = Scene(victim.target, victim.side, victim.protocols, victim.topics, victim.genesis_hash)
    counted = await trio.to_thread.run_sync(victim.counters)
    before = await _usage(victim)
    began_s = time.monotonic()
    peak = await _watched(attack, scene, victim)
    ended_s = time.monotonic()
    await trio.sleep(AFTERWARDS_S)
    newcomer = victim.is_alive and await gets_in(victim.target, f"127.0.{len(attack.name)}.{int(began_s) % 250 + 2}")
    if not newcomer:
        with trio.move_on_after(DYING_S):  # a service that has failed takes its process down slowly
            while victim.is_alive:
                await trio.sleep(0.1)
    shut = victim.is_alive and victim.side == "ours" and not await _is_let_in(scene)
    now = await trio.to_thread.run_sync(victim.counters)
    return Outcome(
        attack=attack,
        alive=victim.is_alive,
        last_words="" if victim.is_alive else victim.last_words(),
        service=honest.noted(began_s, time.monotonic()),
        newcomer=newcomer,
        counted={name: value - counted.get(name, 0) for name, value in now.items() if value > counted.get(name, 0)},
        banned=shut and now.get("bans", 0) > counted.get("bans", 0),
        sent=scene.sent,
        note=scene.note,
        before=before,
        peak_mb=peak,
        after=await _usage(victim),
        seconds=ended_s - began_s,
    )


async def _watched(attack: Attack, scene: Scene, victim: Victim) -> int:
    """Run the attack and return the highest memory seen, in MiB."""
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while victim.is_alive:
            with suppress(psutil.Error):
                peak = max(peak, psutil.Process(victim.process.pid).memory_info().rss >> 20)
            await trio.sleep(0.1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        try:
            with trio.move_on_after(ATTACK_S) as late:
                await attack.run(scene)
            if late.cancelled_caught:
                scene.note = f"{scene.note} (stopped after {ATTACK_S:g} s)".strip()
        except* Cut as cut:
            leaf: BaseException = cut
            while isinstance(leaf, BaseExceptionGroup):
                leaf = leaf.exceptions[0]
            scene.note = scene.note or str(leaf)
        nursery.cancel_scope.cancel()
    return peak


async def _is_let_in(scene: Scene) -> bool:
    """Whether the offender itself may come back, from an address nothing is held against."""
    try:
        with trio.fail_after(5):
            async with connected(scene.target, source="127.0.0.10", keys=scene.keys) as line:
                await line.open("/ipfs/ping/1.0.0")
                return True
    except (Cut, trio.TooSlowError):
        return False


async def _usage(victim: Victim) -> Usage | None:
    try:
        return await trio.to_thread.run_sync(victim.usage)
    except psutil.Error:
        return None


def run(attack: Attack, victim: Victim, honest: Honest) -> Outcome:
    """The same from outside of trio."""
    return trio.run(partial(carry_out, attack, victim, honest))


def attacks(side: str, names: tuple[str, ...] = ()) -> list[Attack]:
    """The attacks of a side in the book's order."""
    return [each for each in BOOK.values() if each.only in (None, side) and (not names or each.name in names)]


def served_by(victim: Victim) -> tuple[str, ...]:
    """The protocols of its own that the victim says it serves, but the faulty ones."""

    async def ask() -> tuple[str, ...]:
        async with connected(victim.target) as line:
            channel = await line.open("/ipfs/id/1.0.0")
            size = (await channel.exactly(1))[0]
            if size >= 0x80:
                size = size & 0x7F | (await channel.exactly(1))[0] << 7
            return tuple(Identify.FromString(await channel.exactly(size)).protocols)

    names = trio.run(ask)
    return tuple(sorted(name for name in names if name.startswith("/neurond/")))
