"""The node's whole consensus as one deterministic machine: same events at the same times, same effects.

Wires the block tree (`blocks`), finality (`voting`) and production together. Never reads a clock, signs, stores or
sends: those are effects for the shell. Source: docs/protocol.md, "Consensus".
"""

from collections.abc import Callable
from typing import Final, Generic

from node.consensus.authority import AuthoritySet
from node.consensus.blocks import BlockKeeper
from node.consensus.certificate import Certificate, check_certificate, has_quorum
from node.consensus.errors import BadCertificate, WrongSet
from node.consensus.events import (
    Anchor,
    BlockReceived,
    CatchUp,
    CertificateReceived,
    CertifiedBlocks,
    Effect,
    Event,
    EvidenceFound,
    Finalised,
    MessageReceived,
    NewHead,
    Penalise,
    Publish,
    S,
    SealedBlock,
    Signed,
    StoreBlocks,
    Tick,
)
from node.consensus.evidence import ConflictingCertificates
from node.consensus.forkchoice import best_tip
from node.consensus.limits import CERTIFIED_BLOCKS_MAX, POINTS_BAD_BATCH, POINTS_BAD_SIGNATURE
from node.consensus.production import Producer
from node.consensus.slots import SlotClock, Timeouts
from node.consensus.tree import BlockTree, Entry
from node.consensus.votes import BlockRef
from node.consensus.voting import Voting
from node.ledger.header import Block, Header, header_hash
from node.ledger.phases import PosPhase
from node.primitives.crypto import Verifier
from node.primitives.errors import invariant
from node.primitives.limits import UNFINALISED_BLOCKS_MAX
from node.primitives.types import AccountId, Hash, Height

_UNKNOWN: Final = -1
"""The next deadline has to be worked out anew."""


def _nothing_announced(_: object) -> Height:
    return Height(0)


