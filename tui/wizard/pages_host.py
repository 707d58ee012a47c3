"""The pages about the role, this machine, and the review of everything before anything is written."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from node.control.limits import DISK_MB_MAX
from node.control.options import Progress
from node.control.setup import PORT_MAX, Answers, faults
from node.control.setup_views import MachineBench
from tui.limits import PATH_CHARS_MAX
from tui.port import PortError
from tui.text import alpha, clean, cut, size
from tui.widgets.draw import rows, say
from tui.wizard.page import MARKS, Choice, Choices, Field, PageView, Question, step_lines

_NO_KEY = "needs a key of this machine: go back (esc) and make or restore a wallet"


class RolePage(PageView):
    """What the node is to do for the network; it can be switched at any time."""

    TITLE = "What is this node to do?"
    HELP: ClassVar[str] = "Every role can be switched later with r, after reading its plan. b measures this machine."
    BINDINGS: ClassVar = [("b", "bench", "Measure this machine")]

    def compose(self) -> ComposeResult:
        refusal = _NO_KEY if self.draft.answers.wallet.do in ("watch", "none") else ""
        yield Choices([
            Choice("s", "staker", "Staker", "follows the chain, asks, stakes; runs on any machine"),
            Choice("m", "miner", "Miner", "answers with a model and earns; registers once it has τ", refusal),
            Choice("v", "validator", "Validator", self._validator(), refusal),
        ])  # fmt: skip
        yield Static("", id="bench", classes="words", markup=False)

    def _validator(self) -> str:
        check = self.draft.check
        least = None if check is None else check.stake_threshold_rao
        need = f"needs stake of {alpha(least)} at the start of this network" if least is not None else "needs stake"
        return f"judges answers and sets weights; {need}"

    def on_mount(self) -> None:
        self.query_one(Choices).highlight(self.draft.answers.role.name)
        self._draw(self.draft.bench)

    def on_choices_made(self, event: Choices.Made) -> None:
        event.stop()
        if event.choice.refusal:
            self.wizard.fail(f"A {event.choice.name} {event.choice.refusal}.")
            return
        self.draft.set_role(event.choice.name)
        self.wizard.action_next()

    def action_bench(self) -> None:
        self.run_worker(self._measure(), group="bench", exclusive=True)

    async def _measure(self) -> None:
        def told(step: Progress) -> None:
            self.wizard.say_busy(clean(step.message, 60))

        self.wizard.say_busy("measuring this machine, about ten seconds")
        try:
            self.draft.bench = await self.wizard.node_app.in_thread(self.wizard.setup.measure, told)
        except PortError as error:
            self.wizard.fail(str(error))
            return
        finally:
            self.wizard.say_busy("")
        if self.is_mounted:
            self._draw(self.draft.bench)

    def _draw(self, bench: MachineBench | None) -> None:
        words = self.query_one("#bench", Static)
        if bench is None:
            words.update(
                say(("b", "strong"), (" measures what this machine can do as a miner, about ten seconds", "dim"))
            )
            return
        speed = bench.note if bench.speed is None else f"{bench.speed:,.1f} {bench.speed_unit} on {bench.provider}"
        machine = f"{bench.cores} cores, {size(bench.memory_bytes)} of memory, {bench.gflops:,.1f} GFLOP/s"
        words.update(
            rows(
                [
                    say(("this machine   ", "dim"), machine),
                    say((f"{cut(bench.model, 40)}   ", "dim"), clean(speed, 200)),
                ]
            )
        )


class HostPage(PageView):
    """Folder, port, disk, start at login: each tested before the page is left."""

    TITLE = "This machine"
    HELP: ClassVar[str] = "Everything of a node is in one folder. A port of your own is easier to open in a router."

    def compose(self) -> ComposeResult:
        host, home = self.draft.answers.host, self.draft.answers.home(self.wizard.node_app.port.home)
        yield Field("home", "home", PATH_CHARS_MAX, value=str(home))
        if not self.draft.answers.is_devnet:
            yield Field("port", "port", 6, value=str(host.port), hint="0: any free one")
            yield Field("disk budget", "disk", 12, value=str(host.disk_mb), hint="megabytes, 0: none")
            yield Question(
                "start at login", "login", value=host.at_login, hint="a service of this user; tab, then space"
            )
        yield Static("", id="told", classes="steps", markup=False)

    def on_mount(self) -> None:
        self.query_one("#told", Static).update(say(("enter tests what is entered and goes on", "dim")))

    async def leave(self) -> str | None:
        home = self.value("home").strip()
        if not home:
            return "Name a folder for the node."
        own = str(self.wizard.node_app.port.home)
        if self.draft.answers.is_devnet:
            self.draft.set_host(home="" if home == own else home, port=0, disk_mb=0, at_login=False)
        else:
            port, disk = _number(self.value("port")), _number(self.value("disk"))
            if port is None or port > PORT_MAX:
                return f"Write a port from 1 to {PORT_MAX}, or 0 for any free one."
            if disk is None or disk > DISK_MB_MAX:
                return "Write the budget in megabytes, or 0 for none."
            login = self.query_one(Question).tick.value
            self.draft.set_host(home="" if home == own else home, port=port, disk_mb=disk, at_login=login)
        answers = self.draft.answers
        fault = next((each for each in faults(answers) if each.field.startswith("host.")), None)
        if fault is not None:
            return str(fault)
        self.wizard.say_busy("testing folder, disk and port")
        try:
            steps = await asyncio.to_thread(self.wizard.setup.check_host, answers)
            self.query_one("#told", Static).update(step_lines(steps))
            failed = next((each for each in steps if each.ok is False), None)
            if failed is None:
                await self._try_port(answers)
        except PortError as error:
            return str(error)
        finally:
            self.wizard.say_busy("")
        return "" if failed is None else f"{failed.text} {failed.remedy}".rstrip()

    async def _try_port(self, answers: Answers) -> None:
        """Find out whether others reach the port; the review tells it, since nobody is held up by a no."""
        if answers.host.port:
            self.wizard.say_busy(f"a peer tries to come back in through port {answers.host.port}, up to 15 s")
        self.draft.reach = await asyncio.to_thread(self.wizard.setup.check_port, answers)


class ReviewPage(PageView, can_focus=True):
    """All choices, what will be written, and the commands that do the same."""

    TITLE = "Everything right?"
    HELP: ClassVar[str] = "Nothing is written before enter. esc leads back to every page; what was entered stays."
    BINDINGS: ClassVar = [("y", "copy", "Copy the commands")]

    def compose(self) -> ComposeResult:
        plan = self.wizard.setup.plan(self.draft.answers)
        lines = [
            say((f"{label:<9}", "dim"), ("! ", "warn") if "UNSAFE" in text else "", clean(text, 400))
            for label, text in plan.choices
        ]
        if self.draft.reach is not None:
            reach = self.draft.reach
            lines.append(say((f"{'reached':<9}", "dim"), MARKS[reach.ok], clean(reach.text, 400)))
        lines += [
            say((f"{'writes':<9}" if not place else " " * 9, "dim"), clean(each))
            for place, each in enumerate(plan.files)
        ]
        lines += [say("")]
        lines += [
            say(
                (f"{'same as':<9}" if not place else " " * 9, "dim"),
                (clean(_shown(each, self.draft.answers.network.target)), "second"),
            )
            for place, each in enumerate(plan.commands)
        ]
        yield Static(rows(lines), id="plan", classes="words", markup=False)
        yield Static(say(("enter", "strong"), " starts"), markup=False)

    def first_focus(self) -> Widget | None:
        return self

    def action_copy(self) -> None:
        """Copy the commands that do the same, in full."""
        self.app.copy_to_clipboard("\n".join(self.wizard.setup.plan(self.draft.answers).commands))
        self.app.notify("The commands are in the clipboard.", title="Copied", timeout=2)

    async def leave(self) -> str | None:
        self.wizard.start()
        return None


def _shown(command: str, target: str) -> str:
    """A command with a long invite cut in its middle; `y` copies it whole."""
    return command.replace(target, f"{target[:16]}…{target[-8:]}") if len(target) > 80 else command


def _number(text: str) -> int | None:
    stripped = text.strip() or "0"
    return int(stripped) if stripped.isascii() and stripped.isdigit() else None
