"""`Subtensor`: a node of this machine for programs that block. It is `Subtensor` in a thread of its own.

Because of that it works where an event loop runs already, as in a notebook, and from several threads.
"""

from collections.abc import Generator, Sequence
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
from node.sdk.portal import Portal
from node.sdk.reading import Light, Reading
from node.sdk.reads_sync import (
    Balances,
    Blocks,
    Neurons,
    Node,
    Proposals,
    Stakes,
    Subnets,
    Transactions,
)
from node.sdk.views import ProvenBalance
from node.sdk.wallet import Wallet


@final
class Subtensor:
    """Use it with `with`, or call `close`. May be used from several threads.

    `network`: None for the default node, "local" for the local network, or the home of a node. `policy` bounds what may
    be executed. `light_peers` and `checkpoint` are for the light client of proven reads.
    """

    def __init__(
        self, network: str | Path | None = None, *, policy: Policy | None = None, light_peers: Sequence[str] = (),
        checkpoint: str | None = None,
    ) -> None:  # fmt: skip
        """Connect. Raises UnknownNetwork, NotRunning, VersionMismatch, RequestTimeout."""
        home = home_of(network)
        self._portal = Portal()
        self._closed = False
        self._core = Core(home, policy)
        self._light = Light(self._core.home, self._core.api, tuple(light_peers), checkpoint)
        self._reading = Reading(self._core.api, self._light)
        self.balances = Balances(self._reading, self._portal)
        self.stakes = Stakes(self._reading, self._portal)
        self.subnets = Subnets(self._reading, self._portal)
        self.neurons = Neurons(self._reading, self._portal)
        self.blocks = Blocks(self._reading, self._portal)
        self.proposals = Proposals(self._reading, self._portal)
        self.transactions = Transactions(self._reading, self._portal)
        self.node = Node(self._reading, self._portal)
        try:
            self.connect()
        except BaseException:
            self._portal.close()
            raise

    @property
    def home(self) -> Path:
        """The home of the node that is asked."""
        return self._core.home

    @property
    def spent(self) -> Balance:
        """What this client has sent so far, fees included."""
        return self._core.spent

    def connect(self) -> Self:
        """Do nothing while connected, else connect anew. Raises as the constructor."""
        self._portal.run(self._connect())
        return self

    def close(self) -> None:
        """Hang up; the node goes on."""
        if not self._closed:
            self._closed = True
            self._portal.run(self._hang_up())
            self._portal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def wallet(self, name: str = "default", hotkey: str = "default") -> Wallet:
        """Return a wallet of this node's home."""
        return self._core.wallet(name, hotkey)

    def read(self, name: str, **arguments: object) -> Any:
        """Make any read of the catalogue (`neurond tools`) and return its view. Raises UnknownRead, RemoteError."""
        return self._portal.run(self._reading.read(name, arguments))

    def ask(self, question: str, model: str | None = None, max_tokens: int | None = None) -> Generator[AskPart]:
        """Put a question to the network; the parts' texts joined are the answer, the last part has `done`."""
        parts = self._core.api.ask((ChatMessage("user", question),), model, max_tokens)
        try:
            while (part := self._portal.run(anext(parts, None))) is not None:
                yield part
        finally:
            self._portal.run(parts.aclose())

    def plan(self, intent: Intent, wallet: Wallet | str) -> Plan:
        """Return what `intent` would do now, for a wallet or an ss58 address; nothing is signed. Raises NodeError."""
        return self._portal.run(self._core.plan(intent, wallet))

    def execute(self, what: Intent | Plan, wallet: Wallet, *, wait_for: WaitFor = "final") -> Result:
        """Carry out an intent, or a plan exactly as it was shown: check the policy, sign here, send, wait.

        A refusal is a Result with `error`, not an exception; `result.check()` makes one of it. Executing a plan twice
        does it twice.

        Raises:
            NodeError: it cannot be meant, or the key cannot be opened; nothing was sent then.
        """
        return self._portal.run(self._core.execute(what, wallet, wait_for))

    async def _connect(self) -> None:
        await self._core.api.connect()

    async def _hang_up(self) -> None:
        await self._light.close()
        await self._core.api.aclose()

    # --- the names of Bittensor's SDK, where they mean the same -------------------------------------------------------

    def get_current_block(self) -> int:
        """See `blocks.height`."""
        return self.blocks.height()

    def wait_for_block(self, block: int | None = None, timeout_s: float = WAIT_DEFAULT_S) -> int:
        """See `blocks.wait`."""
        return self.blocks.wait(block, timeout_s)

    def get_balance(self, address: str) -> Balance:
        """See `balances.get`."""
        return self.balances.get(address)

    def get_proven_balance(self, address: str) -> ProvenBalance:
        """See `balances.get_proven`."""
        return self.balances.get_proven(address)

    def get_stake(self, coldkey_ss58: str, hotkey_ss58: str, netuid: int) -> Balance:
        """See `stakes.get`."""
        return self.stakes.get(coldkey_ss58, hotkey_ss58, netuid)

    def metagraph(self, netuid: int) -> Metagraph:
        """See `neurons.metagraph`."""
        return self.neurons.metagraph(netuid)

    def subnet_exists(self, netuid: int) -> bool:
        """Tell whether there is a subnet."""
        return any(each.netuid == netuid for each in self.subnets.all())

    def get_uid_for_hotkey_on_subnet(self, hotkey_ss58: str, netuid: int) -> int | None:
        """See `neurons.uid_of`."""
        return self.neurons.uid_of(netuid, hotkey_ss58)

    def is_hotkey_registered(self, hotkey_ss58: str, netuid: int) -> bool:
        """Tell whether a hotkey has a seat."""
        return self.neurons.uid_of(netuid, hotkey_ss58) is not None

    def transfer(self, wallet: Wallet, destination: str, amount: Balance) -> Result:
        """Execute `Transfer`."""
        return self.execute(Transfer(destination, amount), wallet)

    def add_stake(self, wallet: Wallet, netuid: int, hotkey_ss58: str, amount: Balance) -> Result:
        """Execute `AddStake` with the usual tolerance."""
        return self.execute(AddStake(netuid, hotkey_ss58, amount), wallet)

    def unstake(self, wallet: Wallet, netuid: int, hotkey_ss58: str, amount: Balance | None = None) -> Result:
        """Execute `RemoveStake` with the usual tolerance; None: all of it."""
        return self.execute(RemoveStake(netuid, hotkey_ss58, amount), wallet)

    def burned_register(self, wallet: Wallet, netuid: int) -> Result:
        """Execute `BurnedRegister` for the wallet's hotkey."""
        return self.execute(BurnedRegister(netuid, wallet.hotkeypub.ss58_address), wallet)

    def set_weights(self, wallet: Wallet, netuid: int, uids: Sequence[int], weights: Sequence[float]) -> Result:
        """Execute `SetWeights` with the wallet's hotkey."""
        return self.execute(SetWeights(netuid, uids, weights), wallet)
