"""The node's life as far as this window touches it: invites, starting a lost node again, leaving, stopping.

The window leaves the node running. It stops one only on the answer "stop" to a question.
"""

from node.control.options import Progress
from tui.port import API_ERRORS, PortError
from tui.screens.quit import Choice, QuitScreen
from tui.text import clean
from tui.window import Farewell, Window


class Life(Window):
    """See the module."""

    def action_invite(self) -> None:
        self.run_worker(self._invite(), group="invite", exclusive=True)

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
