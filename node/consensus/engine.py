"""The node's whole consensus as one deterministic machine: same events at the same times, same effects."""

from collections.abc import Callable
from typing import Generic

from node.consensus.authority import AuthoritySet
from node.consensus.events import Anchor, Effect, Event, S, Signed
from node.consensus.slots import SlotClock, Timeouts
from node.ledger.header import Block
from node.primitives.crypto import Verifier
from node.primitives.types import AccountId, Hash


class Engine(Generic[S]):
    """Feed it every event with the time; carry out every effect; call it again at `next_deadline_ms`.

    `execute` raises a NodeError for an invalid block. `me` is None on a node that only follows.
    """

    def __init__(
        self,
        *,
        genesis_hash: Hash,
        clock: SlotClock,
        anchor: Anchor[S],
        execute: Callable[[S, Block], S],
        set_of: Callable[[S], AuthoritySet],
        me: AccountId | None,
        verify: Verifier,
        timeouts: Timeouts | None = None,
        signed: Signed | None = None,
    ) -> None:
        raise NotImplementedError

    def step(self, event: Event[S], now_ms: int) -> list[Effect[S]]:
        """Return what is to be done after `event`; never raises for anything that came from outside."""
        raise NotImplementedError

    @property
    def next_deadline_ms(self) -> int | None:
        """When to call `step(Tick())` at the latest."""
        raise NotImplementedError
