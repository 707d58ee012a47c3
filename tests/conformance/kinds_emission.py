"""Kinds of `emission.json`: issuance, shares, pool terms, the epoch clock."""

from node.economics import clock, emission
from node.economics.distribution import divide_dividends
from node.primitives.fixed import I96F32, U64F64, U96F32
from node.primitives.types import AccountId
from tests.conformance.cases import Case, Handler, Json, MalformedCase, as_number, raw


def subnets(case: Case) -> list[emission.EmittingSubnet]:
    prices = case["moving_prices"]
    burned = case.get("miner_burned", [0] * len(prices))
    enabled = case.get("enabled", [True] * len(prices))
    return [
        emission.EmittingSubnet(raw(price, I96F32), raw(part, U96F32), bool(on))
        for price, part, on in zip(prices, burned, enabled, strict=True)
    ]


def subnet_emissions(case: Case) -> tuple[int, ...]:
    return emission.subnet_tao_emissions(case["block_emission"], emission.subnet_tao_shares(subnets(case)))


def pending_split(case: Case) -> Json:
    root = raw(case["root_proportion"], U96F32)
    split = emission.split_alpha_out(case["alpha_out"], case["owner_cut_u16"], root, case["root_sell"])
    return {
        "owner": split.owner_rao,
        "server": split.server_rao,
        "validator": split.validator_rao,
        "root": split.root_rao,
        "recycled": split.recycled_rao,
    }


def root_proportion(case: Case) -> int:
    return emission.root_proportion(
        case.pick("root_tao", "root_stake"), case["tao_weight_u64"], case.pick("alpha_issuance", "alpha")
    )


def subnet_terms(case: Case) -> Json:
    given = case.get("root_proportion")
    root = root_proportion(case) if given is None else raw(given, U96F32)
    terms = emission.raw_pool_terms(
        raw(case["tao_emission"], U96F32), raw(case["price"], U96F32), root, case["alpha_emission"]
    )
    return {
        "alpha_in": as_number(terms.alpha_in_q32, U96F32),
        "tao_in": as_number(terms.tao_in_q32, U96F32),
        "excess": as_number(terms.excess_tao_q32, U96F32),
    }


def subnet_terms_int(case: Case) -> Json:
    if case["root_proportion"] != "~1":
        raise MalformedCase("root_proportion is expected to be '~1' here")
    tao = subnet_emissions(case)[case["subnet"]]
    return emission.pool_terms(tao, raw(case["price"], U64F64), U96F32.one, 10**9).alpha_in_rao


def moving_price(case: Case) -> Json:
    age = case["block"] - (case["first_emission_block"] - 1)
    value = raw(case["current"], I96F32)
    for _ in range(case["updates"]):
        value = emission.moving_price(
            value, raw(case["price"], U64F64), age, case["halving"], raw(case["moving_alpha"], I96F32)
        )
    return as_number(value, I96F32)


def dividend_distribution(case: Case) -> Json:
    stakes = {name: (alpha, root) for name, (alpha, root) in case["stake"].items()}
    dividends = case["dividends"]
    keys = {name: AccountId(name.encode()) for name in dividends}
    paid = divide_dividends(
        {keys[name]: amount for name, amount in dividends.items()},
        {keys[name]: stakes[name] for name in dividends},
        case["pending_validator_alpha"],
        case["pending_root_alpha"],
        raw(case["tao_weight"], U96F32),
    )
    per_hotkey = {
        "alpha": {name: U96F32.to_u64(paid[key][0]) for name, key in keys.items()},
        "root": {name: U96F32.to_u64(paid[key][1]) for name, key in keys.items()},
    }
    return {
        "total_alpha": U96F32.to_u64(sum(alpha for alpha, _ in paid.values())),
        "total_root": U96F32.to_u64(sum(root for _, root in paid.values())),
    } | per_hotkey


KINDS: dict[str, Handler] = {
    "block_emission_for_issuance": lambda case: emission.block_emission(case["issuance_rao"]),
    "blocks_until_next_auto_epoch": lambda case: clock.blocks_until_stateful_epoch(
        case["block"], case["last_epoch_block"], case["tempo"]
    ),
    "dividend_distribution": dividend_distribution,
    "legacy_blocks_until_next_epoch": lambda case: clock.blocks_until_next_epoch(
        case["block"], case["netuid"], case["tempo"]
    ),
    "legacy_first_block_of_epoch": lambda case: clock.first_block_of_epoch(
        case["epoch"], case["netuid"], case["tempo"]
    ),
    "mechanism_split": lambda case: emission.split_between_mechanisms(case["alpha"], case["count"], case["split"]),
    "moving_price": moving_price,
    "owner_cut": lambda case: U96F32.to_u64(emission.owner_cut(case["alpha_out"], case["owner_cut_u16"])),
    "pending_split": pending_split,
    "root_proportion": lambda case: as_number(root_proportion(case), U96F32),
    "subnet_emission_tao": lambda case: [U96F32.to_u64(part) for part in subnet_emissions(case)],
    "subnet_shares": lambda case: [as_number(x, U64F64) for x in emission.subnet_tao_shares(subnets(case))],
    "subnet_terms": subnet_terms,
    "subnet_terms_int": subnet_terms_int,
    "tao_weight": lambda case: as_number(emission.tao_weight_q32(case["tao_weight_u64"]), U96F32),
}
