"""A first run without a machine: what tests find is set beforehand, what is asked for is written down."""

from dataclasses import dataclass, field
from pathlib import Path

from node.control.options import Progress, ProgressSink
from node.control.setup import Answers, Saved, WordCount
from node.control.setup_keys import Strength, strength, words_fault
from node.control.setup_run import Outcome, Plan, Secrets, plan_of
from node.control.setup_views import CheckStep, LanNetwork, LanSurvey, MachineBench, TargetCheck
from tests.unit.tui import recorded
from tui.port import PortError
from tui.wizard.port import Tell

WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
WORDS_24 = "abandon " * 23 + "art"
GENESIS = "ab" * 32
INVITE = "nd1" + "7q" * 160
ADDRESS = f"/ip4/192.168.1.7/tcp/4001/p2p/{recorded.PEERS[0]}"
GOOD = (
    CheckStep("read", True, "an invite to lab-net"),
    CheckStep("dial", True, f"connected to {recorded.PEERS[0]}"),
    CheckStep("genesis", True, "lab-net, abababababababab…, as the invite says"),
    CheckStep("version", True, "neurond/0.1.0, the same as here"),
)
HOST = (CheckStep("home", True, "/srv/neurond will be made"), CheckStep("disk", True, "68,853 MB are free"))

SURVEY = LanSurvey((LanNetwork("lab-net", GENESIS, 4, (ADDRESS,), 3.2, "neurond/0.1.0"),), ("192.168.1.2",))


def good_check(target: str = INVITE) -> TargetCheck:
    return TargetCheck(
        target, GOOD, "lab-net", GENESIS, recorded.HOTKEYS[0] if target.startswith("nd1") else "",
        recorded.NOW_MS + 6 * 86_400_000, (ADDRESS,), "neurond/0.1.0", 3.2, 1000 * 10**9,
    )  # fmt: skip


def bad_check(step: CheckStep, target: str = INVITE) -> TargetCheck:
    return TargetCheck(target, (step,), problem=step.text, remedy=step.remedy)


@dataclass
class FakeSetup:
    """Implements `tui.wizard.port.Setup`."""

    home: Path = Path("/srv/neurond")
    kept: tuple[tuple[str, str], ...] = ()
    was_saved: Saved | None = None
    found: TargetCheck | None = None
    host: tuple[CheckStep, ...] = HOST
    survey: LanSurvey = SURVEY
    failure: PortError | None = None
    note: str = ""
    reach: CheckStep | None = None
    saves: list[Saved] = field(default_factory=list)
    forgotten: int = 0
    carried_out: list[tuple[Answers, Secrets]] = field(default_factory=list)
    checked: list[Answers] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)

    def saved(self) -> Saved | None:
        return self.was_saved

    def save(self, saved: Saved) -> None:
        self.saves.append(saved)

    def forget(self) -> None:
        self.forgotten += 1

    def wallets(self) -> tuple[tuple[str, str], ...]:
        return self.kept

    def new_words(self, count: WordCount) -> str:
        return WORDS if count == 12 else WORDS_24

    def words_fault(self, words: str) -> str:
        return words_fault(words)

    def strength(self, password: str) -> Strength:
        return strength(password)

    def check(self, answers: Answers, tell: Tell) -> TargetCheck:
        self.checked.append(answers)
        found = self.found or good_check(answers.network.target)
        for step in found.steps:
            tell(step)
        return found

    def check_host(self, answers: Answers) -> tuple[CheckStep, ...]:
        return self.host

    def check_port(self, answers: Answers) -> CheckStep | None:
        return self.reach if answers.host.port else None

    def networks_near(self) -> LanSurvey:
        return self.survey

    def measure(self, progress: ProgressSink) -> MachineBench:
        progress(Progress("model", "running smollm2-135m-instruct", 4000, 8000, "ms"))
        return MachineBench(
            8, 32 * 10**9, 210.4, "smollm2-135m-instruct", speed=41.2, speed_unit="tokens/s", provider="CPU"
        )

    def find_node(self, text: str) -> tuple[Path, str]:
        self.asked_for.append(text)
        if self.failure is not None:
            raise self.failure
        return Path(text), "devnet-7f3a, running, neurond 0.1.0"

    def plan(self, answers: Answers) -> Plan:
        return plan_of(answers, self.home)

    def set_up(self, answers: Answers, secrets: Secrets, progress: ProgressSink) -> Outcome:
        self.carried_out.append((answers, secrets))
        progress(Progress("wallet", "writing the wallet default"))
        progress(Progress("starting", "node-0 is up", 1, 4, "nodes"))
        if self.failure is not None:
            raise self.failure
        return Outcome("/srv/devnet/node-1", "/srv/devnet", "devnet-7f3a", note=self.note)
