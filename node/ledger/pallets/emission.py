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
    """One subnet's part of a block, and what its records said before."""

    netuid: NetUid
    terms: rules.PoolTerms
    root_q32: int
    pool: subnets.SubnetPool
    record: Emission


def emit(context: Context) -> None:
    """Mint the block's τ, put it into the pools, and add the block's α to the pending amounts."""
    overlay = context.state
    block_rao = rules.block_emission(accounts.ISSUANCE.get(overlay))
    accounts.mint(overlay, block_rao)
    netuids = subnets.emitting(overlay, subnets.NETUIDS.get(overlay), context.height)
    shares = _shares(context, netuids, block_rao)
    dividends_on = sum(share.record.moving_price_q32 for share in shares) > 1 << 32
    spent_rao = 0
    for share in shares:
        spent_rao += _give(context, share, dividends_on)
    invariant(spent_rao <= block_rao, "a block spends no more than it mints")
    accounts.recycle(overlay, block_rao - spent_rao)


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
    emissions_q32 = rules.subnet_tao_emissions(block_rao, weights)
    for netuid, record, tao_q32 in zip(netuids, records, emissions_q32, strict=True):
        pool = subnets.POOL.get(overlay, netuid)
        root_q32 = rules.root_proportion(root_rao, context.parameters.tao_weight_u64, pool.issuance_alpha)
        price_q64 = amm.price(subnets.amm_pool(pool))
        terms = rules.pool_terms(tao_q32, price_q64, root_q32, rules.block_emission(pool.issuance_alpha))
        shares.append(_Share(netuid, terms, root_q32, pool, record))
    return shares


def _give(context: Context, share: _Share, dividends_on: bool) -> int:
    """A subnet's part: τ and α into its pool, the excess τ for α, new α to the pending amounts; the τ used.

    Its pool and its record are each written once. What rounding leaves of the new α is burned.
    """
    overlay, netuid, old, record = context.state, share.netuid, share.pool, share.record
    tao_in, alpha_in, injected = _injected(subnets.amm_pool(old), share.terms)
    paid_rao, bought_alpha, after = _bought_back(injected, share.terms.excess_tao_rao)
    alpha_out = share.terms.alpha_out_rao
    hyper = subnets.HYPERPARAMETERS.get(overlay, netuid)
    cut_u16 = context.parameters.owner_cut_u16 if hyper.owner_cut_enabled else 0
    split = rules.split_alpha_out(alpha_out, cut_u16, share.root_q32, dividends_on)
    pending = split.owner_rao + split.server_rao + split.validator_rao + split.root_rao
    subnets.change(
        overlay,
        netuid,
        tao_rao=after.tao_rao - old.tao_rao,
        alpha_in=after.alpha_rao - old.alpha_in,
        alpha_out=bought_alpha + alpha_out - split.recycled_rao,
        protocol_alpha=bought_alpha,
        burned_alpha=alpha_out - pending - split.recycled_rao,
        quote_weight=after.quote_weight,
    )
    EMISSION.put(
        overlay,
        netuid,
        Emission(
            moving_price_q32=record.moving_price_q32,
            miner_burned_q32=record.miner_burned_q32,
            pending_server=record.pending_server + split.server_rao,
            pending_validator=record.pending_validator + split.validator_rao,
            pending_root=record.pending_root + split.root_rao,
            pending_owner=record.pending_owner + split.owner_rao,
            tao_in=tao_in + paid_rao,
            alpha_in=alpha_in,
            alpha_out=alpha_out,
        ),
    )
    return tao_in + paid_rao


def _injected(pool: amm.Pool, terms: rules.PoolTerms) -> tuple[int, int, amm.Pool]:
    """τ and α put into the pool at an unchanged price, and the pool then; nothing if it cannot take them."""
    try:
        return terms.tao_in_rao, terms.alpha_in_rao, amm.add_liquidity(pool, terms.tao_in_rao, terms.alpha_in_rao)
    except SwapError:
        return 0, 0, pool


def _bought_back(pool: amm.Pool, excess_rao: int) -> tuple[int, int, amm.Pool]:
    """τ paid for α that then belongs to the protocol, that α, and the pool then; nothing if it cannot take the τ."""
    if excess_rao == 0:
        return 0, 0, pool
    try:
        swap = amm.swap(pool, amm.Side.BUY, excess_rao, fee_rate_u16=0)
    except SwapError:
        return 0, 0, pool
    return swap.paid_in_rao, swap.out_rao, swap.pool
