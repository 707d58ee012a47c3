"""Repairs journals: answers what this node has, and asks peers for what it lacks.

A peer is asked when it connects, when it told an entry that does not follow what is kept, and otherwise in turn, one
every JOURNAL_FILL_S. What comes is checked like gossip; a peer that gives garbage is reported.
"""

import logging
from collections import Counter
from collections.abc import Sequence

import trio

from node.market.chain import ChainReader
from node.market.errors import MalformedMessage
from node.market.journal import FORK_BYTES_MAX, SignedEntry, decode_entry, decode_fork, fork_holds, signature_holds
from node.market.journal_gate import AuthorRates, Seats
from node.market.journal_sync import (
    JOURNAL_WRONG_POINTS,
    Entries,
    GetEntries,
    GetFork,
    GetHeads,
    HeadLine,
    Heads,
    decode_entries,
    decode_heads,
    decode_question,
    heads_digest,
)
from node.market.limits import (
    JOURNAL_AHEAD_BLOCKS_MAX,
    JOURNAL_ASK_TIMEOUT_S,
    JOURNAL_FETCHES_AT_ONCE,
    JOURNAL_FILL_S,
    JOURNAL_HEADS_BYTES_MAX,
    JOURNAL_NEW_PEER_S,
    JOURNAL_OWN_PEERS,
    JOURNAL_PEERS_REMEMBERED_MAX,
    JOURNAL_QUESTION_BYTES_MAX,
    JOURNAL_RANGE_BYTES_MAX,
    REQUEST_TIMEOUT_S,
)
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.types import AccountId, NetUid
from node.service.roles.journal_book import JournalBook
from p2p import Network, P2PError, Stream
from storage import StorageError

_log = logging.getLogger(__name__)
_ROOM_BYTES = 16  # of an answer, around its entries


class Wrong(Exception):
    """A peer's answer that no honest peer gives. Stays in this module."""


