"""The first screen when no node runs in this home: start a devnet, join a network, or start the node again."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from node.control.options import ProgressSink
from tui.limits import TARGET_CHARS_MAX
from tui.model import Model
from tui.port import PortError
from tui.target import target_fault
from tui.text import clean
from tui.widgets.draw import rows, say
from tui.widgets.line_input import LineInput
from tui.widgets.steps import Steps

if TYPE_CHECKING:
    from tui.app import NeurondApp

_LETTERS: Final = (
    "█▀▀▄ █▀▀ █  █ █▀▀▄ █▀▀█ █▀▀▄ █▀▀▄",
    "█  █ █▀▀ █  █ █▄▄▀ █  █ █  █ █  █",
    "▀  ▀ ▀▀▀ ▀▀▀▀ ▀ ▀▀ ▀▀▀▀ ▀  ▀ ▀▀▀ ",
)


class WelcomeScreen(Screen[None]):
    """Chosen work runs in a thread; its progress and its failure are shown here."""

    NAME: ClassVar[str] = "welcome"
    HELP: ClassVar[str] = "No node runs in this home. The commands `neurond devnet up` and `neurond join` do the same."
    CSS_PATH = "welcome.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "start_again", "Start again"),
        Binding("d", "devnet", "Devnet here"),
        Binding("j", "join", "Join"),
        Binding("q,ctrl+q", "app.detach", "Leave", key_display="q"),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._network: str | None = None
        self._working = False
        self._last: Callable[[], None] | None = None

    @property
    def node_app(self) -> "NeurondApp":
        return cast("NeurondApp", self.app)

    def compose(self) -> ComposeResult:
        with Vertical(id="welcome-box"):
            yield Static(rows(say((line, "accent")) for line in _LETTERS), id="letters", markup=False)
            yield Static("a peer-to-peer node of a machine-learning market", id="subtitle", markup=False)
            yield Static("looking for a running node …", id="state", markup=False)
            yield OptionList(id="choices", markup=False)
            yield LineInput(TARGET_CHARS_MAX, placeholder="nd1…  or  /ip4/…/tcp/…/p2p/…   enter joins", id="target")
            yield Static("", id="failure", markup=False)
            yield Steps(id="steps")
        yield Footer(show_command_palette=False, compact=True)

    def offer(self, network: str | None, failure: str = "") -> None:
        """Say that no node runs, and what can be done; `network` is what `s` would start."""
        self._network = network
        self.set_class(True, "-offering")
        home = clean(str(self.node_app.port.home), 300)
        self.query_one("#state", Static).update(say(("no node runs in  ", "dim"), home))
        self._fail(failure)
        choices = self.query_one("#choices", OptionList)
        choices.clear_options()
        choices.add_options(self._options())
        choices.highlighted = 0
        choices.focus()
        self.refresh_bindings()

    def _options(self) -> list[Option]:
        options = [
            ("d", "Start a devnet here", "a network of four nodes on this machine, no internet needed", "devnet"),
            ("j", "Join a network", "with an invite or the multiaddress of a node", "join"),
        ]
        if self._network is not None:
            options.insert(0, ("s", "Start again", self._network, "again"))
        options.append(("q", "Leave", "nothing is started, nothing is written", "leave"))
        return [
            Option(rows([say((f" {key}  ", "accent"), (title, "strong")), say((f"    {words}", "dim"))]), id=name)
            for key, title, words, name in options
        ]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        match event.option_id:
            case "devnet":
                self.action_devnet()
            case "join":
                self.action_join()
            case "again":
                self.action_start_again()
            case _:
                self.app.exit()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("devnet", "join"):
            return self.has_class("-offering") and not self._working
        if action == "start_again":
            return self._network is not None and not self._working
        return True

    def action_start_again(self) -> None:
        self._work("starting the node again", lambda tell: self.node_app.port.start(None, tell))

    def action_devnet(self) -> None:
        self._work("starting a devnet", self.node_app.port.start_devnet)

    def action_join(self) -> None:
        """Ask for an invite or multiaddress."""
        self.add_class("-joining")
        self._fail("")
        self.query_one("#target").focus()

    def action_back(self) -> None:
        self.remove_class("-joining")
        self._fail("")
        if not self._working:
            self.query_one("#choices").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._fail("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        target = event.value.strip()
        fault = target_fault(target)
        if fault is not None:
            self._fail(fault)
        else:
            self._work("joining", lambda tell: self.node_app.port.join(target, tell))

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
        self.run_worker(self._run(work), group="work", exclusive=True)

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
            if self.has_class("-joining"):
                self.query_one("#target").focus()

    def paint(self, model: Model) -> None:
        """Move the progress sign."""
        if self._working:
            self.query_one(Steps).turn(model.now_s)
