"""Typed storage: what the state holds, under which path, and a journalled overlay to change it.

The state is a flat map from a 32-byte path to canonical bytes. An item (`Value`, or `Map` from keys to values) knows
its path, its types and its default; a value equal to the default is not stored, so equal states have equal rows.
Nothing here can scan: what must be enumerated is an `IndexedList`. Rules: docs/protocol.md, "State".
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import msgspec

from node.primitives.codec import encode
from node.primitives.errors import InvariantBroken, invariant
from node.primitives.limits import STATE_PATHS_KEPT_MAX, STATE_VALUE_BYTES_MAX
from node.primitives.types import HASH_BYTES, Hash

K = TypeVar("K")
V = TypeVar("V")

_DOMAIN: Final = b"state"


class StateView(Protocol):
    """A read-only state: the bytes under a path, or None."""

    def get(self, path: Hash) -> bytes | None: ...


class EmptyView:
    """The state before genesis."""

    def get(self, path: Hash) -> bytes | None:
        return None


class DictView:
    """A state held in a plain mapping; for genesis, tests and simulations."""

    def __init__(self, rows: Mapping[Hash, bytes]) -> None:
        self._rows = rows

    def get(self, path: Hash) -> bytes | None:
        return self._rows.get(path)


class LayeredView:
    """The state after a block that is not final yet: its net changes over its parent's state.

    `rebase` swaps the parent for an equal state (the store, once the parent is final), so that layers can be dropped.
    """

    def __init__(self, changes: Mapping[Hash, bytes | None], parent: StateView) -> None:
        self._changes = changes
        self._parent = parent

    def get(self, path: Hash) -> bytes | None:
        view: StateView = self
        while isinstance(view, LayeredView):
            if path in view._changes:
                return view._changes[path]
            view = view._parent
        return view.get(path)

    def rebase(self, parent: StateView) -> None:
        """Read what this block did not change from `parent`; the caller vouches that it is the same state."""
        invariant(parent is not self, "a layer cannot be its own parent")
        self._parent = parent


class Overlay:
    """Uncommitted changes over a view, with savepoints: what follows a savepoint can be undone at once."""

    def __init__(self, base: StateView) -> None:
        self._base = base
        self._read: dict[Hash, bytes | None] = {}
        self._writes: dict[Hash, bytes | None] = {}
        self._objects: dict[Hash, Any] = {}
        self._journal: list[tuple[Hash, bool, bytes | None]] = []

    def get(self, path: Hash) -> bytes | None:
        return self._writes[path] if path in self._writes else self._original(path)

    def set(self, path: Hash, value: bytes | None, decoded: object = None) -> None:
        """Write `value` under `path`, with what it decodes to where that is at hand; None removes the row."""
        writes = self._writes
        self._journal.append((path, path in writes, writes.get(path)))
        writes[path] = value
        if decoded is None:
            self._objects.pop(path, None)
        else:
            self._objects[path] = decoded

    def cached(self, path: Hash) -> Any:
        """The decoded value last read or written under `path`, if it is still true; its item knows the type."""
        return self._objects.get(path)

    def remember(self, path: Hash, value: object) -> None:
        """Keep a decoded value beside its row until the row changes."""
        self._objects[path] = value

    def savepoint(self) -> int:
        """A mark to return to with `rollback`; marks nest."""
        return len(self._journal)

    def rollback(self, mark: int) -> None:
        """Undo everything written since `mark`."""
        invariant(0 <= mark <= len(self._journal), "a savepoint lies in the past")
        while len(self._journal) > mark:
            path, present, old = self._journal.pop()
            self._objects.pop(path, None)
            if present:
                self._writes[path] = old
            else:
                del self._writes[path]

    def changes(self) -> dict[Hash, bytes | None]:
        """The net change against the base, by ascending path; rows that ended as they began are left out."""
        return self.effect()[0]

    def undo(self) -> dict[Hash, bytes | None]:
        """What `changes` replaced: applying it after them restores the base."""
        return self.effect()[1]

    def effect(self) -> tuple[dict[Hash, bytes | None], dict[Hash, bytes | None]]:
        """`changes` and `undo` at once."""
        changes: dict[Hash, bytes | None] = {}
        undo: dict[Hash, bytes | None] = {}
        read = self._read
        for path, value in sorted(self._writes.items()):
            original = read[path] if path in read else self._original(path)
            if value != original:
                changes[path], undo[path] = value, original
        return changes, undo

    def _original(self, path: Hash) -> bytes | None:
        """The base's row; each is asked for once, because the base may be a database."""
        if path not in self._read:
            self._read[path] = self._base.get(path)
        return self._read[path]


