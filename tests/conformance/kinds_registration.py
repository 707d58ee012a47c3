"""Kinds of `registration.json`: prices, pruning, dissolution."""

from node.economics import registration
from node.primitives.fixed import I96F32, U64F64
from tests.conformance.cases import Case, Handler, Json, MalformedCase, as_number, raw


def burn_sequence(case: Case) -> Json:
    burn, result = case["start"], []
    for op in case["ops"]:
        if op == "register":
            burn = registration.burn_after_registration(burn, raw(case["mult"], U64F64), case["min"], case["max"])
        elif op == "block":
            burn = registration.burn_after_block(burn, case["half_life"], case["min"], case["max"])
        else:
            raise MalformedCase(f"unknown operation {op!r}")
        result.append(burn)
    return result


def burn_after_blocks(case: Case) -> Json:
    burn = case["start"]
    for _ in range(case["blocks"]):
        burn = registration.burn_after_block(burn, case["half_life"], case["min"], case["max"])
    return burn


def lock_cost(case: Case) -> Json:
    return registration.lock_cost(
        case["last_lock"],
        case["last_lock_block"],
        case["block"],
        min_lock_rao=case["min_lock"],
        reduction_interval_blocks=case["reduction_interval"],
        block_emission_rao=case["block_emission"],
    )


def neuron_to_prune(case: Case) -> Json:
    neurons = [registration.PruneCandidate(emission, block) for emission, block in case["neurons_emission_regblock"]]
    return registration.neuron_to_prune(
        neurons, case["immortal_uids"], case["block"], case["immunity_period"], case["min_non_immune_uids"]
    )


def subnet_to_prune(case: Case) -> Json:
    subnets = [
        registration.SubnetPruneCandidate(int(netuid), raw(price, I96F32), block)
        for netuid, (price, block) in case["subnets_price_registered"].items()
    ]
    return registration.subnet_to_prune(subnets, case["block"], case["immunity"])


def median_price(case: Case) -> Json:
    return as_number(registration.median_price([raw(price, U64F64) for price in case["prices"]]), U64F64)


def dissolve_payout(case: Case) -> Json:
    stakes = case.pick("alpha", "alphas", "stakes", "alpha_stakes", "stake", "stakers", "positions", "shares")
    pot = case.pick("tao", "pot", "subnet_tao", "tao_pot", "tao_reserve", "pot_tao")
    protocol = case.get("protocol_alpha", 0) or 0
    named = stakes if isinstance(stakes, dict) else {str(i): _amount(stake) for i, stake in enumerate(stakes)}
    payouts = registration.dissolve_payouts(pot, {name.encode(): amount for name, amount in named.items()}, protocol)
    amounts = {name: payouts.get(name.encode(), 0) for name in named}
    expected = case.data.get("expected")
    return amounts if isinstance(expected, dict) and set(expected) <= set(amounts) else list(amounts.values())


def _amount(stake: Json) -> int:
    """A position is its α, or a list that ends with it."""
    value = stake[-1] if isinstance(stake, list) else stake
    if not isinstance(value, int):
        raise MalformedCase(f"{stake!r} is no position")
    return value


def legacy_adjust(case: Case) -> Json:
    return registration.adjusted_by_interval(
        case["current"],
        case["registrations"],
        case["target"],
        case["adjustment_alpha_u64"],
        case["min"],
        case["max"],
    )


KINDS: dict[str, Handler] = {
    "burn_after_blocks": burn_after_blocks,
    "burn_sequence": burn_sequence,
    "decay_factor_q32": lambda case: registration.burn_decay_factor(case["half_life"]),
    "dissolve_payout": dissolve_payout,
    "legacy_adjust": legacy_adjust,
    "lock_cost": lock_cost,
    "median_subnet_price": median_price,
    "neuron_to_prune": neuron_to_prune,
    "subnet_to_prune": subnet_to_prune,
}
