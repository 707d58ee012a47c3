"""What one block emits and where it goes: τ to the subnets' pools, α to the pending amounts of each subnet.

Halving is by issuance. τ is shared by moving price, reduced by the part of miner emission a subnet's owner withheld;
injection never issues more than the block emission. Every product floors at 2^-32, every stored amount to u64.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.primitives.fixed import I96F32, U16_ONE, U64_MAX, U64F64, U96F32, clamp

SUPPLY_CAP_RAO: Final = 21_000_000 * 10**9
"""Most τ, and most α of any one subnet, that is ever issued."""
BLOCK_EMISSION_START_RAO: Final = 10**9
"""Emission of a block before the first halving."""
OWNER_CUT_DEFAULT_U16: Final = 11_796
"""18 % of a subnet's α emission."""
TAO_WEIGHT_DEFAULT_U64: Final = 3_320_413_933_267_719_290
"""0.18: how much a root τ weighs against an α."""
MOVING_ALPHA_DEFAULT_Q32: Final = 12_885
"""0.000003 per block at full age."""
PRICE_HALVING_DEFAULT_BLOCKS: Final = 201_600
"""Age at which the moving price has half its final speed."""


@dataclass(frozen=True, slots=True)
class EmittingSubnet:
    """What the τ share of one eligible subnet depends on."""

    moving_price_q32: int
    miner_burned_q32: int = 0
    """Fraction of miner emission withheld at the last epoch; 0 leaves the rule out."""
    emission_enabled: bool = True
    """A disabled subnet gets no τ but still emits α."""


@dataclass(frozen=True, slots=True)
class PoolTerms:
    """One block's emission of one subnet, in rao, as stored."""

    tao_in_rao: int
    alpha_in_rao: int
    excess_tao_rao: int
    """τ that buys α from the pool (no fee, no limit); the bought α stays with the protocol."""
    alpha_out_rao: int
    """α minted for miners, validators, owner and root."""


@dataclass(frozen=True, slots=True)
class RawPoolTerms:
    """The same before flooring, as U96F32."""

    tao_in_q32: int
    alpha_in_q32: int
    excess_tao_q32: int


@dataclass(frozen=True, slots=True)
class PendingSplit:
    """How one block's `alpha_out_rao` is added to the pending amounts; the sum may fall short by rounding dust."""

    owner_rao: int
    server_rao: int
    validator_rao: int
    root_rao: int
    recycled_rao: int
    """Root's part while root dividends are off: taken out of issuance again."""


