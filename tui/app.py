"""The application: opens at once, attaches to a running node or offers to start one, and paints four times a second.

It leaves the node running when it is closed. A node is stopped only by the answer "stop" to a question.
"""

import asyncio
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypeVar

from textual.app import App, ScreenStackError
from textual.binding import Binding, BindingType
from textual.worker import Worker

from node.control.api import Api
from node.control.errors import NotRunning
from node.control.options import Progress, ProgressSink
from node.control.schema import LogLevel, ProposalView, Stake
from tui.commands import Actions
from tui.feed import Feed
from tui.limits import ATTACH_RETRIES_S, NARROW_COLUMNS, SHORT_ROWS, TICK_S, TINY_COLUMNS
from tui.local import LocalPort, SystemClock
from tui.model import Model
from tui.port import API_ERRORS, Client, Clock, Port, PortError
from tui.screens.ask import AskScreen
from tui.screens.base import Dialog, NodeScreen
from tui.screens.governance import GovernanceScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.invite import InviteScreen
from tui.screens.logs import LogsScreen
from tui.screens.metagraph import MetagraphScreen
from tui.screens.peers import PeersScreen
from tui.screens.quit import Choice, QuitScreen
from tui.screens.role import RoleScreen
from tui.screens.subnets import SubnetsScreen
from tui.screens.tasks import TasksScreen
from tui.screens.wallet import WalletScreen
from tui.screens.welcome import WelcomeScreen
from tui.text import clean
from tui.themes import THEMES
from tui.widgets.tab_strip import TABS, TabStrip

if TYPE_CHECKING:
    from tui.money_form import Form

T = TypeVar("T")
_SCREENS: Final[dict[str, Callable[[], NodeScreen]]] = {
    "home": HomeScreen,
    "ask": AskScreen,
    "tasks": TasksScreen,
    "metagraph": MetagraphScreen,
    "peers": PeersScreen,
    "subnets": SubnetsScreen,
    "wallet": WalletScreen,
    "governance": GovernanceScreen,
    "logs": LogsScreen,
}


@dataclass(frozen=True, slots=True)
class Farewell:
    """How the window was left: what became of the node."""

    node: Literal["running", "stopped"]
    pid: int
    home: Path


