"""From a call to the pallet that carries it out. A type checker proves that no call is left out."""

from typing import assert_never

from node.ledger import calls
from node.ledger.context import Context
from node.ledger.pallets import (
    accounts,
    commitments,
    delegation,
    dissolution,
    exits,
    moves,
    networks,
    registration,
    secret_weights,
    staking,
    trimming,
    tuning,
    weights,
)
from node.primitives.types import AccountId


def dispatch(context: Context, sender: AccountId, call: calls.Call) -> None:
    """Carry out `call`. Raises a `CallError` leaf; the caller then undoes what was written."""
    if isinstance(call, calls.AccountsCall):
        accounts.transfer(context, sender, call)
    elif isinstance(call, calls.StakingCall):
        _staking(context, sender, call)
    elif isinstance(call, calls.MovesCall):
        _moves(context, sender, call)
    elif isinstance(call, calls.NetworksCall):
        _networks(context, sender, call)
    elif isinstance(call, calls.RegistrationCall):
        _registration(context, sender, call)
    elif isinstance(call, calls.WeightsCall):
        _weights(context, sender, call)
    elif isinstance(call, calls.DelegationCall):
        _delegation(context, sender, call)
    elif isinstance(call, calls.CommitmentsCall):
        commitments.set_commitment(context, sender, call)
    else:
        assert_never(call)


def _staking(context: Context, sender: AccountId, call: calls.StakingCall) -> None:
    match call:
        case calls.AddStake() | calls.AddStakeLimit():
            staking.add_stake(context, sender, call)
        case calls.RemoveStake() | calls.RemoveStakeLimit():
            staking.remove_stake(context, sender, call)
        case _:
            assert_never(call)


def _registration(context: Context, sender: AccountId, call: calls.RegistrationCall) -> None:
    match call:
        case calls.BurnedRegister() | calls.RegisterLimit():
            registration.burned_register(context, sender, call)
        case calls.ServeAxon():
            registration.serve_axon(context, sender, call)
        case _:
            assert_never(call)


def _delegation(context: Context, sender: AccountId, call: calls.DelegationCall) -> None:
    match call:
        case calls.IncreaseTake():
            delegation.increase_take(context, sender, call)
        case calls.DecreaseTake():
            delegation.decrease_take(context, sender, call)
        case _:
            assert_never(call)


def _weights(context: Context, sender: AccountId, call: calls.WeightsCall) -> None:
    match call:
        case calls.SetWeights():
            weights.set_weights(context, sender, call)
        case calls.CommitWeights():
            secret_weights.commit_weights(context, sender, call)
        case calls.RevealWeights():
            secret_weights.reveal_weights(context, sender, call)
        case calls.BatchSetWeights():
            secret_weights.batch_set(context, sender, call)
        case calls.BatchCommitWeights():
            secret_weights.batch_commit(context, sender, call)
        case calls.BatchRevealWeights():
            secret_weights.batch_reveal(context, sender, call)
        case _:
            assert_never(call)


def _moves(context: Context, sender: AccountId, call: calls.MovesCall) -> None:
    match call:
        case calls.MoveStake() | calls.SwapStake() | calls.SwapStakeLimit() | calls.TransferStake():
            moves.move(context, sender, call)
        case calls.RemoveStakeFullLimit():
            exits.remove_stake_full(context, sender, call)
        case calls.UnstakeAll():
            exits.unstake_all(context, sender, call)
        case calls.UnstakeAllAlpha():
            exits.unstake_all_alpha(context, sender, call)
        case calls.RecycleAlpha() | calls.BurnAlpha():
            exits.destroy_alpha(context, sender, call)
        case calls.AddStakeBurn():
            exits.add_stake_burn(context, sender, call)
        case _:
            assert_never(call)


def _networks(context: Context, sender: AccountId, call: calls.NetworksCall) -> None:
    match call:
        case calls.RegisterNetwork() | calls.RegisterNetworkWithIdentity():
            networks.register_network(context, sender, call)
        case calls.StartCall():
            networks.start_call(context, sender, call)
        case calls.RootDissolveNetwork():
            dissolution.root_dissolve(context, call)
        case calls.SetSubnetIdentity():
            networks.set_identity(context, sender, call)
        case calls.SetSubnetOwnerHotkey():
            tuning.set_owner_hotkey(context, sender, call)
        case calls.TrimToMaxAllowedUids():
            trimming.trim(context, sender, call)
        case calls.SetHyperparameter():
            tuning.set_hyperparameter(context, sender, call)
        case calls.SetAlphaValues():
            tuning.set_alpha_values(context, sender, call)
        case calls.SetParameter():
            tuning.set_parameter(context, call)
        case _:
            assert_never(call)
