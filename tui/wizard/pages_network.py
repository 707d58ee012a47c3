"""The pages about the network: which one, and whether what leads there really does. Nothing is joined here."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Input, Static

from node.control.setup_views import CheckStep, LanNetwork
from tui.limits import TARGET_CHARS_MAX
from tui.port import PortError
from tui.target import INVITE_PREFIX, target_fault
from tui.text import clean, duration, plural, short
from tui.widgets.draw import rows, say
from tui.wizard.page import Choice, Choices, Field, PageView, step_lines

_NO_DEVNET = "a devnet makes keys of its own: go back (esc) and skip the wallet, or make one"
_NO_JOIN = "keys without a password are for a devnet alone"


class NetworkPage(PageView):
    """Four ways to a network."""

    TITLE = "Which network?"
    HELP: ClassVar[str] = "A devnet needs nobody; the other ways lead to a network of others and are tested before."

    def compose(self) -> ComposeResult:
        foreign = self.draft.answers.wallet.do in ("keep", "watch")
        yield Choices([
            Choice("d", "devnet", "Devnet here", "four nodes on this machine, τ to try things, no internet needed",
                   _NO_DEVNET if foreign else ""),
            Choice("l", "lan", "Local network", "look for nodes that announce themselves here (mDNS)"),
            Choice("i", "invite", "Invite", "paste the line nd1… that somebody sent you"),
            Choice("b", "address", "Address of a node", "/ip4/…/tcp/…/p2p/…, when there is no invite"),
        ])  # fmt: skip

    def on_mount(self) -> None:
        self.query_one(Choices).highlight(self.draft.door)

    def on_choices_made(self, event: Choices.Made) -> None:
        event.stop()
        choice = event.choice
        if choice.refusal:
            self.wizard.fail(choice.refusal[0].upper() + choice.refusal[1:] + ".")
            return
        draft = self.draft
        if choice.name == "devnet":
            draft.door = "devnet"
            draft.set_network("devnet")
            draft.set_host(port=0, disk_mb=0)
        elif choice.name in ("lan", "invite", "address"):
            same = draft.door == choice.name and not draft.answers.is_devnet
            draft.door = choice.name  # type: ignore[assignment]  # one of the three
            network = draft.answers.network
            draft.set_network("join", network.target if same else "", network.genesis if same else "")
        self.wizard.action_next()


class TargetPage(PageView):
    """An invite or address: typed, tested live, then trusted or not."""

    INVITE: ClassVar[bool] = True

    def compose(self) -> ComposeResult:
        hint = "nd1…" if self.INVITE else "/ip4/192.0.2.7/tcp/4001/p2p/12D3…"
        network = self.draft.answers.network
        fits = network.target.startswith(INVITE_PREFIX) == self.INVITE
        yield Field("invite" if self.INVITE else "address", "target", TARGET_CHARS_MAX,
                    value=network.target if fits else "", hint=hint)  # fmt: skip
        yield Static("", id="told", classes="steps", markup=False)
        yield Static("", id="verdict", classes="words", markup=False)

    def on_mount(self) -> None:
        self._steps: list[CheckStep] = []
        self._draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        super().on_input_changed(event)
        if event.value.strip() != self.draft.answers.network.target:
            self.draft.set_network("join", "")
            self._steps = []
            self._draw()

    async def leave(self) -> str | None:
        """The first enter tests, the second one trusts what the test found."""
        target = "".join(self.value("target").split())
        if self.draft.check is not None and not self.draft.check.problem and self.draft.check.target == target:
            return ""
        fault = target_fault(target)
        if fault is not None:
            return fault
        if target.startswith(INVITE_PREFIX) != self.INVITE:
            return (
                "This is an invite; esc leads to the page for one."
                if not self.INVITE
                else "This is an address; esc leads to the page for one."
            )
        self.draft.set_network("join", target, "")
        self._steps = []
        await self._test()
        return None

    async def _test(self) -> None:
        loop = asyncio.get_running_loop()

        def told(step: CheckStep) -> None:
            self._steps.append(step)
            self._draw()

        def tell(step: CheckStep) -> None:
            loop.call_soon_threadsafe(told, step)

        answers = self.draft.answers
        self.wizard.say_busy("testing: dialling, genesis, version")
        try:
            found = await asyncio.to_thread(self.wizard.setup.check, answers, tell)
        except PortError as error:
            self.wizard.fail(str(error))
            return
        finally:
            self.wizard.say_busy("")
        if answers.network != self.draft.answers.network or not self.is_mounted:
            return  # something else was typed meanwhile
        self._steps = list(found.steps)
        if not found.problem:
            self.draft.set_network("join", answers.network.target, "" if self.INVITE else found.genesis_hash)
            self.draft.check = found
        self._draw()

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self.query_one("#told", Static).update(step_lines(self._steps))
        found = self.draft.check
        verdict = self.query_one("#verdict", Static)
        if found is None or found.problem:
            verdict.update(say(("enter tests it; nothing is joined before the last page", "dim")))
            return
        lines = [
            say("network  ", (clean(found.network, 60), "strong"), (f"  genesis {found.genesis_hash[:16]}…", "dim"))
        ]
        if found.inviter:
            left_s = ((found.expires_ms or 0) - self.wizard.node_app.clock.now_ms()) / 1000
            lines.append(
                say("invited by  ", short(found.inviter, 8, 8), (f"  good for {duration(max(0, left_s))}", "dim"))
            )
        else:
            lines.append(
                say(("! ", "warn"), "nobody vouches for it: trust it only if the address came from somebody you trust")
            )
        if found.latency_ms is not None:
            lines.append(say(("round trip  ", "dim"), f"{found.latency_ms:.0f} ms"))
        lines.append(say(("enter", "strong"), " trusts this network and goes on"))
        verdict.update(rows(lines))


class InvitePage(TargetPage):
    """See `TargetPage`."""

    TITLE = "Paste the invite"
    HELP: ClassVar[str] = "It says which network, who invites and until when; all of it is signed and tested."


class AddressPage(TargetPage):
    """See `TargetPage`."""

    TITLE = "The address of a node"
    HELP: ClassVar[str] = "An address names no network: what answers there is shown, and kept if you trust it."
    INVITE = False


class LanPage(PageView):
    """Networks that announce themselves nearby."""

    TITLE = "Networks on the local network"
    HELP: ClassVar[str] = "Each was dialled and told its genesis. Announcements prove nothing about who runs them."
    BINDINGS: ClassVar = [("f5", "again", "Look again")]

    def compose(self) -> ComposeResult:
        yield Choices()
        yield Static("", id="told", classes="words", markup=False)

    def on_mount(self) -> None:
        self._found: tuple[LanNetwork, ...] = ()
        self.run_worker(self._look(), group="lan", exclusive=True)

    def action_again(self) -> None:
        self.run_worker(self._look(), group="lan", exclusive=True)

    async def _look(self) -> None:
        self.wizard.say_busy("listening for nodes, about five seconds")
        try:
            survey = await asyncio.to_thread(self.wizard.setup.networks_near)
        except PortError as error:
            self.wizard.fail(str(error))
            return
        finally:
            self.wizard.say_busy("")
        if not self.is_mounted:
            return
        self._found = survey.networks[:9]
        self.query_one(Choices).offer(
            Choice(str(place), str(place - 1), clean(each.network, 40), _words(each))
            for place, each in enumerate(self._found, 1)
        )
        where = f" on {', '.join(survey.interfaces)}" if survey.interfaces else ""
        nobody = (
            clean(survey.problem)
            or f"Nobody announces a network{where}. f5 looks again; esc, and an invite works anywhere."
        )
        self.query_one("#told", Static).update("" if self._found else say(("· ", "dim"), nobody))
        self.query_one(Choices).focus()

    def on_choices_made(self, event: Choices.Made) -> None:
        event.stop()
        found = self._found[int(event.choice.name)]
        self.draft.set_network("join", found.addresses[0], found.genesis_hash)
        self.wizard.action_next()

    async def leave(self) -> str | None:
        return "" if self.draft.answers.network.target else "Choose a network, or go back with esc."


def _words(network: LanNetwork) -> str:
    latency = "" if network.latency_ms is None else f", {network.latency_ms:.0f} ms"
    return (
        f"{plural(network.peers, 'peer')}{latency}, genesis {network.genesis_hash[:16]}…, {clean(network.version, 30)}"
    )
