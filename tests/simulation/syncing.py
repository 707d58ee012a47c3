"""How a simulated node catches up and serves others: the real machines of `node.sync`, requests over simulated links.

Requests and answers travel as their canonical bytes, so the codecs of sync are under test here too.
"""

from collections.abc import Callable
from typing import Final

from node.consensus.certificate import Certificate
from node.consensus.events import BlockReceived, CertifiedBlocks, Effect, Event, Finalised
from node.primitives.codec import encode
from node.primitives.types import Hash, Height
from node.sync.catchup import Ask, Blame, CatchUpMachine, Feed, SyncEffect
from node.sync.limits import BRANCH_BLOCKS_MAX
from node.sync.messages import Blocks, GetBranch, Status, blocks_in, decode_answer, encode_request
from tests.simulation.chain import State
from tests.simulation.checkers import Violation, Watch
from tests.simulation.disk import Disk
from tests.simulation.kernel import Kernel
from tests.simulation.network import Network

POLL_MS: Final = 30_000

Step = Callable[[Event[State]], list[Effect[State]]]


class Syncing:
    """One life of a node's syncing; ended by `stop`, after which answers that still come fall on deaf ears."""

    def __init__(
        self, name: str, genesis_hash: Hash, disk: Disk, kernel: Kernel, network: Network, watch: Watch, step: Step
    ) -> None:
        self._name = name
        self._genesis_hash = genesis_hash
        self._disk = disk
        self._kernel = kernel
        self._network = network
        self._watch = watch
        self._step = step
        self._alive = True
        self._due_ms = -1
        self._turn = 0
        self._machine = CatchUpMachine(genesis_hash, disk.anchor.header.height, disk.anchor.hash)

    def start(self) -> None:
        """Ask everybody where they stand."""
        for peer in self._network.names():
            if peer != self._name:
                self._carry_out(self._machine.on_connected(peer, self._kernel.now_ms))
        self._poll()

    def _poll(self, _: object = None) -> None:
        """Ask one peer after the other where it stands; a real node asks all of them more often."""
        if self._alive:
            peers = [name for name in self._network.names() if name != self._name]
            if peers:
                self._turn += 1
                self._carry_out(self._machine.on_connected(peers[self._turn % len(peers)], self._kernel.now_ms))
            self._kernel.after(POLL_MS, self._poll)

    def stop(self) -> None:
        """This life is over."""
        self._alive = False

    def hint(self, peer: str | None) -> None:
        """Somebody is further on."""
        self._carry_out(self._machine.on_hint(peer, self._kernel.now_ms))

    def finalised(self) -> None:
        """The disk has a new finalised block."""
        anchor = self._disk.anchor
        self._carry_out(self._machine.on_finalised(anchor.header.height, anchor.hash, self._kernel.now_ms))

    def ask_branch(self, peer: str | None, tip: Hash) -> None:
        """Ask for an unfinalised block and its ancestors."""
        asked = peer or self._kernel.random.choice([name for name in self._network.names() if name != self._name])

        def on_reply(data: bytes | None) -> None:
            if data is None or not self._alive:
                return
            reply = decode_answer(data)
            for block in blocks_in(reply) if isinstance(reply, Blocks) else ():
                self._step(BlockReceived(block, asked))

        self._watch.count("branch asked for")
        self._network.request(self._name, asked, encode_request(GetBranch(tip, BRANCH_BLOCKS_MAX)), on_reply)

    def _carry_out(self, effects: list[SyncEffect]) -> None:
        for effect in effects:
            if not self._alive:
                return
            match effect:
                case Ask():
                    self._ask(effect)
                case Feed():
                    self._feed(effect)
                case Blame():
                    self._watch.penalised(self._name, effect.peer, effect.reason)
        due_ms = self._machine.next_deadline_ms
        if due_ms is not None and due_ms != self._due_ms and self._alive:
            self._due_ms = due_ms
            self._kernel.after(due_ms - self._kernel.now_ms, self._on_tick, due_ms)

    def _on_tick(self, due_ms: int) -> None:
        if self._alive and due_ms == self._due_ms:
            self._due_ms = -1
            self._carry_out(self._machine.on_tick(self._kernel.now_ms))
            if self._due_ms != -1 and self._due_ms <= self._kernel.now_ms:
                raise Violation(f"{self._name} wants to sync again at once: a real node would spin")

    def _feed(self, feed: Feed) -> None:
        fed = self._step(CertifiedBlocks(feed.blocks, feed.certificate, feed.peer))
        if any(isinstance(effect, Finalised) for effect in fed):
            self._watch.count("caught up by a stretch")
        elif self._alive:
            self._carry_out(self._machine.on_refused(feed.peer, self._kernel.now_ms))

    def _ask(self, ask: Ask) -> None:
        def on_reply(data: bytes | None) -> None:
            if not self._alive:
                return
            now_ms = self._kernel.now_ms
            if data is None:
                self._carry_out(self._machine.on_failure(ask.peer, ask.request_id, now_ms))
            else:
                self._carry_out(self._machine.on_answer(ask.peer, ask.request_id, decode_answer(data), now_ms))

        self._network.request(self._name, ask.peer, encode_request(ask.request), on_reply)


class Shelf:
    """What a node serves from: its disk, and the head that its engine sees."""

    def __init__(self, genesis_hash: Hash, disk: Disk, head: tuple[Height, Hash]) -> None:
        self._genesis_hash = genesis_hash
        self._disk = disk
        self._head = head

    def status(self) -> Status:
        anchor, (height, head_hash) = self._disk.anchor, self._head
        certificate = () if anchor.certificate is None else (anchor.certificate,)
        highest = max(height, anchor.header.height)
        return Status(self._genesis_hash, anchor.header.height, anchor.hash, highest, head_hash, certificate)

    def finalised_block(self, height: Height) -> bytes | None:
        block = self._disk.finalised.get(height)
        return None if block is None else encode(block)

    def certificate(self, height: Height) -> Certificate | None:
        return self._disk.certificates.get(height)

    def unfinalised_block(self, block_hash: Hash) -> tuple[Hash, bytes] | None:
        block = self._disk.unfinalised.get(block_hash)
        return None if block is None else (block.header.parent, encode(block))
