"""Authorities that lie by script, beside the twins: each breaks one duty and keeps the others.

They hold real keys, so what they say is well signed; whoever only relays garbage is a `Spammer` without a key.
"""

from typing import Final

from msgspec.structs import replace

from node.consensus.events import BlockReceived, MessageReceived, ProduceBlock, Publish, SealedBlock, Sign
from node.consensus.messages import Proposal, proposal_message
from node.consensus.votes import NIL, Vote, message_of_vote
from node.ledger.header import Block
from node.primitives.types import Hash, Height, Slot
from tests.simulation.chain import build, seal, sign
from tests.simulation.node import SimNode

LATE_SLOTS: Final = 3  # how long a withheld block is kept back at most


class Equivocator(SimNode):
    """Makes two blocks for each of its slots and casts two votes in each step, one for each half of the network."""

    def _publish(self, effect: Publish) -> None:
        message = effect.message
        others = [name for name in self._network.names() if name != self.name]
        self._kernel.random.shuffle(others)
        half, rest = others[: len(others) // 2], others[len(others) // 2 :]
        other = self._other(message)
        if other is None:
            super()._publish(effect)
            return
        self._network.send(self.name, half, self.gossip(message))
        self._network.send(self.name, rest, self.gossip(other))

    def _other(self, message: object) -> Block | Vote | Proposal | None:
        """Return a second thing for the same place."""
        if self.me is None:
            return None
        match message:
            case Block():
                parent = self.engine.unfinalised(message.header.parent)
                if parent is None:
                    return None
                body = (*message.transactions, b"and again")
                enact = bool(message.header.next_set)
                slot = message.header.slot
                return build(self._genesis_hash, parent.header, parent.state, slot, self.me, body, enact=enact)
            case Vote():
                head = self.engine.head.ref
                block = head if message.block != head and head.height > self.height else NIL
                lie = replace(message, block_hash=block.hash, height=block.height)
                return replace(lie, signature=sign(self.me, message_of_vote(lie, self._genesis_hash)))
            case Proposal():
                other = self.engine.head.ref
                if other == message.block or other.height <= self.height or message.proof:
                    return None
                made = replace(message, block_hash=other.hash, height=other.height)
                return replace(made, signature=sign(self.me, proposal_message(made, self._genesis_hash)))
        return None


class Withholder(SimNode):
    """Shows its blocks late, to some, or to nobody; says little else."""

    def _publish(self, effect: Publish) -> None:
        chance = self._kernel.random
        if not isinstance(effect.message, Block):
            if chance.random() < 0.5:
                super()._publish(effect)
            return
        names = self._network.names()
        some = chance.sample(names, chance.randrange(len(names)))
        event = self.gossip(effect.message)
        delay_ms = chance.randrange(LATE_SLOTS * self.clock.slot_ms)
        self._kernel.after(delay_ms, lambda _: self._network.send(self.name, some, event))


class Inventor(SimNode):
    """Seals blocks that do not execute: a wrong state, a wrong body, a wrong height."""

    def _produce(self, effect: ProduceBlock) -> None:
        parent = self.engine.unfinalised(effect.parent)
        if self.me is None or parent is None:
            return
        block = build(self._genesis_hash, parent.header, parent.state, effect.slot, self.me, (b"money",), enact=True)
        header, chance = block.header, self._kernel.random
        match chance.randrange(4):
            case 0:
                header, body = replace(header, state_root=Hash(b"m" * 32)), block.transactions
            case 1:
                body = (b"other money",)
            case 2:
                header, body = replace(header, height=Height(header.height + 1)), block.transactions
            case _:
                self._later(1, SealedBlock(block))
                return
        self._network.broadcast(self.name, BlockReceived(seal(self._genesis_hash, header, body), self.name))


class Usurper(SimNode):
    """Seals a block in the slot after its own as well, which is somebody else's."""

    def _publish(self, effect: Publish) -> None:
        super()._publish(effect)
        if isinstance(effect.message, Block):
            self._kernel.after(self.clock.slot_ms, self._usurp)

    def _usurp(self, _: object) -> None:
        if not self.alive or self.me is None:
            return
        head, slot = self.engine.head, self.clock.slot_at(self._kernel.now_ms + self.skew_ms)
        if slot > head.slot and head.authorities.slot_leader(slot) != self.me:
            block = build(self._genesis_hash, head.header, head.state, slot, self.me, (b"not my turn",))
            self._network.broadcast(self.name, BlockReceived(block, self.name))


class Spammer(SimNode):
    """A follower that makes noise: votes that nobody signed, blocks of far slots and of no parent."""

    def _publish(self, effect: Publish) -> None:
        """It has nothing of its own to say."""

    def _sign(self, effect: Sign) -> None:
        """Nor a key."""

    def noise(self, _: object = None) -> None:
        """Say something worthless and go on after a while."""
        kernel, chance = self._kernel, self._kernel.random
        if self.alive:
            self._network.broadcast(self.name, self._piece_of_noise())
        kernel.after(chance.randrange(1, self.clock.slot_ms), self.noise)

    def _piece_of_noise(self) -> BlockReceived | MessageReceived:
        chance, engine = self._kernel.random, self.engine
        members = engine.authorities.members
        voter = chance.choice(members).account
        instance, round_number = engine.position
        head = engine.head
        if chance.random() < 0.6:
            step = chance.choice((1, 2))
            place = (instance + chance.randrange(3), round_number + chance.randrange(8))
            vote = Vote(engine.authorities.set_id, *place, step, head.height, head.hash, voter, b"x" * 64)
            return MessageReceived(vote, self.name)
        slot = Slot(head.slot + chance.randrange(1, 1000))
        block = build(self._genesis_hash, head.header, head.state, slot, voter, (b"noise",))
        forged = replace(block.header, signature=b"x" * 64)
        parent = Hash(chance.randbytes(32)) if chance.random() < 0.5 else forged.parent
        return BlockReceived(replace(block, header=replace(forged, parent=parent)), self.name)