class Engine(Generic[S]):
    """Feed it every event with the time; carry out every effect; call it again at `next_deadline_ms`.

    `execute` raises a NodeError for an invalid block. `set_of` and `announced_of` read off a state which set leads and
    decides above it, and at which height the set that follows was announced (0: none waits). `me` is None on a node
    that only follows. `signed` is what this key had signed before a restart. Not thread-safe; `step` runs `execute`, so
    a shell calls it off its event loop.
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
        announced_of: Callable[[S], Height] = _nothing_announced,
        timeouts: Timeouts | None = None,
        signed: Signed | None = None,
    ) -> None:
        self._genesis_hash = genesis_hash
        self._clock = clock
        self._verify = verify
        self._anchor = anchor
        self._pending: Certificate | None = None
        self._pending_due_ms = 0
        self._now_ms = clock.start_ms
        self._due_ms: int | None = _UNKNOWN
        self._seen: tuple[int, int, Hash, bool] | None = None
        self._chosen_from: tuple[int, Hash | None] | None = None
        self._keeper: BlockKeeper[S] = BlockKeeper(
            tree=BlockTree(
                anchor.hash, anchor.header, anchor.state, set_of(anchor.state), announced_of(anchor.state)
            ),
            genesis_hash=genesis_hash, clock=clock, execute=execute, set_of=set_of, announced_of=announced_of,
            verify=verify,
        )  # fmt: skip
        self._producer = Producer(me, clock)
        self._voting: Voting[S] = Voting(
            genesis_hash=genesis_hash, slot_ms=clock.slot_ms, timeouts=timeouts or Timeouts.for_slot(clock.slot_ms),
            me=me, verify=verify, oracle=self, want=self._keeper.want,
        )  # fmt: skip
        self._voting.begin(self.head.authorities, anchor.certificate, self._now_ms, [], signed)

    # --- views ------------------------------------------------------------------------------------------------------

    @property
    def finalised(self) -> Anchor[S]:
        """The last finalised block."""
        return self._anchor

    @property
    def head(self) -> Entry[S]:
        """The best tip; the finalised block when nothing is above it."""
        return self._keeper.tree.entry(self._keeper.head)

    @property
    def authorities(self) -> AuthoritySet:
        """The set that decides the current instance."""
        return self._voting.machine.authorities

    @property
    def position(self) -> tuple[int, int]:
        """The instance and round of finality that this node is in."""
        return (self._voting.instance, self._voting.machine.round)

    @property
    def unfinalised_count(self) -> int:
        """How many blocks are above the finalised one, on all branches."""
        return len(self._keeper.tree)

    @property
    def waiting_count(self) -> int:
        """How many blocks wait for their slot or their parent."""
        return self._keeper.waiting_count

    def unfinalised(self, block_hash: Hash) -> Entry[S] | None:
        """Return an unfinalised block with the state after it, or the finalised one."""
        return self._keeper.tree.get(block_hash)

    @property
    def next_deadline_ms(self) -> int | None:
        """When to call `step(Tick())` at the latest; None when only an event can change anything."""
        if self._due_ms == _UNKNOWN:
            self._due_ms = self._next_deadline_ms()
        return self._due_ms

    def _next_deadline_ms(self) -> int | None:
        head, tree = self.head, self._keeper.tree
        due = [self._keeper.next_deadline_ms, self._voting.next_deadline_ms]
        due.append(self._producer.next_deadline_ms(head, tree.root, self._now_ms))
        if self._pending is not None:
            due.append(self._pending_due_ms)
        if head is not tree.root and self._ripe_ms(head) > self._now_ms:
            due.append(self._ripe_ms(head))
        return min((due_ms for due_ms in due if due_ms is not None), default=None)

    # --- what the finality machine asks -------------------------------------------------------------------------------

    def knows(self, block: BlockRef) -> bool:
        """Tell whether a block is executed, valid, due and above the finalised one."""
        entry = self._keeper.tree.get(block.hash)
        return entry is not None and entry.height == block.height and entry is not self._keeper.tree.root

    def candidate(self) -> BlockRef | None:
        """Return the head once it is ripe, else its parent; None while neither is unfinalised.

        If that would take an abort block along, the abort block itself: authorities alone can certify only that one.
        """
        tree, entry = self._keeper.tree, self.head
        if entry is not tree.root and self._ripe_ms(entry) > self._now_ms:
            entry = tree.entry(entry.header.parent)
        if entry is tree.root:
            return None
        if self.authorities.phase is PosPhase.JOINT:
            aborts = (below for below in tree.branch(entry.hash) if self.authorities.is_abort(below.header))
            entry = next(aborts, entry)
        return entry.ref

    def is_abort(self, block: BlockRef) -> bool:
        """Tell whether a block is here and takes the joint phase of the deciding set back."""
        entry = self._keeper.tree.get(block.hash)
        return entry is not None and self.authorities.is_abort(entry.header)

    # --- the step -----------------------------------------------------------------------------------------------------

    def step(self, event: Event[S], now_ms: int) -> list[Effect[S]]:
        """Return what is to be done after `event`; never raises for anything that came from outside."""
        self._now_ms = max(self._now_ms, now_ms)
        now_ms = self._now_ms
        out: list[Effect[S]] = []
        if isinstance(event, MessageReceived) and event.peer is not None:
            moved = self._voting.receive(event.message, event.peer, now_ms, out)
            due_ms = self.next_deadline_ms
            if not moved and (due_ms is None or now_ms < due_ms):
                return out  # one more vote, and nothing is due: most events are of this kind
        else:
            self._take(event, now_ms, out)
        self._due_ms = _UNKNOWN
        self._keeper.tick(now_ms, out)
        self._voting.tick(now_ms, out)
        if self._pending is not None and now_ms >= self._pending_due_ms:
            self._ask_for_pending(self._pending, None, now_ms, out)
        self._settle(now_ms, out)
        accepted = self._keeper.take_accepted()
        if accepted:
            out.insert(0, StoreBlocks(accepted))
        return out

    def _take(self, event: Event[S], now_ms: int, out: list[Effect[S]]) -> None:
        match event:
            case BlockReceived():
                self._keeper.receive(event.block, event.peer, now_ms, out, relayed=event.relayed)
            case MessageReceived():
                self._voting.say(event.message, now_ms, out)
            case CertificateReceived():
                known = self._keeper.tree.get(event.certificate.block_hash)
                header = None if known is None else known.header
                if self._holds(event.certificate, event.peer, out, header):
                    self._take_certificate(event.certificate, event.peer, now_ms, out)
            case CertifiedBlocks():
                self._take_batch(event, now_ms, out)
            case SealedBlock():
                if self._keeper.take_own(event.block, event.state, out):
                    out.append(Publish(event.block))
            case Tick():
                pass

    def _settle(self, now_ms: int, out: list[Effect[S]]) -> None:
        """Let everything that the event made possible happen."""
        while True:
            if self._pending is not None and self._pending.block_hash in self._keeper.tree:
                self._finalise_pending(self._pending, now_ms, out)
            self._move_head(out)
            self._tell_progress(now_ms, out)
            decision = self._voting.take_decision()
            if decision is None:
                break
            if decision.block_hash in self._keeper.tree:
                proposer = self.authorities.proposer(decision.instance, decision.round)
                if proposer == self._producer.me:
                    out.append(Publish(decision))
            self._take_certificate(decision, None, now_ms, out)
        if self._pending is None:
            self._producer.produce(self.head, self._keeper.tree.root, now_ms, out)

    def _tell_progress(self, now_ms: int, out: list[Effect[S]]) -> None:
        """Let the machine look again if what it asks about blocks has another answer than when it looked last."""
        ripe = self._ripe_ms(self.head) <= now_ms
        seen = (self._voting.instance, self._keeper.tree.version, self._keeper.head, ripe)
        if seen != self._seen:
            self._seen = seen
            self._voting.progress(now_ms, out)

    # --- certificates -------------------------------------------------------------------------------------------------

    def _holds(self, certificate: Certificate, peer: str | None, out: list[Effect[S]], header: Header | None) -> bool:
        """Tell whether a certificate is news and valid; `header` is its block's, where that is known."""
        if certificate.height <= self._anchor.header.height or certificate.instance < self._voting.instance:
            return False
        if self._pending is not None and certificate.instance <= self._pending.instance:
            return False
        try:
            check_certificate(certificate, self.authorities, self._genesis_hash, self._verify, header=header)
        except WrongSet:
            if certificate.set_id > self.authorities.set_id:
                out.append(CatchUp(peer, certificate.height))
            return False
        except BadCertificate as error:
            if peer is not None:
                out.append(Penalise(peer, POINTS_BAD_SIGNATURE, error.message))
            return False
        return True

    def _take_certificate(self, certificate: Certificate, peer: str | None, now_ms: int, out: list[Effect[S]]) -> None:
        """Finalise by a checked certificate now, or when its block comes."""
        if certificate.block_hash in self._keeper.tree:
            self._finalise_pending(certificate, now_ms, out)
            return
        self._pending = certificate
        self._ask_for_pending(certificate, peer, now_ms, out)

    def _finalise_pending(self, certificate: Certificate, now_ms: int, out: list[Effect[S]]) -> None:
        """Finalise a block that is here, unless authorities alone signed for one that is no abort block."""
        abort = self.authorities.is_abort(self._keeper.tree.entry(certificate.block_hash).header)
        if has_quorum(certificate, self.authorities, abort=abort):
            self._finalise(certificate, now_ms, out)
        elif self._pending is certificate:
            self._pending = None

    def _ask_for_pending(self, certificate: Certificate, peer: str | None, now_ms: int, out: list[Effect[S]]) -> None:
        self._pending_due_ms = now_ms + self._clock.slot_ms
        if certificate.height <= self._anchor.header.height + UNFINALISED_BLOCKS_MAX:
            self._keeper.want(certificate.block_hash, peer, now_ms, out)
        out.append(CatchUp(peer, certificate.height))

    def _take_batch(self, event: CertifiedBlocks, now_ms: int, out: list[Effect[S]]) -> None:
        """Finalise a stretch of blocks that a certificate covers."""
        blocks = [block for block in event.blocks if block.header.height > self._anchor.header.height]
        if not blocks or not self._is_chain(blocks, event.certificate):
            if blocks and event.peer is not None:
                out.append(Penalise(event.peer, POINTS_BAD_BATCH, "blocks that are no chain up to their certificate"))
            return
        pending, self._pending = self._pending, None  # an older certificate than the newest one seen is news here
        holds = self._holds(event.certificate, event.peer, out, blocks[-1].header)
        self._pending = pending
        if not holds:
            return
        if blocks[0].header.parent != self._anchor.hash:
            self._report_fork(blocks[0], event.certificate, out)
            return
        if all(self._keeper.take_certified(block, event.peer, out) for block in blocks):
            self._finalise(event.certificate, now_ms, out)

    def _is_chain(self, blocks: list[Block], certificate: Certificate) -> bool:
        if len(blocks) > CERTIFIED_BLOCKS_MAX or blocks[-1].header.height != certificate.height:
            return False
        hashes = [header_hash(block.header) for block in blocks]
        linked = all(block.header.parent == parent for block, parent in zip(blocks[1:], hashes, strict=False))
        return linked and hashes[-1] == certificate.block_hash

    def _report_fork(self, first: Block, certificate: Certificate, out: list[Effect[S]]) -> None:
        """A valid certificate for a chain that leaves ours below the finalised block: finality itself was broken."""
        if self._anchor.certificate is not None and first.header.height == self._anchor.header.height + 1:
            out.append(EvidenceFound(ConflictingCertificates(self._anchor.certificate, certificate)))

    def _finalise(self, certificate: Certificate, now_ms: int, out: list[Effect[S]]) -> None:
        keeper = self._keeper
        entry = keeper.tree.entry(certificate.block_hash)
        invariant(entry.height == certificate.height, "a quorum certified a block under its own height")
        if keeper.preferred is None or not self._descends(keeper.preferred, entry):
            keeper.preferred = entry.hash
        self._move_head(out, settled=True)
        path, dropped = keeper.finalise(entry.hash)
        self._anchor = Anchor(entry.header, entry.hash, entry.state, certificate)
        if self._pending is not None and self._pending.instance <= certificate.instance:
            self._pending = None
        out.append(
            Finalised(
                blocks=tuple(final.block for final in path if final.block is not None),
                hashes=tuple(final.hash for final in path),
                states=tuple(final.state for final in path),
                certificate=certificate,
                dropped=dropped,
            )
        )
        self._voting.begin(entry.authorities, certificate, now_ms, out)
        keeper.tick(now_ms, out)

    # --- the best chain -----------------------------------------------------------------------------------------------

    def _move_head(self, out: list[Effect[S]], *, settled: bool = False) -> None:
        keeper = self._keeper
        if not settled:
            valid = self._voting.machine.valid
            keeper.preferred = None if valid is None else valid.block_hash
        chosen_from = (keeper.tree.version, keeper.preferred)
        if chosen_from == self._chosen_from:
            return
        self._chosen_from = chosen_from
        best = best_tip(keeper.tree, keeper.preferred)
        if best.hash == keeper.head:
            return
        old, new = keeper.tree.branch(keeper.head), keeper.tree.branch(best.hash)
        shared = sum(left is right for left, right in zip(old, new, strict=False))
        keeper.head = best.hash
        out.append(
            NewHead(
                hash=best.hash,
                height=best.height,
                state=best.state,
                undone=tuple(entry.block for entry in reversed(old[shared:]) if entry.block is not None),
                applied=tuple(entry.block for entry in new[shared:] if entry.block is not None),
            )
        )

    def _descends(self, block_hash: Hash, ancestor: Entry[S]) -> bool:
        entry = self._keeper.tree.get(block_hash)
        return entry is not None and self._keeper.tree.descends(entry, ancestor)

    def _ripe_ms(self, entry: Entry[S]) -> int:
        """A lone authority has nobody to wait for; others are given a quarter of a slot to receive the block."""
        if len(self.authorities) == 1:
            return self._clock.start_ms_of(entry.slot)
        return self._clock.ripe_ms_of(entry.slot)
