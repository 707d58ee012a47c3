"""The chain of a running node: one task that feeds the consensus engine and carries out what it answers.

The engine steps, blocks are built and the store commits in worker threads, one thing at a time; the engine is only ever
touched by this task. A storage failure ends the task, and with it the node: going on with a store that cannot be
written would end in a wrong state. Everything else from outside is answered by the engine, never by an exception.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, assert_never

import trio

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, encode_certificate
from node.consensus.engine import Engine
from node.consensus.events import (
    BlockReceived,
    CatchUp,
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
from node.consensus.evidence import Evidence, offender
from node.consensus.limits import TREE_BLOCKS_MAX
from node.consensus.messages import FinalityMessage
from node.consensus.slots import SlotClock
from node.ledger import queries
from node.ledger.genesis import GenesisSpec
from node.ledger.header import Block, Header, header_hash
from node.ledger.state import LayeredView
from node.ledger.transition import Draft, Executed, build_block, execute_block
from node.light.chain import Checkpoint
from node.light.errors import BadCheckpoint
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.types import Hash, Height, SetId
from node.service.anchor import Opened, block_row
from node.service.light_book import LightBook
from node.service.logbook import logger
from node.service.signer import GuardedSigner
from node.service.snapshots import Shelf
from node.service.transactions import Transactions
from node.service.verifier import RememberingVerifier
from storage.chain import ChainStore
from storage.rows import Commit

INBOX_MAX: Final = 1024  # events waiting; beyond it senders wait, and gossip drops and lets sync repair
SETS_KEPT: Final = 64  # authority sets of recent blocks, made once: a set changes rarely and is asked for per block
EXECUTED_MAX: Final = TREE_BLOCKS_MAX + 256  # states kept; those of forks that the tree has given up go beyond it
_TICK_MS_MIN: Final = 1

log = logger("chain")

ChainEvent = Event[Executed]
ChainEffect = Effect[Executed]
Wanted = NeedBlocks | CatchUp


@dataclass(frozen=True, slots=True)
class HeadView:
    """The best block and the state after it."""

    height: Height
    hash: Hash
    executed: Executed


@dataclass(frozen=True, slots=True)
class FinalView:
    """The latest finalised block."""

    header: Header
    hash: Hash
    certificate: Certificate | None


class Chain:
    """The node's chain; read it from the trio thread, feed it from anywhere in it."""

    def __init__(
        self,
        *,
        store: ChainStore,
        opened: Opened,
        spec: GenesisSpec,
        pen: GuardedSigner | None,
        publish: Callable[[Block | FinalityMessage], Awaitable[None]],
        penalise: Callable[[str, float, str], None],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.spec = spec
        self.checkpoint = checkpoint
        self.conflict: str | None = None  # what was refused last for contradicting the checkpoint
        self.store = store
        self.genesis_hash = opened.genesis_hash
        self.clock = SlotClock(spec.start_ms, spec.slot_ms)
        self.verify = RememberingVerifier()
        self.pen = pen
        self.light_steps = LightBook(store, spec.epoch_slots)
        self._base = opened.base
        self._publish = publish
        self._penalise = penalise
        self._unfinalised = opened.unfinalised
        self._executed: dict[Hash, Executed] = {opened.anchor.hash: opened.anchor.state}
        self.head = HeadView(Height(opened.anchor.header.height), opened.anchor.hash, opened.anchor.state)
        self.final = FinalView(opened.anchor.header, opened.anchor.hash, opened.anchor.certificate)
        self.final_state = opened.anchor.state
        self.transactions = Transactions(self)
        self.shelf: Shelf | None = None
        self._send, self._receive = trio.open_memory_channel[tuple[ChainEvent, trio.Event | None]](INBOX_MAX)
        self._wanted_send, self.wanted = trio.open_memory_channel[Wanted](INBOX_MAX)
        self._head_listeners: list[Callable[[HeadView], None]] = []
        self._final_listeners: list[Callable[[Finalised[Executed]], None]] = []
        self._evidence_listeners: list[Callable[[Evidence], None]] = []
        self.engine: Engine[Executed] = Engine(
            genesis_hash=opened.genesis_hash,
            clock=self.clock,
            anchor=opened.anchor,
            execute=self._execute,
            set_of=authority_set_of,
            announced_of=announced_of,
            me=None if pen is None else pen.public,
            verify=self.verify,
            signed=None if pen is None else pen.signed_before(),
        )

    # --- feeding ----------------------------------------------------------------------------------------------------

    async def feed(self, event: ChainEvent) -> None:
        """Hand an event to the engine; waits while the inbox is full."""
        await self._send.send((event, None))

    async def apply(self, event: ChainEvent) -> None:
        """Hand an event to the engine and wait until everything that follows from it is done."""
        done = trio.Event()
        await self._send.send((event, done))
        await done.wait()

    def has(self, block_hash: Hash) -> bool:
        """Tell whether this block was executed and is not beneath the finalised one."""
        return block_hash in self._executed

    def executed(self, block_hash: Hash) -> Executed | None:
        """Return the state after the latest finalised block or one above it; from any thread."""
        return self._executed.get(block_hash)

    def backlog(self) -> int:
        """Return how many events wait."""
        return self._receive.statistics().current_buffer_used

    def states_held(self) -> int:
        """Return how many blocks' states are in memory."""
        return len(self._executed)

    def on_head(self, listener: Callable[[HeadView], None]) -> Callable[[], None]:
        """Call `listener` with each new best block; returns what ends it."""
        self._head_listeners.append(listener)
        return lambda: self._head_listeners.remove(listener)

    def on_final(self, listener: Callable[[Finalised[Executed]], None]) -> None:
        """Call `listener` with all blocks that become final from now on."""
        self._final_listeners.append(listener)

    def on_evidence(self, listener: Callable[[Evidence], None]) -> None:
        """Call `listener` with each offence of an authority that this node finds."""
        self._evidence_listeners.append(listener)

    def set_numbered(self, set_id: SetId) -> AuthoritySet | None:
        """Return an authority set that counts now: of the last final block, or of the best head."""
        for executed in (self.final_state, self.head.executed):
            authorities = authority_set_of(executed)
            if authorities.set_id == set_id:
                return authorities
        return None

    def set_above(self, block_hash: Hash) -> AuthoritySet | None:
        """Return the set that leads above a block which is here, None for another block."""
        executed = self._executed.get(block_hash)
        return None if executed is None else authority_set_of(executed)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled. Raises StorageError when the store fails."""
        for block in self._unfinalised:
            await self._handle(BlockReceived(block, None))
        self._unfinalised = ()
        task_status.started()
        while True:
            event, done = await self._next_event()
            await self._handle(event)
            if done is not None:
                done.set()

    async def _next_event(self) -> tuple[ChainEvent, trio.Event | None]:
        deadline_ms = self.engine.next_deadline_ms
        if deadline_ms is None:
            return await self._receive.receive()
        wait_ms = deadline_ms - now_ms()
        if wait_ms <= 0:
            await trio.lowlevel.checkpoint()
            return Tick(), None
        with trio.move_on_after(max(wait_ms, _TICK_MS_MIN) / 1000):
            return await self._receive.receive()
        return Tick(), None

    async def _handle(self, event: ChainEvent) -> None:
        waiting: deque[ChainEvent] = deque([event])
        while waiting:
            for effect in await self._step(waiting.popleft()):
                follows = await self._carry_out(effect)
                if follows is not None:
                    waiting.append(follows)
        if len(self._executed) > EXECUTED_MAX:
            self._executed = {key: state for key, state in self._executed.items() if self.engine.unfinalised(key)}

    async def _step(self, event: ChainEvent) -> list[ChainEffect]:
        """Any step may execute blocks (one that was held until its slot, say), so none runs on the event loop."""
        return await trio.to_thread.run_sync(self.engine.step, event, now_ms())

    def _execute(self, parent: Executed, block: Block) -> Executed:
        executed = execute_block(parent.state, block, self.genesis_hash, verify=self.verify)
        if self.checkpoint is not None:
            self._hold_to(self.checkpoint, executed)
        self._executed[executed.state.hash] = executed
        return executed

    def _hold_to(self, checkpoint: Checkpoint, executed: Executed) -> None:
        """Refuse what contradicts the checkpoint: no vote and no certificate makes it part of this chain."""
        height, state = executed.state.height, executed.state
        try:
            checkpoint.check_block(height, state.hash)
            checkpoint.check_set(height, authority_set_of(executed))
        except BadCheckpoint as error:
            if self.conflict is None:
                log.error("%s", error)
            self.conflict = error.message
            raise

    # --- effects ----------------------------------------------------------------------------------------------------

    async def _carry_out(self, effect: ChainEffect) -> ChainEvent | None:
        match effect:
            case ProduceBlock():
                return await self._produce(effect)
            case Sign():
                return await self._sign(effect)
            case Publish():
                await self._publish(effect.message)
            case StoreBlocks():
                rows = tuple(block_row(block) for block in effect.blocks)
                await trio.to_thread.run_sync(self.store.commit, Commit(blocks=rows))
            case Finalised():
                await self._finalise(effect)
            case NewHead():
                self._move_head(effect)
            case NeedBlocks() | CatchUp():
                self.want(effect)
            case Penalise():
                self._penalise(effect.peer, float(effect.points), effect.reason)
            case EvidenceFound():
                who = offender(effect.evidence)
                name = "several authorities" if who is None else to_ss58(who)
                log.warning("%s signed twice: %s", name, type(effect.evidence).__name__)
                for tell in self._evidence_listeners:
                    tell(effect.evidence)
            case _:
                assert_never(effect)
        return None

    async def _produce(self, order: ProduceBlock) -> ChainEvent | None:
        parent = self._executed.get(order.parent)
        if parent is None or self.pen is None or self.pen.silent_until() is not None:
            return None
        if self.checkpoint is not None and parent.state.height < self.checkpoint.height:
            return None  # the blocks up to the checkpoint are there already, and this would be another one
        candidates = () if order.empty else self.transactions.candidates()
        pen = self.pen

        def build() -> tuple[Draft, bytes | None]:
            draft = build_block(
                parent.state, order.slot, pen.public, candidates, self.genesis_hash, verify=self.verify,
                enact=order.enact,
            )  # fmt: skip
            return draft, pen.seal(draft.header)

        draft, signature = await trio.to_thread.run_sync(build)
        self.transactions.skipped(draft.skipped)
        if signature is None:
            log.warning("slot %d was signed before; no second block is made for it", order.slot)
            return None
        block, executed = draft.seal(signature)
        self._executed[executed.state.hash] = executed
        return SealedBlock(block, executed)

    async def _sign(self, order: Sign) -> ChainEvent | None:
        if self.pen is None:
            return None
        signed = await trio.to_thread.run_sync(self.pen.sign, order.message, order.lock)
        return None if signed is None else MessageReceived(signed, None)

    async def _finalise(self, final: Finalised[Executed]) -> None:
        commit = replace(commit_of(final), steps=self.light_steps.steps_for(final))
        await trio.to_thread.run_sync(self.store.commit, commit)
        changes = {Hash(path): value for path, value in commit.state.items()}
        self._base.absorb(changes)
        tip = final.states[-1]
        if isinstance(tip.state.view, LayeredView):
            tip.state.view.rebase(self._base)
        self.final = FinalView(final.blocks[-1].header, final.hashes[-1], final.certificate)
        self.final_state = tip
        for gone in (*final.hashes[:-1], *final.dropped):
            self._executed.pop(gone, None)
        self._executed = {
            key: value for key, value in self._executed.items() if value.state.height >= tip.state.height
        }  # fmt: skip
        self.transactions.finalised(final)
        for listener in self._final_listeners:
            listener(final)

    def _move_head(self, new: NewHead[Executed]) -> None:
        self.head = HeadView(new.height, new.hash, new.state)
        if new.undone:
            log.info("reorganised: blocks left %d, joined %d", len(new.undone), len(new.applied))
        self.transactions.moved(new, self._executed)
        for listener in tuple(self._head_listeners):
            listener(self.head)

    def want(self, wanted: Wanted) -> None:
        try:
            self._wanted_send.send_nowait(wanted)
        except trio.WouldBlock:
            log.debug("the syncer is behind; %s is dropped, it comes again", wanted)


def commit_of(final: Finalised[Executed]) -> Commit:
    """Return the one transaction that makes these blocks final in the store."""
    changes: dict[bytes, bytes | None] = {}
    events: list[tuple[int, int, bytes]] = []
    transactions: list[tuple[bytes, int, int]] = []
    for block, executed in zip(final.blocks, final.states, strict=True):
        height = block.header.height
        for path, value in executed.changes.items():
            changes[path] = value
        events += [(height, index, encode(event)) for index, event in enumerate(executed.events)]
        transactions += [(receipt.transaction_hash, height, at) for at, receipt in enumerate(executed.receipts)]
    certificate = final.certificate
    return Commit(
        blocks=tuple(block_row(block) for block in final.blocks),
        drop_blocks=tuple(final.dropped),
        finalised=tuple((block.header.height, header_hash(block.header)) for block in final.blocks),
        certificates=((certificate.height, certificate.block_hash, encode_certificate(certificate)),),
        state=changes,
        events=tuple(events),
        transactions=tuple(transactions),
    )


def authority_set_of(executed: Executed) -> AuthoritySet:
    """Return the authority set that leads and decides above a block."""
    return _set_of(queries.authority_set(executed.state.view))


@lru_cache(SETS_KEPT)
def _set_of(info: queries.AuthoritySetInfo) -> AuthoritySet:
    return AuthoritySet(info.set_id, info.members, info.disabled, info.idle, info.idle_until)


def announced_of(executed: Executed) -> Height:
    """Return the height at which the set that waits to follow was announced; 0 while none waits."""
    return queries.announced_height(executed.state.view)


def now_ms() -> int:
    """Return the wall clock in Unix milliseconds."""
    return time.time_ns() // 1_000_000
