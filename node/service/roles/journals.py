"""The journals of one subnet at this node: gossip in and out, repairs, everybody's entries, state and offers.

One service a subnet, shared by the roles and by a node without any. It judges no one: what a fork means for a miner is
the validator's business, what a price means the caller's.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

import trio

from node.market.chain import ChainReader
from node.market.errors import MalformedMessage
from node.market.journal import ForkProof, SignedEntry
from node.market.journal_gate import AuthorRates, JournalGate, Seats, entry_news, fork_news, journal_topic, open_news
from node.market.journal_state import Apply, refuse_all
from node.market.journal_sync import JOURNALS_PROTOCOL
from node.market.limits import (
    JOURNAL_BATCH_MAX,
    JOURNAL_FILL_S,
    JOURNAL_QUEUED_MAX,
    JOURNAL_STREAMS_MAX,
    JOURNAL_STREAMS_PER_PEER,
)
from node.market.offers import OfferBook
from node.market.switchboard import Switchboard, of_subnet
from node.primitives.crypto import Signer, Verifier, verify
from node.primitives.types import AccountId, NetUid
from node.service.roles.journal_book import JournalBook, Taken
from node.service.roles.journal_door import OwnJournal, SigningRecord
from node.service.roles.journal_fill import JournalFiller
from node.subnets.base import Code, Entry, Verdict
from p2p import Message, Network, P2PError
from storage import JournalStore, StorageError

_log = logging.getLogger(__name__)


class Journals:
    """Start with `await nursery.start(journals.run)`; readable from construction on, filled once started."""

    def __init__(
        self,
        network: Network,
        doors: Switchboard,
        chain: ChainReader,
        netuid: NetUid,
        store: JournalStore,
        *,
        apply: Apply = refuse_all,
        record: SigningRecord | None = None,
        verifier: Verifier = verify,
    ) -> None:
        """`apply` is the subnet's, `record` what keeps this node from signing one number twice."""
        self.netuid = netuid
        self.offers = OfferBook(chain.height)
        self.book = JournalBook(netuid, store, self.offers, apply=apply, forked=self._forked)
        self._network = network
        self._doors = doors
        self._chain = chain
        self._record = record
        self._topic = journal_topic(chain.genesis_hash, netuid)
        self._protocol = of_subnet(JOURNALS_PROTOCOL, netuid)
        self._seats = Seats(chain, netuid)
        self._rates = AuthorRates(trio.current_time)
        self._gate = JournalGate(chain, netuid, self._seats, self._rates, self.book, verifier=verifier)
        self._filler = JournalFiller(
            network, self._protocol, chain, netuid, self.book, seats=self._seats, rates=self._rates, verifier=verifier
        )  # fmt: skip
        self._own: dict[AccountId, OwnJournal] = {}
        self._on_fork: list[Callable[[ForkProof], None]] = []
        self._to_tell, self._fresh_forks = trio.open_memory_channel[ForkProof](JOURNAL_QUEUED_MAX)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Load what is on disk, then take in, answer and repair until cancelled. StorageError ends it."""
        await self.book.load()
        doors = self._doors.plug(
            self._protocol, self._filler.handle, per_peer=JOURNAL_STREAMS_PER_PEER, total=JOURNAL_STREAMS_MAX
        )  # fmt: skip
        with doors, self._network.subscribe(self._topic, self._gate, capacity=JOURNAL_QUEUED_MAX) as inbox:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._filler.run)
                nursery.start_soon(self._tell_forks)
                nursery.start_soon(self._look_after)
                task_status.started()
                async for message in inbox:
                    await self._take([message, *_waiting(inbox)])

    async def attach(self, apply: Apply) -> None:
        """Reduce by this `apply` from now on."""
        await self.book.attach(apply)

    # --- for the roles ----------------------------------------------------------------------------------------------

    def door(self, signer: Signer) -> OwnJournal:
        """The journal door of a hotkey of this node; always the same one, since two would fork."""
        if signer.public not in self._own:
            self._own[signer.public] = OwnJournal(
                self.book, self._chain, self.netuid, signer, seats=self._seats, rates=self._rates, record=self._record,
                ask_peers=self._filler.compare_with_some, publish=self._publish,
            )  # fmt: skip
        return self._own[signer.public]

    def state(self) -> Mapping[bytes, bytes]:
        """What `apply` made of all journals so far, read only."""
        return self.book.state

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        """An author's entries that are kept, oldest first."""
        return self.book.entries(author, kind=kind)

    def forks(self) -> Mapping[AccountId, ForkProof]:
        """Who forked, and the proof."""
        return self.book.forks

    def verdict_on(self, author: AccountId) -> Verdict | None:
        """The verdict that a fork calls for; None for an author that did not fork."""
        proof = self.book.forks.get(author)
        if proof is None:
            return None
        return Verdict(0.0, Code.FORGED, f"its journal forked at entry {proof.void_from}: two signatures prove it")

    def on_fork(self, hear: Callable[[ForkProof], None]) -> None:
        """Tell every fork that comes to light from now on."""
        self._on_fork.append(hear)

    @property
    def problem(self) -> str:
        """Why journals are not applied; empty when they are."""
        return self.book.problem

    def counters(self) -> Mapping[str, int]:
        """Totals since the start by name."""
        return self.book.counts + self._gate.counts + self._filler.counts

    # --- inside -----------------------------------------------------------------------------------------------------

    async def _take(self, messages: Iterable[Message]) -> None:
        entries: list[tuple[str, SignedEntry]] = []
        try:
            for message in messages:
                news = open_news(message.data)
                if isinstance(news, SignedEntry):
                    entries.append((message.peer_id, news))
                else:
                    await self.book.take_fork(news)
            outcomes = await self.book.take([entry for _, entry in entries]) if entries else []
        except MalformedMessage:  # cannot be: the gate read the same bytes
            self.book.counts["journal.malformed"] += 1
            return
        except StorageError as error:
            self.book.counts["journal.not_kept"] += len(entries)
            _log.error("journal entries could not be kept: %s", error)
            return
        for (peer_id, _), outcome in zip(entries, outcomes, strict=True):
            if outcome is Taken.GAP:
                self._filler.hint(peer_id)

    async def _publish(self, entry: SignedEntry) -> None:
        await self._tell(entry_news(entry))

    async def _tell(self, news: bytes) -> None:
        try:
            await self._network.publish(self._topic, news)
        except P2PError as error:  # peers fetch it when they compare
            _log.warning("news of a journal could not be told: %s", error)

    def _forked(self, proof: ForkProof) -> None:
        for hear in self._on_fork:
            hear(proof)
        try:
            self._to_tell.send_nowait(proof)
        except trio.WouldBlock:
            self.book.counts["journal.forks_untold"] += 1  # peers learn of it when they compare

    async def _tell_forks(self) -> None:
        async for proof in self._fresh_forks:
            await self._tell(fork_news(proof))

    async def _look_after(self) -> None:
        """Every now and then: tell forks that repairs found, and forget authors that lost their seat."""
        while True:
            await trio.sleep(JOURNAL_FILL_S)
            seats = self._seats.now()
            if not seats:
                continue  # the chain does not know the subnet, or not yet
            gone = [author for author in self.book.tips if author not in seats and author not in self._own]
            try:
                for author in gone:
                    await self.book.forget(author)
            except StorageError as error:
                _log.error("journals of authors without a seat could not be forgotten: %s", error)


def _waiting(inbox: trio.MemoryReceiveChannel[Message]) -> Iterable[Message]:
    """What else has come already, at most a batch."""
    for _ in range(JOURNAL_BATCH_MAX - 1):
        try:
            yield inbox.receive_nowait()
        except trio.WouldBlock:
            return
