"""All seats of a subnet, as columns: lists of names and NumPy arrays, each made when it is first asked for.

Units are in the descriptions of the attributes; floats are for reading and plotting, exact integers are in `neurons`.
It must never change: a new state of the chain is a new `Metagraph`.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeVar, final

from node.control import schema
from node.sdk.balance import TAO_NETUID, Balance
from node.sdk.errors import SdkError
from node.sdk.views import Neuron, neuron_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Numbers = npt.NDArray[np.int64]
    Bools = npt.NDArray[np.bool_]

A = TypeVar("A", bound="npt.NDArray[np.generic]")
_U16_MAX: Final = 65_535
_UNITS: Final = 10**9


@final
class Metagraph:
    """Subnet `netuid` as of block `block`; made by `subtensor.metagraph(netuid)`.

    Every list and array has one entry a seat, in the order of `uids`. Arrays cannot be written to.
    """

    def __init__(self, view: schema.Metagraph, proven_at: str | None = None) -> None:
        self._view = view
        self._proven_at = proven_at

    @property
    def netuid(self) -> int:
        return self._view.netuid

    @property
    def block(self) -> int:
        """The height that all of this is of."""
        return self._view.height

    @property
    def proven_at(self) -> str | None:
        """The certified block (64 hex digits) that a light client proved this under; None: a node's word."""
        return self._proven_at

    @property
    def n(self) -> int:
        """How many seats there are."""
        return len(self._view.neurons)

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> "Iterator[Neuron]":
        return iter(self.neurons)

    def __repr__(self) -> str:
        return f"Metagraph(netuid={self.netuid}, n={self.n}, block={self.block})"

    @cached_property
    def neurons(self) -> tuple[Neuron, ...]:
        """The seats with exact amounts."""
        return tuple(neuron_of(each, self.netuid) for each in self._view.neurons)

    def neuron(self, uid: int) -> Neuron:
        """Return one seat. Raises SdkError when nobody sits there."""
        for each in self._view.neurons:
            if each.uid == uid:
                return neuron_of(each, self.netuid)
        raise SdkError(f"Nobody sits on seat {uid} of subnet {self.netuid}.", remedy="`metagraph.uids` has the seats.")

    def uid_of(self, hotkey: str) -> int | None:
        """Return the seat of an ss58 hotkey, or None."""
        return next((each.uid for each in self._view.neurons if each.hotkey == hotkey), None)

    # --- names --------------------------------------------------------------------------------------------------------

    @property
    def hotkeys(self) -> list[str]:
        """ss58 text by seat."""
        return [each.hotkey for each in self._view.neurons]

    @property
    def coldkeys(self) -> list[str]:
        """ss58 text by seat."""
        return [each.coldkey for each in self._view.neurons]

    @property
    def axons(self) -> list[tuple[str, ...]]:
        """Where each neuron can be dialled: multiaddresses with its peer id; empty while it has published none."""
        return [
            tuple(address if "/p2p/" in address else f"{address}/p2p/{each.peer_id}" for address in each.addresses)
            for each in self._view.neurons
        ]

    # --- numbers ------------------------------------------------------------------------------------------------------

    @cached_property
    def uids(self) -> "Numbers":
        """int64: the seats."""
        return self._numbers([each.uid for each in self._view.neurons])

    @cached_property
    def stake(self) -> "Floats":
        """float64, τ: the stake weight behind each hotkey, α and weighted root stake together."""
        return self._floats([each.stake_rao for each in self._view.neurons], _UNITS)

    @cached_property
    def alpha_stake(self) -> "Floats":
        """float64, α of this subnet (on root: τ) behind each hotkey."""
        return self._floats([each.stake_alpha for each in self._view.neurons], _UNITS)

    @cached_property
    def incentive(self) -> "Floats":
        """float64, 0 to 1: the share of what miners are paid."""
        return self._floats([each.incentive_u16 for each in self._view.neurons], _U16_MAX)

    @cached_property
    def dividends(self) -> "Floats":
        """float64, 0 to 1: the share of what validators are paid."""
        return self._floats([each.dividends_u16 for each in self._view.neurons], _U16_MAX)

    @cached_property
    def emission(self) -> "Floats":
        """float64, α: what the last epoch paid."""
        return self._floats([each.emission_alpha for each in self._view.neurons], _UNITS)

    @cached_property
    def consensus(self) -> "Floats":
        """float64, 0 to 1: the weight that most stake agrees on."""
        return self._floats([each.consensus_u16 for each in self._view.neurons], _U16_MAX)

    @cached_property
    def validator_trust(self) -> "Floats":
        """float64, 0 to 1: how much of a validator's opinion the others share."""
        return self._floats([each.validator_trust_u16 for each in self._view.neurons], _U16_MAX)

    @cached_property
    def last_update(self) -> "Numbers":
        """int64: the height at which each set its weights last; 0: never."""
        return self._numbers([each.last_update for each in self._view.neurons])

    @cached_property
    def registered_at(self) -> "Numbers":
        """int64: the height at which each seat was taken."""
        return self._numbers([each.registered_at for each in self._view.neurons])

    @cached_property
    def validator_permit(self) -> "Bools":
        """bool: who may set weights."""
        return self._bools([each.validator_permit for each in self._view.neurons])

    @cached_property
    def active(self) -> "Bools":
        """bool: who has set weights lately enough."""
        return self._bools([each.active for each in self._view.neurons])

    @property
    def total_stake(self) -> Balance:
        """All stake weight, exact, in τ."""
        return Balance(sum(each.stake_rao for each in self._view.neurons), TAO_NETUID)

    # the letters of the papers

    @property
    def S(self) -> "Floats":
        """See `stake`."""
        return self.stake

    @property
    def I(self) -> "Floats":  # noqa: E743
        """See `incentive`."""
        return self.incentive

    @property
    def E(self) -> "Floats":
        """See `emission`."""
        return self.emission

    @property
    def D(self) -> "Floats":
        """See `dividends`."""
        return self.dividends

    @property
    def C(self) -> "Floats":
        """See `consensus`."""
        return self.consensus

    @property
    def Tv(self) -> "Floats":
        """See `validator_trust`."""
        return self.validator_trust

    def _floats(self, values: list[int], whole: int) -> "Floats":
        import numpy as np

        return _frozen(np.array(values, dtype=np.float64) / whole)

    def _numbers(self, values: list[int]) -> "Numbers":
        import numpy as np

        return _frozen(np.array(values, dtype=np.int64))

    def _bools(self, values: list[bool]) -> "Bools":
        import numpy as np

        return _frozen(np.array(values, dtype=np.bool_))


def _frozen(array: A) -> A:
    array.setflags(write=False)
    return array
