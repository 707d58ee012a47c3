"""The calls that carry no other call: what a proxy makes for its account and a proposal has executed."""

from node.ledger.calls.accounts import AccountsCall
from node.ledger.calls.authority import AuthorityCall
from node.ledger.calls.channels import ChannelsCall
from node.ledger.calls.children import ChildrenCall
from node.ledger.calls.commitments import CommitmentsCall
from node.ledger.calls.delegation import DelegationCall
from node.ledger.calls.governance import GovernanceCall
from node.ledger.calls.identities import IdentitiesCall
from node.ledger.calls.moves import MovesCall
from node.ledger.calls.networks import NetworksCall
from node.ledger.calls.registration import RegistrationCall
from node.ledger.calls.roots import RootsCall
from node.ledger.calls.staking import StakingCall
from node.ledger.calls.swaps import SwapsCall
from node.ledger.calls.weights import WeightsCall

PlainCall = (
    AccountsCall
    | StakingCall
    | MovesCall
    | NetworksCall
    | RegistrationCall
    | WeightsCall
    | DelegationCall
    | CommitmentsCall
    | ChildrenCall
    | SwapsCall
    | IdentitiesCall
    | GovernanceCall
    | AuthorityCall
    | ChannelsCall
    | RootsCall
)
"""Any call without another one inside."""
