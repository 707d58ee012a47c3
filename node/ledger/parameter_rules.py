"""Which numbers of a subnet and of the chain a call may set, who may, and within which range.

A type already bounds what a number can be; a rule narrows that for the owner or for everybody. The tempo is not the
owner's: epochs follow a stateless clock, so another tempo shifts every epoch and voids pending commits. Source of the
ranges: docs/protocol.md, "Hyperparameters".
"""

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final, TypeVar

import msgspec

from node.ledger import errors
from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.types import RAO_PER_TAO

Numbers = TypeVar("Numbers", Parameters, Hyperparameters)
_U63_MAX: Final = 2**63 - 1


class Setter(Enum):
    """Who may set a number of a subnet."""

    OWNER = "the subnet's owner, or an approved proposal"
    ROOT = "an approved proposal"


@dataclass(frozen=True, slots=True)
class Rule:
    """One hyperparameter: who sets it and within which range, beside what its type allows."""

    setter: Setter
    low: int = 0
    high: int = _U63_MAX
    owner_high: int = _U63_MAX
    """An approved proposal may go beyond this one."""
    pause_tempos: int | None = None
    """Least time between two changes by the owner; None: the chain's `owner_rate_limit_tempos`."""
    error: type[errors.CallError] = errors.InvalidValue


_OWNER: Final = Rule(Setter.OWNER)
_ROOT: Final = Rule(Setter.ROOT)

RULES: Final[dict[str, Rule]] = {
    "tempo_blocks": Rule(Setter.ROOT, error=errors.TempoOutOfBounds),
    "immunity_blocks": _OWNER,
    "min_allowed_weights": _OWNER,
    "max_uids": _OWNER,
    "min_allowed_uids": _ROOT,
    "max_validators": _ROOT,
    "kappa_u16": _ROOT,
    "activity_cutoff_blocks": Rule(Setter.OWNER, low=360, error=errors.ActivityCutoffTooLow),
    "weights_rate_limit_blocks": _ROOT,
    "weights_version_key": Rule(Setter.OWNER, pause_tempos=5),
    "serving_rate_limit_blocks": _OWNER,
    "bonds_moving_average_ppm": Rule(Setter.OWNER, owner_high=975_000),
    "bonds_penalty_u16": _OWNER,
    "yuma3": _OWNER,
    "liquid_alpha": _OWNER,
    "alpha_sigmoid_steepness": _OWNER,
    "registration_allowed": _ROOT,
    "burn_min_rao": Rule(Setter.OWNER, high=RAO_PER_TAO - 1),
    "burn_max_rao": Rule(Setter.OWNER, low=RAO_PER_TAO // 10 + 1),
    "burn_half_life_blocks": Rule(Setter.OWNER, low=1),
    "burn_increase_q60": _OWNER,
    "price_halving_blocks": _ROOT,
    "owner_cut_enabled": _OWNER,
    "emission_enabled": _ROOT,
    "recycle_withheld": _OWNER,
    "immune_owner_uids": _OWNER,
    "commit_reveal": _OWNER,
    "reveal_period_epochs": _OWNER,
    "bonds_reset": _OWNER,
    "childkey_take_min_u16": _OWNER,
    "transfers_enabled": _OWNER,
}
"""Every hyperparameter that can be set by its name. `alpha_low_u16` and `alpha_high_u16` are set together."""

UNSETTABLE: Final = frozenset({"burn_start_rao", "alpha_low_u16", "alpha_high_u16"})
"""What `SetHyperparameter` does not set: the first burn price is history, the alphas have a call of their own."""


def with_number(
    numbers: Numbers, name: str, value: int, *, error: type[errors.CallError] = errors.InvalidValue
) -> Numbers:
    """`numbers` with one field set, flags as 0 or 1. Raises UnknownParameter, or `error` if its type refuses it."""
    kind = _kinds(type(numbers)).get(name)
    if kind is None:
        raise errors.UnknownParameter(f"There is no parameter {name!r}.")
    given = bool(value) if kind is bool and value in (0, 1) else value
    try:
        msgspec.convert(given, type=kind)
    except msgspec.ValidationError as refused:
        raise error(f"{name}: {refused}.") from refused
    return msgspec.structs.replace(numbers, **{name: given})


def require_coherent(hyper: Hyperparameters, parameters: Parameters, seats: int) -> None:
    """Raise InvalidValue unless a subnet's numbers fit each other, the chain's, and the seats that are taken."""
    if not hyper.burn_min_rao < hyper.burn_max_rao:
        raise errors.InvalidValue("burn_min_rao must stay below burn_max_rao.")
    if hyper.max_uids < seats:
        raise errors.InvalidValue(f"max_uids: {seats} seats are taken; trim them first.")
    if hyper.max_uids < hyper.min_allowed_uids:
        raise errors.InvalidValue("max_uids must not fall below min_allowed_uids.")
    if hyper.childkey_take_min_u16 > parameters.childkey_take_max_u16:
        raise errors.InvalidValue("childkey_take_min_u16 must not exceed the chain's childkey_take_max_u16.")


def require_coherent_chain(parameters: Parameters) -> None:
    """Raise InvalidValue unless the chain's numbers fit each other."""
    if not parameters.take_min_u16 <= parameters.take_default_u16 <= parameters.take_max_u16:
        raise errors.InvalidValue("take_min_u16, take_default_u16 and take_max_u16 must ascend.")
    if parameters.childkey_take_min_u16 > parameters.childkey_take_max_u16:
        raise errors.InvalidValue("childkey_take_min_u16 must not exceed childkey_take_max_u16.")
    if parameters.unbonding_blocks <= parameters.evidence_age_blocks:
        raise errors.InvalidValue(
            "unbonding_blocks must exceed evidence_age_blocks: bonds outlive what they answer for."
        )


@cache
def _kinds(numbers: type[Parameters] | type[Hyperparameters]) -> dict[str, object]:
    return {field.name: field.type for field in msgspec.structs.fields(numbers)}
