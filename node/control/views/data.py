"""Views of what a node stores and shares."""

from typing import Literal

from node.control.views.base import View

DataKind = Literal[
    "chain", "snapshot", "journals", "records", "logs", "blobs", "blob", "model", "fetch", "rows", "index"
]
DataState = Literal["here", "partly", "absent", "damaged", "unknown"]
DataAction = Literal["verify", "repair", "export", "drop"]


class Fact(View, frozen=True):
    """One more thing to know of an item, as words for people."""

    name: str
    value: str


class DataItem(View, frozen=True):
    """One thing that is stored, or could be. `id` is its name in `data_verify` and its siblings.

    `have_bytes` of `want_bytes` are here. `budget_bytes` is what its kind may take, None where nothing bounds it.
    `sources`: who it comes from, or who else has it. `checked_ms` is when its content was last held against its hashes,
    `sound` what came out; None: not since this was installed. `actions` are those that the node has for it.
    """

    id: str
    kind: DataKind
    title: str
    state: DataState
    have_bytes: int
    want_bytes: int
    shared: bool = False
    pinned: bool = False
    budget_bytes: int | None = None
    sources: tuple[str, ...] = ()
    checked_ms: int | None = None
    sound: bool | None = None
    facts: tuple[Fact, ...] = ()
    actions: tuple[DataAction, ...] = ()


class DataBoard(View, frozen=True):
    """Everything at once. `used_bytes` is what the node's own folder takes, without the models that all homes share.

    `omitted` single contents are not listed, the smallest ones.
    """

    home: str
    used_bytes: int
    models_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    items: tuple[DataItem, ...]
    omitted: int = 0