class NeurondApp(App[Farewell]):
    """See the module."""

    TITLE = "neurond"
    CSS_PATH: ClassVar[list[str | PurePath]] = ["app.tcss", "screens/dialog.tcss"]
    COMMANDS = {Actions}  # noqa: RUF012  # Textual declares it so
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (TINY_COLUMNS, "-narrow"), (NARROW_COLUMNS, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (SHORT_ROWS, "-tall")]  # noqa: RUF012
    HELP: ClassVar[str] = "The node is a process of its own: closing this window never stops it."
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(tab.digit, f"show('{tab.name}')", tab.title, show=False) for tab in TABS),
        Binding("r", "role", "Role", show=False, tooltip="Switch role: the plan is shown before anything happens"),
        Binding("S", "restart", "Start the node again, when it is gone", show=False),
        Binding("t", "next_theme", "Next theme", show=False, tooltip="Next theme: dark, light, high contrast"),
        Binding("C", "copy_command", "Copy as command", show=False, tooltip="Copy what this screen shows as a command"),
        Binding("question_mark,f1", "help", "Help", key_display="?", tooltip="This help"),
        Binding("ctrl+p", "command_palette", "Palette", key_display="^p", tooltip="Find any action by its name"),
        Binding("q,ctrl+q", "detach", "Detach", key_display="q", tooltip="Close this window; the node keeps running"),
        Binding("Q", "ask_quit", "Leave or stop …", show=False, tooltip="Leave, or stop the node: asks first"),
    ]

    def __init__(self, port: Port, clock: Clock, *, theme: str | None = None, utc_offset_s: int | None = None) -> None:
        super().__init__()
        self.port = port
        self.clock = clock
        self.utc_offset_s = time.localtime().tm_gmtoff if utc_offset_s is None else utc_offset_s
        self.model = Model()
        self.attached_home = port.home
        self.is_restarting = False
        self.restart_words = ""
        self._client: Client | None = None
        self._feed: Feed | None = None
        self._feeding: Worker[None] | None = None
        for each in THEMES:
            self.register_theme(each)
        self.theme = theme if theme in {each.name for each in THEMES} else THEMES[0].name

    def _fatal_error(self) -> None:
        """End the window after a defect; Textual's own way is to cover the terminal with a traceback and its values."""
        self._close_messages_no_wait()

    @property
    def api(self) -> Api:
        """The node. Raises NotRunning before the first attachment."""
        if self._client is None:
            raise NotRunning("This window is not attached to a node.")
        return self._client

    @property
    def is_attached_to_node(self) -> bool:
        return self._client is not None

    def on_mount(self) -> None:
        self.push_screen(WelcomeScreen())
        self.set_interval(TICK_S, self.tick)
        self.run_worker(self._open(), group="open")

    async def on_unmount(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    # attaching

    async def _open(self) -> None:
        """Attach to the node that runs, or offer to start one."""
        try:
            home = await asyncio.to_thread(self.port.find)
            if home is not None:
                await self.attach(home)
                return
            failure = ""
        except PortError as error:
            failure = str(error)
        network = await self.known_network()
        if isinstance(self.screen, WelcomeScreen):
            self.screen.offer(network, failure)

    async def known_network(self) -> str | None:
        """Return what could be started again."""
        return await asyncio.to_thread(self.port.network)

    async def attach(self, home: Path) -> None:
        """Connect to the node of `home` and show it.

        Raises:
            PortError: it does not answer.
        """
        client = self.port.client(home)
        for pause_s in (*ATTACH_RETRIES_S, None):
            try:
                hello = await client.connect()
                break
            except API_ERRORS as error:
                if pause_s is None or not isinstance(error, NotRunning):
                    raise PortError(error.message, error.hint, error.code) from error
                await asyncio.sleep(pause_s)
        self.model.forget()
        self.model.greet(hello, self.clock.monotonic_s())
        self._client, self.attached_home = client, home
        self._feed = Feed(client, self.model)
        self._feeding = self.run_worker(self._feed.run(), group="feed", exclusive=True)
        self.action_show("home")

    def follow_log(self, level: LogLevel) -> None:
        """Ask the node for log lines from `level` up, as far as that is more than it sends anyway."""
        wanted: LogLevel = "debug" if level == "debug" else "info"
        if self._feed is not None and self._feed.level != wanted:
            self._feed.set_level(wanted)

    async def in_thread(self, work: Callable[[ProgressSink], T], tell: ProgressSink) -> T:
        """Run blocking work in a thread; its progress arrives in this loop."""
        loop = asyncio.get_running_loop()

        def sink(progress: Progress) -> None:
            loop.call_soon_threadsafe(tell, progress)

        return await asyncio.to_thread(work, sink)

    # painting

    def tick(self) -> None:
        """Take the time and paint the screens that are seen."""
        client = self._client
        connected, stale = (client.connected, client.stale) if client is not None else (False, False)
        self.model.observe(self.clock.monotonic_s(), self.clock.now_ms(), connected=connected, stale=stale)
        try:
            stack = list(self.screen_stack)
        except ScreenStackError:
            return
        with self.batch_update():
            for screen in stack[-3:]:
                if isinstance(screen, NodeScreen | Dialog | WelcomeScreen) and screen.is_mounted:
                    screen.paint(self.model)

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("show", "role", "copy_command", "invite", "ask_quit"):
            return self.is_attached_to_node and not isinstance(self.screen, Dialog)
        if action == "restart":
            return self.model.link == "gone" and not self.is_restarting
        if action == "help":
            return not isinstance(self.screen, HelpScreen)
        return True

    def action_show(self, name: str) -> None:
        """Go to a screen; each is made once and keeps its state."""
        if not self.is_screen_installed(name):
            self.install_screen(_SCREENS[name](), name)
        if self.screen is not self.get_screen(name):
            self.switch_screen(name)

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        self.action_show(event.name)

    def action_role(self) -> None:
        status = self.model.status
        if status is None:
            self.notify("The node has not told its role yet.", severity="warning")
        else:
            self.push_screen(RoleScreen(status.role, status.coldkey))

    # money

    def send(self) -> None:
        """Open the dialog that sends τ."""
        from tui.money_form import SendForm  # with it comes what signs

        self.move(SendForm())

    def stake(self, netuid: int, hotkey: str = "") -> None:
        """Open the dialog that stakes, by default with this node's own hotkey."""
        from tui.money_form import StakeForm

        status = self.model.status
        self.move(StakeForm(netuid, clean(hotkey or (status.hotkey if status else "") or "")))

    def unstake(self, stake: Stake) -> None:
        """Open the dialog that takes back from one position."""
        from tui.money_form import UnstakeForm

        self.move(UnstakeForm(stake.netuid, stake.hotkey, stake.stake_alpha))

    def vote(self, proposal: ProposalView, *, approve: bool) -> None:
        """Open the dialog that votes, by default for this node's own hotkey."""
        from tui.money_form import VoteForm

        status = self.model.status
        hotkey = clean((status.hotkey if status else "") or "")
        self.move(VoteForm(proposal.index, proposal.hash, hotkey, approve))

    def close_proposal(self, proposal: ProposalView) -> None:
        """Open the dialog that counts a proposal."""
        from tui.money_form import CloseForm

        self.move(CloseForm(proposal.index, proposal.hash))

    def register(self, netuid: int) -> None:
        """Open the dialog that buys a seat, by default for this node's own hotkey."""
        from tui.money_form import RegisterForm

        status = self.model.status
        self.move(RegisterForm(netuid, clean((status.hotkey if status else "") or "")))

    def move(self, form: "Form") -> None:
        """Open the dialog that carries out what a form asks for."""
        from tui.screens.money import MoneyScreen

        status = self.model.status
        if status is None or status.coldkey is None:
            self.notify("This node knows no coldkey. Make one: neurond wallet create", severity="warning")
        else:
            self.push_screen(MoneyScreen(form, status.coldkey))

    def action_help(self) -> None:
        self.push_screen(HelpScreen(self.screen, self.focused))

    def action_next_theme(self) -> None:
        names = [each.name for each in THEMES]
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)])

    def use_theme(self, name: str) -> None:
        """Change the colours, and say to which."""
        self.theme = name
        self.notify(name, title="Theme", timeout=2)

    def action_copy_command(self) -> None:
        screen = self.screen
        if isinstance(screen, NodeScreen):
            command = f"neurond {screen.COMMAND} --home {shlex.quote(str(self.attached_home))}"
            self.copy_to_clipboard(command)
            self.notify(command, title="Copied", markup=False)

    def action_invite(self) -> None:
        self.run_worker(self._invite(), group="invite", exclusive=True)

    async def _invite(self) -> None:
        try:
            invite = await self.api.invite()
        except API_ERRORS as error:
            self.notify(clean(str(error)), title="No invite", severity="error", markup=False)
            return
        self.copy_to_clipboard(invite.text)
        self.push_screen(InviteScreen(invite, self.clock.now_ms()))

    def action_restart(self) -> None:
        """Start a node that is gone; the connection then comes back by itself."""
        self.is_restarting = True
        self.restart_words = ""
        self.run_worker(self._restart(), group="restart", exclusive=True)

    async def _restart(self) -> None:
        def tell(progress: Progress) -> None:
            self.restart_words = clean(progress.message)

        try:
            await self.in_thread(lambda sink: self.port.start(self.attached_home, sink), tell)
        except PortError as error:
            self.notify(clean(str(error)), title="Not started", severity="error", timeout=15, markup=False)
        finally:
            self.is_restarting = False

    def action_detach(self) -> None:
        """Close the window; the node keeps running."""
        hello = self.model.hello
        gone = self.model.link == "gone"
        self.exit(None if hello is None or gone else Farewell("running", hello.pid, self.attached_home))

    def action_ask_quit(self) -> None:
        hello = self.model.hello
        self.push_screen(QuitScreen(None if hello is None else hello.pid), self._quit_chosen)

    def _quit_chosen(self, choice: Choice | None) -> None:
        if choice == "detach":
            self.action_detach()
        elif choice == "stop":
            self.run_worker(self._stop(), group="stop", exclusive=True)

    async def _stop(self) -> None:
        self.notify("The node finishes its tasks, then stops.", title="Stopping", timeout=30)
        try:
            await self.in_thread(lambda sink: self.port.stop(self.attached_home, sink), lambda _: None)
        except PortError as error:
            self.notify(clean(str(error)), title="Not stopped", severity="error", timeout=15, markup=False)
            return
        pid = self.model.hello.pid if self.model.hello is not None else 0
        self.exit(Farewell("stopped", pid, self.attached_home))

    def action_help_quit(self) -> None:
        self.notify("q closes this window, the node keeps running. Q can stop it.", timeout=4)


def farewell_words(farewell: Farewell | None) -> str:
    """Return what to say on the terminal when the window has closed; empty when there is nothing to say."""
    if farewell is None:
        return ""
    if farewell.node == "stopped":
        return f"node stopped (it was pid {farewell.pid})"
    return f"node keeps running, pid {farewell.pid} (back: neurond; stop: neurond down --home {farewell.home})"


def run(home: Path, *, theme: str | None = None) -> int:
    """Open the UI on the node of `home`, return the exit status when the window is closed. The node keeps running."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it draws on standard error
        print("neurond: the window needs a terminal. Without one, use `neurond status` or `--help`.", file=sys.stderr)
        return 2
    app = NeurondApp(LocalPort(home), SystemClock(), theme=theme)
    words = farewell_words(app.run())
    if app._exception is not None:
        raise app._exception  # a defect: the command writes it to a file and says so
    if words:
        print(words)
    return app.return_code or 0
