"""A market in one process for tests: a chain that does as told, seats on a memory network, a subnet that doubles."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

import trio

from node.economics.clock import epoch_index
from node.ledger.calls import (
    Call,
    CommitReceiptRoot,
    CommitWeights,
    RevealWeights,
    ServeAxon,
    SetCommitment,
    SetWeights,
)
from node.ledger.commit_hash import commit_hash
from node.ledger.key_queries import CommitInfo
from node.ledger.pallets.neurons import Commitment
from node.ledger.pallets.roots import ReceiptRoot
from node.ledger.parameters import Hyperparameters
from node.ledger.queries import Metagraph, NeuronRow, SubnetInfo
from node.market.chain import Head
from node.market.chat import ChatPart, ChatRequest, ChatTurn, ChatUsage
from node.market.context import MarketContext
from node.market.errors import MalformedMessage
from node.market.limits import SEED_LAG_BLOCKS
from node.market.switchboard import Switchboard
from node.primitives.crypto import Ed25519Signer, Signer, digest
from node.primitives.errors import NodeError
from node.primitives.types import AccountId, Alpha, Hash, Height, NetUid, Rao, Uid
from node.subnets.base import Answer, Code, Host, Message, Neuron, Part, Route, Spec, Subnet, Usage, Verdict, View
from p2p import MemorySwarm

NETUID = NetUid(7)
GENESIS = digest("test-genesis", b"market")
TEMPO_BLOCKS = 10


def signer_of(name: str) -> Ed25519Signer:
    """The same key for the same name."""
    return Ed25519Signer(digest("test-key", name.encode()))


class FakeChain:
    """A `ChainReader` whose blocks and seats the test decides."""

    def __init__(self, genesis: Hash = GENESIS) -> None:
        self.genesis = genesis
        self.now = Height(100)
        self.rows: list[NeuronRow] = []
        self.submitted: list[tuple[Height, AccountId, Call]] = []
        self.refuse: NodeError | None = None
        self.apply_calls = True
        self.tempo_blocks = TEMPO_BLOCKS
        self.commit_reveal = False
        self.commits: dict[AccountId, tuple[CommitInfo, ...]] = {}
        self.commitments: dict[AccountId, Commitment] = {}
        self.roots: dict[AccountId, tuple[ReceiptRoot, ...]] = {}
        self._heads: list[trio.MemorySendChannel[Head]] = []

    @property
    def genesis_hash(self) -> Hash:
        return self.genesis

    def height(self) -> Height:
        return self.now

    def block_hash(self, height: Height) -> Hash | None:
        return digest("test-block", self.genesis, height.to_bytes(8, "big"))

    def metagraph(self, netuid: NetUid) -> Metagraph | None:
        return Metagraph(netuid, self.now, self._info(), tuple(self.rows)) if netuid == NETUID else None

    def weight_commits(self, netuid: NetUid, hotkey: AccountId) -> tuple[CommitInfo, ...]:
        return self.commits.get(hotkey, ()) if netuid == NETUID else ()

    def commitment(self, netuid: NetUid, hotkey: AccountId) -> Commitment | None:
        return self.commitments.get(hotkey)

    def receipt_roots(self, netuid: NetUid, hotkey: AccountId) -> tuple[ReceiptRoot, ...]:
        return self.roots.get(hotkey, ())

    def heads(self) -> trio.MemoryReceiveChannel[Head]:
        send, receive = trio.open_memory_channel[Head](64)
        self._heads.append(send)
        return receive

    async def submit(self, call: Call, signer: Signer) -> Hash:
        await trio.lowlevel.checkpoint()
        if self.refuse is not None:
            raise self.refuse
        self.submitted.append((self.now, signer.public, call))
        if self.apply_calls:
            self._apply(call, signer.public)
        return digest("test-tx", len(self.submitted).to_bytes(8, "big"))

    def advance(self, blocks: int = 1) -> None:
        """Make blocks, one head each."""
        for _ in range(blocks):
            self.now = Height(self.now + 1)
            head = Head(self.now, self.block_hash(self.now) or GENESIS)
            for channel in self._heads:
                try:
                    channel.send_nowait(head)
                except (trio.WouldBlock, trio.BrokenResourceError):
                    continue

    def seat(self, hotkey: AccountId, *, permit: bool = False, stake_rao: int = 0, peer_id: str = "") -> NeuronRow:
        """Give a hotkey the next seat."""
        row = NeuronRow(
            uid=Uid(len(self.rows)), hotkey=hotkey, coldkey=digest("test-coldkey", hotkey), peer_id=peer_id,
            addresses=(), stake_weight_rao=stake_rao, alpha_stake=Alpha(stake_rao), root_stake_rao=Rao(0), active=True,
            validator_permit=permit, incentive_u16=0, dividends_u16=0, consensus_u16=0, validator_trust_u16=0,
            rank_u16=0, trust_u16=0, emission_alpha=Alpha(0), last_update=Height(0), registered_at=Height(0),
        )  # fmt: skip
        self.rows.append(row)
        return row

    def change(self, hotkey: AccountId, **fields: object) -> None:
        """Replace fields of a hotkey's row."""
        self.rows = [replace(row, **fields) if row.hotkey == hotkey else row for row in self.rows]  # type: ignore[arg-type]

    def _apply(self, call: Call, signer: AccountId) -> None:
        if isinstance(call, SetWeights):
            self.change(signer, last_update=Height(self.now + 1))
        if isinstance(call, CommitWeights):
            self.change(signer, last_update=Height(self.now + 1))
            period = self.tempo_blocks + 1
            first = ((self.now + 1) // period + 1) * period
            commit = CommitInfo(call.commit_hash, Height(self.now + 1), Height(first), Height(first + period - 1))
            self.commits[signer] = (*self.commits.get(signer, ()), commit)
        if isinstance(call, RevealWeights):
            opened = commit_hash(signer, call.netuid, call.uids, call.values, call.salt, call.version_key)
            self.commits[signer] = tuple(each for each in self.commits.get(signer, ()) if each.hash != opened)
        if isinstance(call, SetCommitment):
            self.commitments[signer] = Commitment(Height(self.now + 1), call.data)
        if isinstance(call, CommitReceiptRoot):
            present = epoch_index(self.now + 1, call.netuid, self.tempo_blocks)
            if present - 1 <= call.epoch <= present:
                known = self.roots.get(signer, ())
                self.roots[signer] = (*known, ReceiptRoot(call.epoch, call.root, call.leaves, Height(self.now + 1)))
        if isinstance(call, ServeAxon):
            self.change(
                signer, peer_id=call.peer_id.decode(), addresses=tuple(address.decode() for address in call.addresses)
            )

    def _info(self) -> SubnetInfo:
        left = self.tempo_blocks - self.now % (self.tempo_blocks + 1)
        key = AccountId(bytes(32))
        return SubnetInfo(
            netuid=NETUID, name="doubling", owner_hotkey=key, owner_coldkey=key, registered_at=Height(0), started=True,
            price_rao=Rao(0), moving_price_rao=Rao(0), tao_in_pool_rao=Rao(0), alpha_in_pool=Alpha(0),
            alpha_out=Alpha(0), protocol_alpha=Alpha(0), tao_emission_rao=Rao(0), alpha_emission=Alpha(0),
            pending_alpha=Alpha(0), tempo_blocks=self.tempo_blocks, blocks_to_epoch=left, last_epoch_height=Height(0),
            neurons=len(self.rows), max_uids=256, burn_rao=Rao(0), registration_open=True,
            hyperparameters=Hyperparameters(commit_reveal=self.commit_reveal),
        )  # fmt: skip


async def until_drawing(chain: FakeChain) -> None:
    """Make the blocks that a validator waits for before its first round: its seeds stand on chain, and some more."""
    for _ in range(SEED_LAG_BLOCKS + 2):
        chain.advance()
        await trio.sleep(0.01)


class World:
    """Nodes that share one chain and one memory network, all connected to each other."""

    def __init__(self) -> None:
        self.chain = FakeChain()
        self.swarm = MemorySwarm()
        self._addresses: list[str] = []

    def join(
        self,
        name: str,
        *,
        permit: bool = False,
        stake_rao: int = 0,
        seated: bool = True,
        chain: FakeChain | None = None,
        announced: bool = True,
    ) -> MarketContext:
        """A node with the key of that name; `announced` puts its peer id on the chain at once."""
        network = self.swarm.join(name, bootstrap=tuple(self._addresses[:1]))
        self._addresses += network.addresses
        signer = signer_of(name)
        if seated:
            row = self.chain.seat(signer.public, permit=permit, stake_rao=stake_rao)
            if announced:
                self.chain.change(row.hotkey, peer_id=network.peer_id, addresses=network.addresses)
        return MarketContext(network, Switchboard(network), chain or self.chain, NETUID, signer)

    def neuron(self, context: MarketContext) -> Neuron:
        """The seat of a node as others see it."""
        seat = context.seat()
        if seat is None:
            raise LookupError("not seated")
        return seat


# --- the subnet that doubles ----------------------------------------------------------------------------------------


class Number(Message, frozen=True):
    """Double this, in so many parts."""

    value: int
    parts: int = 1

    def check(self) -> None:
        if not 0 <= self.value < 2**32:
            raise MalformedMessage("The number is out of range.")


class Double(Part, frozen=True):
    """The doubled number; only the last part's counts."""

    value: int


class Doubling(Subnet[Number, Double]):
    """Honest miners double; `wrong` ones do not; `delay_s` comes before each part."""

    Task = Number
    Part = Double

    def __init__(
        self, *, wrong: bool = False, delay_s: float = 0.0, judge_delay_s: float = 0.0, fault: Exception | None = None
    ) -> None:
        self.spec = Spec("doubling", "Doubling", 3, NETUID, ("calculator",), challenge_blocks=5, sample=8, alpha=0.5)
        self.wrong = wrong
        self.delay_s = delay_s
        self.judge_delay_s = judge_delay_s
        self.fault = fault
        self.judge_fault: Exception | None = None

    routes = (
        Route(
            "POST",
            "/v1/chat/completions",
            lambda request, _entropy: Number(int(request.messages[0].content), 3),
            lambda part, miner: ChatPart(
                text=str(part.value), index=part.index, done=part.done, miner=miner,
                usage=ChatUsage(part.usage.prompt_tokens, part.usage.completion_tokens) if part.done else None,
            ),
        ),
    )  # fmt: skip

    def draw(self, seed: bytes, view: View) -> Number | None:
        return Number(int.from_bytes(seed[:3], "big"), 2)

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        if self.fault is not None:
            raise self.fault
        for index in range(task.parts):
            await trio.sleep(self.delay_s)
            done = index == task.parts - 1
            value = 2 * task.value + self.wrong
            yield Double(index, done, Usage(1, task.parts) if done else Usage(), value)

    async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
        await trio.sleep(self.judge_delay_s)
        if self.judge_fault is not None:
            raise self.judge_fault
        last = answer.parts[-1]
        right = isinstance(last, Double) and last.value == 2 * task.value
        return Verdict(1.0, Code.OK) if right else Verdict(0.0, Code.WRONG)

    def preview(self, parts: Sequence[Double]) -> str:
        return str(parts[-1].value) if parts else ""


class NoModels:
    """A model pool for subnets that need no model."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def text(self, name: str) -> object:
        self.asked.append(name)
        return None


def ask_to_double(value: int) -> ChatRequest:
    """A user's request in the toy subnet's words."""
    return ChatRequest(model="calculator", messages=(ChatTurn("user", str(value)),))