def block_emission(issuance_rao: int) -> int:
    """Rao emitted by a block at this issuance (τ, or one subnet's α): 10^9 halved at 1/2, 3/4, 7/8 … of the cap."""
    remaining = SUPPLY_CAP_RAO - issuance_rao
    if remaining <= 0:
        return 0
    halvings = (SUPPLY_CAP_RAO // remaining).bit_length() - 1
    return BLOCK_EMISSION_START_RAO >> halvings


def subnet_tao_shares(subnets: Sequence[EmittingSubnet]) -> tuple[int, ...]:
    """The share of each eligible subnet in the block's τ as U64F64, as given; all 0 if no price is positive."""
    prices = [U64F64.convert(max(0, subnet.moving_price_q32), U96F32) for subnet in subnets]
    shares = _normalised_q64(prices)
    kept = [
        U64F64.mul(share, U64F64.one - U64F64.convert(clamp(subnet.miner_burned_q32, 0, U96F32.one), U96F32))
        for share, subnet in zip(shares, subnets, strict=True)
    ]
    if sum(kept) > 0:
        shares = _normalised_q64(kept)
    if all(subnet.emission_enabled for subnet in subnets):
        return tuple(shares)
    return tuple(
        _normalised_q64(
            [share if subnet.emission_enabled else 0 for share, subnet in zip(shares, subnets, strict=True)]
        )
    )


def _normalised_q64(values: Sequence[int]) -> list[int]:
    total = U64F64.saturate(sum(values))
    return [U64F64.safe_div(value, total) for value in values]


def subnet_tao_emissions(block_emission_rao: int, shares_q64: Sequence[int]) -> tuple[int, ...]:
    """The τ of each subnet in this block as U96F32 rao (floor)."""
    block_q64 = U64F64.from_int(block_emission_rao)
    return tuple(U96F32.convert(U64F64.mul(share, block_q64), U64F64) for share in shares_q64)


def tao_weight_q32(tao_weight_u64: int) -> int:
    """The weight of a root τ as U96F32."""
    return U96F32.from_ratio_floor(tao_weight_u64, U64_MAX)


def root_proportion(root_tao_rao: int, tao_weight_u64: int, alpha_issuance_rao: int) -> int:
    """Root's part of a subnet as U96F32: R*tw / (R*tw + A); 0 if both are 0."""
    root = U96F32.mul(U96F32.from_int(root_tao_rao), tao_weight_q32(tao_weight_u64))
    return U96F32.safe_div(root, U96F32.add(root, U96F32.from_int(alpha_issuance_rao)))


def raw_pool_terms(tao_q32: int, price_q32: int, root_proportion_q32: int, alpha_emission_rao: int) -> RawPoolTerms:
    """Injection of one subnet before flooring; α in is capped at root_proportion * alpha_emission."""
    alpha_in, tao_in = U96F32.safe_div(tao_q32, price_q32), tao_q32
    cap = U96F32.mul(root_proportion_q32, U96F32.from_int(alpha_emission_rao))
    if alpha_in > cap:
        alpha_in, tao_in = cap, U96F32.mul(cap, price_q32)
    return RawPoolTerms(tao_in, alpha_in, U96F32.sub(tao_q32, tao_in))


def pool_terms(tao_q32: int, price_q64: int, root_proportion_q32: int, alpha_emission_rao: int) -> PoolTerms:
    """Injection of one subnet in rao: `tao_q32` from `subnet_tao_emissions`, spot price as U64F64 (see `amm.price`)."""
    raw = raw_pool_terms(tao_q32, U96F32.convert(price_q64, U64F64), root_proportion_q32, alpha_emission_rao)
    return PoolTerms(
        tao_in_rao=U96F32.to_u64(raw.tao_in_q32),
        alpha_in_rao=U96F32.to_u64(raw.alpha_in_q32),
        excess_tao_rao=U96F32.to_u64(raw.excess_tao_q32),
        alpha_out_rao=alpha_emission_rao,
    )


def owner_cut(alpha_out_rao: int, owner_cut_u16: int) -> int:
    """The owner's part of a block's α as U96F32."""
    return U96F32.mul(U96F32.from_int(alpha_out_rao), U96F32.from_ratio_floor(owner_cut_u16, U16_ONE))


def split_alpha_out(
    alpha_out_rao: int, owner_cut_u16: int, root_proportion_q32: int, root_dividends_on: bool
) -> PendingSplit:
    """Split a block's α: owner cut (0 = off), half of the rest to servers, the remainder to validators and root.

    `root_dividends_on` is true when the moving prices of all subnets sum to more than 1.
    """
    half = U96F32.one // 2
    owner = owner_cut(alpha_out_rao, owner_cut_u16)
    rest = U96F32.sub(U96F32.from_int(alpha_out_rao), owner)
    root = U96F32.mul(U96F32.mul(root_proportion_q32, rest), half)
    server = U96F32.mul(rest, half)
    validator = U96F32.sub(U96F32.sub(rest, server), root)
    root_rao = U96F32.to_u64(root)
    return PendingSplit(
        owner_rao=U96F32.to_u64(owner),
        server_rao=U96F32.to_u64(server),
        validator_rao=U96F32.to_u64(validator),
        root_rao=root_rao if root_dividends_on else 0,
        recycled_rao=0 if root_dividends_on else root_rao,
    )


def moving_price(
    old_q32: int, price_q64: int, blocks_since_first: int, halving_blocks: int, moving_alpha_q32: int
) -> int:
    """The next moving price as I96F32; the spot price counts at most 1.

    `blocks_since_first` = block - (first emission block - 1).
    """
    age = U64F64.from_int(max(0, blocks_since_first))
    speed = U64F64.safe_div(age, U64F64.add(age, U64F64.from_int(halving_blocks)))
    alpha = U64F64.mul(U64F64.convert(moving_alpha_q32, U96F32), speed)
    new = U64F64.mul(alpha, min(price_q64, U64F64.one))
    kept = U64F64.mul(U64F64.sub(U64F64.one, alpha), U64F64.convert(max(0, old_q32), I96F32))
    return I96F32.convert(U64F64.add(new, kept), U64F64)


def split_between_mechanisms(amount_rao: int, count: int, split_u16: Sequence[int] | None) -> tuple[int, ...]:
    """An epoch's emission per mechanism; equal without a split, the rounding remainder goes to mechanism 0."""
    if split_u16 is None:
        parts = [amount_rao // count] * count
    else:
        parts = [amount_rao * share // U16_ONE for share in split_u16]
    parts[0] += amount_rao - sum(parts)
    return tuple(parts)
