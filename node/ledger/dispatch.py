"""From a call to the pallet that carries it out. A type checker proves that no call is left out."""

from typing import assert_never

from node.ledger import calls
from node.ledger.context import Context
from node.ledger.events import ProxyExecuted
from node.ledger.origin import Origin
from node.ledger.pallets import (
    accounts,
    authority,
    bonds,
    channels,
    children,
    coldkey_swaps,
    commitments,
    delegation,
    destinations,
    dissolution,
    exits,
    hotkey_swaps,
    identities,
    moves,
    networks,
    pos,
    proposals,
    proxies,
    registration,
    root,
    roots,
    secret_weights,
    slashing,
    staking,
    trimming,
    triumvirate,
    tuning,
    weights,
)
from node.primitives.types import AccountId


def dispatch(context: Context, sender: AccountId, call: calls.Call) -> None:
    """Carry out `call`. Raises a `CallError` leaf; the caller then undoes what was written."""
    if context.origin is Origin.SIGNED:
        coldkey_swaps.require_free(context.state, sender, call)
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
    elif isinstance(call, calls.ChildrenCall):
        _children(context, sender, call)
    elif isinstance(call, calls.HotkeySwapCall):
        _hotkey_swaps(context, sender, call)
    elif isinstance(call, calls.ColdkeySwapCall):
        _coldkey_swaps(context, sender, call)
    elif isinstance(call, calls.ProxiesCall):
        _proxies(context, sender, call)
    elif isinstance(call, calls.IdentitiesCall):
        _identities(context, sender, call)
    elif isinstance(call, calls.CommitmentsCall):
        commitments.set_commitment(context, sender, call)
    elif isinstance(call, calls.GovernanceCall):
        _governance(context, sender, call)
    elif isinstance(call, calls.AuthorityCall):
        _authority(context, sender, call)
    elif isinstance(call, calls.ChannelsCall):
        _channels(context, sender, call)
    else:
        _roots(context, sender, call)


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


def _children(context: Context, sender: AccountId, call: calls.ChildrenCall) -> None:
    match call:
        case calls.SetChildren():
            children.set_children(context, sender, call)
        case calls.SetChildkeyTake():
            children.set_childkey_take(context, sender, call)
        case calls.SetAutoParentDelegation():
            children.set_auto_parent_delegation(context, sender, call)
        case _:
            assert_never(call)


def _hotkey_swaps(context: Context, sender: AccountId, call: calls.HotkeySwapCall) -> None:
    match call:
        case calls.SwapHotkey():
            hotkey_swaps.swap_hotkey(context, sender, call)
        case calls.SwapHotkeyOnSubnet():
            hotkey_swaps.swap_hotkey_on_subnet(context, sender, call)
        case _:
            assert_never(call)


def _coldkey_swaps(context: Context, sender: AccountId, call: calls.ColdkeySwapCall) -> None:
    match call:
        case calls.AnnounceColdkeySwap():
            coldkey_swaps.announce(context, sender, call)
        case calls.SwapColdkeyAnnounced():
            coldkey_swaps.swap_announced(context, sender, call)
        case calls.DisputeColdkeySwap():
            coldkey_swaps.dispute(context, sender)
        case calls.ClearColdkeySwapAnnouncement():
            coldkey_swaps.clear(context, sender)
        case calls.ResetColdkeySwap():
            coldkey_swaps.reset(context, call)
        case calls.SwapColdkey():
            coldkey_swaps.swap_by_root(context, call)
        case _:
            assert_never(call)


def _proxies(context: Context, sender: AccountId, call: calls.ProxiesCall) -> None:
    match call:
        case calls.AddProxy():
            proxies.add_proxy(context, sender, call)
        case calls.RemoveProxy():
            proxies.remove_proxy(context, sender, call)
        case calls.RemoveProxies():
            proxies.remove_proxies(context, sender)
        case calls.Proxy():
            proxies.authorise(context, sender, call)
            dispatch(context, call.real, call.call)
            context.emit(ProxyExecuted(call.real, sender))
        case calls.AnnounceProxy():
            proxies.announce(context, sender, call)
        case calls.RejectProxyAnnouncement():
            proxies.reject_announcement(context, sender, call)
        case calls.RemoveProxyAnnouncement():
            proxies.remove_announcement(context, sender, call)
        case _:
            assert_never(call)


def _identities(context: Context, sender: AccountId, call: calls.IdentitiesCall) -> None:
    match call:
        case calls.SetIdentity():
            identities.set_identity(context, sender, call)
        case calls.SetColdkeyAutoStakeHotkey():
            destinations.set_auto_stake(context, sender, call)
        case calls.TryAssociateHotkey():
            destinations.try_associate(context, sender, call)
        case _:
            assert_never(call)


def _governance(context: Context, sender: AccountId, call: calls.GovernanceCall) -> None:
    match call:
        case calls.RootRegister():
            root.root_register(context, sender, call)
        case calls.AdjustSenate():
            root.adjust_senate(context, sender, call)
        case calls.Propose():
            proposals.propose(context, sender, call)
        case calls.Vote():
            proposals.vote(context, sender, call)
        case calls.CloseProposal():
            proposals.close(context, call, dispatch)
        case calls.DisapproveProposal():
            proposals.disapprove(context, call)
        case calls.AddMember():
            triumvirate.add_member(context, call)
        case calls.RemoveMember():
            triumvirate.remove_member(context, call)
        case calls.SwapMember():
            triumvirate.swap_member(context, call)
        case calls.ResetMembers():
            triumvirate.reset_members(context, call)
        case _:
            assert_never(call)


def _authority(context: Context, sender: AccountId, call: calls.AuthorityCall) -> None:
    match call:
        case calls.SetAuthorities():
            authority.set_authorities(context, call)
        case calls.RemoveAuthority():
            authority.remove_authority(context, call)
        case calls.SchedulePos():
            pos.schedule_pos(context, call)
        case calls.AbortPos():
            pos.abort_pos(context, call)
        case calls.ShadowVote():
            pos.shadow_vote(context, sender, call)
        case calls.VoteAbortPos():
            pos.vote_abort_pos(context, sender, call)
        case calls.BondAuthority():
            bonds.bond_authority(context, sender, call)
        case calls.UnbondAuthority():
            bonds.unbond_authority(context, sender, call)
        case calls.WithdrawUnbonded():
            bonds.withdraw_unbonded(context, sender, call)
        case calls.ReportEvidence():
            slashing.report_evidence(context, sender, call)
        case _:
            assert_never(call)


def _channels(context: Context, sender: AccountId, call: calls.ChannelsCall) -> None:
    match call:
        case calls.OpenChannel():
            channels.open_channel(context, sender, call)
        case calls.TopUpChannel():
            channels.top_up(context, sender, call)
        case calls.RedeemVoucher():
            channels.redeem(context, call)
        case calls.CloseChannel():
            channels.close(context, sender, call)
        case _:
            assert_never(call)


def _roots(context: Context, sender: AccountId, call: calls.RootsCall) -> None:
    match call:
        case calls.CommitReceiptRoot():
            roots.commit_receipts(context, sender, call)
        case calls.CommitIndexRoot():
            roots.commit_index(context, sender, call)
        case _:
            assert_never(call)
