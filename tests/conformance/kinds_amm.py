"""Kinds of `amm.json`: the weighted pool."""

from fractions import Fraction

from node.economics.amm import (
    FEE_RATE_DEFAULT_U16,
    PERQUINTILL,
    Pool,
    Side,
    add_liquidity,
    alpha_needed_for_tao,
    initial_quote_weight,
    input_to_price,
    kept_fraction,
    output_of,
    price,
    swap,
)
from node.economics.errors import PoolWeightError
from node.primitives.fixed import U64F64, round_half_up
from tests.conformance.cases import Case, Handler, Json, MalformedCase, as_number, exact, raw


def perquintill(value: Json) -> int:
    """[n, d], or a decimal as parts of 10^18."""
    if isinstance(value, list):
        return int(PERQUINTILL * value[0] // value[1])
    return int(Fraction(str(value)) * PERQUINTILL) if isinstance(value, float) else int(exact(value)) * PERQUINTILL


def weight(case: Case) -> int:
    return perquintill(case.get("quote_weight", [1, 2]))


def pool(case: Case) -> Pool:
    tao = case.get("tao", case.get("tao_reserve", 0))
    alpha = case.get("alpha", case.get("alpha_reserve", 0))
    return Pool(tao, alpha, weight(case))


def exp_scaled(case: Case) -> Json:
    side = Side.SELL if case["base_quote"] else Side.BUY
    reserve, delta = case["reserve"], case["delta"]
    return as_number(kept_fraction(Pool(reserve, reserve, weight(case)), side, delta), U64F64)


def delta_in(side: Side) -> Handler:
    def run(case: Case) -> Json:
        target, current = raw(case["target_price"], U64F64), raw(case["current_price"], U64F64)
        return input_to_price(pool(case), side, target, current)

    return run


def price_after_delta_in(case: Case) -> Json:
    """Trade with an exact swap of the amount that should lead to the target price."""
    before = pool(case)
    target, current = raw(case["target_price"], U64F64), raw(case["current_price"], U64F64)
    side = Side.BUY if target > current else Side.SELL
    amount = input_to_price(before, side, target, current)
    out = output_of(before, side, amount)
    if side is Side.BUY:
        after = Pool(before.tao_rao + amount, before.alpha_rao - out, before.quote_weight)
    else:
        after = Pool(before.tao_rao - out, before.alpha_rao + amount, before.quote_weight)
    return as_number(price(after), U64F64)


def do_swap(case: Case) -> Json:
    side = Side(case["side"])
    result = swap(pool(case), side, case["amount"], limit=case.get("limit"), fee_rate_u16=case["fee_rate_u16"])
    return {"out": result.out_rao, "fee": result.fee_rao, "delta_in": result.paid_in_rao}


def swap_nonzero(case: Case) -> Json:
    rate = case.get("fee_rate_u16", FEE_RATE_DEFAULT_U16)
    if case.get("alpha_in") is not None:
        return swap(pool(case), Side.SELL, case["alpha_in"], fee_rate_u16=rate).out_rao > 0
    return swap(pool(case), Side.BUY, case["tao_in"], fee_rate_u16=rate).out_rao > 0


def swap_input_limit(case: Case) -> Json:
    """The rule itself: 1 000 times the reserve passes, one rao more is refused."""
    if "rule" not in case.data.get("input", {}):
        raise MalformedCase("input lacks the rule")
    small = Pool(10**9, 10**9)
    swap(small, Side.BUY, 1_000 * small.tao_rao, fee_rate_u16=0)
    swap(small, Side.BUY, 1_000 * small.tao_rao + 1, fee_rate_u16=0)
    return "accepted"


def adjust_liquidity(case: Case) -> Json:
    before = pool(case)
    try:
        after = add_liquidity(before, case["tao_delta"], case["alpha_delta"])
    except PoolWeightError:
        after = before
    return {"quote_weight": Fraction(after.quote_weight, PERQUINTILL), "price": as_number(price(after), U64F64)}


def init_weight(case: Case) -> Json:
    tao, alpha = case.pick("tao", "tao_reserve"), case.pick("alpha", "alpha_reserve")
    value = initial_quote_weight(tao, alpha, raw(case["price"], U64F64))
    return Fraction(value, PERQUINTILL)


KINDS: dict[str, Handler] = {
    "adjust_protocol_liquidity": adjust_liquidity,
    "base_delta_in": delta_in(Side.SELL),
    "base_needed_for_quote": lambda case: alpha_needed_for_tao(pool(case), case["delta_tao"]),
    "convert_deltas": lambda case: {
        "sell": output_of(pool(case), Side.SELL, case["delta_in"]),
        "buy": output_of(pool(case), Side.BUY, case["delta_in"]),
    },
    "exp_scaled": exp_scaled,
    "init_quote_weight": init_weight,
    "mul_perquintill_round": lambda case: round_half_up(perquintill(case["p"]) * case["value"], PERQUINTILL),
    "price": lambda case: as_number(price(pool(case)), U64F64),
    "price_after_delta_in": price_after_delta_in,
    "quote_delta_in": delta_in(Side.BUY),
    "swap": do_swap,
    "swap_input_limit": swap_input_limit,
    "swap_nonzero": swap_nonzero,
}
