"""Epochs: at a subnet's tempo, Yuma Consensus turns stake and weights into scores, and pending α into stake.

The owner gets its cut, miners their incentive, validators their take, nominators the rest through their share pools,
and root stakers τ from one sale of root's part. Incentive of the owner's own miners is withheld.
"""

from node.economics import amm
from node.economics.clock import epoch_due
from node.economics.distribution import (
    Distribution,
    DistributionInput,
    Earning,
    HotkeySnapshot,
    ParentLink,
    distribute_epoch,
    root_dividends_in_tao,
)
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochOutput
from node.ledger.context import Context
from node.ledger.errors import CallError
from node.ledger.events import AutoStakeAdded, EpochRan, MinerPaid, ValidatorPaid
from node.ledger.pallets import (
    accounts,
    children,
    destinations,
    emission,
    neurons,
    scores,
    secret_weights,
    staking,
    subnets,
    weights,
)
from node.ledger.pallets.neurons import Neuron
from node.ledger.parameters import epoch_params
from node.primitives.types import ROOT_NETUID, AccountId, Alpha, NetUid, Rao, Uid


def run_due_epochs(context: Context) -> list[NetUid]:
    """Run the epoch of every subnet whose turn it is, by netuid; the subnets."""
    ran: list[NetUid] = []
    for netuid in subnets.NETUIDS.get(context.state):
        tempo_blocks = subnets.HYPERPARAMETERS.get(context.state, netuid).tempo_blocks
        if epoch_due(context.height, netuid, tempo_blocks):
            _run(context, netuid)
            ran.append(netuid)
    return ran


def _run(context: Context, netuid: NetUid) -> None:
    overlay = context.state
    subnet = subnets.require(overlay, netuid)
    seats = neurons.all_of(overlay, netuid)
    pending = emission.drain(overlay, netuid)
    output = run_epoch(_epoch_input(context, netuid, seats, pending.epoch_emission_rao))
    scores.store(overlay, netuid, context.height, output)
    distribution = distribute_epoch(
        DistributionInput(
            pending=pending,
            earnings=_earnings(seats, output),
            hotkeys=_snapshots(context, netuid, seats),
            withheld=neurons.owner_hotkeys(overlay, subnet, seats),
            tao_weight_u64=context.parameters.tao_weight_u64,
            childkey_burn_u64=context.parameters.childkey_burn_u64,
        )
    )
    staking.deposit(overlay, subnet.owner_hotkey, netuid, subnet.owner_coldkey, distribution.owner_cut_rao)
    miners = _pay_miners(context, netuid, distribution)
    validators = _pay_validators(context, netuid, distribution)
    root_rao = _pay_root(context, netuid, distribution)
    _settle_unpaid(context, netuid, distribution)
    context.emit(
        EpochRan(
            netuid,
            Alpha(distribution.owner_cut_rao),
            Alpha(miners),
            Alpha(validators),
            Rao(root_rao),
            Alpha(distribution.withheld_rao),
        )
    )


def _epoch_input(context: Context, netuid: NetUid, seats: list[Neuron], emission_rao: int) -> EpochInput:
    overlay, last = context.state, scores.SCORES.get(context.state, netuid)
    tao_weight_u64 = context.parameters.tao_weight_u64
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    return EpochInput(
        params=epoch_params(context.parameters, hyper),
        block=context.height,
        emission_rao=emission_rao,
        stake_q64=tuple(children.stake_weight_q64(overlay, netuid, seat.hotkey, tao_weight_u64) for seat in seats),
        validator_permits=last.validator_permits,
        last_update=tuple(seat.last_update for seat in seats),
        block_at_registration=tuple(seat.registered_at for seat in seats),
        weights=tuple(weights.WEIGHTS.get(overlay, (netuid, Uid(uid))) for uid in range(len(seats))),
        bonds=scores.bonds(overlay, netuid),
        owner_uid=neurons.uid_of(overlay, netuid, subnets.require(overlay, netuid).owner_hotkey),
        last_mechanism_step=last.height,
        oldest_commit=_oldest_commits(context, netuid, seats) if hyper.commit_reveal else (),
    )


def _earnings(seats: list[Neuron], output: EpochOutput) -> tuple[Earning, ...]:
    return tuple(
        Earning(seat.hotkey, output.server_emission[uid], output.validator_emission[uid])
        for uid, seat in enumerate(seats)
    )


def _oldest_commits(context: Context, netuid: NetUid, seats: list[Neuron]) -> tuple[int | None, ...]:
    return secret_weights.oldest_commits(context.state, netuid, context.height, [seat.hotkey for seat in seats])


