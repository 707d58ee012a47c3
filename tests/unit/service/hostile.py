"""A hostile neighbour of a chain in one process: it forges with real keys and says what no honest node would."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import trio

from node.consensus.certificate import Certificate, build_certificate
from node.consensus.messages import Proposal, proposal_message
from node.consensus.votes import BlockRef, Step, Vote, message_of_vote
from node.ledger.calls import Call, Transfer
from node.ledger.header import UNSIGNED, Block, header_hash, seal_message
from node.ledger.transaction import sign_transaction
from node.ledger.transition import Executed, build_block
from node.primitives.codec import encode
from node.primitives.crypto import Ed25519Signer, Signer, verify
from node.primitives.types import Hash, Height, Rao, Slot
from node.service.chain import Chain, authority_set_of, now_ms
from node.service.gossip import BlockNews, Gossip, HeaderNews
from node.sync.messages import PROTOCOL as SYNC
from node.sync.messages import Answer, Request, decode_request, encode_answer
from p2p import MemorySwarm, Network, Stream, Verdict
from tests.unit.service.network import TestNode, coldkey, hotkey

STRANGER = Ed25519Signer(bytes([250]) * 32)


def slot_led_by(chain: Chain, key: Signer, not_before: int) -> Slot:
    """The first slot from `not_before` on that `key` leads."""
    authorities = authority_set_of(chain.head.executed)
    return next(Slot(s) for s in range(not_before, not_before + 64) if authorities.slot_leader(Slot(s)) == key.public)


async def begun(chain: Chain, slot: Slot) -> None:
    """Wait until `slot` has begun."""
    await until(lambda: now_ms() >= chain.clock.start_ms_of(slot))


def leader_of(chain: Chain, slot: Slot) -> Signer:
    """The key of a slot's leader."""
    account = authority_set_of(chain.head.executed).slot_leader(slot)
    return next(hotkey(number) for number in range(8) if hotkey(number).public == account)


def forge(
    parent: Executed,
    slot: Slot,
    key: Signer,
    genesis_hash: Hash,
    /,
    transactions: Sequence[bytes] = (),
    body: Sequence[bytes] | None = None,
    **changes: object,
) -> Block:
    """A block sealed by `key` on `parent`, its header changed as asked and its body replaced by `body`."""
    possible = Slot(max(slot, parent.state.slot + 1))
    draft = build_block(parent.state, possible, key.public, transactions, genesis_hash, verify=verify, enact=True)
    header = msgspec.structs.replace(draft.header, **{"slot": slot, **changes})
    header = msgspec.structs.replace(header, signature=key.sign(seal_message(genesis_hash, header)))
    return Block(header, draft.transactions if body is None else tuple(body))


def news(block: Block) -> bytes:
    return encode(BlockNews(block))


def header_news(block: Block) -> bytes:
    return encode(HeaderNews(block.header))


def transfer(
    chain: Chain,
    key: Signer,
    nonce: int = 0,
    *,
    call: Call | None = None,
    genesis_hash: Hash | None = None,
    amount: int = 10**9,
    tip: int = 0,
) -> bytes:
    """A signed transfer of `amount` rao, or another call."""
    head = chain.head
    return sign_transaction(
        key,
        call or Transfer(coldkey(9).public, Rao(amount)),
        nonce=nonce,
        birth_height=head.height,
        birth_hash=head.hash,
        genesis_hash=genesis_hash or chain.genesis_hash,
        tip_rao=Rao(tip),
    )


def spoilt(raw: bytes) -> bytes:
    """The same transaction with a wrong signature of the right form."""
    return raw[:-1] + bytes([raw[-1] ^ 1])


def vote(chain: Chain, key: Signer, block: BlockRef, *, genesis_hash: Hash | None = None, **changes: object) -> Vote:
    """A prevote of the present instance, changed before it is signed."""
    authorities = authority_set_of(chain.head.executed)
    made = Vote(
        authorities.set_id, chain.engine.position[0], 0, Step.PREVOTE, block.height, block.hash, key.public, UNSIGNED
    )
    made = msgspec.structs.replace(made, **changes)
    signature = key.sign(message_of_vote(made, genesis_hash or chain.genesis_hash))
    return msgspec.structs.replace(made, signature=signature)


def proposal(chain: Chain, key: Signer, block: BlockRef, **changes: object) -> Proposal:
    """A proposal of the present instance, changed before it is signed."""
    authorities = authority_set_of(chain.head.executed)
    made = Proposal(authorities.set_id, chain.engine.position[0], 0, block.height, block.hash, (), key.public, UNSIGNED)
    made = msgspec.structs.replace(made, **changes)
    return msgspec.structs.replace(made, signature=key.sign(proposal_message(made, chain.genesis_hash)))


def certificate(chain: Chain, keys: Sequence[Signer], block: BlockRef, instance: int) -> Certificate:
    """A certificate of `keys`, whether they are a quorum or not."""
    votes = [vote(chain, key, block, instance=instance, step=Step.PRECOMMIT) for key in keys]
    return build_certificate(votes, authority_set_of(chain.head.executed))


def ref_of(block: Block) -> BlockRef:
    return BlockRef(header_hash(block.header), Height(block.header.height))


def other_hash(value: bytes) -> Hash:
    return Hash(value[:-1] + bytes([value[-1] ^ 1]))


@dataclass
class Mallory:
    """A peer on the same swarm without any duty to be honest."""

    network: Network
    gossip: Gossip
    asked: list[Request]

    @classmethod
    async def join(cls, swarm: MemorySwarm, name: str, genesis_hash: Hash, *neighbours: TestNode) -> "Mallory":
        """Connect to `neighbours`, hear their gossip and keep it to oneself."""
        network = swarm.join(name)
        gossip = Gossip(network, genesis_hash)
        for topic in (gossip.blocks_topic, gossip.finality_topic, gossip.transactions_topic):
            network.subscribe(topic, lambda _peer, _data: Verdict.IGNORE)
        for node in neighbours:
            await network.dial(node.network.addresses[0])
        return cls(network, gossip, [])

    def answers(self, reply: Callable[[Request], Answer | bytes | None]) -> None:
        """Serve sync requests with what `reply` returns; None stays silent for ever."""

        async def serve(stream: Stream) -> None:
            request = decode_request(await stream.receive(128))
            self.asked.append(request)
            made = reply(request)
            if made is None:
                await trio.sleep_forever()
            else:
                await stream.send(made if isinstance(made, bytes) else encode_answer(made))

        self.network.serve(SYNC, serve)

    def score_at(self, node: TestNode) -> float:
        """What `node` thinks of this peer; minus infinity once it is banned."""
        seen = {peer.peer_id: peer.score for peer in node.network.peers()}
        return seen.get(self.network.peer_id, float("-inf"))


def trust(node: TestNode, other: TestNode) -> float:
    """What an honest node thinks of another one."""
    seen = {peer.peer_id: peer.score for peer in node.network.peers()}
    return seen.get(other.network.peer_id, float("-inf"))


async def until(condition: Callable[[], bool], *, within_s: float = 15) -> None:
    """Wait until something is so."""
    with trio.fail_after(within_s):
        while not condition():
            await trio.sleep(0.02)


async def goes_on(nodes: Sequence[TestNode], blocks: int = 3) -> None:
    """Every node finalises `blocks` more."""
    target = max(node.chain.final.header.height for node in nodes) + blocks
    for node in nodes:
        await node.finalised(target)


def slot_now(chain: Chain) -> Slot:
    return chain.clock.slot_at(now_ms())
