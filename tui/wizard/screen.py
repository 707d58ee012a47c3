"""The setup on the screen: one page at a time, a strip of stages above, what is wrong below, then the start.

Nothing is written before the last page, but for the answers without secrets, so that a crash costs no typing.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Static

from node.control.setup import Saved
from tui.limits import TICK_S
from tui.port import PortError
from tui.text import clean
from tui.widgets.draw import say
from tui.widgets.steps import Steps
from tui.wizard import pages_host, pages_network, pages_wallet
from tui.wizard.flow import STAGES, Draft, Page, after, before, pages, stage_of
from tui.wizard.page import PageView
from tui.wizard.port import Setup

if TYPE_CHECKING:
    from tui.app import NeurondApp

_VIEWS: Final[dict[Page, Callable[["WizardScreen"], PageView]]] = {
    "wallet": pages_wallet.WalletPage,
    "seal": pages_wallet.SealPage,
    "words": pages_wallet.WordsPage,
    "quiz": pages_wallet.QuizPage,
    "restore": pages_wallet.RestorePage,
    "watch": pages_wallet.WatchPage,
    "network": pages_network.NetworkPage,
    "lan": pages_network.LanPage,
    "invite": pages_network.InvitePage,
    "address": pages_network.AddressPage,
    "role": pages_host.RolePage,
    "host": pages_host.HostPage,
    "review": pages_host.ReviewPage,
}


class WizardScreen(Screen[None]):
    """See the module. `kept` are the wallets of the home: name and address."""

    NAME: ClassVar[str] = "wizard"
    HELP: ClassVar[str] = "One page at a time; esc goes back and keeps what was entered."
    CSS_PATH = "wizard.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", "Next"),
        Binding("escape", "back", "Back"),
        Binding("ctrl+q", "app.detach", "Leave", key_display="^q", priority=True),
        Binding("q", "app.detach", "Leave", show=False),
    ]

    def __init__(self, draft: Draft, page: Page, kept: tuple[tuple[str, str], ...] = (), told: str = "") -> None:
        super().__init__()
        self.draft = draft
        self.page: Page = page
        self.kept = kept
        self._told = told
        self._seen: set[Page] = set()
        self._busy = ""
        self._working = False
        self._starting = False
        self._view: PageView | None = None

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    @property
    def setup(self) -> Setup:
        return self.node_app.port.setup

    def has_been(self, page: Page) -> bool:
        """Tell whether a page was shown already."""
        return page in self._seen

    def compose(self) -> ComposeResult:
        with Vertical(id="wizard-box"):
            yield Static("", id="stages", markup=False)
            yield Static("", id="title", markup=False)
            yield Vertical(id="page")
            yield Static("", id="busy", markup=False)
            yield Static("", id="failure", markup=False)
            yield Steps(id="steps")
        yield Footer(show_command_palette=False, compact=True)

    async def on_mount(self) -> None:
        self.set_interval(TICK_S, self._turn)
        await self._open(self.page)
        if self._told:
            self.say_busy(self._told)

    async def _open(self, page: Page) -> None:
        self.page = page
        self._seen.add(page)
        self.fail("")
        self.say_busy("")
        view = _VIEWS[page](self)
        self._view = view
        self.HELP = view.HELP  # type: ignore[misc]  # the help page reads it of the screen that is seen
        holder = self.query_one("#page", Vertical)
        await holder.remove_children()
        await holder.mount(view)
        self.query_one("#stages", Static).update(self._stages())
        self.query_one("#title", Static).update(say((view.TITLE, "strong")))
        focus = view.first_focus()
        self.set_focus(focus)
        self.refresh_bindings()

    def _stages(self) -> Content:
        """The stages in their order: done, here, to come; those that these answers skip are left out."""
        order = list(dict.fromkeys(stage_of(each) for each in pages(self.draft)))
        here = stage_of(self.page)
        parts: list[Content] = []
        for stage in STAGES:
            if stage not in order:
                continue
            if stage == here:
                parts.append(say(("● ", "accent"), (stage, "strong")))
            elif STAGES.index(stage) < STAGES.index(here):
                parts.append(say(("✓ ", "good"), stage))
            else:
                parts.append(say((f"○ {stage}", "dim")))
        return Content("   ").join(parts)

    # what pages ask for

    def fail(self, sentence: str) -> None:
        """Say what is wrong, or with an empty sentence that nothing is."""
        self.query_one("#failure", Static).update(say(("✖ ", "bad"), clean(sentence)) if sentence else "")

    def say_busy(self, words: str) -> None:
        """Say what goes on, or nothing."""
        self._busy = words
        self.query_one("#busy", Static).update(say(("… ", "accent"), (clean(words), "dim")) if words else "")

    # going on and back

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not self._starting if action in ("next", "back") else True

    def action_next(self) -> None:
        """Leave the page forwards, if it can be left."""
        if not self._working and not self._starting:
            self._working = True
            self.run_worker(self._next(), group="next", exclusive=True)

    async def _next(self) -> None:
        try:
            view = self._view
            if view is None:
                return
            self.fail("")
            try:
                fault = await view.leave()
            except PortError as error:
                fault = str(error)
            if fault is None or view is not self._view:
                return
            if fault:
                self.fail(fault)
                return
            await self._open(after(self.draft, self.page))
            self._save()
        finally:
            self._working = False

    def action_back(self) -> None:
        """Go to the page before; from the first one back to the welcome. What was entered stays."""
        self.run_worker(self._back(), group="back", exclusive=True)

    async def _back(self) -> None:
        page = before(self.draft, self.page)
        if page is not None:
            await self._open(page)
            return
        from tui.screens.welcome import back_to_welcome

        await back_to_welcome(self.node_app)

    def _save(self) -> None:
        saved = Saved(self.draft.answers, self.page)
        self.run_worker(self._keep(saved), group="save", exclusive=True)

    async def _keep(self, saved: Saved) -> None:
        try:
            await asyncio.to_thread(self.setup.save, saved)
        except PortError as error:
            if not self._busy:
                self.say_busy(f"The answers cannot be kept for after a crash: {error}")

    # the start

    def start(self) -> None:
        """Carry the answers out; what fails is told on the review, which can be tried again."""
        self._starting = True
        self.add_class("-starting")
        self.query_one(Steps).begin(self.node_app.clock.monotonic_s())
        self.query_one("#title", Static).update(
            say(("Starting", "strong"), ("  ^q leaves; what is started goes on", "dim"))
        )
        self.refresh_bindings()
        self.run_worker(self._start(), group="start", exclusive=True)

    async def _start(self) -> None:
        steps, draft = self.query_one(Steps), self.draft
        answers, secret = draft.answers, draft.secrets
        try:
            made = await self.node_app.in_thread(lambda sink: self.setup.set_up(answers, secret, sink), steps.add)
            steps.finish()
            draft.password = draft.words = ""
            await self.node_app.attach(Path(made.home))
            if made.note:
                self.app.notify(clean(made.note, 300), title="Start at login", severity="warning", timeout=20)
        except PortError as error:
            self._starting = False
            self.remove_class("-starting")
            await self._open("review")
            self.fail(str(error))

    def _turn(self) -> None:
        if self._starting:
            self.query_one(Steps).turn(self.node_app.clock.monotonic_s())
