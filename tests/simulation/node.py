"""A simulated node: the real engine and the real catch-up machine, a shell of dictionaries around them.

What is on disk survives a crash: finalised blocks, certificates, the signing record, and most unfinalised blocks.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec.structs import replace

from node.consensus.certificate import Certificate, LockProof
from node.consensus.engine import Engine
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
    NeedBlocks,
    NewHead,
    Penalise,
    ProduceBlock,
    Publish,
    SealedBlock,
    Sign,
    Signed,
    StoreBlocks,
    Tick,
)
from node.consensus.evidence import Evidence
from node.consensus.messages import Proposal, decode_message, proposal_message
from node.consensus.slots import SlotClock
from node.consensus.votes import message_of_vote
from node.ledger.header import Block, decode_block, header_hash
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Hash, Height
from node.sync.catchup import Ask, Blame, CatchUpMachine, Feed, SyncEffect
from node.sync.limits import BRANCH_BLOCKS_MAX
from node.sync.messages import Blocks, GetBranch, Status, blocks_in, decode_answer, encode_request
from node.sync.serve import answer
from tests.simulation.chain import State, build, execute, sign, verify
from tests.simulation.kernel import Kernel
from tests.simulation.network import Network

BLOCK, MESSAGE = b"b", b"m"


class BusyLoop(AssertionError):
    """A machine gave a deadline that is not in the future: a real node would spin."""


@dataclass
class Disk:
    """What survives."""

    anchor: Anchor[State]
    finalised: dict[int, Block] = field(default_factory=dict)
    certificates: dict[int, Certificate] = field(default_factory=dict)
    unfinalised: dict[Hash, Block] = field(default_factory=dict)
    guard: dict[str, tuple[tuple[int, ...], bytes]] = field(default_factory=dict)
    lock: LockProof | None = None
    unsynced: dict[Hash, None] = field(default_factory=dict)

    def sync(self) -> None:
        """Make everything written so far survive a loss of power."""
        self.unsynced.clear()

    def lose_unsynced(self, chance: random.Random) -> None:
        """Lose a random part of what was written last."""
        for block_hash in self.unsynced:
            if chance.random() < 0.5:
                self.unfinalised.pop(block_hash, None)
        self.unsynced.clear()

    def advance(self, lane: str, position: tuple[int, ...], what: bytes) -> bool:
        """Record what will be signed; False where something else was signed there or beyond."""
        known = self.guard.get(lane)
        if known is not None and (known[0] > position or (known[0] == position and known[1] != what)):
            return False
        self.guard[lane] = (position, what)
        return True

    def signed(self) -> Signed | None:
        """Return what the engine has to know after a restart."""
        places = [self.guard[lane][0] for lane in ("proposal", "vote") if lane in self.guard]
        if not places:
            return None
        newest = max(places)
        return Signed(newest[0], newest[1], self.lock)


class SimNode:
    """One node on the simulated network; `me` is None for a follower."""

    def __init__(
        self,
        name: str,
        me: AccountId | None,
        genesis: Anchor[State],
        slot_ms: int,
        kernel: Kernel,
        network: Network,
        *,
        skew_ms: int = 0,
        on_finalised: Callable[["SimNode", Finalised[State]], None],
    ) -> None:
        self.name = name
        self.me = me
        self.evidence: list[Evidence] = []
        self.penalties: list[str] = []
        self.finalised_at_ms: list[int] = []
        self.undone = 0
        self.rounds_seen = 0
        self.alive = False
        self.disk = Disk(genesis)
        self.clock = SlotClock(0, slot_ms)
        self._genesis_hash = genesis.hash
        self._kernel = kernel
        self._network = network
        self._skew_ms = skew_ms
        self._on_finalised = on_finalised
        self._life = 0
        network.join(name, self._on_gossip, self._serve)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the store and go on from there."""
        self.alive = True
        self._life += 1
        self._tick_at_ms = -1
        anchor = self.disk.anchor
        self.engine = Engine(
            genesis_hash=self._genesis_hash, clock=self.clock, anchor=anchor, execute=execute,
            set_of=lambda state: state.authorities, me=self.me, verify=verify, signed=self.disk.signed(),
        )  # fmt: skip
        self.catchup = CatchUpMachine(self._genesis_hash, anchor.header.height, anchor.hash)
        for block in sorted(self.disk.unfinalised.values(), key=lambda block: block.header.height):
            self.step(BlockReceived(block, None))
        for name in self._network.names():
            if name != self.name:
                self._carry_out_sync(self.catchup.on_connected(name, self.now_ms))
        self.step(Tick())

    def crash(self) -> None:
        """Lose everything but the disk, and of that some of what was not synced."""
        self.alive = False
        self._life += 1
        self.disk.lose_unsynced(self._kernel.random)

    @property
    def now_ms(self) -> int:
        """This node's own clock."""
        return self._kernel.now_ms + self._skew_ms

    # --- the shell ----------------------------------------------------------------------------------------------------

    def step(self, event: Event[State]) -> list[Effect[State]]:
        """Give an event to the engine and carry out what it answers."""
        if not self.alive:
            return []
        effects = self.engine.step(event, self.now_ms)
        self.rounds_seen = max(self.rounds_seen, self.engine.position[1])
        for effect in effects:
            self._kernel.record(self.name, type(effect).__name__)
            self._carry_out(effect)
        self._schedule_tick()
        return effects

    def _later(self, delay_ms: int, action: Callable[[], object]) -> None:
        life = self._life
        self._kernel.after(delay_ms, lambda: action() if life == self._life else None)

    def _schedule_tick(self) -> None:
        due_ms = self.engine.next_deadline_ms
        if due_ms is not None and due_ms <= self.now_ms:
            raise BusyLoop(f"{self.name} wants to be called again at once")
        if due_ms is not None and due_ms != self._tick_at_ms:
            self._tick_at_ms = due_ms
            self._later(due_ms - self.now_ms, lambda: self._on_tick(due_ms))

    def _on_tick(self, due_ms: int) -> None:
        if due_ms == self._tick_at_ms:
            self._tick_at_ms = -1
            self.step(Tick())

    def _carry_out(self, effect: Effect[State]) -> None:
        match effect:
            case ProduceBlock():
                self._produce(effect)
            case Sign():
                self._sign(effect)
            case Publish():
                mark = BLOCK if isinstance(effect.message, Block) else MESSAGE
                self._network.broadcast(self.name, mark + encode(effect.message))
            case StoreBlocks():
                stored = {header_hash(block.header): block for block in effect.blocks}
                self.disk.unfinalised.update(stored)
                self.disk.unsynced.update(dict.fromkeys(stored))
            case Finalised():
                self._store_final(effect)
            case NeedBlocks():
                peer = effect.peer or self._kernel.random.choice(self._network.names())
                self._ask_branch(peer, effect.missing)
            case CatchUp():
                self._carry_out_sync(self.catchup.on_hint(effect.peer, self.now_ms))
            case Penalise():
                self.penalties.append(f"{effect.peer}: {effect.reason}")
            case EvidenceFound():
                self.evidence.append(effect.evidence)
            case NewHead():
                self.undone = max(self.undone, len(effect.undone))

    def _produce(self, effect: ProduceBlock) -> None:
        parent = self.engine.unfinalised(effect.parent)
        if self.me is None or parent is None:
            return
        body = () if effect.empty else (b"%s %d" % (self.name.encode(), effect.slot),)
        block = build(self._genesis_hash, parent.header, parent.state, effect.slot, self.me, body)
        if self.disk.advance("header", (effect.slot,), header_hash(block.header)):
            self._later(self._kernel.random.randrange(1, 40), lambda: self.step(SealedBlock(block)))

    def _sign(self, effect: Sign) -> None:
        message, me = effect.message, self.me
        if me is None:
            return
        position: tuple[int, ...]
        self.disk.sync()
        if effect.lock is not None:
            self.disk.lock = effect.lock
        if isinstance(message, Proposal):
            lane, position = "proposal", (message.instance, message.round)
            signed_bytes = proposal_message(message, self._genesis_hash)
        else:
            lane, position = "vote", (message.instance, message.round, int(message.step))
            signed_bytes = message_of_vote(message, self._genesis_hash)
        if self.disk.advance(lane, position, signed_bytes):
            signed = replace(message, signature=sign(me, signed_bytes))
            self._later(self._kernel.random.randrange(1, 4), lambda: self.step(MessageReceived(signed, None)))

    def _store_final(self, effect: Finalised[State]) -> None:
        for block, block_hash in zip(effect.blocks, effect.hashes, strict=True):
            self.disk.finalised[block.header.height] = block
            self.disk.unfinalised.pop(block_hash, None)
        for block_hash in effect.dropped:
            self.disk.unfinalised.pop(block_hash, None)
        last = effect.blocks[-1].header
        self.disk.certificates[last.height] = effect.certificate
        self.disk.anchor = Anchor(last, effect.hashes[-1], effect.states[-1], effect.certificate)
        self.finalised_at_ms.append(self._kernel.now_ms)
        self._kernel.record(self.name, last.height, effect.hashes[-1])
        self._on_finalised(self, effect)
        self._carry_out_sync(self.catchup.on_finalised(last.height, effect.hashes[-1], self.now_ms))

    # --- messages -----------------------------------------------------------------------------------------------------

    def _on_gossip(self, peer: str, data: bytes) -> None:
        if not self.alive:
            return
        self._kernel.record(self.name, peer, digest("sim-data", data))
        try:
            if data[:1] == BLOCK:
                self.step(BlockReceived(decode_block(data[1:]), peer))
                return
            message = decode_message(data[1:])
        except NodeError as error:
            self.penalties.append(f"{peer}: {error.message}")
            return
        if isinstance(message, Certificate):
            self.step(CertificateReceived(message, peer))
        else:
            self.step(MessageReceived(message, peer))

    def _ask_branch(self, peer: str, tip: Hash) -> None:
        def on_reply(data: bytes | None) -> None:
            if data is None or not self.alive:
                return
            reply = decode_answer(data)
            for block in blocks_in(reply) if isinstance(reply, Blocks) else ():
                self.step(BlockReceived(block, peer))

        if peer != self.name:
            self._network.request(self.name, peer, encode_request(GetBranch(tip, BRANCH_BLOCKS_MAX)), on_reply)

    def _carry_out_sync(self, effects: list[SyncEffect]) -> None:
        for effect in effects:
            match effect:
                case Ask():
                    self._ask(effect)
                case Feed():
                    fed = self.step(CertifiedBlocks(effect.blocks, effect.certificate, effect.peer))
                    if not any(isinstance(answered, Finalised) for answered in fed):
                        self._carry_out_sync(self.catchup.on_refused(effect.peer, self.now_ms))
                case Blame():
                    self.penalties.append(f"{effect.peer}: {effect.reason}")
        due_ms = self.catchup.next_deadline_ms
        if due_ms is not None and due_ms <= self.now_ms:
            raise BusyLoop(f"{self.name} wants to sync again at once")
        if due_ms is not None:
            self._later(due_ms - self.now_ms, lambda: self._carry_out_sync(self.catchup.on_tick(self.now_ms)))

    def _ask(self, ask: Ask) -> None:
        life = self._life

        def on_reply(data: bytes | None) -> None:
            if life != self._life:
                return
            if data is None:
                self._carry_out_sync(self.catchup.on_failure(ask.peer, ask.request_id, self.now_ms))
                return
            self._carry_out_sync(self.catchup.on_answer(ask.peer, ask.request_id, decode_answer(data), self.now_ms))

        self._network.request(self.name, ask.peer, encode_request(ask.request), on_reply)

    def _serve(self, data: bytes) -> bytes | None:
        return answer(data, self) if self.alive else None

    # --- ChainReader --------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        anchor, head = self.disk.anchor, self.engine.head
        certificate = () if anchor.certificate is None else (anchor.certificate,)
        height = max(head.height, anchor.header.height)
        return Status(self._genesis_hash, anchor.header.height, anchor.hash, height, head.hash, certificate)

    def finalised_block(self, height: Height) -> bytes | None:
        block = self.disk.finalised.get(height)
        return None if block is None else encode(block)

    def certificate(self, height: Height) -> Certificate | None:
        return self.disk.certificates.get(height)

    def unfinalised_block(self, block_hash: Hash) -> tuple[Hash, bytes] | None:
        block = self.disk.unfinalised.get(block_hash)
        return None if block is None else (block.header.parent, encode(block))
