"""The subnets this build knows, by name and by the seat they take on a network that does not say otherwise."""

from collections.abc import Sequence

from node.market.errors import UnknownSubnet
from node.primitives.types import NetUid
from node.subnets.base import AnySubnet
from node.subnets.nineteen.adversaries import CHEATS
from node.subnets.nineteen.strategies import honest
from node.subnets.nineteen.subnet import DEFAULT_MODELS, Nineteen

_HOME_SEATS = {NetUid(19): "nineteen"}


def known_subnets() -> tuple[str, ...]:
    """Names of the subnets this build has rules for."""
    return tuple(_HOME_SEATS.values())


def cheat_names() -> tuple[str, ...]:
    """Names of the dishonest ways to mine, for devnets."""
    return tuple(CHEATS)


def name_of(netuid: NetUid, chain_name: str = "") -> str:
    """The known subnet behind a seat: by the name the chain gives it, else by its home seat. Raises UnknownSubnet."""
    if chain_name.lower() in known_subnets():
        return chain_name.lower()
    if netuid in _HOME_SEATS:
        return _HOME_SEATS[netuid]
    raise UnknownSubnet(f"This build has no rules for subnet {netuid} ({chain_name or 'without a name'}).")


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
        raise UnknownSubnet(f"This build has no rules for a subnet called {name!r}.")
    if cheat is not None and cheat not in CHEATS:
        raise UnknownSubnet(f"There is no way to cheat called {cheat!r}.", remedy=f"Choose one of {', '.join(CHEATS)}.")
    strategy = honest if cheat is None else CHEATS[cheat]()
    return Nineteen(models, strategy=strategy, challenge_blocks=challenge_blocks, timeout_s=timeout_s)