class Item(Generic[K, V]):
    """One kind of state entry. Every item is listed in `ITEMS`; names are unique."""

    def __init__(self, pallet: str, name: str, kind: object, default: V | None, about: str) -> None:
        self.pallet, self.name, self.kind, self.default, self.about = pallet, name, kind, default, about
        invariant((pallet, name) not in ITEMS, f"the state item {pallet}.{name} is defined once")
        ITEMS[pallet, name] = cast("Item[object, object]", self)
        self._decoder: msgspec.msgpack.Decoder[V] = msgspec.msgpack.Decoder(cast("type[V]", kind))
        self._prefix = hashlib.blake2b(digest_size=HASH_BYTES, person=_DOMAIN)
        for part in (pallet.encode("ascii"), name.encode("ascii")):
            self._prefix.update(len(part).to_bytes(8, "big") + part)

    def path_of(self, key: bytes) -> Hash:
        """digest("state", pallet, item, key), with the first three parts hashed once."""
        state = self._prefix.copy()
        state.update(len(key).to_bytes(8, "big") + key)
        return Hash(state.digest())

    def _read(self, view: StateView, path: Hash) -> V | None:
        if not isinstance(view, Overlay):
            raw = view.get(path)
            return self.default if raw is None else self._decoder.decode(raw)
        known: V | None = view.cached(path)
        if known is not None:
            return known
        raw = view.get(path)
        if raw is None:
            return self.default
        value = self._decoder.decode(raw)
        view.remember(path, value)
        return value

    def _write(self, overlay: Overlay, path: Hash, value: V | None) -> None:
        if value is None or value == self.default:
            overlay.set(path, None)
            return
        raw = encode(value)
        if len(raw) > STATE_VALUE_BYTES_MAX:
            invariant(False, f"a value of {self.pallet}.{self.name} stays within its bound")
        overlay.set(path, raw, value)


ITEMS: Final[dict[tuple[str, str], Item[object, object]]] = {}
"""Every item of the state by (pallet, name); the protocol documentation is checked against it."""


class Value(Item[tuple[()], V]):
    """One value of the whole chain."""

    def __init__(self, pallet: str, name: str, kind: object, *, default: V | None = None, about: str) -> None:
        super().__init__(pallet, name, kind, default, about)
        self.path = self.path_of(b"")

    def find(self, view: StateView) -> V | None:
        """The value, its default, or None."""
        return self._read(view, self.path)

    def get(self, view: StateView) -> V:
        """The value or its default; that one of them exists is an invariant."""
        value = self._read(view, self.path)
        if value is None:
            raise InvariantBroken(f"{self.pallet}.{self.name} is set")
        return value

    def put(self, overlay: Overlay, value: V) -> None:
        """Set the value."""
        self._write(overlay, self.path, value)


