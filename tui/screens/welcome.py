"""The first screen when no node runs in this home: a devnet at once, a setup step by step, or the node again.

What is quick is done here; everything that asks more than one thing is the wizard's (`tui.wizard`).
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from node.control.options import ProgressSink
from tui.limits import PATH_CHARS_MAX
from tui.model import Model
from tui.port import PortError
from tui.text import clean
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput
from tui.widgets.steps import Steps
from tui.work import begin

if TYPE_CHECKING:
    from node.control.setup import Saved
    from tui.app import NeurondApp
    from tui.wizard.flow import Draft, Way

_LETTERS: Final = (
    "█▀▀▄ █▀▀ █  █ █▀▀▄ █▀▀█ █▀▀▄ █▀▀▄",
    "█  █ █▀▀ █  █ █▄▄▀ █  █ █  █ █  █",
    "▀  ▀ ▀▀▀ ▀▀▀▀ ▀ ▀▀ ▀▀▀▀ ▀  ▀ ▀▀▀ ",
)
_STARTS: Final = frozenset({"resume", "start_again", "devnet", "begin"})
_FAR: Final = "far away:  mkdir far; ssh -N -L far/control.sock:HOME/control.sock you@there   then name the folder far"


class WelcomeScreen(Screen[None]):
    """Chosen work runs in a thread; its progress and its failure are shown here."""

    NAME: ClassVar[str] = "welcome"
    HELP: ClassVar[str] = (
        "No node runs in this home. `neurond devnet up`, `neurond join` and `neurond init` do the same."
    )
    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "resume", "Continue", show=False),
        Binding("s", "start_again", "Start again"),
        Binding("d", "devnet", "Devnet here"),
        Binding("n", "begin('new')", "New here"),
        Binding("r", "begin('restore')", "Restore", show=False),
        Binding("w", "begin('watch')", "Watch", show=False),
        Binding("j", "begin('join')", "Join"),
        Binding("a", "attach", "Attach", show=False),
        Binding("q,ctrl+q", "app.detach", "Leave", key_display="q"),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, back: tuple[str | None] | None = None) -> None:
        """`back` has what `s` would start, when this window has been here before; None: it is still looking."""
        super().__init__()
        self._back = back
        self._network: str | None = None
        self._saved: Saved | None = None
        self._working = False

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(id="welcome-box"):
            yield Static(rows(say((line, "accent")) for line in _LETTERS), id="letters", markup=False)
            yield Static("a peer-to-peer node of a machine-learning market", id="subtitle", markup=False)
            yield Static("looking for a running node …", id="state", markup=False)
            yield OptionList(id="choices", markup=False)
            yield LineInput(PATH_CHARS_MAX, placeholder="home of a running node   enter attaches", id="target")
            yield Static(say((_FAR, "dim")), id="far", markup=False)
            yield Static("", id="failure", markup=False)
            yield Steps(id="steps")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        if self._back is not None:
            self.offer(self._back[0])

    def offer(self, network: str | None, failure: str = "") -> None:
        """Say that no node runs, and what can be done; `network` is what `s` would start."""
        self._network = network
        self.set_class(True, "-offering")
        home = clean(str(self.node_app.port.home), 300)
        self.query_one("#state", Static).update(say(("no node runs in  ", "dim"), home))
        self._fail(failure)
        self._show_choices()
        self.query_one("#choices", OptionList).focus()
        begin(self, self._look_for_saved, "saved")

    async def _look_for_saved(self) -> None:
        try:
            self._saved = await asyncio.to_thread(self.node_app.port.setup.saved)
        except PortError as error:
            self._fail(str(error))
        if self._saved is not None:
            self._show_choices()

    def _show_choices(self) -> None:
        choices = self.query_one("#choices", OptionList)
        choices.clear_options()
        choices.add_options(self._options())
        choices.highlighted = 0
        self.refresh_bindings()

    def _options(self) -> list[Option]:
        options = [
            (
                "d",
                "Devnet here",
                "four nodes on this machine, to try it; keys without a password",
                "devnet",
            ),
            ("n", "New here", "wallet, network, role, host: step by step", "new"),
            ("r", "Restore a wallet", "from its recovery words", "restore"),
            ("w", "Watch only", "an address, without a key on this machine", "watch"),
            ("j", "Join a network", "with an invite or the address of a node, tested before", "join"),
            ("a", "Attach", "to a node that runs here or far away", "attach"),
        ]
        if self._network is not None:
            options.insert(0, ("s", "Start again", self._network, "again"))
        if self._saved is not None:
            options.insert(0, ("c", "Continue", "the setup that was not finished", "resume"))
        options.append(("q", "Leave", "nothing is started, nothing is written", "leave"))
        return [
            Option(say((f" {key}  ", "accent"), (f"{title:<18}", "strong"), (words, "dim")), id=name)
            for key, title, words, name in options
        ]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.node_app.options.read_only and event.option_id not in ("attach", "leave"):
            self._fail(self.node_app.read_only_words)
            return
        match event.option_id:
            case "devnet":
                self.action_devnet()
            case "again":
                self.action_start_again()
            case "resume":
                self.action_resume()
            case "attach":
                self.action_attach()
            case "new" | "restore" | "watch" | "join":
                self.action_begin(event.option_id)
            case _:
                self.app.exit()

    def why_not(self, action: str) -> str:
        """Return why an action cannot be done now, empty when it can: a window that only reads starts nothing."""
        app = self.node_app
        return app.read_only_words if app.options.read_only and action in _STARTS else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.why_not(action):
            return None
        if action in ("devnet", "begin", "attach"):
            return self.has_class("-offering") and not self._working
        if action == "start_again":
            return self._network is not None and not self._working
        if action == "resume":
            return self._saved is not None and not self._working
        return True

    def action_start_again(self) -> None:
        self._work("starting the node again", lambda tell: self.node_app.port.start(None, tell))

    def action_devnet(self) -> None:
        def work(tell: ProgressSink) -> Path:
            started = self.node_app.port.start_devnet(tell)
            self.node_app.port.setup.forget()
            return started

        self._work("starting a devnet", work)

    # the wizard

    def action_begin(self, way: str) -> None:
        """Open the wizard at its first page."""
        begin(self, partial(self._open_wizard, way), "wizard")

    def action_resume(self) -> None:
        """Open the wizard where it was left."""
        begin(self, partial(self._open_wizard, None), "wizard")

    async def _open_wizard(self, way: str | None) -> None:
        from tui.wizard.flow import pages, resume
        from tui.wizard.screen import WizardScreen

        try:
            kept = await asyncio.to_thread(self.node_app.port.setup.wallets)
        except PortError as error:
            self._fail(str(error))
            return
        if way is None and self._saved is not None:
            draft, page, told = resume(self._saved)
        else:
            draft = _begun(way, kept)
            page, told = pages(draft)[0] if way != "join" else "network", ""
        self.app.switch_screen(WizardScreen(draft, page, kept, told))  # not awaited: it ends this screen's workers

    # attaching

    def action_attach(self) -> None:
        """Ask for the home of a node."""
        self.add_class("-attaching")
        self._fail("")
        self.query_one("#target").focus()

    def action_back(self) -> None:
        self.remove_class("-attaching")
        self._fail("")
        if not self._working:
            self.query_one("#choices").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fail("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if not text:
            self._fail("Name the home of a node, or its control socket.")
        else:
            self._work("looking for the node", lambda tell: self.node_app.port.setup.find_node(text)[0])

    def _fail(self, sentence: str) -> None:
        self.query_one("#failure", Static).update(say(("✖ ", "bad"), clean(sentence)) if sentence else "")

    def _work(self, title: str, work: Callable[[ProgressSink], Path]) -> None:
        if self._working:
            return
        self._working = True
        self._fail("")
        self.add_class("-working")
        self.query_one("#state", Static).update(say((title, "strong"), ("  q leaves; what is started goes on", "dim")))
        self.query_one(Steps).begin(self.node_app.clock.monotonic_s())
        self.refresh_bindings()
        begin(self, partial(self._run, work), "work")

    async def _run(self, work: Callable[[ProgressSink], Path]) -> None:
        steps = self.query_one(Steps)
        try:
            home = await self.node_app.in_thread(work, steps.add)
            steps.finish()
            await self.node_app.attach(home)
        except PortError as error:
            self.remove_class("-working")
            self._working = False
            network = await self.node_app.known_network()
            self.offer(network, str(error))
            if self.has_class("-attaching"):
                self.query_one("#target").focus()

    def paint(self, model: Model) -> None:
        """Move the progress sign."""
        if self._working:
            self.query_one(Steps).turn(model.now_s)


async def back_to_welcome(app: "NeurondApp") -> None:
    """Show the first screen again, with what can be done now; not awaited by screens, whose workers it ends."""
    app.switch_screen(WelcomeScreen((await app.known_network(),)))


def _begun(way: str | None, kept: tuple[tuple[str, str], ...]) -> "Draft":
    from tui.wizard.flow import begin

    ways: dict[str | None, Way] = {"restore": "restore", "watch": "watch", "join": "join"}
    return begin(ways.get(way, "new"), kept[0][0] if kept else None)
