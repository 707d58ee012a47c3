"""The subnet's doors over HTTP: what this node answers of its own data, and searches that miners answer.

Each handler takes a host and a checked request; what blocks runs in a worker thread.
"""

from collections.abc import Callable, Sequence

from node.market.errors import BadRequest, MalformedMessage
from node.primitives.types import AccountId
from node.subnets.base import Empty, Host, LocalRoute, Route, Usage
from node.subnets.data_universe import desk, forms
from node.subnets.data_universe.anonymise import COLUMNS
from node.subnets.data_universe.exporting import Exported
from node.subnets.data_universe.limits import EXPORT_ROWS_MAX
from node.subnets.data_universe.messages import ANY_SOURCE, DataPart, DataTask, SearchAsk, plain
from node.subnets.data_universe.room import Room, in_thread
from node.subnets.data_universe.shelf import Shelf
from node.subnets.doors import AnyLocalRoute, AnyRoute
from storage.entities_search import make_searchable

RoomOf = Callable[[Host], Room]


# --- searches that miners answer ------------------------------------------------------------------------------------


def to_task(request: forms.OnDemandRequest, _entropy: bytes) -> DataTask:
    """A user's search as a question to miners. Raises BadRequest."""
    source = forms.source_of(request.source)
    ask = SearchAsk(
        source=ANY_SOURCE if source is None else int(source),
        label=forms.named_label(request.label),
        usernames=tuple(map(plain, request.usernames)),
        keywords=tuple(map(plain, request.keywords)),
        url=plain(request.url),
        mode=request.mode,
        start=forms.time_of(request.start, "start") or 0,
        end=forms.time_of(request.end, "end") or 0,
        limit=forms.limit_of(request.limit),
    )
    try:
        ask.check()
    except MalformedMessage as error:
        raise BadRequest(error.message, param=_named_in(error.message)) from error
    return DataTask(search=(ask,))


def to_reply(part: DataPart, _miner: AccountId) -> forms.RowsReply:
    """The rows of a part."""
    return forms.RowsReply(tuple(forms.view_of(row.entity()) for row in part.rows))


def fold(replies: Sequence[forms.RowsReply]) -> forms.RowsReply:
    """All rows of an answer."""
    return forms.RowsReply(tuple(row for reply in replies for row in reply.rows))


def quote(task: DataTask) -> Usage:
    """The most rows a search can give."""
    return Usage(units=task.search[0].limit if task.search else 1)


def _named_in(complaint: str) -> str:
    words = ("limit", "start", "mode", "username", "keyword", "label", "URL")
    found = next((word for word in words if word in complaint), "")
    return {"username": "usernames", "keyword": "keywords", "URL": "url"}.get(found, found)


ON_DEMAND = Route(
    "POST", "/v1/data/ondemand", to_task, to_reply, request=forms.OnDemandRequest, reply=forms.RowsReply, fold=fold,
    quote=quote, summary="Have miners find rows.",
)  # fmt: skip

ROUTES: tuple[AnyRoute, ...] = (ON_DEMAND,)


# --- what this node answers -----------------------------------------------------------------------------------------


