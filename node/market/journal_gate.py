"""The gossip topic of a subnet's journals: what travels on it, and the check of what is passed on.

Cheap, on the event loop, and it never raises: form, seat, rate, signature. Whether an entry fits its chain is decided
by whoever keeps journals; here it is enough that a seat's own key signed it, within its rate.
"""

import enum
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from node.market.chain import ChainReader
from node.market.errors import MalformedMessage
from node.market.journal import (
    FORK_BYTES_MAX,
    ForkProof,
    SignedEntry,
    decode_entry,
    decode_fork,
    fork_holds,
    signature_holds,
)
from node.market.limits import (
    JOURNAL_AHEAD_BLOCKS_MAX,
    JOURNAL_AUTHORS_RATED_MAX,
    JOURNAL_BURST,
    JOURNAL_ENTRY_BYTES_MAX,
    JOURNAL_PER_S,
)
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, verify
from node.primitives.types import AccountId, Hash, NetUid
from node.subnets.wire import Code
from p2p import Verdict

NEWS_BYTES_MAX: Final = 1 + max(JOURNAL_ENTRY_BYTES_MAX, FORK_BYTES_MAX)


class NewsKind(enum.IntEnum):
    """First byte of a message on the topic."""

    ENTRY = 1
    FORK = 2


def journal_topic(genesis: Hash, netuid: NetUid) -> str:
    """The gossip topic of a subnet's journals on one network."""
    return f"/neurond/{genesis.hex()[:16]}/journal/{netuid}/1"


def entry_news(entry: SignedEntry) -> bytes:
    """The message that tells an entry."""
    return bytes([NewsKind.ENTRY]) + encode(entry)


def fork_news(proof: ForkProof) -> bytes:
    """The message that tells a fork."""
    return bytes([NewsKind.FORK]) + encode(proof)


def open_news(data: bytes) -> SignedEntry | ForkProof:
    """What a message tells, checked but for signatures. Raises MalformedMessage."""
    if len(data) > NEWS_BYTES_MAX:
        raise MalformedMessage(f"A message about journals has at most {NEWS_BYTES_MAX} bytes.")
    match data[:1]:
        case b"\x01":
            return decode_entry(data[1:])
        case b"\x02":
            return decode_fork(data[1:])
        case _:
            raise MalformedMessage("A message about journals is of an unknown kind.")


class Seats:
    """Who may write in a subnet: the hotkeys with a seat at the best head, looked up once a head."""

    def __init__(self, chain: ChainReader, netuid: NetUid) -> None:
        self._chain = chain
        self._netuid = netuid
        self._of: object = None
        self._hotkeys: frozenset[AccountId] = frozenset()

    def now(self) -> frozenset[AccountId]:
        """The hotkeys; none while the chain does not know the subnet."""
        graph = self._chain.metagraph(self._netuid)
        if graph is not self._of:
            self._of = graph
            self._hotkeys = frozenset() if graph is None else frozenset(row.hotkey for row in graph.rows)
        return self._hotkeys


class AuthorRates:
    """How many entries of one author are taken: JOURNAL_BURST at once, JOURNAL_PER_S after that."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._levels: OrderedDict[AccountId, tuple[float, float]] = OrderedDict()

    def take(self, author: AccountId, count: int = 1) -> bool:
        """Charge for entries of an author; False when its allowance is used up."""
        now = self._clock()
        level, at = self._levels.pop(author, (JOURNAL_BURST, now))
        level = min(JOURNAL_BURST, level + (now - at) * JOURNAL_PER_S)
        allowed = level >= count
        self._levels[author] = (level - count if allowed else level, now)
        if len(self._levels) > JOURNAL_AUTHORS_RATED_MAX:
            self._levels.popitem(last=False)
        return allowed

    def give_back(self, author: AccountId, count: int) -> None:
        """Return what was charged for entries that did not come."""
        if author in self._levels:
            level, at = self._levels[author]
            self._levels[author] = (level + count, at)


class KnownJournals(Protocol):
    """What the gate asks of whoever keeps the journals; answers at once."""

    def knows(self, entry: SignedEntry) -> bool:
        """Whether this entry is kept, void, or too old to say anything new."""
        ...

    def knows_fork(self, proof: ForkProof) -> bool:
        """Whether this author is known to have forked there or earlier."""
        ...


class JournalGate:
    """The check of the journal topic."""

    def __init__(
        self,
        chain: ChainReader,
        netuid: NetUid,
        seats: Seats,
        rates: AuthorRates,
        known: KnownJournals,
        *,
        verifier: Verifier = verify,
    ) -> None:
        self._chain = chain
        self._netuid = netuid
        self._seats = seats
        self._rates = rates
        self._known = known
        self._verify = verifier
        self.counts: Counter[str] = Counter()

    def __call__(self, _peer_id: str, data: bytes) -> Verdict:
        """Pass on what a seat signed and what is new; blame the sender only for what it could have seen itself."""
        try:
            news = open_news(data)
        except MalformedMessage:
            return self._refuse(Code.MALFORMED, Verdict.REJECT)
        head = news.head if isinstance(news, SignedEntry) else news.first.head
        if head.genesis != self._chain.genesis_hash or head.netuid != self._netuid:
            return self._refuse(Code.FOREIGN, Verdict.REJECT)
        if head.author not in self._seats.now():
            return self._refuse(Code.UNREGISTERED, Verdict.IGNORE)
        return self._entry(news) if isinstance(news, SignedEntry) else self._fork(news)

    def _entry(self, entry: SignedEntry) -> Verdict:
        if entry.head.height > self._chain.height() + JOURNAL_AHEAD_BLOCKS_MAX:
            return self._refuse(Code.STALE, Verdict.IGNORE)
        if self._known.knows(entry):
            return self._refuse(Code.DUPLICATE, Verdict.IGNORE)
        if not signature_holds(entry, self._verify):
            return self._refuse(Code.BAD_SIGNATURE, Verdict.REJECT)
        if not self._rates.take(entry.head.author):  # after the signature: nobody else can use an author's allowance up
            return self._refuse(Code.RATE_LIMITED, Verdict.IGNORE)
        self.counts["journal.accepted"] += 1
        return Verdict.ACCEPT

    def _fork(self, proof: ForkProof) -> Verdict:
        if self._known.knows_fork(proof):
            return self._refuse(Code.DUPLICATE, Verdict.IGNORE)
        if not fork_holds(proof, self._verify):
            return self._refuse(Code.BAD_SIGNATURE, Verdict.REJECT)
        if not self._rates.take(proof.author):  # who forks once can make many proofs, each of an earlier place
            return self._refuse(Code.RATE_LIMITED, Verdict.IGNORE)
        self.counts["journal.forks"] += 1
        return Verdict.ACCEPT

    def _refuse(self, code: Code, verdict: Verdict) -> Verdict:
        self.counts[f"journal.{code.name.lower()}"] += 1
        return verdict
