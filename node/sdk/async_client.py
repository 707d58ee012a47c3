"""`AsyncSubtensor`: a node of this machine for asyncio programs. `node.sdk.client` has the blocking one.

It keeps one connection and comes back by itself when the node restarts. Reads ask the node; with `…_proven` a light
client asks the network and believes nobody. Transactions are signed in this process.
"""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from node.control.schema import AskPart, ChatMessage
from node.sdk.balance import Balance
from node.sdk.core import Core, WaitFor, home_of
from node.sdk.intents import AddStake, BurnedRegister, Intent, RemoveStake, SetWeights, Transfer
from node.sdk.limits import WAIT_DEFAULT_S
from node.sdk.metagraph import Metagraph
from node.sdk.plans import Plan, Result
from node.sdk.policy import Policy
from node.sdk.reading import Light, Reading
from node.sdk.reads_async import (
    AsyncBalances,
    AsyncBlocks,
    AsyncNeurons,
    AsyncNode,
    AsyncProposals,
    AsyncStakes,
    AsyncSubnets,
    AsyncTransactions,
)
from node.sdk.views import ProvenBalance
from node.sdk.wallet import Wallet


@final
class AsyncSubtensor:
    """Use it with `async with`, or call `connect` and `close`. For one event loop.

    `network`: None for the default node, "local" for the local network, or the home of a node. `policy` bounds what may
    be executed. `light_peers` and `checkpoint` are for the light client of proven reads.
    """

    def __init__(
        self, network: str | Path | None = None, *, policy: Policy | None = None, light_peers: Sequence[str] = (),
        checkpoint: str | None = None,
    ) -> None:  # fmt: skip
        """Raises UnknownNetwork."""
        self._core = Core(home_of(network), policy)
        self._light = Light(self._core.home, self._core.api, tuple(light_peers), checkpoint)
        self._reading = Reading(self._core.api, self._light)
        self.balances = AsyncBalances(self._reading)
        self.stakes = AsyncStakes(self._reading)
        self.subnets = AsyncSubnets(self._reading)
        self.neurons = AsyncNeurons(self._reading)
        self.blocks = AsyncBlocks(self._reading)
        self.proposals = AsyncProposals(self._reading)
        self.transactions = AsyncTransactions(self._reading)
        self.node = AsyncNode(self._reading)

    @property
    def home(self) -> Path:
        """The home of the node that is asked."""
        return self._core.home

    @property
    def spent(self) -> Balance:
        """What this client has sent so far, fees included."""
        return self._core.spent

    async def connect(self) -> Self:
        """Connect. Raises NotRunning, VersionMismatch, RequestTimeout."""
        await self._core.api.connect()
        return self

    async def close(self) -> None:
        """Hang up; the node goes on."""
        await self._light.close()
        await self._core.api.aclose()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def wallet(self, name: str = "default", hotkey: str = "default") -> Wallet:
        """Return a wallet of this node's home."""
        return self._core.wallet(name, hotkey)

    async def read(self, name: str, **arguments: object) -> Any:
        """Make any read of the catalogue (`neurond tools`) and return its view. Raises UnknownRead, RemoteError."""
        return await self._reading.read(name, arguments)

    async def ask(
        self, question: str, model: str | None = None, max_tokens: int | None = None
    ) -> AsyncGenerator[AskPart]:
        """Put a question to the network; the parts' texts joined are the answer, the last part has `done`."""
        async for part in self._core.api.ask((ChatMessage("user", question),), model, max_tokens):
            yield part

    async def plan(self, intent: Intent, wallet: Wallet | str) -> Plan:
        """Return what `intent` would do now, for a wallet or an ss58 address; nothing is signed. Raises NodeError."""
        return await self._core.plan(intent, wallet)

    async def execute(self, what: Intent | Plan, wallet: Wallet, *, wait_for: WaitFor = "final") -> Result:
        """Carry out an intent, or a plan exactly as it was shown: check the policy, sign here, send, wait.

        A refusal is a Result with `error`, not an exception; `result.check()` makes one of it. Executing a plan twice
        does it twice.

        Raises:
            NodeError: it cannot be meant, or the key cannot be opened; nothing was sent then.
        """
        return await self._core.execute(what, wallet, wait_for)

    # --- the names of Bittensor's SDK, where they mean the same -------------------------------------------------------

    async def get_current_block(self) -> int:
        """See `blocks.height`."""
        return await self.blocks.height()

    async def wait_for_block(self, block: int | None = None, timeout_s: float = WAIT_DEFAULT_S) -> int:
        """See `blocks.wait`."""
        return await self.blocks.wait(block, timeout_s)

    async def get_balance(self, address: str) -> Balance:
        """See `balances.get`."""
        return await self.balances.get(address)

    async def get_proven_balance(self, address: str) -> ProvenBalance:
        """See `balances.get_proven`."""
        return await self.balances.get_proven(address)

    async def get_stake(self, coldkey_ss58: str, hotkey_ss58: str, netuid: int) -> Balance:
        """See `stakes.get`."""
        return await self.stakes.get(coldkey_ss58, hotkey_ss58, netuid)

    async def metagraph(self, netuid: int) -> Metagraph:
        """See `neurons.metagraph`."""
        return await self.neurons.metagraph(netuid)

    async def subnet_exists(self, netuid: int) -> bool:
        """Tell whether there is a subnet."""
        return any(each.netuid == netuid for each in await self.subnets.all())

    async def get_uid_for_hotkey_on_subnet(self, hotkey_ss58: str, netuid: int) -> int | None:
        """See `neurons.uid_of`."""
        return await self.neurons.uid_of(netuid, hotkey_ss58)

    async def is_hotkey_registered(self, hotkey_ss58: str, netuid: int) -> bool:
        """Tell whether a hotkey has a seat."""
        return await self.neurons.uid_of(netuid, hotkey_ss58) is not None

    async def transfer(self, wallet: Wallet, destination: str, amount: Balance) -> Result:
        """Execute `Transfer`."""
        return await self.execute(Transfer(destination, amount), wallet)

    async def add_stake(self, wallet: Wallet, netuid: int, hotkey_ss58: str, amount: Balance) -> Result:
        """Execute `AddStake` with the usual tolerance."""
        return await self.execute(AddStake(netuid, hotkey_ss58, amount), wallet)

    async def unstake(self, wallet: Wallet, netuid: int, hotkey_ss58: str, amount: Balance | None = None) -> Result:
        """Execute `RemoveStake` with the usual tolerance; None: all of it."""
        return await self.execute(RemoveStake(netuid, hotkey_ss58, amount), wallet)

    async def burned_register(self, wallet: Wallet, netuid: int) -> Result:
        """Execute `BurnedRegister` for the wallet's hotkey."""
        return await self.execute(BurnedRegister(netuid, wallet.hotkeypub.ss58_address), wallet)

    async def set_weights(self, wallet: Wallet, netuid: int, uids: Sequence[int], weights: Sequence[float]) -> Result:
        """Execute `SetWeights` with the wallet's hotkey."""
        return await self.execute(SetWeights(netuid, uids, weights), wallet)
