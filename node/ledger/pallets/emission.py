"""Emission: what every block mints, where it goes, and the prices that decide it.

τ goes into the pools of the started subnets in proportion to their moving prices; α goes to each subnet's pending
amounts, which its next epoch shares out. What cannot be used is recycled in the same block. Order: docs/protocol.md,
"Block step".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from node.economics import amm
from node.economics import emission as rules
from node.economics.distribution import PendingEmission
from node.economics.errors import SwapError
from node.ledger.context import Context
from node.ledger.pallets import accounts, subnets
from node.ledger.state import Map, Overlay
from node.primitives.codec import Wire
from node.primitives.errors import invariant
from node.primitives.types import ROOT_NETUID, NetUid


class Emission(Wire, frozen=True):
    """A subnet's emission: prices as I96F32, pending α, and the last block's terms."""

    moving_price_q32: int = 0
    miner_burned_q32: int = 0
    pending_server: int = 0
    pending_validator: int = 0
    pending_root: int = 0
    pending_owner: int = 0
    tao_in: int = 0
    alpha_in: int = 0
    alpha_out: int = 0

    @property
    def pending_alpha(self) -> int:
        """All that the next epoch shares out."""
        return self.pending_server + self.pending_validator + self.pending_root + self.pending_owner


EMISSION: Final[Map[NetUid, Emission]] = Map(
    "emission", "emission", NetUid, Emission, default=Emission(), about="Emission of a subnet"
)


@dataclass(frozen=True, slots=True)
class _Share:
    """One subnet's part of a block."""

    netuid: NetUid
    terms: rules.PoolTerms
    root_q32: int


def emit(context: Context) -> None:
    """Mint the block's τ, put it into the pools, and add the block's α to the pending amounts."""
    overlay = context.state
    block_rao = rules.block_emission(accounts.ISSUANCE.get(overlay))
    accounts.mint(overlay, block_rao)
    netuids = subnets.emitting(overlay, subnets.NETUIDS.get(overlay), context.height)
    shares = _shares(context, netuids, block_rao)
    spent_rao = 0
    for share in shares:
        spent_rao += _inject(overlay, share)
    invariant(spent_rao <= block_rao, "a block spends no more than it mints")
    accounts.recycle(overlay, block_rao - spent_rao)
    dividends_on = sum(EMISSION.get(overlay, netuid).moving_price_q32 for netuid in netuids) > 1 << 32
    for share in shares:
        _add_pending(context, share, dividends_on)


def move_prices(context: Context) -> None:
    """Move each emitting subnet's average towards its spot price."""
    overlay = context.state
    for netuid in subnets.emitting(overlay, subnets.NETUIDS.get(overlay), context.height):
        old = EMISSION.get(overlay, netuid)
        age_blocks = context.height - (subnets.require(overlay, netuid).first_emission_block - 1)
        price_q32 = rules.moving_price(
            old.moving_price_q32,
            subnets.price_q64(overlay, netuid),
            age_blocks,
            subnets.HYPERPARAMETERS.get(overlay, netuid).price_halving_blocks,
            context.parameters.moving_alpha_q32,
        )
        put(overlay, netuid, moving_price_q32=price_q32)


def drain(overlay: Overlay, netuid: NetUid) -> PendingEmission:
    """Take all pending α of a subnet; the caller gives it to somebody."""
    old = EMISSION.get(overlay, netuid)
    put(overlay, netuid, pending_server=0, pending_validator=0, pending_root=0, pending_owner=0)
    return PendingEmission(old.pending_server, old.pending_validator, old.pending_root, old.pending_owner)


def put(overlay: Overlay, netuid: NetUid, **fields: int) -> None:
    """Replace fields of a subnet's emission record."""
    EMISSION.put(overlay, netuid, replace(EMISSION.get(overlay, netuid), **fields))


def _shares(context: Context, netuids: Sequence[NetUid], block_rao: int) -> list[_Share]:
    """Every emitting subnet's terms, all from the state before the first injection."""
    overlay = context.state
    records = [EMISSION.get(overlay, netuid) for netuid in netuids]
    weights = rules.subnet_tao_shares(
        [
            rules.EmittingSubnet(
                record.moving_price_q32,
                record.miner_burned_q32,
                subnets.HYPERPARAMETERS.get(overlay, netuid).emission_enabled,
            )
            for netuid, record in zip(netuids, records, strict=True)
        ]
    )
    root_rao = subnets.POOL.get(overlay, ROOT_NETUID).tao_rao
    shares: list[_Share] = []
    for netuid, tao_q32 in zip(netuids, rules.subnet_tao_emissions(block_rao, weights), strict=True):
        alpha = subnets.POOL.get(overlay, netuid).issuance_alpha
        root_q32 = rules.root_proportion(root_rao, context.parameters.tao_weight_u64, alpha)
        price_q64 = subnets.price_q64(overlay, netuid)
        terms = rules.pool_terms(tao_q32, price_q64, root_q32, rules.block_emission(alpha))
        shares.append(_Share(netuid, terms, root_q32))
    return shares


def _inject(overlay: Overlay, share: _Share) -> int:
    """Put a subnet's τ and α into its pool at an unchanged price, buy α with the excess; the τ used."""
    netuid, terms = share.netuid, share.terms
    pool = subnets.POOL.get(overlay, netuid)
    tao_in, alpha_in = terms.tao_in_rao, terms.alpha_in_rao
    try:
        after = amm.add_liquidity(subnets.amm_pool(pool), tao_in, alpha_in)
    except SwapError:
        tao_in, alpha_in = 0, 0
    else:
        subnets.change(
            overlay,
            netuid,
            tao_rao=tao_in,
            alpha_in=alpha_in,
            quote_weight=after.quote_weight,
        )
    bought_rao = _buy_back(overlay, netuid, terms.excess_tao_rao)
    put(overlay, netuid, tao_in=tao_in + bought_rao, alpha_in=alpha_in, alpha_out=terms.alpha_out_rao)
    return tao_in + bought_rao


def _buy_back(overlay: Overlay, netuid: NetUid, excess_rao: int) -> int:
    """Buy α that belongs to the protocol; the τ used, 0 if the pool cannot take it."""
    if excess_rao == 0:
        return 0
    try:
        swap = amm.swap(subnets.amm_pool(subnets.POOL.get(overlay, netuid)), amm.Side.BUY, excess_rao, fee_rate_u16=0)
    except SwapError:
        return 0
    subnets.apply(overlay, netuid, swap)
    subnets.change(overlay, netuid, protocol_alpha=swap.out_rao)
    return swap.paid_in_rao


def _add_pending(context: Context, share: _Share, dividends_on: bool) -> None:
    """Mint a subnet's α into its pending amounts; what rounding leaves is burned."""
    overlay, netuid, alpha = context.state, share.netuid, share.terms.alpha_out_rao
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    cut_u16 = context.parameters.owner_cut_u16 if hyper.owner_cut_enabled else 0
    split = rules.split_alpha_out(alpha, cut_u16, share.root_q32, dividends_on)
    pending = split.owner_rao + split.server_rao + split.validator_rao + split.root_rao
    dust = alpha - pending - split.recycled_rao
    subnets.change(overlay, netuid, alpha_out=alpha - split.recycled_rao, burned_alpha=dust)
    old = EMISSION.get(overlay, netuid)
    put(
        overlay,
        netuid,
        pending_server=old.pending_server + split.server_rao,
        pending_validator=old.pending_validator + split.validator_rao,
        pending_root=old.pending_root + split.root_rao,
        pending_owner=old.pending_owner + split.owner_rao,
    )
