"""What this node stores and shares: chain, snapshots, rows, payloads, models; and what can be done with each."""

from collections.abc import Awaitable, Callable, Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from node.control.schema import Job
from node.control.views.data import DataAction, DataBoard, DataItem
from tui.data_text import DATA_COLUMNS, data_rows, disk_lines, item_words, short_home
from tui.limits import LOOK_AGE_S, PATH_CHARS_MAX
from tui.looks import Look
from tui.model import Model
from tui.port import API_ERRORS
from tui.screens.prompt import Confirm, Prompt
from tui.screens.tabled import TableScreen
from tui.text import clean, plural, size
from tui.widgets.draw import clip, rows, say
from tui.widgets.live_table import LiveTable, Row
from tui.widgets.panel import Panel
from tui.work import begin


class DiskCard(Panel):
    """The disk, the node's folder, and what is damaged."""

    HEADING = "Storage"
    look: Look[DataBoard] = Look()
    _version: int = -1

    def show(self, look: Look[DataBoard]) -> None:
        """Take what came."""
        if (look, look.version) != (self.look, self._version):
            self.look, self._version = look, look.version
            self._painted = (-1,)

    def draw(self, model: Model) -> Content:
        board = self.look.value
        if board is None:
            return say((self.look.trouble or "asking the node …", "warn" if self.look.trouble else "dim"))
        self.border_subtitle = Content(short_home(board.home))
        return rows(clip(line, self.content_size.width) for line in disk_lines(board, self.content_size.width))


