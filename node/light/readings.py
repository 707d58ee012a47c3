"""The questions that one answer of a full node settles with proofs, as values of the wire.

Each names one query of `node.ledger.queries` and also covers the network's name and clock, so that an answer tells how
old it is. `touch` only decides which rows are proven; what they say is asked of the proven rows again.
"""

from contextlib import suppress

from node.ledger import queries
from node.ledger.state import StateView
from node.primitives.codec import Wire
from node.primitives.errors import DecodeError, LedgerError
from node.primitives.limits import UIDS_MAX
from node.primitives.types import ACCOUNT_BYTES, AccountId, NetUid, Uid

_NETUID_MAX = 0xFFFF


class BalanceOf(Wire, frozen=True, tag=1):
    """The account's free τ and nonce."""

    account: AccountId


class StakesOf(Wire, frozen=True, tag=2):
    """A coldkey's positions and what they are worth."""

    coldkey: AccountId


class SubnetOf(Wire, frozen=True, tag=3):
    """One subnet: pool, price, hyperparameters."""

    netuid: NetUid


class NeuronOf(Wire, frozen=True, tag=4):
    """One row of a subnet's metagraph."""

    netuid: NetUid
    uid: Uid


class MetagraphOf(Wire, frozen=True, tag=5):
    """A subnet with all of its neurons."""

    netuid: NetUid


class AuthoritiesOf(Wire, frozen=True, tag=6):
    """The set that decides on the next block."""


Reading = BalanceOf | StakesOf | SubnetOf | NeuronOf | MetagraphOf | AuthoritiesOf


def check_reading(reading: Reading) -> None:
    """Refuse a reading that is malformed on its own (DecodeError)."""
    match reading:
        case BalanceOf(account) | StakesOf(account):
            if len(account) != ACCOUNT_BYTES:
                raise DecodeError("An account of this reading has the wrong length.")
        case SubnetOf(netuid) | MetagraphOf(netuid):
            _check_number(netuid, _NETUID_MAX)
        case NeuronOf(netuid, uid):
            _check_number(netuid, _NETUID_MAX)
            _check_number(uid, UIDS_MAX - 1)
        case AuthoritiesOf():
            pass


def touch(reading: Reading, view: StateView) -> None:
    """Look at every row of `view` that settles `reading`; that something does not exist settles it too.

    Raises what `view` raises.
    """
    queries.chain_info(view)
    with suppress(LedgerError):
        match reading:
            case BalanceOf(account):
                queries.balance(view, account)
                queries.nonce(view, account)
            case StakesOf(coldkey):
                queries.stakes_of(view, coldkey)
            case SubnetOf(netuid):
                queries.subnet(view, netuid)
            case NeuronOf(netuid, uid):
                queries.neuron(view, netuid, uid)
            case MetagraphOf(netuid):
                queries.metagraph(view, netuid)
            case AuthoritiesOf():
                queries.authority_set(view)


def _check_number(number: int, maximum: int) -> None:
    if not 0 <= number <= maximum:
        raise DecodeError(f"A number of this reading is not between 0 and {maximum}.")
