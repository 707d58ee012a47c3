"""Kinds of `staking.json`: lent stake, share pools, root claims."""

from node.economics import root_claim, share_pool
from node.economics.children import ParentStake, inherited_stake, split_dividend, total_stake_weight
from node.economics.distribution import split_take
from node.primitives import safefloat
from node.primitives.fixed import I64F64, U64_MAX, U96F32
from tests.conformance.cases import Case, Handler, Json, MalformedCase, as_number, raw


def inherited(case: Case) -> Json:
    return inherited_stake(case["own"], case["children_proportions"], [(p, stake) for p, stake in case["parents"]])


def stake_weight(case: Case) -> Json:
    alpha = case.pick("alpha", "alpha_stake", "alpha_inherited", "inherited_alpha")
    root = case.pick("root", "root_stake", "tao", "tao_stake", "root_inherited", "inherited_root")
    given = case.get("tao_weight_u64")
    weight = raw(case["tao_weight"], I64F64) * U64_MAX // I64F64.one if given is None else given
    total = as_number(total_stake_weight(alpha, root, weight), I64F64)
    return total if isinstance(case.data.get("expected"), float) else total.numerator // total.denominator


def parent_child(case: Case) -> Json:
    alpha, root = case["child_own"]
    parents = [ParentStake(p, own_alpha, own_root, bool(same)) for p, own_alpha, own_root, same in case["parents"]]
    shares = split_dividend(
        case["dividend"],
        alpha,
        root,
        case.get("child_children", []),
        parents,
        case["childkey_take_u16"],
        case["tao_weight_u64"],
        case.get("childkey_burn_u64", 0),
    )
    return [*shares.parents_rao, shares.hotkey_rao]


def two_keys(case: Case) -> Json:
    """A parent and its child with equal stake; the parent's own dividend stays whole."""
    parent = ParentStake(case["proportion_u64"], 10**9, 10**9)
    shares = split_dividend(case["bob_dividend"], 10**9, 10**9, [], [parent], case["take"], U64_MAX)
    return {"alice": case["alice_dividend"] + shares.parents_rao[0], "bob": shares.hotkey_rao}


def pool_operations(case: Case) -> Json:
    if case.get("ops") is None:
        return _pool_value(case)
    pool, shares = share_pool.SharePool(), {}
    first: int | None = None
    for op in case["ops"]:
        match op:
            case ["one", key, amount]:
                held = shares.get(key, share_pool.NO_SHARE)
                change = (
                    share_pool.deposit(pool, held, amount)
                    if amount >= 0
                    else share_pool.withdraw(pool, held, min(-amount, share_pool.value_of(pool, held)))
                )
                pool, shares[key] = change.pool, change.share
                first = share_pool.value_of(pool, shares[key]) if first is None else first
            case ["all", amount]:
                pool = (
                    share_pool.distribute(pool, amount)
                    if amount >= 0
                    else share_pool.SharePool(max(0, pool.value_rao + amount), pool.denominator, pool.generation)
                )
            case _:
                raise MalformedCase(f"unknown operation {op!r}")
    final = {str(key): share_pool.value_of(pool, share) for key, share in sorted(shares.items())}
    expected = case.data.get("expected")
    if isinstance(expected, list):
        return list(final.values())
    if isinstance(expected, int):
        return final[str(case.get("key", min(shares)))]
    wants_names = isinstance(expected, dict) and isinstance(expected.get("final"), dict)
    return {"first": first, "final": final if wants_names else list(final.values()), "value": pool.value_rao} | final


def _pool_value(case: Case) -> Json:
    """A pool given as it stands; a key without a share holds the whole denominator."""
    denominator = _number(case["denominator"])
    pool = share_pool.SharePool(case["value"], denominator)
    held = case.get("share")
    return share_pool.value_of(pool, share_pool.Share(denominator if held is None else _number(held)))


def _number(value: Json) -> safefloat.SafeFloat:
    """An integer, or [mantissa, exponent]."""
    return safefloat.normalised(*value) if isinstance(value, list) else safefloat.from_int(value)


def normalize(case: Case) -> Json:
    value = safefloat.normalised(case["mantissa"], case["exponent"])
    return [value.mantissa, value.exponent]


def add(case: Case) -> Json:
    total = safefloat.add(*(safefloat.normalised(mantissa, exponent) for mantissa, exponent in (case["a"], case["b"])))
    return [total.mantissa, total.exponent]


def _rate(case: Case) -> int:
    _, rest = split_take(U96F32.from_int(case["pending_root_alpha"]), case["take_u16"])
    return root_claim.rate_increase(rest, case["hotkey_root_stake"])


def claim_ratio(case: Case) -> Json:
    alice, bob = (root_claim.claimable(_rate(case), stake, 0) for stake in case["stakers"])
    return {"alice": alice, "bob_minus_2alice": bob - 2 * alice}


def indices(case: Case) -> Json:
    return list(root_claim.claim_indices(bytes.fromhex(case["hash_hex"]), case["k"], case["n"]))


KINDS: dict[str, Handler] = {
    "block_hash_to_indices": indices,
    "inherited_stake": inherited,
    "parent_child_dividends": parent_child,
    "parent_child_two_keys": two_keys,
    "root_claim": lambda case: root_claim.claimable(_rate(case), case["staker_root_stake"], case.get("claimed", 0)),
    "root_claim_ratio": claim_ratio,
    "safefloat_add": add,
    "safefloat_normalize": normalize,
    "share_pool": pool_operations,
    "total_stake_weight": stake_weight,
}
