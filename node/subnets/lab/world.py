"""A network in memory for the workbench: journals, large payloads and folders of every hotkey, and a way to ask others.

Journals are reduced as on a node, entry by entry; signatures and gossip are left out. Everything ends with the trial.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from node.market.errors import JournalRefused, Unreachable
from node.market.journal import check_kind
from node.market.journal_state import OWN_KINDS, apply_entry, rows_of
from node.market.limits import JOURNAL_BODY_BYTES_MAX
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Hash, Height
from node.subnets.base import Answer, AnySubnet, BlobRef, Code, Entry, Message, ModelPool, Neuron, Part, View


class World:
    """All hosts of a trial. `rules_of` says how each miner works; only they can be asked."""

    def __init__(self, models: ModelPool, rules_of: Mapping[AccountId, AnySubnet]) -> None:
        self.models = models
        self.rules_of = rules_of
        self.entries: dict[AccountId, list[Entry]] = {}
        self.state: dict[bytes, bytes] = {}
        self.blobs: dict[bytes, bytes] = {}
        self.view: View | None = None
        self._folder = TemporaryDirectory(prefix="workbench-")

    def close(self) -> None:
        """Remove the folders."""
        self._folder.cleanup()

    def at(self, view: View) -> View:
        """Make this the present; returned with what the journals say."""
        self.view = replace(view, state=dict(self.state))
        return self.view

    def host(self, hotkey: AccountId, rules: AnySubnet) -> "WorldHost":
        """The door of one hotkey."""
        folder = Path(self._folder.name) / hotkey.hex()[:16]
        folder.mkdir(exist_ok=True)
        return WorldHost(self, hotkey, rules, folder)


class WorldHost:
    """What `serve`, `judge` and `tick` of one hotkey reach."""

    def __init__(self, world: World, hotkey: AccountId, rules: AnySubnet, folder: Path) -> None:
        self._world = world
        self.hotkey = hotkey
        self.models = world.models
        self.folder = folder
        self.journal = WorldJournal(world, hotkey, rules)
        self.blobs = WorldBlobs(world.blobs)

    def view(self) -> View:
        if self._world.view is None:
            raise Unreachable("The trial has not begun.")
        return replace(self._world.view, state=dict(self._world.state))

    async def ask(self, miner: Neuron, task: Message) -> Answer:
        rules = self._world.rules_of.get(miner.hotkey)
        if rules is None:
            raise Unreachable("Nobody answers there.")
        parts: list[Part] = [part async for part in rules.serve(task, self._world.host(miner.hotkey, rules))]
        if not parts:
            raise Unreachable("The answer has no parts.")
        told = digest("lab-answer", *map(encode, parts))
        return Answer(miner.hotkey, tuple(parts), parts[-1].usage, told, b"", 1, 1)


class WorldJournal:
    """The journals of a world; one's own to write."""

    def __init__(self, world: World, hotkey: AccountId, rules: AnySubnet) -> None:
        self._world = world
        self._hotkey = hotkey
        self._rules = rules

    async def append(self, kind: str, body: bytes) -> Entry:
        check_kind(kind)
        if len(body) > JOURNAL_BODY_BYTES_MAX:
            raise JournalRefused(f"An entry has at most {JOURNAL_BODY_BYTES_MAX} bytes.", Code.TOO_LARGE)
        own, state = self._world.entries.setdefault(self._hotkey, []), self._world.state
        height = self._world.view.height if self._world.view is not None else Height(0)
        entry = Entry(self._hotkey, len(own), height, kind, body)
        if kind not in OWN_KINDS:
            before = rows_of(state, self._hotkey)
            after, refusal = apply_entry(self._rules.apply, entry, before)
            if refusal is not None:
                raise JournalRefused(refusal.reason, refusal.code)
            for key in before.keys() - after.keys():
                del state[key]
            state.update(after)
        own.append(entry)
        return entry

    def entries(self, author: AccountId, *, kind: str | None = None) -> tuple[Entry, ...]:
        found: Sequence[Entry] = self._world.entries.get(author, ())
        return tuple(entry for entry in found if kind is None or entry.kind == kind)

    def state(self) -> Mapping[bytes, bytes]:
        return self._world.state


class WorldBlobs:
    """Large payloads, by their hash."""

    def __init__(self, held: dict[bytes, bytes]) -> None:
        self._held = held

    async def put(self, data: bytes, media_type: str) -> BlobRef:
        name = Hash(hashlib.sha256(data).digest())
        self._held[name] = data
        return BlobRef(name, len(data), media_type)

    async def get(self, ref: BlobRef, *, max_bytes: int, holders: Sequence[AccountId] = ()) -> bytes:
        data = self._held.get(ref.sha256)
        if data is None or len(data) != ref.size or len(data) > max_bytes:
            raise Unreachable("Nobody has that content.")
        return data
