"""Asking whoever answers first at several addresses, and saying of each that did not why not.

One dead address, one that swallows packets or a name that is not known holds nobody up: all peers are tried at the same
time, the addresses of one peer one after the other. Decides nothing about the answers: `ask` raises for a bad one.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import trio

from node.primitives.errors import NodeError
from p2p import Network, P2PError, StreamFailed, UnreachableError

T = TypeVar("T")
DIAL_S: Final = 8.0  # an address that needs longer is not where anybody can be met
DIAL_SHARE_S: Final = 16.0  # divided among the addresses of one peer, so that eight dead ones are over within it
DIAL_MIN_S: Final = 2.0
ASK_PAUSE_S: Final = 0.5  # until the loser of two connections is gone on both sides
_LIBRARY_WORDS: Final = re.compile(
    r"^(cannot connect to \S+: |/\S+ (?=did not answer|closed |is this node))?(Error connecting to \(.*?\): )?"
)
_ADVICE: Final = (
    ("refused", "Nothing listens there: ask whether that node runs and which port it has now."),
    (
        "did not answer",
        "A firewall or a router swallows the way there, or the program there hangs: "
        "ask for a port that is open, or for a new invite.",
    ),
    ("name", "Check the spelling of the name, and that this machine resolves names."),
    ("unreachable", "This machine has no way there: check its own connection."),
    ("somebody else", "Another node has that address now: ask for a new invite."),
)


@dataclass(frozen=True, slots=True)
class Failed:
    """One address at which nothing came of it."""

    address: str
    error: NodeError | P2PError

    @property
    def reason(self) -> str:
        """Why, without the address and the library's words around it."""
        return _LIBRARY_WORDS.sub("", str(getattr(self.error, "message", self.error)).rstrip("."))


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """The first answer, None without any; and what failed before it, in the order of the addresses."""

    answer: T | None
    failed: tuple[Failed, ...]

    def tried(self) -> str:
        """Return what was tried, address by address, for people."""
        return "; ".join(f"{_endpoint(each.address)}: {each.reason}" for each in self.failed) or "no address was given"

    def advice(self) -> str:
        """Return what to do about the commonest of the reasons."""
        reasons = [each.reason.lower() for each in self.failed]
        counts = [sum(word in reason for reason in reasons) for word, _ in _ADVICE]
        if not any(counts):
            return "Check that the other node runs and that its address can be reached from here."
        return _ADVICE[counts.index(max(counts))][1]


async def first_answer(network: Network, addresses: tuple[str, ...], ask: Callable[[str], Awaitable[T]]) -> Outcome[T]:
    """Connect to all peers of `addresses` at once and return what `ask(peer id)` returned first.

    A P2PError or NodeError of a dial or of `ask` counts against that address alone; a question that was lost with its
    connection, as happens when two nodes dial each other at once, is put a second time.
    """
    answers: list[T] = []
    failed: dict[str, Failed] = {}

    async def try_peer(own: list[str]) -> None:
        timeout_s = max(DIAL_MIN_S, min(DIAL_S, DIAL_SHARE_S / len(own)))
        for address in own:
            try:
                answers.append(await asked_twice(await network.dial(address, timeout_s=timeout_s), address, timeout_s))
            except (P2PError, NodeError) as error:
                failed[address] = Failed(address, error)
                continue
            return nursery.cancel_scope.cancel()

    async def asked_twice(peer_id: str, address: str, timeout_s: float) -> T:
        try:
            return await ask(peer_id)
        except (StreamFailed, UnreachableError):
            await trio.sleep(ASK_PAUSE_S)
            return await ask(await network.dial(address, timeout_s=timeout_s))

    async with trio.open_nursery() as nursery:
        for group in _by_peer(addresses):
            nursery.start_soon(try_peer, group)
    in_order = tuple(failed[address] for address in dict.fromkeys(addresses) if address in failed)
    return Outcome(answers[0] if answers else None, in_order)


def _by_peer(addresses: tuple[str, ...]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for address in dict.fromkeys(addresses):
        groups.setdefault(address.rpartition("/p2p/")[2], []).append(address)
    return list(groups.values())


def _endpoint(address: str) -> str:
    """The address without the peer id at its end, which says nothing about the way there."""
    return address.rpartition("/p2p/")[0] or address
