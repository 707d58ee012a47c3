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
    distribute_epoch,
    root_dividends_in_tao,
)
from node.economics.yuma.epoch import run_epoch
from node.economics.yuma.types import EpochInput, EpochOutput
from node.ledger.context import Context
from node.ledger.errors import CallError
from node.ledger.events import EpochRan, MinerPaid, ValidatorPaid
from node.ledger.pallets import accounts, emission, neurons, scores, staking, subnets, weights
from node.ledger.pallets.neurons import Neuron
from node.ledger.parameters import epoch_params
from node.primitives.types import ROOT_NETUID, Alpha, NetUid, Rao, Uid


def run_due_epochs(context: Context) -> None:
    """Run the epoch of every subnet whose turn it is, by netuid."""
    for netuid in subnets.NETUIDS.get(context.state):
        tempo_blocks = subnets.HYPERPARAMETERS.get(context.state, netuid).tempo_blocks
        if epoch_due(context.height, netuid, tempo_blocks):
            _run(context, netuid)


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
            hotkeys=tuple(_snapshot(context, netuid, seat) for seat in seats),
            withheld=neurons.owner_hotkeys(overlay, subnet, seats),
            tao_weight_u64=context.parameters.tao_weight_u64,
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
        stake_q64=tuple(weights.stake_weight_q64(overlay, netuid, seat.hotkey, tao_weight_u64) for seat in seats),
        validator_permits=last.validator_permits,
        last_update=tuple(seat.last_update for seat in seats),
        block_at_registration=tuple(seat.registered_at for seat in seats),
        weights=tuple(weights.WEIGHTS.get(overlay, (netuid, Uid(uid))) for uid in range(len(seats))),
        bonds=scores.bonds(overlay, netuid),
        owner_uid=neurons.uid_of(overlay, netuid, subnets.require(overlay, netuid).owner_hotkey),
        last_mechanism_step=last.height,
    )


def _earnings(seats: list[Neuron], output: EpochOutput) -> tuple[Earning, ...]:
    return tuple(
        Earning(seat.hotkey, output.server_emission[uid], output.validator_emission[uid])
        for uid, seat in enumerate(seats)
    )


def _snapshot(context: Context, netuid: NetUid, seat: Neuron) -> HotkeySnapshot:
    hotkey = staking.HOTKEY.get(context.state, seat.hotkey)
    return HotkeySnapshot(
        hotkey=seat.hotkey,
        owner=hotkey.owner,
        alpha_stake_rao=staking.stake_behind(context.state, seat.hotkey, netuid),
        root_stake_rao=staking.stake_behind(context.state, seat.hotkey, ROOT_NETUID),
        take_u16=hotkey.take_u16,
    )


def _pay_miners(context: Context, netuid: NetUid, distribution: Distribution) -> int:
    """Incentive becomes stake of the coldkey behind the miner's own hotkey; α paid."""
    for incentive in distribution.incentives:
        staking.deposit(context.state, incentive.hotkey, netuid, incentive.owner, incentive.amount_rao)
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
    """Withheld incentive is burned or recycled as the subnet says; what rounding left is recycled."""
    overlay = context.state
    recycled = distribution.dust_rao
    if subnets.HYPERPARAMETERS.get(overlay, netuid).recycle_withheld:
        recycled += distribution.withheld_rao
    else:
        subnets.change(overlay, netuid, burned_alpha=distribution.withheld_rao)
    subnets.change(overlay, netuid, alpha_out=-recycled)
    emission.put(overlay, netuid, miner_burned_q32=distribution.miner_burned_q32)
