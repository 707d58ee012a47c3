"""The miners of a trial: an honest one and the ways to cheat that every subnet meets, made from the subnet's own code.

They know the form of the messages and nothing of their meaning, so they fit any subnet. A creator whose subnet invites
a cleverer trick writes it as a miner of its own (see `node.subnets.nineteen.adversaries`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import msgspec

from node.primitives.codec import encode
from node.primitives.limits import ANSWER_PART_BYTES_MAX
from node.primitives.types import AccountId
from node.subnets.base import AnySubnet, Part, Usage, decode_message

Way = Literal["honest", "lazy", "lying", "slow", "copying", "malformed", "absent"]
SLOW_FACTOR: Final = 2  # of the deadline
_FORM: Final = frozenset({"index", "done", "usage"})  # a lie keeps these, to get past the checks of form


@dataclass(frozen=True, slots=True)
class Reply:
    """What a miner sends: encoded parts, the usage it signs, and when it is there, in ms after the question."""

    parts: tuple[bytes, ...]
    usage: Usage
    after_ms: int


Honest = Callable[[AccountId], Awaitable[Reply]]
"""The honest answer to the open question, made as this hotkey."""
Miner = Callable[[Honest], Awaitable[Reply | None]]
"""Answers the open question; None keeps silent."""


def make_miner(way: Way, subnet: AnySubnet, own: AccountId, victim: AccountId) -> Miner:
    """A miner that works in this way; `victim` is whom a copier copies."""
    return _MAKERS[way](subnet, own, victim)


def _honest(_subnet: AnySubnet, own: AccountId, _victim: AccountId) -> Miner:
    return lambda honest: honest(own)


def _lazy(_subnet: AnySubnet, own: AccountId, _victim: AccountId) -> Miner:
    first: list[Reply] = []

    async def answer(honest: Honest) -> Reply:
        if not first:
            first.append(await honest(own))
        return first[0]

    return answer


def _lying(subnet: AnySubnet, own: AccountId, _victim: AccountId) -> Miner:
    async def answer(honest: Honest) -> Reply:
        reply = await honest(own)
        told = [decode_message(subnet.Part, part, max_bytes=ANSWER_PART_BYTES_MAX) for part in reply.parts]
        return replace(reply, parts=tuple(encode(falsified(part)) for part in told))

    return answer


def _slow(subnet: AnySubnet, own: AccountId, _victim: AccountId) -> Miner:
    async def answer(honest: Honest) -> Reply:
        late_ms = int(SLOW_FACTOR * subnet.spec.timeout_s * 1000)
        return replace(await honest(own), after_ms=late_ms)

    return answer


def _copying(_subnet: AnySubnet, _own: AccountId, victim: AccountId) -> Miner:
    async def answer(honest: Honest) -> Reply:
        reply = await honest(victim)
        return replace(reply, after_ms=reply.after_ms + 1)

    return answer


def _malformed(_subnet: AnySubnet, own: AccountId, _victim: AccountId) -> Miner:
    turn = 0

    async def answer(honest: Honest) -> Reply:
        nonlocal turn
        reply = await honest(own)
        *others, last = reply.parts
        forms: tuple[tuple[bytes, ...], ...] = (
            (*others, last[:-1]),
            (*others, last + b"\x00"),
            (*reply.parts, last),
            (*others, b"\xc1" * len(last)),
            (*others, b"\x91" * 10_000),
            (),
        )
        turn += 1
        return replace(reply, parts=forms[turn % len(forms)])

    return answer


def _absent(_subnet: AnySubnet, _own: AccountId, _victim: AccountId) -> Miner:
    async def answer(_honest: Honest) -> None:
        return None

    return answer


_MAKERS: Final[Mapping[Way, Callable[[AnySubnet, AccountId, AccountId], Miner]]] = {
    "honest": _honest, "lazy": _lazy, "lying": _lying, "slow": _slow, "copying": _copying, "malformed": _malformed,
    "absent": _absent,
}  # fmt: skip
WAYS: Final = tuple(_MAKERS)


def falsified(part: Part) -> Part:
    """The part with another content in the same form."""
    changed = {name: _other(getattr(part, name)) for name in part.__struct_fields__ if name not in _FORM}
    return msgspec.structs.replace(part, **changed)


def _other(value: object) -> object:
    """A value of the same type that is not this one; what cannot be varied stays."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value[:-1] + ("b" if value.endswith("a") else "a") if value else "a"
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"\x01"
        case tuple():
            return tuple(_other(each) for each in value)
        case msgspec.Struct():
            return msgspec.structs.replace(value, **{n: _other(getattr(value, n)) for n in value.__struct_fields__})
        case _:
            return value
