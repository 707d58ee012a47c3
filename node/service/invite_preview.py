"""What joining would do, told before anything is started: what an invite says, and whether this home could follow it.

Asks nobody: whether a node answers at the addresses is known only once it is dialled.
"""

from collections.abc import Iterable
from typing import Final

from node.control.schema import JoinPreview
from node.ledger.genesis import genesis_state, parse_genesis
from node.primitives.address import to_ss58
from node.primitives.errors import LedgerError
from node.service.errors import BadGenesis
from node.service.home import Home
from node.service.invite import InviteBody, looks_like_invite, open_invite
from p2p import AddressError
from p2p.addresses import parse_address

_UNUSABLE: Final = "None of its addresses is of a kind that this version can dial."


def preview(target: str, home: Home, now_ms: int) -> JoinPreview:
    """Return what joining `target` with `home` would do. Raises BadInvite for a damaged or forged invite."""
    target = target.strip()
    if not looks_like_invite(target):
        usable, unusable = sort_addresses((target,))
        return JoinPreview(usable, unusable=unusable, problem="" if usable else _UNUSABLE)
    body = open_invite(target)
    usable, unusable = sort_addresses(body.addresses)
    return JoinPreview(
        addresses=usable,
        network=body.network,
        genesis_hash=body.genesis_hash.hex(),
        inviter=to_ss58(body.inviter),
        expires_ms=body.expires_ms,
        unusable=unusable,
        problem=_problem(body, usable, home, now_ms),
    )


def sort_addresses(addresses: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses that this version can dial, and the others: a newer inviter may name some of either kind."""
    usable: list[str] = []
    unusable: list[str] = []
    for address in addresses:
        try:
            parsed = parse_address(address)
            is_usable = parsed.peer_id is not None and parsed.is_dialable
        except AddressError:
            is_usable = False
        (usable if is_usable else unusable).append(address)
    return tuple(usable), tuple(unusable)


def _problem(body: InviteBody, usable: tuple[str, ...], home: Home, now_ms: int) -> str:
    if body.expires_ms < now_ms:
        return "It has expired, by this machine's clock."
    if not usable:
        return _UNUSABLE
    try:
        data = home.read_genesis()
        own = None if data is None else genesis_state(parse_genesis(data))[1].hash
    except (LedgerError, BadGenesis, OSError):
        return f"{home.genesis} cannot be read."
    if own is not None and own != body.genesis_hash:
        return f"The home {home.path} belongs to another network; join with another one (--home DIR)."
    return ""
