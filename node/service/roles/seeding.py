"""The seeds of one validator's draws: chains kept on disk, their ends published on chain before any round uses them.

A round has one secret and one block, so there is nothing to choose; a chain is renewed long before it runs out. Without
a chain whose end stood on chain before the round's block there is no draw.
"""

import logging
import secrets
from typing import Final

import trio

from node.ledger.calls import SetCommitment
from node.market.context import MarketContext
from node.market.limits import SEED_RENEW_ROUNDS
from node.market.record import RECORD_VERSION, SeedNote, SeedNotes, decode_notes
from node.market.rounds import round_at
from node.market.seeds import SeedChain, seed_height
from node.primitives.codec import encode
from node.primitives.errors import NodeError
from node.primitives.types import HASH_BYTES, Hash, Height
from storage import RecordStore, SeedRow, StorageError

RETRY_BLOCKS: Final = 3  # a transaction that is not in after three blocks is sent again

_log = logging.getLogger(__name__)


class Seeding:
    """Call `load` once and `tick` at every head; `draw` gives a round's secret and block hash."""

    def __init__(self, context: MarketContext, challenge_blocks: int, store: RecordStore | None) -> None:
        self._context = context
        self._blocks = challenge_blocks
        self._store = store
        self._chains: list[SeedChain] = []
        self._published: dict[Hash, Height] = {}  # by end: from this block on it is known to stand on chain
        self._submitted_at: Height | None = None
        self.last_error = ""
        self.used_round = -1
        """The last round drawn by this validator, also before a restart."""

    async def load(self) -> None:
        """Take up the chains of an earlier run. Raises StorageError."""
        if self._store is None:
            return
        rows = await trio.to_thread.run_sync(self._store.seeds)
        self._chains = [SeedChain(row.first_round, Hash(row.root)) for row in rows]
        self.used_round = max([-1, *(row.used_round for row in rows)])

    def notes(self) -> tuple[SeedNote, ...]:
        """The chains that are known to stand on chain."""
        return tuple(SeedNote(each.first_round, each.end) for each in self._chains if each.end in self._published)

    def secret(self, round_number: int) -> Hash | None:
        """The secret of a round that a published chain covers."""
        chain = self._chain_of(round_number)
        return None if chain is None else chain.secret(round_number)

    def block_hash(self, round_number: int) -> Hash | None:
        """Hash of the block that a round's seed is made of; None unless the secret was published before it."""
        chain = self._chain_of(round_number)
        height = seed_height(round_number, self._blocks, self._context.hotkey)
        if chain is None or height <= self._published[chain.end]:
            return None
        return self._context.chain.block_hash(height)

    async def use(self, round_number: int) -> None:
        """Remember on disk that a round is drawn, before it is; a failing disk stops no round of this run."""
        self.used_round = max(self.used_round, round_number)
        chain = self._chain_of(round_number)
        if self._store is None or chain is None:
            return
        try:
            await trio.to_thread.run_sync(self._store.use_round, chain.first_round, round_number)
        except StorageError as error:
            _log.warning("the last drawn round could not be written down: %s", error)

    async def tick(self, height: Height) -> None:
        """Publish what is missing on chain. Never raises NodeError."""
        if self._context.seat() is None:
            return
        found = self._context.chain.commitment(self._context.netuid, self._context.hotkey)
        told = () if found is None else decode_notes(found.data)
        for note in told:
            self._published.setdefault(note.end, height if found is None else found.height)
        wanted = await self._wanted(round_at(height, self._blocks, self._context.hotkey))
        if wanted == told:
            self._submitted_at, self.last_error = None, ""
        elif self._submitted_at is None or height >= self._submitted_at + RETRY_BLOCKS:
            self._submitted_at = height
            await self._publish(wanted)

    def _chain_of(self, round_number: int) -> SeedChain | None:
        fitting = (each for each in self._chains if each.covers(round_number) and each.end in self._published)
        return next(fitting, None)

    async def _wanted(self, now: int) -> tuple[SeedNote, ...]:
        """What ought to stand on chain: the chain of the present round and, near its end, the next one."""
        using = next((each for each in reversed(self._chains) if each.covers(now)), None)
        if using is None:
            using = await self._new_chain(now)
        chains = [using]
        if using.last_round - now < SEED_RENEW_ROUNDS:
            follower = next((each for each in self._chains if each.first_round == using.last_round + 1), None)
            chains.append(follower or await self._new_chain(using.last_round + 1))
        return tuple(SeedNote(each.first_round, each.end) for each in chains)

    async def _new_chain(self, first_round: int) -> SeedChain:
        """A chain of fresh randomness, on disk before its end is published."""
        chain = SeedChain(first_round, Hash(secrets.token_bytes(HASH_BYTES)))
        if self._store is not None:
            try:
                await trio.to_thread.run_sync(self._store.keep_seeds, SeedRow(first_round, chain.root, 0))
            except StorageError as error:  # it serves this run; the next one makes its own
                _log.warning("a chain of seeds could not be kept: %s", error)
        self._chains.append(chain)
        return chain

    async def _publish(self, wanted: tuple[SeedNote, ...]) -> None:
        call = SetCommitment(self._context.netuid, encode(SeedNotes(RECORD_VERSION, wanted)))
        try:
            await self._context.chain.submit(call, self._context.signer)
        except NodeError as error:
            self.last_error = str(error)
            _log.warning("the seeds of draws could not be published: %s", error)
