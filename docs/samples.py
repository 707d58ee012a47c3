"""One sample of every call, for the table of their bytes; each field has its own value, so that no order is hidden.

Values are written as the table shows them: `A0` is an account of 32 bytes 0xa0, `B0` a hash of 32 bytes 0xb0, other
bytes are 0x…, lists stand in brackets.
"""

import enum
import itertools
from collections.abc import Iterator
from typing import Annotated, Any, NewType, Union, get_args, get_origin

import msgspec

from docs.tables import table
from node.ledger.calls import CALLS, Transfer
from node.primitives.codec import decode_canonical, encode
from node.primitives.limits import TRANSACTION_BYTES_MAX
from node.primitives.types import AccountId, Rao

ROWS_OF_A_LIST = 2


class _Values:
    """Gives every field of one call another value."""

    def __init__(self) -> None:
        self._numbers = itertools.count(200)
        self._accounts = itertools.count(0xA0)
        self._hashes = itertools.count(0xB0)

    def of(self, kind: Any, metas: tuple[Any, ...] = ()) -> Any:
        """A value of a field's type within its bounds."""
        if isinstance(kind, NewType):
            return self._named(kind, metas)
        if get_origin(kind) is Annotated:
            base, *more = get_args(kind)
            return self.of(base, (*more, *metas))
        if get_origin(kind) is tuple:
            return self._listed(get_args(kind), metas)
        if get_origin(kind) is Union or kind is Any or isinstance(kind, type(int | str)):
            return Transfer(self.of(AccountId), Rao(self.of(int)))
        return self._plain(kind, metas)

    def _named(self, kind: NewType, metas: tuple[Any, ...]) -> Any:
        if kind.__name__ == "AccountId":
            return bytes([next(self._accounts)] * 32)
        if kind.__name__ == "Hash":
            return bytes([next(self._hashes)] * 32)
        return self.of(kind.__supertype__, metas)

    def _listed(self, parts: tuple[Any, ...], metas: tuple[Any, ...]) -> Any:
        if len(parts) == 2 and parts[1] is Ellipsis:
            return tuple(self.of(parts[0]) for _ in range(ROWS_OF_A_LIST))
        return tuple(self.of(part) for part in parts)

    def _plain(self, kind: Any, metas: tuple[Any, ...]) -> Any:
        if kind is bool:
            return True
        if kind is int:
            return next(self._numbers)
        if kind is str:
            return f"text {next(self._numbers)}"
        if kind is bytes:
            least = max((meta.min_length or 0 for meta in metas if isinstance(meta, msgspec.Meta)), default=0)
            return bytes([next(self._numbers)] * least) if least > 1 else b"bytes"
        if issubclass(kind, enum.IntEnum):
            return list(kind)[-1]
        if issubclass(kind, msgspec.Struct):
            return sample(kind, self)
        raise TypeError(f"no sample of a {kind}")


def sample(kind: type[msgspec.Struct], values: _Values | None = None) -> Any:
    """One value of a struct."""
    values = values or _Values()
    return kind(*(values.of(each.type) for each in msgspec.structs.fields(kind)))


def written(value: object) -> str:
    """A value in the words of the table."""
    return "".join(_pieces(value))


def _pieces(value: object) -> Iterator[str]:
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        fields = tuple(getattr(value, name) for name in value.__struct_fields__)
        yield from _pieces(fields if tag is None else (tag, *fields))
    elif isinstance(value, tuple):
        yield f"[{', '.join(written(each) for each in value)}]"
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, int):
        yield str(int(value))
    elif isinstance(value, bytes):
        is_key = len(value) == 32 and len(set(value)) == 1
        yield f"{value[0]:X}" if is_key else f"0x{value.hex()}"
    else:
        yield f'"{value}"'


def call_bytes() -> str:
    """A table of all calls: a sample of each, and its bytes."""
    rows: list[tuple[str, ...]] = []
    for spec in CALLS:
        made = sample(spec.kind)
        fields = ", ".join(written(getattr(made, name)) for name in made.__struct_fields__)
        raw = encode(made)
        decode_canonical(spec.kind, raw, max_bytes=TRANSACTION_BYTES_MAX)  # every value within its bounds
        rows.append((str(spec.number), f"`{spec.name}`", f"`{fields}`" if fields else "", f"`{raw.hex()}`"))
    return table(("tag", "call", "fields", "bytes"), rows)
