"""The node's life as far as this window touches it: invites, starting a lost node again, leaving, stopping.

The window leaves the node running. It stops one only on the answer "stop" to a question.
"""

import asyncio

from node.control.options import Progress
from tui.desktop import tell_desktop
from tui.keymap import all_bindings, example, read_keymap, unknown, write_new
from tui.port import API_ERRORS, PortError
from tui.registry import load_all
from tui.screens.quit import Choice, QuitScreen
from tui.text import clean
from tui.window import Farewell, Window
from tui.work import begin


class Life(Window):
    """See the module."""

    def watch_over(self) -> None:
        """Tell what needs attention and has just begun: on the screen, and on the desktop where that is wanted."""
        for alert in self.alerts.observe(self.model):
            words = f"{alert.words} {alert.remedy}".strip()
            self.notify(words, title=alert.title, severity=alert.severity, timeout=10, markup=False)
            if self.options.desktop_alerts:
                self.run_worker(tell_desktop(alert.title, words), group="desktop")

    def action_alerts(self) -> None:
        from tui.screens.alerts import AlertsScreen

        self.push_screen(AlertsScreen())

    async def read_keymap(self) -> None:
        """Use a person's own keys, and say what of their file is not used. Screens are loaded only to check a file."""
        path = self.options.keymap
        if path is None:
            return
        found = await asyncio.to_thread(read_keymap, path)
        faults = found.faults
        if found.keys:
            self.keymap = found.keys
            self.set_keymap(dict(found.keys))
            await asyncio.to_thread(load_all)
            faults += unknown(found, all_bindings(), str(path))
        if faults:
            more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
            self.notify(f"{faults[0]}{more}", title="Keys", severity="warning", timeout=12, markup=False)

    def action_write_keymap(self) -> None:
        """Write down all keys, for a file of one's own; one that exists is left as it is."""
        begin(self, self._write_keymap, "keymap", exclusive=False)

    async def _write_keymap(self) -> None:
        path = self.options.keymap
        if path is None:
            self.notify("This window was opened without a folder for configuration.", severity="warning")
            return
        await asyncio.to_thread(load_all)
        text = example(all_bindings())
        try:
            await asyncio.to_thread(write_new, path, text)
        except FileExistsError:
            self.notify(f"{path} exists and is left as it is.", title="Keys", markup=False)
        except OSError as error:
            self.notify(f"{path}: {error.strerror}.", title="Not written", severity="error", markup=False)
        else:
            self.copy_to_clipboard(str(path))
            self.notify(f"All keys are in {path}: take the # from what you change.", title="Keys", markup=False)

    def action_invite(self) -> None:
        begin(self, self._invite, "invite")

    async def _invite(self) -> None:
        from tui.screens.invite import InviteScreen

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
        begin(self, self._restart, "restart")

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
        pid = self._process()
        gone = self.model.link == "gone"
        self.exit(None if pid is None or gone else Farewell("running", pid, self.attached_home))

    def _process(self) -> int | None:
        """The node's process: as it said last, since it may have been started again while this window was open."""
        told = self.model.status or self.model.hello
        return None if told is None else told.pid

    def action_ask_quit(self) -> None:
        refusal = self.read_only_words if self.options.read_only else ""
        self.push_screen(QuitScreen(self._process(), refusal, self.model.link == "gone"), self._quit_chosen)

    def _quit_chosen(self, choice: Choice | None) -> None:
        if choice == "detach":
            self.action_detach()
        elif choice == "stop":
            begin(self, self._stop, "stop")

    async def _stop(self) -> None:
        self.notify("The node finishes its tasks, then stops.", title="Stopping", timeout=30)
        try:
            await self.in_thread(lambda sink: self.port.stop(self.attached_home, sink), lambda _: None)
        except PortError as error:
            self.notify(clean(str(error)), title="Not stopped", severity="error", timeout=15, markup=False)
            return
        self.exit(Farewell("stopped", self._process() or 0, self.attached_home))

    def action_help_quit(self) -> None:
        self.notify("q closes this window, the node keeps running. Q can stop it.", timeout=4)
