"""A simulated node: the real engine and the real catch-up machine, a disk and a network made of dictionaries.

Whatever one node says reaches all listeners as the same immutable event; its canonical encoding is checked on a sample.
"""

from typing import Final

from msgspec.structs import replace

from node.consensus.certificate import Certificate, LockProof
from node.consensus.engine import Engine
from node.consensus.events import (
    Anchor,
    BlockReceived,
    CatchUp,
    CertificateReceived,
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
    StoreBlocks,
    Tick,
)
from node.consensus.messages import FinalityMessage, Proposal, decode_message, encode_message, proposal_message
from node.consensus.slots import SlotClock
from node.consensus.votes import message_of_vote
from node.ledger.header import Block, decode_block
from node.primitives.codec import encode
from node.primitives.types import AccountId
from node.sync.serve import answer
from tests.simulation.chain import State, build, execute, hash_of, sign, verify
from tests.simulation.checkers import Violation, Watch
from tests.simulation.disk import Disk, DiskFull
from tests.simulation.kernel import Kernel
from tests.simulation.network import Gossip, Network
from tests.simulation.syncing import Shelf, Syncing

SAMPLE: Final = 64  # one message in so many is encoded, decoded and compared
SEAL_MS_MAX: Final = 40  # how long a producer takes to build and seal
SIGN_MS_MAX: Final = 4  # how long a vote waits for the signing record


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
        watch: Watch,
    ) -> None:
        self.name = name
        self.me = me
        self.alive = False
        self.started_ms = 0
        self.deaf_to: set[str] = set()
        self.skew_ms = 0
        self.disk = Disk(genesis)
        self.clock = SlotClock(0, slot_ms)
        self.finalised_at_ms: list[int] = []
        self._genesis_hash = genesis.hash
        self._kernel = kernel
        self._network = network
        self._watch = watch
        self._life = 0
        self._tick_at_ms = -1
        self._published = 0
        self._handlers = {
            ProduceBlock: self._produce, Sign: self._sign, Publish: self._publish, StoreBlocks: self._store,
            Finalised: self._finalise, NewHead: self._move_head, NeedBlocks: self._fetch, CatchUp: self._catch_up,
            Penalise: self._penalise, EvidenceFound: self._convict,
        }  # fmt: skip
        network.join(self)

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self, _: object = None) -> None:
        """Open the store and go on from there."""
        if self.alive:
            return
        self.alive = True
        self.started_ms = self._kernel.now_ms
        self._life += 1
        self._tick_at_ms = -1
        self.disk.fuse = None
        self._watch.started(self.name, self.disk.anchor.header.height)
        self.engine = Engine(
            genesis_hash=self._genesis_hash, clock=self.clock, anchor=self.disk.anchor, execute=execute,
            set_of=lambda state: state.authorities, announced_of=lambda state: state.announced,
            me=self.me, verify=verify, signed=self.disk.signed(),
        )  # fmt: skip
        self.syncing = Syncing(
            self.name, self._genesis_hash, self.disk, self._kernel, self._network, self._watch, self.step
        )  # fmt: skip
        for block in sorted(self.disk.unfinalised.values(), key=lambda block: block.header.height):
            self.step(BlockReceived(block, None))
        self.syncing.start()
        self.step(Tick())

    def stop(self) -> None:
        """Be killed: all is lost but the disk."""
        self.alive = False
        self._life += 1
        self.syncing.stop()

    def lose_power(self) -> None:
        """Be killed together with the machine."""
        self.stop()
        self._watch.lost_power(self.name, self.disk.lose_power(self._kernel.random))

    @property
    def height(self) -> int:
        """The height of the last finalised block."""
        return self.disk.anchor.header.height

    # --- the shell ----------------------------------------------------------------------------------------------------

    def hear(self, event: Gossip) -> None:
        """Take gossip, unless this node is down or cut off from whoever sent it."""
        if self.alive and event.peer not in self.deaf_to:
            self.step(event)

    def step(self, event: Event[State]) -> list[Effect[State]]:
        """Give an event to the engine and carry out what it answers; a disk that fails ends this life of the node."""
        if not self.alive:
            return []
        engine, kernel = self.engine, self._kernel
        effects = engine.step(event, kernel.now_ms + self.skew_ms)
        if kernel.traced:
            kernel.record(self.name, type(event).__name__, [type(effect).__name__ for effect in effects])
        if effects:
            handlers = self._handlers
            try:
                for effect in effects:
                    handlers[type(effect)](effect)
            except DiskFull:
                self._watch.count("disk full")
                self.stop()
                kernel.after(self.clock.slot_ms * kernel.random.randint(1, 3), self.start)
                return []
        due_ms = engine.next_deadline_ms
        if due_ms != self._tick_at_ms and due_ms is not None:
            self._schedule(due_ms)
        return effects

    def _schedule(self, due_ms: int) -> None:
        delay_ms = due_ms - self._kernel.now_ms - self.skew_ms
        if delay_ms <= 0:
            raise Violation(f"{self.name} wants to be called again at once: a real node would spin")
        self._tick_at_ms = due_ms
        self._kernel.after(delay_ms, self._on_tick, (self._life, due_ms))

    def _on_tick(self, due: tuple[int, int]) -> None:
        if due == (self._life, self._tick_at_ms):
            self._tick_at_ms = -1
            self.step(Tick())

    def _later(self, delay_ms: int, event: Event[State]) -> None:
        self._kernel.after(delay_ms, self._in_this_life, (self._life, event))

    def _in_this_life(self, owed: tuple[int, Event[State]]) -> None:
        if owed[0] == self._life:
            self.step(owed[1])

    # --- effects: signing ---------------------------------------------------------------------------------------------

    def _produce(self, effect: ProduceBlock) -> None:
        parent = self.engine.unfinalised(effect.parent)
        if self.me is None or parent is None:
            return
        body = () if effect.empty else (b"%s %d" % (self.name.encode(), effect.slot),)
        block = build(
            self._genesis_hash, parent.header, parent.state, effect.slot, self.me, body, enact=effect.enact
        )  # fmt: skip
        if effect.empty:
            self._watch.count("production backed off")
        if self._may_sign("header", (effect.slot,), hash_of(block.header)):
            self._later(self._kernel.random.randrange(1, SEAL_MS_MAX), SealedBlock(block))

    def _sign(self, effect: Sign) -> None:
        message, me = effect.message, self.me
        if me is None:
            return
        position: tuple[int, ...]
        if isinstance(message, Proposal):
            lane, position = "proposal", (message.instance, message.round)
            signed_bytes = proposal_message(message, self._genesis_hash)
            self._watch.proposed(self.name)
        else:
            lane, position = "vote", (message.instance, message.round, int(message.step))
            signed_bytes = message_of_vote(message, self._genesis_hash)
        if message.round > 0:
            self._watch.count("a later round")
        if effect.lock is not None:
            self._watch.locked(self.name, self.disk.lock, effect.lock)
        if self._may_sign(lane, position, signed_bytes, effect.lock):
            signed = replace(message, signature=sign(me, signed_bytes))
            self._later(self._kernel.random.randrange(1, SIGN_MS_MAX), MessageReceived(signed, None))

    def _may_sign(self, lane: str, place: tuple[int, ...], what: bytes, lock: LockProof | None = None) -> bool:
        if not self.disk.advance(lane, place, what, lock):
            self._watch.count("the signing record refused")
            return False
        if self.me is not None:
            self._watch.signed(self.me, lane, place, what)
        return True

    # --- effects: the rest --------------------------------------------------------------------------------------------

    def _publish(self, effect: Publish) -> None:
        message = effect.message
        self._published += 1
        if self._published % SAMPLE == 0 and self.name not in self._watch.dishonest:
            check_encoding(message)
        self._network.broadcast(self.name, self.gossip(message))

    def gossip(self, message: Block | FinalityMessage) -> Gossip:
        """Return the event by which others hear of `message`."""
        if isinstance(message, Block):
            return BlockReceived(message, self.name)
        if isinstance(message, Certificate):
            self._watch.certificate(message)
            return CertificateReceived(message, self.name)
        return MessageReceived(message, self.name)

    def _store(self, effect: StoreBlocks) -> None:
        self.disk.store(effect.blocks)

    def _finalise(self, effect: Finalised[State]) -> None:
        self.disk.finalise(effect)
        self.finalised_at_ms.append(self._kernel.now_ms)
        if self._kernel.traced:
            self._kernel.record(self.name, effect.blocks[-1].header.height, effect.hashes[-1])
        self._watch.finalised(self.name, effect)
        self.syncing.finalised()

    def _move_head(self, effect: NewHead[State]) -> None:
        self._watch.head(self.name, effect)

    def _fetch(self, effect: NeedBlocks) -> None:
        self.syncing.ask_branch(effect.peer, effect.missing)

    def _catch_up(self, effect: CatchUp) -> None:
        self.syncing.hint(effect.peer)

    def _penalise(self, effect: Penalise) -> None:
        self._watch.penalised(self.name, effect.peer, effect.reason)

    def _convict(self, effect: EvidenceFound) -> None:
        self._watch.evidence(effect.evidence)

    # --- serving ------------------------------------------------------------------------------------------------------

    def serve(self, data: bytes) -> bytes | None:
        """Answer a sync request; None while down."""
        if not self.alive:
            return None
        head = self.engine.head
        return answer(data, Shelf(self._genesis_hash, self.disk, (head.height, head.hash)))


def check_encoding(message: Block | FinalityMessage) -> None:
    """What others are handed as an object must be what they would have decoded."""
    same = decode_block(encode(message)) if isinstance(message, Block) else decode_message(encode_message(message))
    if same != message:
        raise Violation(f"the encoding of {type(message).__name__} is not what was said")
