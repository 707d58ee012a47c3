"""Who takes part in a simulated economy, as a TOML file says it; every number bounded, unknown words refused."""

from typing import Annotated, Final, Literal

import msgspec

from node.market.errors import BadMix
from node.subnets.lab.limits import (
    EPOCHS_MAX,
    GROUPS_MAX,
    MIX_BYTES_MAX,
    NAME_CHARS_MAX,
    SEATS_MAX,
    STAKE_TAO_MAX,
    TEMPO_BLOCKS_MAX,
)
from node.subnets.lab.miners import WAYS, Way

ValidatorWay = Literal["honest", "copying", "equal", "favouring", "silent"]
"""How a validator weighs: by its verdicts, as the consensus of the last epoch, all miners alike, one group only, never.
"""
Count = Annotated[int, msgspec.Meta(ge=1, le=SEATS_MAX)]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Name = Annotated[str, msgspec.Meta(max_length=NAME_CHARS_MAX, pattern=r"^[^\x00-\x1f\x7f]*$")]


class MinerGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Miners of one kind: they work in a `way` of the trial or, where `score` is given, as these numbers say.

    Scores are drawn evenly from `score` ± `spread`; a share of `fails` of the challenges ends without an answer.
    """

    count: Count
    way: Way = "honest"
    name: Name = ""
    score: Share | None = None
    spread: Share = 0.0
    fails: Share = 0.0

    @property
    def title(self) -> str:
        """What the tables call it."""
        return self.name or (self.way if self.score is None else f"score {self.score:g}")


class ValidatorGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Validators of one kind, each with `stake_tao` α behind it; `favours` names a miner group."""

    count: Count
    stake_tao: Annotated[int, msgspec.Meta(ge=1, le=STAKE_TAO_MAX)]
    way: ValidatorWay = "honest"
    name: Name = ""
    favours: Name = ""

    @property
    def title(self) -> str:
        """What the tables call it."""
        return self.name or self.way


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole economy. `pool_tao` τ and as much α are in the subnet's pool at first; `yuma3` picks the consensus."""

    miners: Annotated[tuple[MinerGroup, ...], msgspec.Meta(min_length=1, max_length=GROUPS_MAX)]
    validators: Annotated[tuple[ValidatorGroup, ...], msgspec.Meta(min_length=1, max_length=GROUPS_MAX)]
    epochs: Annotated[int, msgspec.Meta(ge=1, le=EPOCHS_MAX)] = 20
    tempo_blocks: Annotated[int, msgspec.Meta(ge=5, le=TEMPO_BLOCKS_MAX)] = 360
    pool_tao: Annotated[int, msgspec.Meta(ge=100, le=STAKE_TAO_MAX)] = 10_000
    yuma3: bool = True
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0


_OWNER_SEATS: Final = 1


def read_mix(data: bytes) -> Mix:
    """The economy that a TOML file describes. Raises BadMix that names the place."""
    if len(data) > MIX_BYTES_MAX:
        raise BadMix(f"The file has more than {MIX_BYTES_MAX} bytes.")
    try:
        mix = msgspec.toml.decode(data, type=Mix)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMix(f"The mix cannot be read: {error}.") from error
    return check_mix(mix)


def check_mix(mix: Mix) -> Mix:
    """The mix, if its groups fit together and into one subnet. Raises BadMix."""
    seats = _OWNER_SEATS + sum(g.count for g in mix.miners) + sum(g.count for g in mix.validators)
    if seats > SEATS_MAX:
        raise BadMix(f"Miners, validators and the owner need {seats} seats; a subnet has {SEATS_MAX}.")
    titles = [group.title for group in mix.miners]
    if len(set(titles)) < len(titles):
        raise BadMix("Two groups of miners have one name.", remedy="Give each group a `name` of its own.")
    for group in mix.validators:
        if (group.way == "favouring") != (group.favours in titles):
            raise BadMix(f"The validators {group.title!r} favour {group.favours!r}, which is no group of miners.")
    return mix


def usual_mix(miners: int, epochs: int, seed: int) -> Mix:
    """So many miners, four fifths of them honest, the rest one way to cheat each; six validators weigh honestly.

    One copies weights and one favours liars, both with little stake. Raises BadMix.
    """
    cheats: tuple[Way, ...] = tuple(way for way in WAYS if way != "honest")
    each = miners // 5 // len(cheats)
    groups = [MinerGroup(max(1, miners - each * len(cheats)))]
    groups += [MinerGroup(each, way) for way in cheats] if each else []
    favoured = "lying" if each else "honest"
    validators = (
        ValidatorGroup(6, 10_000), ValidatorGroup(1, 3_000, "copying"),
        ValidatorGroup(1, 3_000, "favouring", favours=favoured),
    )  # fmt: skip
    if not 0 < miners <= SEATS_MAX - _OWNER_SEATS - 8:
        raise BadMix(f"A subnet seats 1 to {SEATS_MAX - _OWNER_SEATS - 8} miners beside eight validators.")
    return check_mix(Mix(tuple(groups), validators, epochs=epochs, seed=seed))
