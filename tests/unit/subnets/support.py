"""Subnet Nineteen with the tiny synthetic model: a host, a way to answer, and questions that fit its context."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from node.market.frames import chain_of
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import ZERO_HASH, AccountId, Hash, Height, NetUid, Uid
from node.service.roles.host import ModelHost
from node.subnets.base import Answer, Message, Neuron, Usage, View
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen.messages import ChatPiece, ChatTask, Turn
from node.subnets.nineteen.strategies import Strategy, honest

TINY = "tiny"
QUESTION = digest("test", b"question")


def hotkey(name: str) -> AccountId:
    return AccountId(digest("test-key", name.encode()))


def tiny_task(
    n: int = 0, *, max_tokens: int = 48, temperature_milli: int = 900, content: str = "the world"
) -> ChatTask:
    """A short chat; `n` only changes the seed."""
    seed = digest("test-seed", n.to_bytes(4, "big"))
    return ChatTask(TINY, (Turn("user", content),), seed, max_tokens, temperature_milli, 950, 0, 1000, ())


class TinyNineteen(Nineteen):
    """Nineteen whose challenges fit the tiny model's context."""

    def __init__(self, *, strategy: Strategy = honest, challenge_blocks: int = 5) -> None:
        super().__init__((TINY,), strategy=strategy, challenge_blocks=challenge_blocks)

    def draw(self, seed: bytes, view: View) -> ChatTask | None:
        return tiny_task(int.from_bytes(seed[:4], "big"))


@dataclass
class FakeHost:
    """A `Host` of one hotkey; `others` are miners it can ask."""

    models: ModelHost
    hotkey: AccountId = field(default_factory=lambda: hotkey("miner"))
    others: dict[AccountId, Nineteen] = field(default_factory=dict)

    def view(self) -> View:
        seats = tuple(
            Neuron(Uid(n), key, key, "peer", (), 0, False, Height(0))
            for n, key in enumerate([self.hotkey, *self.others])
        )
        return View(NetUid(19), Height(1), Hash(ZERO_HASH), seats)

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        assert isinstance(task, ChatTask)
        return await answer_of(self.others[miner.hotkey], task, FakeHost(self.models, miner.hotkey))


def as_answer(miner: AccountId, pieces: Sequence[ChatPiece], *, t_done_ms: int = 1_000) -> Answer:
    """Pieces as a validator would hold them after a sound call."""
    usage = pieces[-1].usage if pieces else Usage()
    chain = chain_of(QUESTION, [encode(piece) for piece in pieces])
    return Answer(miner, tuple(pieces), usage, chain.digest, bytes(64), t_done_ms, t_done_ms)


async def answer_of(subnet: Nineteen, task: ChatTask, host: FakeHost) -> Answer:
    """What a miner with this subnet's strategy answers."""
    return as_answer(host.hotkey, [piece async for piece in subnet.serve(task, host)])
