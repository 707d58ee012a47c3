"""Which page of the setup follows which: a state machine over a draft of the answers. Draws, asks and writes nothing.

Secrets live in the draft alone, which is forgotten with the window; what is saved is `Draft.answers` and the page.
"""

import random
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec.structs import replace

from node.control.setup import Answers, NetworkWay, Saved, WalletWay
from node.control.setup_run import Secrets
from node.control.setup_views import CheckStep, MachineBench, TargetCheck

Way = Literal["new", "restore", "watch", "join"]
Page = Literal[
    "wallet", "restore", "watch", "seal", "words", "quiz", "network", "lan", "invite", "address", "role", "host",
    "review",
]  # fmt: skip
Door = Literal["devnet", "lan", "invite", "address"]
Stage = Literal["Wallet", "Network", "Role", "Host", "Review"]
STAGES: Final[tuple[Stage, ...]] = ("Wallet", "Network", "Role", "Host", "Review")
QUIZ_WORDS: Final = 3
_STAGE_OF: Final[dict[Page, Stage]] = {
    "wallet": "Wallet", "restore": "Wallet", "watch": "Wallet", "seal": "Wallet", "words": "Wallet", "quiz": "Wallet",
    "network": "Network", "lan": "Network", "invite": "Network", "address": "Network",
    "role": "Role", "host": "Host", "review": "Review",
}  # fmt: skip


@dataclass(slots=True)
class Draft:
    """Everything chosen so far. `words` and `password` are secrets; `quiz` are places of words, counted from 1.

    door: how a network is looked for. check: what testing the target found; None: not tested as it stands now.
    reach: whether others came back in through the port, None where that was not tried.
    """

    way: Way = "new"
    answers: Answers = field(default_factory=Answers)
    door: Door = "devnet"
    password: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    quiz: tuple[int, ...] = ()
    check: TargetCheck | None = None
    reach: CheckStep | None = None
    bench: MachineBench | None = None

    def set_wallet(self, **changes: object) -> None:
        """Change answers about the wallet."""
        self.answers = replace(self.answers, wallet=replace(self.answers.wallet, **changes))

    def set_network(self, do: NetworkWay, target: str = "", genesis: str = "") -> None:
        """Change where the node belongs; what another target's test found is forgotten."""
        network = replace(self.answers.network, do=do, target=target, genesis=genesis)
        if network != self.answers.network:
            self.check = None
        self.answers = replace(self.answers, network=network)

    def set_role(self, name: str) -> None:
        """Change the role."""
        self.answers = replace(self.answers, role=replace(self.answers.role, name=name))

    def set_host(self, **changes: object) -> None:
        """Change answers about the host."""
        self.answers = replace(self.answers, host=replace(self.answers.host, **changes))

    @property
    def secrets(self) -> Secrets:
        """What goes beside the answers."""
        return Secrets(self.password or None, self.words)


def pages(draft: Draft) -> tuple[Page, ...]:
    """Return the pages of a setup with these answers, in their order."""
    first: dict[Way, tuple[Page, ...]] = {
        "new": ("wallet",), "restore": ("restore", "seal"), "watch": ("watch",), "join": (),
    }  # fmt: skip
    found = list(first[draft.way])
    if draft.way == "new" and draft.answers.wallet.do == "new":
        found += ["seal", "words", "quiz"]
    found.append("network")
    if not draft.answers.is_devnet and draft.door != "devnet":
        found.append(draft.door)
    if not draft.answers.is_devnet:
        found.append("role")
    return (*found, "host", "review")


def after(draft: Draft, page: Page) -> Page:
    """Return the page that follows; the last one follows itself."""
    order = pages(draft)
    return order[min(order.index(page) + 1, len(order) - 1)] if page in order else order[0]


def before(draft: Draft, page: Page) -> Page | None:
    """Return the page to go back to, None on the first."""
    order = pages(draft)
    place = order.index(page) if page in order else 0
    return order[place - 1] if place else None


def stage_of(page: Page) -> Stage:
    """Return the heading that a page belongs under."""
    return _STAGE_OF[page]


def begin(way: Way, kept: str | None = None) -> Draft:
    """Return the draft that a choice of the welcome leads to; `kept` is a wallet that this home has already."""
    do: dict[Way, WalletWay] = {"new": "none", "restore": "restore", "watch": "watch", "join": "none"}
    draft = Draft(way)
    draft.set_wallet(do=do[way])
    if way == "join":
        if kept is not None:
            draft.set_wallet(do="keep", name=kept)
        draft.door = "invite"
        draft.set_network("join")
    return draft


def resume(saved: Saved) -> tuple[Draft, Page, str]:
    """Return draft and page of a saved setup, and what to tell of it: secrets were never saved and are asked anew."""
    do = saved.answers.wallet.do
    ways: dict[WalletWay, Way] = {"new": "new", "restore": "restore", "watch": "watch", "keep": "new", "none": "new"}
    draft = Draft(ways[do], saved.answers)
    target = saved.answers.network.target
    if not saved.answers.is_devnet:
        draft.door = "invite" if target.startswith("nd1") or not target else "address"
    order = pages(draft)
    if saved.answers.makes_keys:
        words = "Your answers are kept, but secrets were never written down here: "
        again = "enter the recovery words again." if do == "restore" else (
            "the keys are made anew. Words that you noted before belong to no wallet; cross them out."
        )  # fmt: skip
        return draft, order[0], words + again
    page = next((each for each in order if each == saved.page), order[0])
    tested = page in ("role", "host", "review") and not saved.answers.is_devnet
    return (
        draft,
        draft.door if tested and draft.door != "devnet" else page,
        "Your answers are kept; this is where you were.",
    )


def quiz_places(words: str, rng: random.Random) -> tuple[int, ...]:
    """Return three places of words, counted from 1, in their order."""
    return tuple(sorted(rng.sample(range(1, len(words.split()) + 1), QUIZ_WORDS)))


def quiz_faults(draft: Draft, typed: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places whose typed word is not the one that was shown."""
    shown = draft.words.split()
    pairs = zip(draft.quiz, typed, strict=True)
    return tuple(place for place, word in pairs if word.strip().lower() != shown[place - 1])
