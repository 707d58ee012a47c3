"""The part of the control API that is about stored and shared data; `node.control.api` has the rest.

Looking costs some `stat` calls; the actions are jobs, which a client follows like any other. An action that an item
does not name is refused.
"""

from typing import Annotated, Final, Protocol

import msgspec

from node.control.requests import Request
from node.control.views.data import DataBoard
from node.control.views.work import Job

ITEM_CHARS_MAX: Final = 200  # "model:" and the longest name of the catalogue, with room
PATH_CHARS_MAX: Final = 4096  # of the operating system
BLOBS_LISTED_MAX: Final = 200  # single contents of one answer, the largest first

ItemId = Annotated[str, msgspec.Meta(min_length=1, max_length=ITEM_CHARS_MAX)]
FilePath = Annotated[str, msgspec.Meta(min_length=1, max_length=PATH_CHARS_MAX)]


class DataRequest(Request[DataBoard], frozen=True):
    pass


class DataVerifyRequest(Request[Job], frozen=True):
    item: ItemId


class DataRepairRequest(Request[Job], frozen=True):
    item: ItemId


class DataExportRequest(Request[Job], frozen=True):
    """`path` is a new file or folder on the node's machine, absolute."""

    item: ItemId
    path: FilePath


class DataDropRequest(Request[Job], frozen=True):
    item: ItemId


class DataApi(Protocol):
    """See `node.control.api.Api`."""

    async def data(self) -> DataBoard: ...

    async def data_verify(self, item: str) -> Job:
        """Compare an item's content with its hashes; changes nothing but the note of when that was."""
        ...

    async def data_repair(self, item: str) -> Job:
        """Get an item anew where it is missing or damaged."""
        ...

    async def data_export(self, item: str, path: str) -> Job:
        """Write an item to a new file or folder of the node's machine."""
        ...

    async def data_drop(self, item: str) -> Job:
        """Delete an item that can be had again."""
        ...
