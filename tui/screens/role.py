"""`r`: the three roles, what each needs and does, and the switch itself as a plan that is read before it is signed."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from node.control.schema import ROLES, Job, Role, RolePlan
from tui.limits import JOB_INTERVAL_S
from tui.model import Model
from tui.port import API_ERRORS, PortError
from tui.role_text import plan_lines, role_words
from tui.screens.base import Dialog
from tui.screens.password import unlocked
from tui.text import clean, gauge
from tui.widgets.draw import rows, say
from tui.widgets.status_bar import ROLE_SIGNS
from tui.work import begin

if TYPE_CHECKING:
    from node.control.role_actions import RoleDraft

_EXPECTED = (*API_ERRORS, PortError)


class RoleScreen(Dialog[None]):
    """Cancel has the focus; nothing is signed or stopped before "Switch" is pressed."""

    CSS_PATH = "role.tcss"
    HELP = "Choose a role to read its plan: needs, costs, what stops and starts. Switch signs it and does it."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("j,down", "turn(1)", "Next role"),
        Binding("k,up", "turn(-1)", "Previous role", show=False),
        Binding("tab,l,right", "app.focus_next", "Next button", show=False),
        Binding("shift+tab,h,left", "app.focus_previous", "Previous button", show=False),
    ]

    def __init__(self, current: Role, coldkey: str | None) -> None:
        super().__init__()
        self._current = current
        self._coldkey = coldkey
        self._role: Role = next(role for role in ROLES if role != current)
        self._plan: RolePlan | None = None
        self._draft: RoleDraft | None = None
        self._refusal = ""
        self._job: Job | None = None
        self._busy = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = Content("Role of this node")
            with Horizontal(id="role-columns"):
                yield Static("", id="roles", markup=False)
                with VerticalScroll(id="plan-scroll", can_focus=False):
                    yield Static("", id="plan", markup=False)
            yield Static("", id="role-failure", classes="failure", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel (esc)", id="cancel")
                yield Button("Switch", id="switch", disabled=True)

    def on_mount(self) -> None:
        self.query_one("#cancel").focus()
        self._load()

    @property
    def role(self) -> Role:
        """The role whose plan is shown."""
        return self._role

    def action_turn(self, step: int) -> None:
        if self._job is None and not self._busy:
            self._role = ROLES[(ROLES.index(self._role) + step) % len(ROLES)]
            self._load()

    def action_cancel(self) -> None:
        self.dismiss(None)

    def _load(self) -> None:
        self._plan = self._draft = None
        self._refusal = ""
        self._draw()
        begin(self, partial(self._read_plan, self._role), "plan")

    async def _read_plan(self, role: Role) -> None:
        app = self.node_app
        try:
            self._draft = await app.port.prepare_role(app.api, role, self._coldkey)
            self._plan = self._draft.plan
        except _EXPECTED as error:
            self._refusal = clean(str(error))
            await self._read_bare_plan(role)
        self._draw()

    async def _read_bare_plan(self, role: Role) -> None:
        """Show at least what the node says, when nothing can be signed."""
        try:
            self._plan = await self.node_app.api.role_plan(role)
        except API_ERRORS as error:
            self._refusal = clean(str(error))

    def _draw(self) -> None:
        if not (self.is_mounted and self.is_attached and self.is_running):
            return  # closed while a plan or a job was under way
        self.query_one("#roles", Static).update(self._role_list())
        self.query_one("#plan", Static).update(rows(self._plan_text()))
        failure = self.query_one("#role-failure", Static)
        failure.update(say(("✖ ", "bad"), self._refusal) if self._refusal else "")
        reason = self._why_not()
        button = self.query_one("#switch", Button)
        button.label = Content(f"Switch to {self._role}" if self._role != self._current else "Already in this role")
        button.disabled = bool(reason)
        box = self.query_one(".box")
        box.border_subtitle = Content(reason or "j/k choose a role · tab moves · enter presses")

    def _role_list(self) -> Content:
        lines = []
        for role in ROLES:
            chosen = role == self._role
            here = say(("  ← now", "dim")) if role == self._current else say("")
            word = (f"{'▸' if chosen else ' '} {ROLE_SIGNS[role]} {role}", "accent" if chosen else "plain")
            lines += [say(word, here), say((f"    {role_words(role)}", "dim")), say("")]  # type: ignore[arg-type]
        return rows(lines[:-1])

    def _plan_text(self) -> list[Content]:
        if self._job is not None:
            return _job_lines(self._job)
        if self._busy:
            return [say(("… ", "accent"), self._busy)]
        if self._plan is None:
            return [say(("asking the node for its plan …" if not self._refusal else "no plan", "dim"))]
        return plan_lines(self._plan, self._draft)

    def _why_not(self) -> str:
        """Return why Switch cannot be pressed, empty when it can."""
        if self._job is not None or self._busy:
            return "working …"
        if self._role == self._current:
            return "the node has this role already"
        if self._plan is None or self._draft is None:
            return "not possible: see below the plan" if self._refusal else "waiting for the plan"
        short = next((each for each in self._plan.requirements if not each.met), None)
        if not self._plan.possible or short is not None:
            return f"not possible yet: {clean(short.name, 40)} is short" if short else "the node refuses this switch"
        return ""

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "cancel":
            self.action_cancel()
        elif self._draft is not None and not self._why_not():
            begin(self, partial(self._switch, self._draft), "switch")

    async def _switch(self, draft: "RoleDraft") -> None:
        app = self.node_app
        try:
            signed = await self._sign(draft)
            if signed is None:
                return
            self._busy = "sending the plan to the node"
            self._draw()
            await self._follow(await app.api.role_apply(draft.role, signed))
        except _EXPECTED as error:
            self._refusal = clean(str(error))
        finally:
            self._busy = ""
            self._draw()

    async def _sign(self, draft: "RoleDraft") -> tuple[bytes, ...] | None:
        """Sign in this process; None when the user turned back at the password."""
        app, coldkey = self.node_app, self._coldkey

        def sign(password: str | None) -> tuple[bytes, ...]:
            return app.port.sign_role(app.attached_home, coldkey, password, draft)

        if not draft.needs_coldkey or coldkey is None:
            return await asyncio.to_thread(sign, None)
        return await unlocked(app, coldkey, sign, self._tell)

    def _tell(self, busy: str) -> None:
        self._busy = busy
        self._draw()

    async def _follow(self, job: Job) -> None:
        """Show the job until it ends; its events may be missed, so it is asked for as well."""
        while True:
            self._job = self.node_app.model.jobs.get(job.id, job)
            self._draw()
            if self._job.state != "running":
                break
            await asyncio.sleep(JOB_INTERVAL_S)
            self.node_app.model.add_job(await self.node_app.api.job(job.id))
        if self._job.state == "done":
            self._current = self._role
            self.app.notify(f"This node is a {self._role} now.", title="Role switched", markup=False)
        elif self._job.error is not None:
            self._refusal = clean(f"{self._job.error.message} {self._job.error.hint}".strip())

    def paint(self, model: Model) -> None:
        """Show the job's progress between two questions."""
        if self._job is not None and (newer := model.jobs.get(self._job.id)) not in (None, self._job):
            self._job = newer
            self._draw()


def _job_lines(job: Job) -> list[Content]:
    sign = {"running": ("… ", "accent"), "done": ("✓ ", "good"), "failed": ("✖ ", "bad")}[job.state]
    lines = [say(sign, (clean(job.title, 80), "strong")), say((clean(job.message, 200), "dim"))]  # type: ignore[arg-type]
    if job.total > 0:
        full, empty = gauge(job.done / job.total, 20)
        lines.append(say((full, "accent"), (empty, "dim"), f" {job.done}/{job.total} {clean(job.unit, 20)}"))
    if job.state == "done":
        lines += [say(""), say("The services of the new role are running. Esc closes.")]
    if job.state == "failed":
        lines += [say(""), say("The node went back to its old role. Nothing else has changed.")]
    return lines