class Map(Item[K, V]):
    """Values by key; a key is a tuple of integers and bytes, encoded canonically."""

    def __init__(
        self, pallet: str, name: str, key: object, kind: object, *, default: V | None = None, about: str
    ) -> None:
        super().__init__(pallet, name, kind, default, about)
        self.key = key
        self._paths: dict[K, Hash] = {}

    def path(self, key: K) -> Hash:
        """The path of one key; the last ones are kept, because a call asks for the same few many times."""
        return self._paths.get(key) or self._new_path(key)

    def _new_path(self, key: K) -> Hash:
        path = self.path_of(encode(key))
        if len(self._paths) >= STATE_PATHS_KEPT_MAX:
            self._paths.clear()
        self._paths[key] = path
        return path

    def find(self, view: StateView, key: K) -> V | None:
        """The value of `key`, the default, or None."""
        return self._read(view, self._paths.get(key) or self._new_path(key))

    def get(self, view: StateView, key: K) -> V:
        """The value of `key` or the default; that one of them exists is an invariant."""
        value = self._read(view, self._paths.get(key) or self._new_path(key))
        if value is None:
            raise InvariantBroken(f"{self.pallet}.{self.name} holds this key")
        return value

    def has(self, view: StateView, key: K) -> bool:
        """Whether a row is stored under `key` (defaults are not stored)."""
        return view.get(self.path(key)) is not None

    def put(self, overlay: Overlay, key: K, value: V) -> None:
        """Set the value of `key`."""
        self._write(overlay, self._paths.get(key) or self._new_path(key), value)

    def delete(self, overlay: Overlay, key: K) -> None:
        """Remove the row of `key`; removing nothing is no error."""
        overlay.set(self.path(key), None)


class IndexedList(Generic[K, V]):
    """A set of members per owner that can be enumerated: O(1) to add, remove and find, order not kept on removal.

    Three items: how many, who sits at an index, and at which index a member sits.
    """

    def __init__(self, pallet: str, name: str, owner: object, member: object, *, about: str) -> None:
        self._count: Map[K, int] = Map(pallet, f"{name}_count", owner, int, default=0, about=f"{about}: how many")
        self._at: Map[tuple[K, int], V] = Map(pallet, f"{name}_at", (owner, int), member, about=f"{about}: by index")
        self._slot: Map[tuple[K, V], int] = Map(
            pallet, f"{name}_slot", (owner, member), int, about=f"{about}: index of a member"
        )

    def count(self, view: StateView, owner: K) -> int:
        """How many members the owner has."""
        return self._count.get(view, owner)

    def at(self, view: StateView, owner: K, index: int) -> V:
        """The member at an index below `count`."""
        return self._at.get(view, (owner, index))

    def members(self, view: StateView, owner: K, *, limit: int | None = None) -> Iterator[V]:
        """The members by index, at most `limit`."""
        count = self.count(view, owner)
        for index in range(count if limit is None else min(count, limit)):
            yield self.at(view, owner, index)

    def contains(self, view: StateView, owner: K, member: V) -> bool:
        """Whether `member` is in the owner's list."""
        return self._slot.find(view, (owner, member)) is not None

    def add(self, overlay: Overlay, owner: K, member: V) -> None:
        """Append a member; adding it twice changes nothing."""
        if self.contains(overlay, owner, member):
            return
        index = self.count(overlay, owner)
        self._at.put(overlay, (owner, index), member)
        self._slot.put(overlay, (owner, member), index)
        self._count.put(overlay, owner, index + 1)

    def remove(self, overlay: Overlay, owner: K, member: V) -> None:
        """Remove a member; the last one takes its index."""
        index = self._slot.find(overlay, (owner, member))
        if index is None:
            return
        last = self.count(overlay, owner) - 1
        if index != last:
            moved = self._at.get(overlay, (owner, last))
            self._at.put(overlay, (owner, index), moved)
            self._slot.put(overlay, (owner, moved), index)
        self._at.delete(overlay, (owner, last))
        self._slot.delete(overlay, (owner, member))
        self._count.put(overlay, owner, last)

    def clear(self, overlay: Overlay, owner: K) -> None:
        """Remove every member, and with them every row of the owner."""
        for index in range(self.count(overlay, owner)):
            self._slot.delete(overlay, (owner, self.at(overlay, owner, index)))
            self._at.delete(overlay, (owner, index))
        self._count.delete(overlay, owner)
