"""No value that a proposal may give any number stops the chain: blocks, epochs and calls go on, and all τ is there."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import msgspec
import pytest
from msgspec.structs import replace as with_

from node.ledger import queries
from node.ledger.calls import AddStake, BurnedRegister, Call, RegisterNetwork, SetWeights, StartCall, SwapStake
from node.ledger.errors import InvalidValue
from node.ledger.parameter_rules import require_coherent_chain
from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.types import Alpha, NetUid, Rao, Uid
from tests.unit.ledger.world import SUBNET, TAO, World, hyper, small_genesis, who


def ends(numbers: type[Parameters] | type[Hyperparameters]) -> Iterator[tuple[str, int | bool]]:
    """Every field with the lowest and the highest value that its type allows."""
    for field in msgspec.structs.fields(numbers):
        kind = msgspec.inspect.type_info(field.type)
        if isinstance(kind, msgspec.inspect.BoolType):
            yield from ((field.name, False), (field.name, True))
        elif isinstance(kind, msgspec.inspect.IntType) and kind.ge is not None and kind.le is not None:
            yield from ((field.name, kind.ge), (field.name, kind.le))


def live(world: World) -> None:
    """Three tempos of ordinary life; calls may fail, by name."""
    life: tuple[tuple[str, Call], ...] = (
        ("alice", AddStake(who("va"), SUBNET, Rao(50 * TAO))),
        ("bob", BurnedRegister(SUBNET, who("miner"))),
        ("va", SetWeights(SUBNET, (Uid(0), Uid(2)), (1, 2), 0)),
        ("alice", SwapStake(who("va"), SUBNET, NetUid(0), Alpha(TAO))),
        ("bob", RegisterNetwork(who("fresh"))),
        ("bob", StartCall(NetUid(2))),
        ("bob", AddStake(who("fresh"), NetUid(2), Rao(TAO))),
    )
    for by, call in life:
        nonce = queries.nonce(world.state.view, who(by))
        world.block(world.sign(by, call, nonce=nonce), may_skip=True)
    world.run_to(24)


def settable(name: str, value: int | bool) -> bool:
    """Whether a proposal can set this number of the chain, the others being what they are."""
    try:
        require_coherent_chain(with_(Parameters(), **{name: value}))
    except InvalidValue:
        return False
    return True


@pytest.mark.parametrize(("name", "value"), [end for end in ends(Parameters) if settable(*end)])
def test_no_number_of_the_chain_stops_it(name: str, value: int | bool) -> None:
    spec = small_genesis(subnet=hyper(commit_reveal=False), root_rao=1000 * TAO)
    live(World(replace(spec, parameters=with_(spec.parameters, **{name: value}))))


@pytest.mark.parametrize(("name", "value"), [end for end in ends(Hyperparameters) if end[0] != "burn_start_rao"])
def test_no_number_of_a_subnet_stops_the_chain(name: str, value: int | bool) -> None:
    spec = small_genesis(subnet=hyper(commit_reveal=False), root_rao=1000 * TAO)
    if name == "max_uids":
        value = max(value, 3)
    [subnet] = spec.subnets
    changed = with_(subnet.hyperparameters, **{name: value})
    live(World(replace(spec, subnets=(replace(subnet, hyperparameters=changed),))))


@pytest.mark.parametrize("seed", range(10))
def test_no_mixture_of_extremes_stops_the_chain(seed: int) -> None:
    draw, spec = Random(seed), small_genesis(root_rao=1000 * TAO)
    [subnet] = spec.subnets
    chain = dict(draw.sample([end for end in ends(Parameters) if "take" not in end[0]], 12))
    own = dict(draw.sample([end for end in ends(Hyperparameters) if end[0] not in {"max_uids", "burn_start_rao"}], 10))
    changed = replace(subnet, hyperparameters=with_(subnet.hyperparameters, **own))
    live(World(replace(spec, parameters=with_(spec.parameters, **chain), subnets=(changed,))))
