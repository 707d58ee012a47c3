"""Kinds of `yuma.json`: whole epochs, given as state or as a generator."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from node.economics.yuma.epoch import RawEpoch, evaluate, run_epoch
from node.economics.yuma.types import EpochInput, EpochOutput, EpochParams, SparseRow
from node.primitives.fixed import I32F32, U16_ONE
from tests.conformance.cases import Case, Handler, Json, MalformedCase, Mismatch, as_number, compare, exact

STORED = frozenset(
    (
        "active",
        "bonds",
        "consensus",
        "dividends",
        "emission",
        "incentive",
        "new_validator_permits",
        "pruning_score",
        "rank",
        "server_emission",
        "stake_weight",
        "trust",
        "validator_emission",
        "validator_trust",
    )
)


@dataclass(frozen=True)
class Ran:
    """One epoch: what it was given, its numbers before storing, and what is stored."""

    inputs: EpochInput
    raw: RawEpoch
    output: EpochOutput

    def stored(self, name: str) -> Json:
        """A field of the output as the vectors write it."""
        if name not in STORED:
            raise MalformedCase(f"the epoch has no output {name!r}")
        value = getattr(self.output, name)
        return rows_as_object(value) if name == "bonds" else list(value)


def rows_as_object(rows: tuple[SparseRow, ...]) -> Json:
    return {str(uid): [list(cell) for cell in row] for uid, row in enumerate(rows) if row}


def params(config: Mapping[str, Json]) -> EpochParams:
    defaults = EpochParams(yuma3=False)
    return EpochParams(
        kappa_u16=config.get("kappa", defaults.kappa_u16),
        bonds_penalty_u16=config.get("bonds_penalty", defaults.bonds_penalty_u16),
        bonds_moving_average_ppm=config.get("bonds_moving_average", defaults.bonds_moving_average_ppm),
        activity_cutoff_blocks=config.get("activity_cutoff", defaults.activity_cutoff_blocks),
        tempo_blocks=config.get("tempo", defaults.tempo_blocks),
        max_validators=config.get("max_validators", defaults.max_validators),
        stake_threshold_rao=config.get("stake_threshold", defaults.stake_threshold_rao),
        yuma3=config.get("yuma3", defaults.yuma3),
        liquid_alpha=config.get("liquid_alpha", defaults.liquid_alpha),
        alpha_low_u16=config.get("alpha_low", defaults.alpha_low_u16),
        alpha_high_u16=config.get("alpha_high", defaults.alpha_high_u16),
        alpha_sigmoid_steepness=config.get("steepness", defaults.alpha_sigmoid_steepness),
        commit_reveal=config.get("commit_reveal", defaults.commit_reveal),
    )


def sparse_rows(rows: Mapping[str, Json], n: int) -> tuple[SparseRow, ...]:
    unknown = [uid for uid in rows if not (uid.isdigit() and int(uid) < n)]
    if unknown:
        raise MalformedCase(f"row {unknown[0]!r} is no uid below {n}")
    return tuple(tuple((j, value) for j, value in sorted(rows.get(str(uid), []))) for uid in range(n))


def run_state(state: Mapping[str, Json], config: Mapping[str, Json], n: int) -> Ran:
    """Run the epoch of one complete state."""
    wanted = ("block", "rao_emission", "stake", "validator_permits", "last_update", "block_at_registration")
    missing = [name for name in (*wanted, "weights", "bonds") if name not in state]
    if missing:
        raise MalformedCase(f"the epoch's input lacks {missing[0]}")
    commits = state.get("oldest_commit", state.get("commit_blocks")) or []
    inputs = EpochInput(
        params=params(config),
        block=state["block"],
        emission_rao=state["rao_emission"],
        stake_q64=tuple(stake << 64 for stake in state["stake"]),
        validator_permits=tuple(state["validator_permits"]),
        last_update=tuple(state["last_update"]),
        block_at_registration=tuple(state["block_at_registration"]),
        weights=sparse_rows(state["weights"], n),
        bonds=sparse_rows(state["bonds"], n),
        owner_uid=config.get("owner_uid"),
        last_mechanism_step=config.get("last_mechanism_step", 0),
        oldest_commit=tuple(commits),
    )
    return Ran(inputs, evaluate(inputs), run_epoch(inputs))


def epochs(case: Case) -> Json:
    steps = case.data.get("epochs")
    if not isinstance(steps, list) or not steps:
        raise MalformedCase("the case has no epochs")
    n = case.data.get("n")
    if not isinstance(n, int):
        raise MalformedCase("the case does not say how many uids there are")
    for number, step in enumerate(steps):
        config = {**case.defaults, **case.data.get("config", {}), **step.get("config", {})}
        ran = run_state(step["input"], config, n)
        following = steps[number + 1]["input"] if number + 1 < len(steps) else None
        try:
            for name, expected in (step.get("expected") or {}).items():
                check_expectation(ran, name, expected)
            for name, expected in (step.get("reference_output") or {}).items():
                check_reference(case, number, ran, name, expected, following)
        except (Mismatch, MalformedCase) as error:
            raise type(error)(f"epoch {number}: {error}") from error
    return "every epoch as expected"


def check_reference(
    case: Case, number: int, ran: Ran, name: str, expected: Json, following: Mapping[str, Json] | None
) -> None:
    actual = ran.stored(name)
    if name == "new_validator_permits" and following is not None and len(expected) == len(actual):
        expected = before_replacement(case, number, ran, expected, following)
    check_exactly(name, actual, expected)


def before_replacement(
    case: Case, number: int, ran: Ran, expected: list[Json], following: Mapping[str, Json]
) -> list[Json]:
    """The recorded permits without those of uids that were replaced before the next epoch.

    A replacement clears the permit, and the files record permits after it. An epoch gives permits by stake alone, so
    such a recorded False is the state of the newcomer, not an output of the epoch; it is reported, not compared.
    """
    kept: list[Json] = []
    registered = following.get("block_at_registration", [])
    for uid, recorded in enumerate(expected):
        replaced = uid < len(registered) and registered[uid] != ran.inputs.block_at_registration[uid]
        if replaced and recorded is False and ran.output.new_validator_permits[uid]:
            case.notes.append(f"{case.id} epoch {number}: the permit of uid {uid} is recorded after its replacement")
            recorded = True
        kept.append(recorded)
    return kept


def check_exactly(name: str, actual: Json, expected: Json) -> None:
    if isinstance(expected, Mapping) and isinstance(actual, Mapping) and set(expected) != set(actual):
        raise Mismatch(f"{name}: expected rows {sorted(expected)}, got {sorted(actual)}")
    compare(actual, expected, Fraction(0), False, name)


def check_expectation(ran: Ran, name: str, expected: Json) -> None:
    """One expectation: an output field, or a field seen in another way."""
    if name in STORED:
        check_exactly(name, ran.stored(name), expected)
    elif name == "bonds_at":
        for row, column, value in expected:
            compare(bond(ran.output.bonds, row, column), value, Fraction(0), False, f"bond {row},{column}")
    elif name == "bonds_proportion":
        rows = [
            [Fraction(bond(ran.output.bonds, row, column), U16_ONE) for column in expected["columns"]]
            for row in range(len(expected["rows"]))
        ]
        compare(rows, expected["rows"], exact(expected["tolerance"]), False, name)
    elif name in ("bond_not_lower_than_previous_epoch", "bond_not_higher_than_previous_epoch"):
        check_bond_direction(ran, name, expected)
    elif (field := name.removesuffix("_by_uid")) in STORED:
        stored = ran.stored(field)
        compare({uid: stored[int(uid)] for uid in expected}, expected, Fraction(0), False, name)
    elif (field := name.removesuffix("_within_1")) in STORED:
        compare(ran.stored(field), expected, Fraction(1), False, name)
    elif (field := name.removesuffix("_proportion")) in STORED:
        shares = [Fraction(value, U16_ONE) for value in ran.stored(field)]
        compare(shares, expected["values"], exact(expected["tolerance"]), False, name)
    elif (field := name.removesuffix("_float")) in RAW_FIELDS:
        numbers = [as_number(value, I32F32) for value in getattr(ran.raw, RAW_FIELDS[field])]
        compare(numbers, expected["values"], exact(expected["tolerance"]), False, name)
    else:
        raise MalformedCase(f"unknown expectation {name!r}")


RAW_FIELDS = {
    "consensus": "consensus",
    "dividends": "dividends",
    "incentive": "incentive",
    "rank": "incentive",
    "stake_weight": "stake",
    "trust": "trust",
    "validator_trust": "validator_trust",
}


def check_bond_direction(ran: Ran, name: str, cells: list[tuple[int, int]]) -> None:
    for row, column in cells:
        before, after = bond(ran.inputs.bonds, row, column), bond(ran.output.bonds, row, column)
        if (after < before) if "not_lower" in name else (after > before):
            raise Mismatch(f"{name}: bond {row},{column} went from {before} to {after}")


def bond(rows: tuple[SparseRow, ...], row: int, column: int) -> int:
    return dict(rows[row]).get(column, 0)


def generated(case: Case) -> Json:
    """A graph described in words: validators that weigh every server equally, in four epochs."""
    config = {**case.defaults, **case.data.get("config", {})}
    n, generator = case.data["n"], case.data["generator"]
    validators = generated_validators(generator["validators"], n)
    servers = [uid for uid in range(n) if uid not in validators]
    text = generator["weights"]
    if "every validator sets 65535 on every server" not in text:
        raise MalformedCase(f"unknown weights: {text!r}")
    weights = {str(uid): [[server, U16_ONE] for server in servers] for uid in validators}
    if "every server sets a self weight" in text:
        weights |= {str(uid): [[uid, U16_ONE]] for uid in servers}
    state = {
        "block": 0,
        "rao_emission": generator["rao_emission"],
        "stake": [generator["stake_per_validator"] if uid in validators else 0 for uid in range(n)],
        "validator_permits": [False] * n,
        "last_update": [0] * n,
        "block_at_registration": [generator["registered_at"]] * n,
        "weights": {},
        "bonds": {},
    }
    ran = run_state(state, config, n)
    updated = [1 if str(uid) in weights else 0 for uid in range(n)]
    for _ in range(3):
        state |= {
            "block": 1,
            "weights": weights,
            "last_update": updated,
            "validator_permits": ran.output.new_validator_permits,
            "bonds": rows_as_object(ran.output.bonds),
        }
        ran = run_state(state, config, n)
    return {"validator": group(ran, sorted(validators), servers), "server": group(ran, servers, servers)}


def generated_validators(text: str, n: int) -> frozenset[int]:
    if found := re.fullmatch(r"uids (\d+)\.\.(\d+)", text):
        return frozenset(range(int(found[1]), int(found[2]) + 1))
    if found := re.fullmatch(r"uids divisible by (\d+)", text):
        return frozenset(range(0, n, int(found[1])))
    raise MalformedCase(f"unknown choice of validators: {text!r}")


def group(ran: Ran, uids: list[int], servers: list[int]) -> Json:
    """What all these uids have in common; raises `Mismatch` where they differ."""

    def common(name: str, values: set[int]) -> int:
        if len(values) != 1:
            raise Mismatch(f"{name} differs within the group: {sorted(values)[:4]}")
        return values.pop()

    fields = {name: common(name, {ran.stored(name)[uid] for uid in uids}) for name in STORED - {"bonds"}}
    rows = {uid: dict(ran.output.bonds[uid]) for uid in uids}
    others = [uid for uid in range(len(ran.output.bonds)) if uid not in frozenset(servers)]
    fields["bond_to_server"] = common("bond_to_server", {rows[uid].get(j, 0) for uid in uids for j in servers})
    fields["bond_to_validator"] = common("bond_to_validator", {rows[uid].get(j, 0) for uid in uids for j in others})
    if uids == servers:
        fields["bond"] = common("bond", {value for row in rows.values() for value in row.values()} or {0})
    return fields


KINDS: dict[str, Handler] = {"epoch": epochs, "epoch_generated": generated}
