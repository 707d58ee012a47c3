"""Which peer is asked for what while this node is behind: a machine that sees statuses and answers, and asks.

Blocks come in stretches that end at a certificate; a stretch comes from one peer, so that its fault has one name.
Nothing is trusted here: links are checked against the last finalised block, certificates by the consensus engine.
"""

from dataclasses import dataclass, field

from node.consensus.certificate import Certificate
from node.ledger.header import Block, header_hash
from node.primitives.errors import NodeError
from node.primitives.limits import SYNC_BLOCKS_PER_REQUEST_MAX
from node.primitives.types import Hash, Height
from node.sync.limits import (
    BLOCKS_TIMEOUT_MS,
    BUFFERED_BLOCKS_MAX,
    BUFFERED_BYTES_MAX,
    COOL_DOWN_DOUBLINGS_MAX,
    COOL_DOWN_MS,
    FAILURES_MAX,
    FED_STRETCHES_MAX,
    PEERS_MAX,
    POINTS_BAD_ANSWER,
    POINTS_BAD_STATUS,
    RATE_WINDOW_MS,
    STATUS_TIMEOUT_MS,
    STATUSES_AT_ONCE_MAX,
)
from node.sync.messages import Answer, Blocks, GetBlocks, GetStatus, Request, Status, blocks_in

_MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Send `request` to `peer`; give the answer back with `request_id`, or tell of the failure."""

    peer: str
    request_id: int
    request: Request


@dataclass(frozen=True, slots=True)
class Feed:
    """Give these to the engine as `CertifiedBlocks`, then call `on_finalised`, or `on_refused` where it did not."""

    blocks: tuple[Block, ...]
    certificate: Certificate
    peer: str


@dataclass(frozen=True, slots=True)
class Blame:
    """`peer` answered what no honest node answers."""

    peer: str
    points: int
    reason: str


SyncEffect = Ask | Feed | Blame


@dataclass(frozen=True, slots=True)
class Progress:
    """How far catching up is; `eta_ms` is None while the rate is not known."""

    height: Height
    target_height: Height
    blocks_per_minute: int
    eta_ms: int | None


@dataclass(slots=True)
class _Peer:
    status: Status | None = None
    failures: int = 0
    cool_until_ms: int = 0
    asked_ms: int = -1
    lacks: int = -1  # it was asked for blocks from this height on and had none


@dataclass(frozen=True, slots=True)
class _Asked:
    request_id: int
    request: Request
    due_ms: int


@dataclass(slots=True)
class _Stretch:
    """Linked blocks of one peer that wait for their certificate."""

    peer: str
    blocks: list[Block] = field(default_factory=list)
    size_bytes: int = 0


class CatchUpMachine:
    """Starts at the last finalised block, `height` and `block_hash`; all methods return what to do."""

    def __init__(self, genesis_hash: Hash, height: Height, block_hash: Hash) -> None:
        self._genesis_hash = genesis_hash
        self._finalised = (height, block_hash)
        self._cursor = (height, block_hash)  # the last block that was fed, or the finalised one
        self._peers: dict[str, _Peer] = {}
        self._asked: dict[str, _Asked] = {}
        self._stretch: _Stretch | None = None
        self._fed: list[Height] = []  # the last heights of stretches that were fed and are not final yet
        self._next_id = 1
        self._now_ms = 0
        self._history: list[tuple[int, Height]] = []
        self.is_held = False
        """While something else fetches blocks, this machine asks for statuses only."""

    # --- inputs -----------------------------------------------------------------------------------------------------

    def on_connected(self, peer: str, now_ms: int) -> list[SyncEffect]:
        """A peer is there: ask where it stands."""
        if peer not in self._peers and len(self._peers) >= PEERS_MAX:
            return []
        self._peers.setdefault(peer, _Peer())
        return self._ask_status(peer, now_ms) + self._advance(now_ms)

    def on_gone(self, peer: str, now_ms: int) -> list[SyncEffect]:
        """A peer has left; what it was asked is asked elsewhere."""
        self._peers.pop(peer, None)
        self._asked.pop(peer, None)
        self._drop_stretch_of(peer)
        return self._advance(now_ms)

    def on_hint(self, peer: str | None, now_ms: int) -> list[SyncEffect]:
        """Somebody is further on: ask `peer`, or the few that were asked longest ago, where they stand."""
        longest_ago = sorted(self._peers, key=lambda name: (self._peers[name].asked_ms, name))
        named = longest_ago[:STATUSES_AT_ONCE_MAX] if peer is None else [peer]
        effects: list[SyncEffect] = []
        for name in named:
            effects.extend(self.on_connected(name, now_ms))
        return effects

    def on_answer(self, peer: str, request_id: int, answer: Answer, now_ms: int) -> list[SyncEffect]:
        """An answer came; one that nobody asked for, or that came too late, is ignored."""
        asked = self._asked.get(peer)
        if asked is None or asked.request_id != request_id:
            return []
        del self._asked[peer]
        if isinstance(answer, Status) and isinstance(asked.request, GetStatus):
            effects = self._take_status(peer, answer, now_ms)
        elif isinstance(answer, Blocks) and isinstance(asked.request, GetBlocks):
            effects = self._take_blocks(peer, asked.request, answer, now_ms)
        else:
            effects = self._fail(peer, "an answer to another question", now_ms)
        return effects + self._advance(now_ms)

    def on_failure(self, peer: str, request_id: int, now_ms: int) -> list[SyncEffect]:
        """The request failed on its way; a malformed answer is reported here too, after its sender was punished."""
        asked = self._asked.get(peer)
        if asked is None or asked.request_id != request_id:
            return []
        del self._asked[peer]
        self._cool(peer, now_ms)
        return self._advance(now_ms)

    def on_refused(self, peer: str, now_ms: int) -> list[SyncEffect]:
        """The engine did not finalise a stretch: start again at the finalised block, from somebody else."""
        self._stretch = None
        self._fed = []
        self._cursor = self._finalised
        self._cool(peer, now_ms)
        return self._advance(now_ms)

    def on_finalised(self, height: Height, block_hash: Hash, now_ms: int) -> list[SyncEffect]:
        """The engine finalised a block, whether fed from here or not."""
        self._finalised = (height, block_hash)
        self._fed = [fed for fed in self._fed if fed > height]
        if self._cursor[0] < height:
            self._cursor = self._finalised
            self._stretch = None
        recent = [(ms, at) for ms, at in self._history if ms > now_ms - RATE_WINDOW_MS]
        self._history = [*(recent or self._history[-1:]), (now_ms, height)]
        return self._advance(now_ms)

    def on_tick(self, now_ms: int) -> list[SyncEffect]:
        """Give up requests that took too long; call it at `next_deadline_ms`."""
        return self._advance(now_ms)

    # --- views ------------------------------------------------------------------------------------------------------

    @property
    def next_deadline_ms(self) -> int | None:
        """When `on_tick` has something to do."""
        due = [asked.due_ms for asked in self._asked.values()]
        if not self.is_held and not self._is_fetching() and self._target() > self._cursor[0]:
            due.extend(peer.cool_until_ms for peer in self._useful().values() if peer.cool_until_ms > self._now_ms)
        return min(due, default=None)

    def progress(self) -> Progress | None:
        """Return how far this node is behind the best peer; None when it is not."""
        height, target = self._finalised[0], self._target()
        if target <= height:
            return None
        rate, eta_ms = 0, None
        if len(self._history) >= 2:
            (first_ms, first), (last_ms, last) = self._history[0], self._history[-1]
            if last_ms > first_ms and last > first:
                rate = (last - first) * _MS_PER_MINUTE // (last_ms - first_ms)
                eta_ms = (target - height) * (last_ms - first_ms) // (last - first)
        return Progress(height, target, rate, eta_ms)

    def target(self) -> Height:
        """Return the greatest finalised height that a peer has shown; -1 while none has."""
        return self._target()

    def missing(self) -> Height | None:
        """Return the height of the next block if every peer that is further on was asked for it and has it not.

        None while one of them may have it, and while nobody is further on.
        """
        wanted = self._cursor[0] + 1
        may_have_it = any(peer.lacks != wanted for peer in self._useful().values())
        was_refused = any(peer.lacks == wanted for peer in self._peers.values())
        return Height(wanted) if was_refused and not may_have_it else None

    def best_peer(self) -> str | None:
        """Return the peer to ask when any will do: the one furthest on that failed least."""
        if not self._peers:
            return None
        return min(self._peers, key=lambda name: (self._peers[name].failures, -self._height_of(name), name))

    # --- steps ------------------------------------------------------------------------------------------------------

    def _take_status(self, peer: str, status: Status, now_ms: int) -> list[SyncEffect]:
        if status.genesis_hash != self._genesis_hash:
            self._cool(peer, now_ms)
            return [Blame(peer, POINTS_BAD_STATUS, "a peer of another network")]
        known = self._peers.setdefault(peer, _Peer())
        known.status = status
        if known.failures >= FAILURES_MAX:
            known.failures = FAILURES_MAX - 1  # it speaks again: one more chance
        return []

    def _take_blocks(self, peer: str, request: GetBlocks, answer: Blocks, now_ms: int) -> list[SyncEffect]:
        at_height, at_hash = self._tip()
        if request.from_height != at_height + 1:
            return []  # this node has moved on since
        try:
            blocks = blocks_in(answer)
        except NodeError as error:
            return self._fail(peer, error.message, now_ms)
        if not blocks:
            self._drop_stretch_of(peer)
            self._cool(peer, now_ms)
            if peer in self._peers:
                self._peers[peer].lacks = request.from_height
            return []
        if peer in self._peers:
            self._peers[peer].lacks = -1
        for block in blocks:
            if (block.header.parent, block.header.height) != (at_hash, at_height + 1):
                return self._fail(peer, "blocks that do not follow the finalised chain", now_ms)
            at_height, at_hash = block.header.height, header_hash(block.header)
        stretch = self._stretch or _Stretch(peer)
        stretch.blocks.extend(blocks)
        stretch.size_bytes += sum(len(block) for block in answer.blocks)
        if answer.certificate:
            return self._feed(stretch, answer.certificate[0], at_height, at_hash, now_ms)
        if len(stretch.blocks) > BUFFERED_BLOCKS_MAX or stretch.size_bytes > BUFFERED_BYTES_MAX:
            return self._fail(peer, "too many blocks without a certificate", now_ms)
        self._stretch = stretch
        return []

    def _feed(
        self, stretch: _Stretch, certificate: Certificate, height: Height, block_hash: Hash, now_ms: int
    ) -> list[SyncEffect]:
        if certificate.block != (block_hash, height):
            return self._fail(stretch.peer, "a certificate of another block than the last one", now_ms)
        self._stretch = None
        self._cursor = (height, block_hash)
        self._fed.append(height)
        self._peers.setdefault(stretch.peer, _Peer()).failures = 0
        return [Feed(tuple(stretch.blocks), certificate, stretch.peer)]

    def _fail(self, peer: str, reason: str, now_ms: int) -> list[SyncEffect]:
        self._drop_stretch_of(peer)
        self._cool(peer, now_ms)
        return [Blame(peer, POINTS_BAD_ANSWER, reason)]

    def _cool(self, peer: str, now_ms: int) -> None:
        self._drop_stretch_of(peer)
        known = self._peers.get(peer)
        if known is None:
            return
        known.cool_until_ms = now_ms + (COOL_DOWN_MS << min(known.failures, COOL_DOWN_DOUBLINGS_MAX))
        known.failures += 1
        if known.failures >= FAILURES_MAX:
            known.status = None

    def _drop_stretch_of(self, peer: str) -> None:
        if self._stretch is not None and self._stretch.peer == peer:
            self._stretch = None

    def _advance(self, now_ms: int) -> list[SyncEffect]:
        self._now_ms = now_ms
        for late in [peer for peer, asked in self._asked.items() if asked.due_ms <= now_ms]:
            del self._asked[late]
            self._cool(late, now_ms)
        if self.is_held or self._is_fetching() or len(self._fed) >= FED_STRETCHES_MAX:
            return []
        peer = self._stretch.peer if self._stretch is not None else self._choose(now_ms)
        if peer is None or peer in self._asked:
            return []
        return [self._ask(peer, GetBlocks(Height(self._tip()[0] + 1), SYNC_BLOCKS_PER_REQUEST_MAX), now_ms)]

    def _choose(self, now_ms: int) -> str | None:
        ready = {
            name: peer
            for name, peer in self._useful().items()
            if peer.cool_until_ms <= now_ms and name not in self._asked
        }
        return min(ready, key=lambda name: (ready[name].failures, -self._height_of(name), name), default=None)

    def _useful(self) -> dict[str, _Peer]:
        return {name: peer for name, peer in self._peers.items() if self._height_of(name) > self._cursor[0]}

    def _ask_status(self, peer: str, now_ms: int) -> list[SyncEffect]:
        return [] if peer in self._asked else [self._ask(peer, GetStatus(), now_ms)]

    def _ask(self, peer: str, request: Request, now_ms: int) -> Ask:
        ask = Ask(peer, self._next_id, request)
        timeout_ms = STATUS_TIMEOUT_MS if isinstance(request, GetStatus) else BLOCKS_TIMEOUT_MS
        self._asked[peer] = _Asked(ask.request_id, request, now_ms + timeout_ms)
        self._next_id += 1
        if peer in self._peers:
            self._peers[peer].asked_ms = now_ms
        return ask

    def _is_fetching(self) -> bool:
        return any(isinstance(asked.request, GetBlocks) for asked in self._asked.values())

    def _tip(self) -> tuple[Height, Hash]:
        if self._stretch is None or not self._stretch.blocks:
            return self._cursor
        header = self._stretch.blocks[-1].header
        return (header.height, header_hash(header))

    def _height_of(self, name: str) -> Height:
        status = self._peers[name].status
        return Height(-1) if status is None else status.finalised_height

    def _target(self) -> Height:
        return max((self._height_of(name) for name in self._peers), default=Height(-1))