class JournalFiller:
    """Both sides of the journal protocol for one subnet."""

    def __init__(
        self,
        network: Network,
        protocol: str,
        chain: ChainReader,
        netuid: NetUid,
        book: JournalBook,
        *,
        seats: Seats,
        rates: AuthorRates,
        verifier: Verifier = verify,
    ) -> None:
        self._network = network
        self._protocol = protocol
        self._chain = chain
        self._netuid = netuid
        self._book = book
        self._seats = seats
        self._rates = rates
        self._verify = verifier
        self._asked: dict[str, float] = {}
        self._due: set[str] = set()
        self._last_turn = -JOURNAL_FILL_S
        self.counts: Counter[str] = Counter()

    # --- answering --------------------------------------------------------------------------------------------------

    async def handle(self, stream: Stream) -> None:
        """Answer one question."""
        try:
            with trio.fail_after(REQUEST_TIMEOUT_S):
                raw = await stream.receive(JOURNAL_QUESTION_BYTES_MAX)
                try:
                    answer = await self._answer(raw)
                except MalformedMessage:
                    self.counts["journal.question_malformed"] += 1
                    self._network.report(stream.peer_id, JOURNAL_WRONG_POINTS, "a malformed question about journals")
                    return await stream.reset()
                await stream.send(answer)
                await stream.close_write()
        except (P2PError, trio.TooSlowError):
            self.counts["journal.question_broken"] += 1
            await stream.reset()

    async def _answer(self, raw: bytes) -> bytes:
        question = decode_question(raw)
        if (question.genesis, question.netuid) != (self._chain.genesis_hash, self._netuid):
            raise MalformedMessage("A question about another network or subnet.")
        self.counts["journal.answered"] += 1
        if isinstance(question, GetHeads):
            heads = self._book.heads()
            return b"" if heads_digest(heads) == question.known else encode(heads)
        if isinstance(question, GetEntries):
            room = JOURNAL_RANGE_BYTES_MAX - _ROOM_BYTES - 8 * 1024  # 1 024 entries carry 3 bytes of length each
            found = await trio.to_thread.run_sync(self._book.raw_entries, question.author, question.start, room)
            return encode(Entries(tuple(found)))
        proof = self._book.forks.get(question.author)
        return b"" if proof is None else encode(proof)

    # --- asking -----------------------------------------------------------------------------------------------------

    def hint(self, peer_id: str) -> None:
        """Ask this peer soon: it knows something that is missing here."""
        if len(self._due) < JOURNAL_PEERS_REMEMBERED_MAX:
            self._due.add(peer_id)

    async def run(self) -> None:
        """Ask peers in turn, until cancelled."""
        while True:
            for peer_id in self._next_peers():
                try:
                    await self.compare(peer_id)
                except StorageError as error:
                    self.counts["journal.not_kept"] += 1
                    _log.error("journals could not be kept: %s", error)
            await trio.sleep(JOURNAL_NEW_PEER_S)

    def _next_peers(self) -> list[str]:
        now = trio.current_time()
        connected = [peer.peer_id for peer in self._network.peers()]
        self._asked = {peer: at for peer, at in self._asked.items() if peer in connected}
        due = [peer for peer in connected if peer not in self._asked or peer in self._due]
        self._due.clear()
        if not due and connected and now - self._last_turn >= JOURNAL_FILL_S:
            self._last_turn = now
            due = [min(connected, key=lambda peer: self._asked[peer])]
        return due[:JOURNAL_PEERS_REMEMBERED_MAX]

    async def compare(self, peer_id: str) -> bool:
        """Ask one peer what it has and fetch what is missing; False when it could not be asked. StorageError passes."""
        self._asked[peer_id] = trio.current_time()
        try:
            raw = await self._ask(peer_id, GetHeads(self._chain.genesis_hash, self._netuid, self._book.digest()))
            if raw:
                await self._catch_up(peer_id, decode_heads(raw))
        except P2PError as error:
            _log.debug("%s tells nothing of its journals: %s", peer_id, error)
            self.counts["journal.peer_silent"] += 1
            return False
        except (MalformedMessage, Wrong) as error:
            self.counts["journal.peer_wrong"] += 1
            self._network.report(peer_id, JOURNAL_WRONG_POINTS, f"it gave a false journal: {error}")
            return False
        self.counts["journal.compared"] += 1
        return True

    async def compare_with_some(self) -> None:
        """Ask JOURNAL_OWN_PEERS peers, waiting for them to connect; cancel it after the time there is."""
        asked: set[str] = set()
        answered = 0
        while answered < JOURNAL_OWN_PEERS:
            others = [peer.peer_id for peer in self._network.peers() if peer.peer_id not in asked]
            if not others and answered:
                return
            for peer_id in others[:JOURNAL_OWN_PEERS]:
                asked.add(peer_id)
                answered += await self.compare(peer_id)
            await trio.sleep(0.0 if others else JOURNAL_NEW_PEER_S)

    async def _catch_up(self, peer_id: str, heads: Heads) -> None:
        seats = self._seats.now()
        for fork in heads.forks:
            known = self._book.forks.get(fork.author)
            if fork.author in seats and (known is None or fork.void_from < known.void_from):
                await self._fetch_fork(peer_id, fork.author)
        lines = [line for line in heads.heads if line.author in seats and line.author not in self._book.forks]
        failed: list[Exception] = []

        async def fetch() -> None:
            while lines and not failed:
                try:
                    await self._fetch(peer_id, lines.pop())
                except (P2PError, MalformedMessage, Wrong, StorageError) as error:
                    failed.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(JOURNAL_FETCHES_AT_ONCE):
                nursery.start_soon(fetch)
        if failed:
            raise failed[0]

    async def _fetch(self, peer_id: str, line: HeadLine) -> None:
        """Fetch what a peer has more of one journal; entries of a page that begins beyond ours replace ours."""
        tip = self._book.tips.get(line.author)
        if tip is not None and line.seq < tip.seq:
            return
        if tip is not None and line.seq == tip.seq:
            if line.hash != tip.hash:  # one of them proves the fork, once it is here
                await self._book.take((await self._range(peer_id, line.author, line.seq))[:1])
            return
        if line.height > self._chain.height() + JOURNAL_AHEAD_BLOCKS_MAX:
            return  # our chain is behind: later
        anew = tip is None or line.base > tip.seq + 1
        start = line.base if tip is None or anew else tip.seq + 1
        count = line.seq - start + 1
        if not self._rates.take(line.author, count):
            self.counts["journal.fetch_rate_limited"] += 1
            return
        fetched = 0
        try:
            fetched = await self._fetch_range(peer_id, line, start, anew=anew)
        finally:
            self._rates.give_back(line.author, count - fetched)

    async def _fetch_range(self, peer_id: str, line: HeadLine, start: int, *, anew: bool) -> int:
        """Fetch and take in entries from `start` to the line's last; how many came."""
        at, held = start, list[SignedEntry]()
        while at <= line.seq:
            entries = (await self._range(peer_id, line.author, at))[: line.seq - at + 1]
            if not entries:
                self.counts["journal.claimed_and_not_given"] += 1
                return at - start  # it may have forgotten them just now; others are asked in turn
            at += len(entries)
            if anew:
                held += entries
            else:
                await self._book.take(entries)
        if held and not await self._book.adopt(held):
            raise Wrong("the entries make no chain, or it hides their begin")
        return at - start

    async def _range(self, peer_id: str, author: AccountId, start: int) -> list[SignedEntry]:
        """Authentic entries from `start` on, without gaps."""
        raw = await self._ask(peer_id, GetEntries(self._chain.genesis_hash, self._netuid, author, start))
        entries = [decode_entry(each) for each in decode_entries(raw).entries]
        latest = self._chain.height() + JOURNAL_AHEAD_BLOCKS_MAX
        for place, entry in enumerate(entries, start):
            head = entry.head
            if (head.genesis, head.netuid) != (self._chain.genesis_hash, self._netuid):
                raise Wrong("an entry of another network or subnet")
            if (head.author, head.seq) != (author, place):
                raise Wrong("entries that were not asked for")
        if not await trio.to_thread.run_sync(self._all_hold, entries):
            raise Wrong("a signature does not hold")
        return [entry for entry in entries if entry.head.height <= latest]  # our chain may lag: the rest comes later

    def _all_hold(self, entries: Sequence[SignedEntry]) -> bool:
        return all(signature_holds(entry, self._verify) for entry in entries)

    async def _fetch_fork(self, peer_id: str, author: AccountId) -> None:
        raw = await self._ask(peer_id, GetFork(self._chain.genesis_hash, self._netuid, author))
        if not raw:
            return
        proof = decode_fork(raw)
        head = proof.first.head
        if (head.genesis, head.netuid, head.author) != (self._chain.genesis_hash, self._netuid, author):
            raise Wrong("a proof that was not asked for")
        if not fork_holds(proof, self._verify):
            raise Wrong("a proof whose signatures do not hold")
        await self._book.take_fork(proof)

    async def _ask(self, peer_id: str, question: GetHeads | GetEntries | GetFork) -> bytes:
        max_bytes = {GetHeads: JOURNAL_HEADS_BYTES_MAX, GetEntries: JOURNAL_RANGE_BYTES_MAX, GetFork: FORK_BYTES_MAX}
        return await self._network.request(
            peer_id, self._protocol, encode(question), max_bytes=max_bytes[type(question)],
            timeout_s=JOURNAL_ASK_TIMEOUT_S,
        )  # fmt: skip