class LocalDesk:
    """The handlers; `room_of` finds what a host keeps."""

    def __init__(self, room_of: RoomOf) -> None:
        self._room_of = room_of

    def routes(self) -> tuple[AnyLocalRoute, ...]:
        """All local doors."""
        data = "/v1/data"
        return (
            LocalRoute("GET", f"{data}/stats", self.stats, Empty, reply=forms.Stats, summary="Totals."),
            LocalRoute("GET", f"{data}/labels", self.labels, forms.LabelsRequest, summary="What is held of labels."),
            LocalRoute("GET", f"{data}/ages", self.ages, Empty, summary="How old the rows are."),
            LocalRoute("GET", f"{data}/query", self.query, forms.QueryRequest, reply=forms.RowsReply,
                       summary="Search this node's rows."),
            LocalRoute("GET", f"{data}/tasks", self.orders, Empty, summary="Standing orders."),
            LocalRoute("POST", f"{data}/tasks", self.order, forms.OrderRequest, "admin", summary="Place one."),
            LocalRoute("DELETE", f"{data}/tasks/{{id}}", self.cancel, forms.IdRequest, "admin", summary="End one."),
            LocalRoute("POST", f"{data}/datasets", self.build, forms.DatasetRequest, "admin", Exported,
                       "Build a data set."),
            LocalRoute("GET", f"{data}/datasets", self.datasets, Empty, summary="Data sets built here."),
            LocalRoute("GET", f"{data}/datasets/{{id}}", self.dataset, forms.IdRequest, summary="One of them."),
            LocalRoute("GET", f"{data}/desirability", self.desirability, Empty, summary="What is wanted."),
            LocalRoute("POST", f"{data}/desirability", self.wish, forms.WishesRequest, "admin",
                       summary="Say what this node's key wants."),
        )  # fmt: skip

    async def stats(self, host: Host, _request: Empty) -> forms.Stats:
        room = self._room_of(host)
        shelf = await room.shelf()
        return await in_thread(desk.stats, shelf.store, room.folder, room.now_hour, host.view())

    async def labels(self, host: Host, request: forms.LabelsRequest) -> dict[str, list[forms.LabelView]]:
        shelf = await self._room_of(host).shelf()
        return {"labels": await in_thread(desk.labels, shelf.store, request.source, request.limit)}

    async def ages(self, host: Host, _request: Empty) -> dict[str, list[forms.AgeView]]:
        room = self._room_of(host)
        return {"ages": await in_thread(desk.ages, (await room.shelf()).store, room.now_hour)}

    async def query(self, host: Host, request: forms.QueryRequest) -> forms.RowsReply:
        asked = forms.query_of(
            source=request.source, label=request.label, q=request.q, start=request.start, end=request.end,
            limit=request.limit, cursor=request.cursor,
        )  # fmt: skip
        shelf = await self._room_of(host).shelf()
        await in_thread(_complete, shelf)
        return await in_thread(desk.query, shelf.store, asked)

    async def orders(self, host: Host, _request: Empty) -> dict[str, list[forms.OrderView]]:
        room = self._room_of(host)
        shelf = await room.shelf()
        await in_thread(_complete, shelf)
        return {"tasks": await in_thread(desk.orders, shelf.store, room.folder, room.now_ms())}

    async def order(self, host: Host, request: forms.OrderRequest) -> dict[str, str]:
        room = self._room_of(host)
        made = await in_thread(
            desk.order, room.folder, request.labels, request.keywords, request.days, room.now_ms()
        )  # fmt: skip
        return {"id": made}

    async def cancel(self, host: Host, request: forms.IdRequest) -> dict[str, str]:
        await in_thread(desk.cancel, self._room_of(host).folder, request.id)
        return {"id": request.id}

    async def build(self, host: Host, request: forms.DatasetRequest) -> Exported:
        asked = forms.query_of(
            source=request.source, label=request.label, q=request.q, start=request.start, end=request.end,
            limit=request.limit, most=EXPORT_ROWS_MAX,
        )  # fmt: skip
        room = self._room_of(host)
        shelf = await room.shelf()
        await in_thread(_complete, shelf)
        made = await in_thread(desk.build, shelf.store, room.folder, None, asked, request.name, request.licence)
        if request.publish:
            await desk.publish(host, made, await in_thread(desk.packed, made), COLUMNS)
        return made

    async def datasets(self, host: Host, _request: Empty) -> dict[str, Sequence[Exported]]:
        return {"datasets": await in_thread(desk.datasets, self._room_of(host).folder)}

    async def dataset(self, host: Host, request: forms.IdRequest) -> Exported:
        return await in_thread(desk.dataset, self._room_of(host).folder, request.id)

    async def desirability(self, host: Host, _request: Empty) -> forms.Desirability:
        return desk.desirability(host)

    async def wish(self, host: Host, request: forms.WishesRequest) -> forms.Desirability:
        await desk.wish(host, request.wishes)
        return desk.desirability(host)


def _complete(shelf: Shelf) -> None:
    """Bring the full text index up to date."""
    while make_searchable(shelf.store):
        pass