class DataScreen(TableScreen):
    """Stored things by kind; the actions are jobs of the node, which goes on when this window is closed."""

    NAME = "data"
    COMMAND = "db info"
    HEADING = "Data"
    HELP = (
        "What this node stores and shares. 'have' is how much of it is here, 'checked' when its content was last held "
        "against its hashes. v verifies, R gets a model anew, o writes to a new file, X deletes what can be had again."
    )
    PARTS = ("jobs", "second")
    CHANGES = frozenset({"verify", "repair", "export", "drop"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "verify", "Verify", tooltip="Hold the chosen item, or all marked ones, against their hashes"),
        Binding("R", "repair", "Repair", tooltip="Get the chosen model anew"),
        Binding("o", "export", "Export", tooltip="Write the chosen item to a new file of the node's machine"),
        Binding("X", "drop", "Delete", tooltip="Delete a payload that came from others; asks first"),
        Binding("z", "group", "Group", show=False, tooltip="Group by kind, or not"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, str] = {}  # the last job of an item
        self._told: set[str] = set()
        self._grouped = False

    def above(self) -> Iterable[Widget]:
        yield DiskCard(id="disk", classes="header")

    def table(self) -> LiveTable:
        return LiveTable(DATA_COLUMNS, "Asking the node what it stores …", sort=0)

    @property
    def look(self) -> Look[DataBoard]:
        """What the node stores, as it said last."""
        return self.looks.of("data", lambda: self.node_app.api.data(), LOOK_AGE_S)

    def paint_body(self, model: Model) -> None:
        self.query_one(DiskCard).show(self.look)
        super().paint_body(model)
        self._tell_ended(model)

    def rows(self, model: Model) -> list[Row] | None:
        look = self.look
        if look.value is None:
            return None
        found = data_rows(look.value, self.node_app.clock.now_ms())
        return [row._replace(group=row.cells[0].text) for row in found] if self._grouped else found

    def words(self, model: Model) -> Content:
        look = self.look
        if look.value is None:
            return Content("")
        running = sum(job.kind == "data" and job.state == "running" for job in model.jobs.values())
        shared = sum(item.shared and item.have_bytes > 0 for item in look.value.items)
        jobs = f" · {plural(running, 'job')} running" if running else ""
        return Content(f"{plural(len(look.value.items), 'item')} · {shared} shared{jobs}")

    def detail(self, model: Model, key: str) -> Content:
        item = self._item(key)
        if item is None:
            return say(("This is not stored any more.", "dim"))
        return item_words(item, self.node_app.clock.now_ms(), self._job(item))

    def _item(self, key: str | None) -> DataItem | None:
        board = self.look.value
        return next((each for each in board.items if clean(each.id, 300) == key), None) if board else None

    def _job(self, item: DataItem) -> Job | None:
        return self.model.jobs.get(self._jobs.get(item.id, ""))

    # what can be done

    def _able(self, action: DataAction) -> list[DataItem]:
        """The marked items, or the chosen one, that have this action; says so when there is none."""
        table = self.query_one(LiveTable)
        items = [self._item(key) for key in (table.marked or (self.chosen_key,))]
        found = [item for item in items if item is not None and action in item.actions]
        if not found:
            self.notify(f"The node cannot {action} this; the details say why.", severity="warning", timeout=4)
        return found

    def action_verify(self) -> None:
        for item in self._able("verify"):
            self._do("Verify", item, lambda each=item: self.node_app.api.data_verify(each.id))  # type: ignore[misc]

    def action_repair(self) -> None:
        for item in self._able("repair"):
            words = rows([say(f"Get {clean(item.title, 80)} ({size(item.want_bytes)}) from its sources?"),
                          say((clean(", ".join(item.sources), 200), "dim"))])  # fmt: skip

            def answered(yes: bool | None, each: DataItem = item) -> None:
                if yes:
                    self._do("Repair", each, lambda: self.node_app.api.data_repair(each.id))

            self.app.push_screen(Confirm("Repair", words, "Get it"), answered)
            return

    def action_export(self) -> None:
        for item in self._able("export")[:1]:
            words = say(
                f"Where {clean(item.title, 80)} goes on the node's machine: a new file or folder, the whole path."
            )

            def answered(path: str | None, each: DataItem = item) -> None:
                if path is not None:
                    self._do("Export", each, lambda: self.node_app.api.data_export(each.id, path))

            prompt = Prompt("Export", words, chars_max=PATH_CHARS_MAX, hint="/media/disk/name", check=_path_trouble)
            self.app.push_screen(prompt, answered)

    def action_drop(self) -> None:
        items = self._able("drop")
        if items:
            total = sum(each.have_bytes for each in items)
            words = rows([say(f"Delete {plural(len(items), 'payload')} with {size(total)}?"),
                          *(say((clean(each.title, 80), "dim")) for each in items[:8]),
                          say(""), say(("They are fetched again when they are needed.", "dim"))])  # fmt: skip

            def answered(yes: bool | None) -> None:
                for each in items if yes else ():
                    self._do("Delete", each, lambda item=each: self.node_app.api.data_drop(item.id))  # type: ignore[misc]

            self.app.push_screen(Confirm("Delete", words, "Delete"), answered)

    def action_group(self) -> None:
        self._grouped = not self._grouped
        self.paint_again()

    def _do(self, title: str, item: DataItem, work: Callable[[], Awaitable[Job]]) -> None:
        async def run() -> None:
            try:
                job = await work()
            except API_ERRORS as error:
                self.notify(clean(str(error), 400), title=f"{title}: refused", severity="error", markup=False)
                return
            self._jobs[item.id] = job.id
            self.model.add_job(self.model.jobs.get(job.id, job))
            self.paint_again()

        begin(self, run, "data", exclusive=False)

    def _tell_ended(self, model: Model) -> None:
        """Say once how each job of this screen ended, and look at the store anew."""
        for item_id, job_id in self._jobs.items():
            job = model.jobs.get(job_id)
            if job is None or job.state == "running" or job_id in self._told:
                continue
            self._told.add(job_id)
            self.looks.forget("data")
            failed = job.state == "failed"
            self.notify(
                clean(job.message or item_id, 300), title=clean(job.title, 60), markup=False,
                severity="error" if failed else "information", timeout=10 if failed else 5,
            )  # fmt: skip


def _path_trouble(text: str) -> str:
    return "" if text.startswith("/") else "Name the whole path, from / on."
