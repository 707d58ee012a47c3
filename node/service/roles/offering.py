"""Keeps this node's offers in the journals of the subnets it mines in.

They are said at the start, on a change, and before they expire. The prices are the user's own, kept in a file of the
home; without any the work is offered for nothing.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import trio

from node.market.chain import ChainReader
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.limits import SERVING_MAX
from node.market.offers import OFFER_KIND, Offer, make_offer
from node.primitives.codec import encode
from node.primitives.errors import NodeError
from node.primitives.types import Height, NetUid
from storage import StorageError

OFFER_VALID_BLOCKS: Final = 7_200  # a day of 12 s blocks; said again after half of it
RETRY_BLOCKS: Final = 5  # after an offer that could not be said
TERMS_BYTES_MAX: Final = 256 * 1024  # of the file: 4 KiB a subnet

_log = logging.getLogger(__name__)


class Terms(msgspec.Struct, frozen=True):
    """What the user wants for the work of one subnet: rao for a million of each unit, and how many calls at once."""

    prices: dict[str, int] = {}
    concurrency: int = SERVING_MAX

    def offer(self, valid_until: Height) -> Offer:
        """The offer these terms make. Raises MalformedMessage."""
        return make_offer(dict(self.prices), valid_until=valid_until, concurrency=self.concurrency)


class TermsBook:
    """The terms of all subnets, in one file. A damaged file counts as none, and is replaced at the next change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._terms = dict(self._read())

    def of(self, netuid: NetUid) -> Terms:
        """The terms for a subnet; for nothing where the user has not said any."""
        return self._terms.get(netuid, Terms())

    def set(self, netuid: NetUid, terms: Terms) -> None:
        """Keep terms. Raises MalformedMessage for impossible ones, OSError."""
        terms.offer(Height(0))
        changed = {**self._terms, netuid: terms}
        data = msgspec.json.format(msgspec.json.encode({str(each): value for each, value in changed.items()}), indent=2)
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        temporary.write_bytes(data)
        os.replace(temporary, self._path)
        self._terms = changed

    def _read(self) -> Mapping[NetUid, Terms]:
        try:
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(TERMS_BYTES_MAX), type=dict[str, Terms])
            terms = {NetUid(int(netuid)): each for netuid, each in found.items()}
            for each in terms.values():
                each.offer(Height(0))
        except FileNotFoundError:
            return {}
        except (msgspec.MsgspecError, ValueError, RecursionError, OSError, MalformedMessage) as error:
            _log.error("the prices in %s cannot be read (%s): work is offered for nothing", self._path, error)
            return {}
        return terms


class Offering:
    """Run `run` in the node's nursery; `renew` at once after a change of terms."""

    def __init__(
        self,
        chain: ChainReader,
        terms: TermsBook,
        mines: Callable[[], Iterable[NetUid]],
        place: Callable[[NetUid], MarketContext],
    ) -> None:
        """`mines` lists the subnets this node mines in now, `place` gives its place in one."""
        self._chain = chain
        self.terms = terms
        self._mines = mines
        self._place = place
        self._next_try: dict[NetUid, Height] = {}
        self._saying = trio.Lock()
        self.problems: dict[NetUid, str] = {}

    async def run(self) -> None:
        """Look at every head whether something is to be said, until cancelled."""
        with self._chain.heads() as heads:
            async for head in heads:
                for netuid in tuple(self._mines()):
                    if head.height >= self._next_try.get(netuid, 0):
                        await self.renew(netuid)

    async def renew(self, netuid: NetUid) -> bool:
        """Say what is offered unless that is known for long enough; whether it was said. Raises no NodeError."""
        async with self._saying:
            context, now = self._place(netuid), self._chain.height()
            wanted = self.terms.of(netuid).offer(Height(now + OFFER_VALID_BLOCKS))
            said = context.offers.offer_of(context.hotkey)
            if said is not None and _same(said, wanted) and said.valid_until - now >= OFFER_VALID_BLOCKS // 2:
                self.problems.pop(netuid, None)
                return False
            if context.seat() is None:
                return False
            self._next_try[netuid] = Height(now + RETRY_BLOCKS)
            try:
                await context.journal.append(OFFER_KIND, encode(wanted))
            except (NodeError, StorageError) as error:
                self.problems[netuid] = str(error)
                _log.warning("this node's prices in subnet %d could not be told: %s", netuid, error)
                return False
            self.problems.pop(netuid, None)
            return True


def _same(one: Offer, other: Offer) -> bool:
    return (one.prices, one.concurrency) == (other.prices, other.concurrency)
