"""The namespaces of `Subtensor`: every question under its name, blocking. The same as those of `reads_async`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

from node.control import schema
from node.sdk.balance import Balance
from node.sdk.limits import WAIT_DEFAULT_S
from node.sdk.metagraph import Metagraph
from node.sdk.portal import Portal
from node.sdk.reading import Reading
from node.sdk.views import Neuron, ProvenBalance, ProvenStakes, ProvenSubnet, StakePosition, Subnet, SwapQuote

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@final
class Balances:
    """What accounts hold."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def get(self, address: str) -> Balance:
        """Return the free τ of an ss58 address; 0 for one never seen."""
        return self._run(self._reading.balance(address))

    def get_proven(self, address: str) -> ProvenBalance:
        """As `get`, proven by a light client. Raises NoFullNode, BrokenFinality."""
        return self._run(self._reading.balance_proven(address))

    def many(self, addresses: Sequence[str]) -> dict[str, Balance]:
        """Return the free τ of several addresses."""
        return self._run(self._reading.balances(tuple(addresses)))


@final
class Stakes:
    """What is staked, and what staking would bring."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def of(self, coldkey: str) -> tuple[StakePosition, ...]:
        """Return every position of a coldkey."""
        return self._run(self._reading.stakes(coldkey))

    def of_proven(self, coldkey: str) -> ProvenStakes:
        """As `of`, proven by a light client to be all there is."""
        return self._run(self._reading.stakes_proven(coldkey))

    def get(self, coldkey: str, hotkey: str, netuid: int) -> Balance:
        """Return one position, in α of the subnet (on root: τ); 0 when there is none."""
        return self._run(self._reading.stake(coldkey, hotkey, netuid))

    def quote(self, netuid: int, amount: Balance) -> SwapQuote:
        """Return what staking τ, or unstaking α of the subnet, would bring now."""
        return self._run(self._reading.quote(netuid, amount))


@final
class Subnets:
    """What is mined."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def all(self) -> tuple[Subnet, ...]:
        """Return every subnet."""
        return self._run(self._reading.subnets())

    def get(self, netuid: int) -> Subnet:
        """Return one subnet. Raises SdkError when there is none."""
        return self._run(self._reading.subnet(netuid))

    def get_proven(self, netuid: int) -> ProvenSubnet:
        """As `get`, proven by a light client."""
        return self._run(self._reading.subnet_proven(netuid))

    def price(self, netuid: int) -> Balance:
        """Return the τ price of one whole α."""
        return self.get(netuid).price

    def burn_cost(self, netuid: int) -> Balance:
        """Return what a seat costs now."""
        return self.get(netuid).burn

    def hyperparameters(self, netuid: int) -> dict[str, str]:
        """Return the subnet's hyperparameters, name to value with its unit."""
        return self.get(netuid).hyperparameters


@final
class Neurons:
    """Who takes part."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def metagraph(self, netuid: int) -> Metagraph:
        """Return all seats of a subnet as columns."""
        return self._run(self._reading.metagraph(netuid))

    def weights(self, netuid: int) -> "npt.NDArray[np.float64]":
        """Return W: float64, shares of what each gave, row by giver, column by receiver, in the metagraph's order."""
        return self._run(self._reading.weights(netuid))

    def metagraph_proven(self, netuid: int) -> Metagraph:
        """As `metagraph`, proven by a light client; `proven_at` names the block."""
        return self._run(self._reading.metagraph_proven(netuid))

    def all(self, netuid: int) -> tuple[Neuron, ...]:
        """Return the seats of a subnet by uid."""
        return self.metagraph(netuid).neurons

    def get(self, netuid: int, uid: int) -> Neuron:
        """Return one seat. Raises SdkError when nobody sits there."""
        return self.metagraph(netuid).neuron(uid)

    def uid_of(self, netuid: int, hotkey: str) -> int | None:
        """Return the seat of an ss58 hotkey, None when it has none."""
        return self.metagraph(netuid).uid_of(hotkey)


@final
class Blocks:
    """How far the chain is."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def height(self) -> int:
        """Return the height of the newest block."""
        return self._run(self._reading.height())

    def final_height(self) -> int:
        """Return the height of the newest final block."""
        return self._run(self._reading.final_height())

    def wait(self, height: int | None = None, timeout_s: float = WAIT_DEFAULT_S) -> int:
        """Wait for `height` (None: the next block), return the height then. Raises RequestTimeout."""
        return self._run(self._reading.wait_for_height(height, timeout_s))


@final
class Proposals:
    """What is voted on."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def all(self) -> tuple[schema.ProposalView, ...]:
        """Return the open proposals."""
        return self._run(self._reading.api.proposals())

    def get(self, index: int) -> schema.ProposalView:
        """Return one open proposal. Raises SdkError when there is none."""
        return self._run(self._reading.proposal(index))


@final
class Transactions:
    """What became of what was sent."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def status(self, transaction_hash: str) -> schema.TransactionStatus:
        """Return where a transaction (64 hex digits) is."""
        return self._run(self._reading.api.tx_status(transaction_hash))


@final
class Node:
    """The node that is asked."""

    def __init__(self, reading: Reading, portal: Portal) -> None:
        self._reading = reading
        self._run = portal.run

    def status(self) -> schema.NodeStatus:
        """Return how the node is."""
        return self._run(self._reading.api.status())

    def peers(self) -> tuple[schema.PeerInfo, ...]:
        """Return the peers it is connected to."""
        return self._run(self._reading.api.peers())

    def models(self) -> tuple[schema.ModelInfo, ...]:
        """Return the models it knows and has."""
        return self._run(self._reading.api.models())

    def doctor(self) -> schema.Checkup:
        """Look for what is wrong; takes seconds."""
        return self._run(self._reading.api.doctor())
