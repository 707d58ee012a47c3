"""The namespaces of `AsyncSubtensor`: every question under its name, to be awaited. See `node.sdk.reading`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from node.control import schema
from node.sdk.balance import Balance
from node.sdk.limits import WAIT_DEFAULT_S
from node.sdk.metagraph import Metagraph
from node.sdk.reading import Reading
from node.sdk.views import Neuron, ProvenBalance, ProvenStakes, ProvenSubnet, StakePosition, Subnet, SwapQuote

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@final
class AsyncBalances:
    """What accounts hold."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def get(self, address: str) -> Balance:
        """Return the free τ of an ss58 address; 0 for one never seen."""
        return await self._reading.balance(address)

    async def get_proven(self, address: str) -> ProvenBalance:
        """As `get`, proven by a light client. Raises NoFullNode, BrokenFinality."""
        return await self._reading.balance_proven(address)

    async def many(self, addresses: Sequence[str]) -> dict[str, Balance]:
        """Return the free τ of several addresses."""
        return await self._reading.balances(tuple(addresses))


@final
class AsyncStakes:
    """What is staked, and what staking would bring."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def of(self, coldkey: str) -> tuple[StakePosition, ...]:
        """Return every position of a coldkey."""
        return await self._reading.stakes(coldkey)

    async def of_proven(self, coldkey: str) -> ProvenStakes:
        """As `of`, proven by a light client to be all there is."""
        return await self._reading.stakes_proven(coldkey)

    async def get(self, coldkey: str, hotkey: str, netuid: int) -> Balance:
        """Return one position, in α of the subnet (on root: τ); 0 when there is none."""
        return await self._reading.stake(coldkey, hotkey, netuid)

    async def quote(self, netuid: int, amount: Balance) -> SwapQuote:
        """Return what staking τ, or unstaking α of the subnet, would bring now."""
        return await self._reading.quote(netuid, amount)


@final
class AsyncSubnets:
    """What is mined."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def all(self) -> tuple[Subnet, ...]:
        """Return every subnet."""
        return await self._reading.subnets()

    async def get(self, netuid: int) -> Subnet:
        """Return one subnet. Raises SdkError when there is none."""
        return await self._reading.subnet(netuid)

    async def get_proven(self, netuid: int) -> ProvenSubnet:
        """As `get`, proven by a light client."""
        return await self._reading.subnet_proven(netuid)

    async def price(self, netuid: int) -> Balance:
        """Return the τ price of one whole α."""
        return (await self.get(netuid)).price

    async def burn_cost(self, netuid: int) -> Balance:
        """Return what a seat costs now."""
        return (await self.get(netuid)).burn

    async def hyperparameters(self, netuid: int) -> dict[str, str]:
        """Return the subnet's hyperparameters, name to value with its unit."""
        return (await self.get(netuid)).hyperparameters


@final
class AsyncNeurons:
    """Who takes part."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def metagraph(self, netuid: int) -> Metagraph:
        """Return all seats of a subnet as columns."""
        return await self._reading.metagraph(netuid)

    async def weights(self, netuid: int) -> "npt.NDArray[np.float64]":
        """Return W: float64, shares of what each gave, row by giver, column by receiver, in the metagraph's order."""
        return await self._reading.weights(netuid)

    async def metagraph_proven(self, netuid: int) -> Metagraph:
        """As `metagraph`, proven by a light client; `proven_at` names the block."""
        return await self._reading.metagraph_proven(netuid)

    async def all(self, netuid: int) -> tuple[Neuron, ...]:
        """Return the seats of a subnet by uid."""
        return (await self.metagraph(netuid)).neurons

    async def get(self, netuid: int, uid: int) -> Neuron:
        """Return one seat. Raises SdkError when nobody sits there."""
        return (await self.metagraph(netuid)).neuron(uid)

    async def uid_of(self, netuid: int, hotkey: str) -> int | None:
        """Return the seat of an ss58 hotkey, None when it has none."""
        return (await self.metagraph(netuid)).uid_of(hotkey)


@final
class AsyncBlocks:
    """How far the chain is."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def height(self) -> int:
        """Return the height of the newest block."""
        return await self._reading.height()

    async def final_height(self) -> int:
        """Return the height of the newest final block."""
        return await self._reading.final_height()

    async def wait(self, height: int | None = None, timeout_s: float = WAIT_DEFAULT_S) -> int:
        """Wait for `height` (None: the next block), return the height then. Raises RequestTimeout."""
        return await self._reading.wait_for_height(height, timeout_s)


@final
class AsyncProposals:
    """What is voted on."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def all(self) -> tuple[schema.ProposalView, ...]:
        """Return the open proposals."""
        return await self._reading.api.proposals()

    async def get(self, index: int) -> schema.ProposalView:
        """Return one open proposal. Raises SdkError when there is none."""
        return await self._reading.proposal(index)


@final
class AsyncTransactions:
    """What became of what was sent."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def status(self, transaction_hash: str) -> schema.TransactionStatus:
        """Return where a transaction (64 hex digits) is."""
        return await self._reading.api.tx_status(transaction_hash)


@final
class AsyncNode:
    """The node that is asked."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def status(self) -> schema.NodeStatus:
        """Return how the node is."""
        return await self._reading.api.status()

    async def peers(self) -> tuple[schema.PeerInfo, ...]:
        """Return the peers it is connected to."""
        return await self._reading.api.peers()

    async def models(self) -> tuple[schema.ModelInfo, ...]:
        """Return the models it knows and has."""
        return await self._reading.api.models()

    async def doctor(self) -> schema.Checkup:
        """Look for what is wrong; takes seconds."""
        return await self._reading.api.doctor()
