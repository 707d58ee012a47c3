"""The subnets this node knows, by name and by the seat they take on a network that does not say otherwise.

Those of this package come first: an installed one cannot take their name or their seat.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from node.market.errors import UnknownSubnet
from node.primitives.types import NetUid
from node.subnets.base import AnySubnet
from node.subnets.chutes.adversaries import CHEATS as CHUTE_CHEATS
from node.subnets.chutes.strategies import honest as honest_chutes
from node.subnets.chutes.subnet import Chutes
from node.subnets.data_universe.subnet import DataUniverse
from node.subnets.nineteen.adversaries import CHEATS
from node.subnets.nineteen.strategies import honest
from node.subnets.nineteen.subnet import DEFAULT_MODELS, Nineteen
from node.subnets.plugins import plugins

_HOME_SEATS: Final = {NetUid(19): "nineteen", NetUid(64): "chutes", NetUid(13): "data_universe"}
_CHEATS: Final[Mapping[str, Mapping[str, Callable[[], Any]]]] = {"nineteen": CHEATS, "chutes": CHUTE_CHEATS}


def known_subnets() -> tuple[str, ...]:
    """Names of the subnets this node has rules for."""
    return tuple(dict.fromkeys((*_HOME_SEATS.values(), *plugins())))


def cheat_names(subnet: str = "nineteen") -> tuple[str, ...]:
    """Names of the dishonest ways to mine a subnet, for devnets."""
    return tuple(_CHEATS.get(subnet, ()))


def name_of(netuid: NetUid, chain_name: str = "") -> str:
    """The known subnet behind a seat: by the name the chain gives it, else by its home seat. Raises UnknownSubnet."""
    if chain_name.lower() in known_subnets():
        return chain_name.lower()
    seats = {subnet.spec.home_netuid: name for name, subnet in plugins().items()} | _HOME_SEATS
    if netuid in seats:
        return seats[netuid]
    raise UnknownSubnet(f"This node has no rules for subnet {netuid} ({chain_name or 'without a name'}).")


def open_subnet(
    name: str,
    *,
    models: Sequence[str] = DEFAULT_MODELS,
    cheat: str | None = None,
    challenge_blocks: int = 10,
    timeout_s: float = 30.0,
) -> AnySubnet:
    """The rules of a subnet, ready for a role; `cheat` names a dishonest strategy. Raises UnknownSubnet."""
    if name not in known_subnets():
        raise UnknownSubnet(f"This node has no rules for a subnet called {name!r}.")
    ways = _CHEATS.get(name, {})
    if cheat is not None and cheat not in ways:
        raise UnknownSubnet(
            f"There is no way to cheat called {cheat!r} in {name}.",
            remedy=f"Choose one of {', '.join(ways) or 'none'}.",
        )
    if name == "data_universe":
        return DataUniverse(challenge_blocks=challenge_blocks, timeout_s=timeout_s)
    if name == "chutes":
        way = honest_chutes if cheat is None else CHUTE_CHEATS[cheat]()
        return Chutes(strategy=way, challenge_blocks=challenge_blocks, timeout_s=timeout_s)
    if name != "nineteen":
        return _paced(plugins()[name], challenge_blocks)
    strategy = honest if cheat is None else CHEATS[cheat]()
    return Nineteen(models, strategy=strategy, challenge_blocks=challenge_blocks, timeout_s=timeout_s)


def _paced(subnet: AnySubnet, challenge_blocks: int) -> AnySubnet:
    """The same rules with rounds as often as this network's tempo allows."""
    paced = copy.copy(subnet)
    paced.spec = replace(subnet.spec, challenge_blocks=min(challenge_blocks, subnet.spec.challenge_blocks))
    return paced