def _snapshots(context: Context, netuid: NetUid, seats: list[Neuron]) -> tuple[HotkeySnapshot, ...]:
    """Every seated hotkey, then every parent without a seat."""
    seated = {seat.hotkey: _snapshot(context, netuid, seat.hotkey) for seat in seats}
    parents = {link.hotkey for snapshot in seated.values() for link in snapshot.parents}
    return (*seated.values(), *(_snapshot(context, netuid, parent) for parent in sorted(parents - seated.keys())))


def _snapshot(context: Context, netuid: NetUid, account: AccountId) -> HotkeySnapshot:
    overlay, key = context.state, (account, netuid)
    hotkey, lending = staking.HOTKEY.get(overlay, account), children.LENDING.get(overlay, key)
    return HotkeySnapshot(
        hotkey=account,
        owner=hotkey.owner,
        alpha_stake_rao=staking.stake_behind(overlay, account, netuid),
        root_stake_rao=staking.stake_behind(overlay, account, ROOT_NETUID),
        take_u16=hotkey.take_u16,
        childkey_take_u16=children.CHILD_KEY.get(overlay, key).take_u16,
        children_u64=tuple(part for part, _ in lending.children),
        parents=tuple(ParentLink(parent, part) for part, parent in lending.parents),
    )


def _pay_miners(context: Context, netuid: NetUid, distribution: Distribution) -> int:
    """Incentive becomes stake of the miner's coldkey behind the miner or the destination it has chosen; α paid."""
    for incentive in distribution.incentives:
        destination = destinations.destination_of(context.state, incentive.owner, netuid, incentive.hotkey)
        staking.deposit(context.state, destination, netuid, incentive.owner, incentive.amount_rao)
        if destination != incentive.hotkey:
            amount = Alpha(incentive.amount_rao)
            context.emit(AutoStakeAdded(netuid, destination, incentive.hotkey, incentive.owner, amount))
        context.emit(MinerPaid(netuid, incentive.hotkey, Alpha(incentive.amount_rao)))
    return sum(incentive.amount_rao for incentive in distribution.incentives)


def _pay_validators(context: Context, netuid: NetUid, distribution: Distribution) -> int:
    """Takes go to the owners first, then the rest to everybody behind the hotkey; α paid."""
    for dividend in distribution.alpha_dividends:
        staking.deposit(context.state, dividend.hotkey, netuid, dividend.owner, dividend.take_rao)
        staking.distribute(context.state, dividend.hotkey, netuid, dividend.rest_rao)
        context.emit(ValidatorPaid(netuid, dividend.hotkey, Alpha(dividend.take_rao), Alpha(dividend.rest_rao)))
    return sum(dividend.take_rao + dividend.rest_rao for dividend in distribution.alpha_dividends)


def _pay_root(context: Context, netuid: NetUid, distribution: Distribution) -> int:
    """Sell root's part in one swap without fee and stake the τ on root; τ paid. What a pool refuses is recycled."""
    overlay = context.state
    if distribution.root_alpha_rao == 0:
        return 0
    try:
        sale = subnets.simulate(overlay, netuid, amm.Side.SELL, distribution.root_alpha_rao, fee_u16=0)
    except CallError:
        subnets.change(overlay, netuid, alpha_out=-distribution.root_alpha_rao)
        return 0
    subnets.apply(overlay, netuid, sale)
    paid_rao = 0
    for dividend in root_dividends_in_tao(distribution.root_dividends, sale.out_rao):
        staking.deposit(overlay, dividend.hotkey, ROOT_NETUID, dividend.owner, dividend.take_rao)
        staking.distribute(overlay, dividend.hotkey, ROOT_NETUID, dividend.rest_rao)
        paid_rao += dividend.take_rao + dividend.rest_rao
    subnets.change(overlay, ROOT_NETUID, tao_rao=paid_rao)
    accounts.recycle(overlay, sale.out_rao - paid_rao)
    return paid_rao


def _settle_unpaid(context: Context, netuid: NetUid, distribution: Distribution) -> None:
    """Withheld incentive is burned or recycled as the subnet says; what rounding and child keys left is recycled."""
    overlay = context.state
    recycled = distribution.dust_rao + distribution.childkey_burned_rao
    if subnets.HYPERPARAMETERS.get(overlay, netuid).recycle_withheld:
        recycled += distribution.withheld_rao
    else:
        subnets.change(overlay, netuid, burned_alpha=distribution.withheld_rao)
    subnets.change(overlay, netuid, alpha_out=-recycled)
    emission.put(overlay, netuid, miner_burned_q32=distribution.miner_burned_q32)
