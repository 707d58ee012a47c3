"""The interface a subnet creator implements: what is asked, how it is served, how an answer is judged, what it earns.

`draw`, `apply` and `weigh` are pure: they use their arguments and nothing else, so that anyone can recompute them.
`serve` and `judge` reach the world through `Host` alone. Scores are floats; nothing of this file goes on chain.
"""

import enum
import unicodedata
from collections.abc import AsyncGenerator, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from models import FinishReason, Sampling, Token, Verification
from node.market.errors import MalformedMessage
from node.primitives.codec import Wire, decode_canonical
from node.primitives.errors import DecodeError
from node.primitives.types import AccountId, Hash, Height, NetUid, Uid


class Code(enum.IntEnum):
    """Why a verdict, a refusal or an answer is what it is. Numbers travel on the wire and never change."""

    OK = 0
    WRONG = 1
    PARTIAL = 2
    TIMEOUT = 3
    UNREACHABLE = 4
    REFUSED = 5
    RATE_LIMITED = 6
    OVERLOADED = 7
    MALFORMED = 8
    TOO_LARGE = 9
    BAD_SIGNATURE = 10
    WRONG_MODEL = 11
    UNLIKELY = 12
    EARLY_END = 13
    OVERFIT = 14
    REPEATED = 15
    STALE = 16
    DUPLICATE = 17
    FORGED = 18
    OVERCLAIM = 19
    PLAGIARISED = 20
    ELIMINATED = 21
    UNCHECKABLE = 22
    VALIDATOR_FAULT = 23
    NO_DATA = 24
    FOREIGN = 25  # signed for another network
    MISADDRESSED = 26  # meant for another miner or another subnet
    UNREGISTERED = 27  # the caller holds no seat in the subnet
    MINER_FAULT = 28  # the miner's own program failed
    CANCELLED = 29  # the asker left before the end


# --- messages -------------------------------------------------------------------------------------------------------


class Message(Wire, frozen=True):
    """Base of tasks and parts: canonical on the wire, checked by `check` before anyone uses it."""

    def check(self) -> None:
        """Raise MalformedMessage when a field breaks its bound; form and types are already right."""


class Usage(Wire, frozen=True):
    """What an answer consumed, in tokens."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Part(Message, frozen=True):
    """One piece of an answer, numbered from 0; the last has `done` and the usage of the whole."""

    index: int
    done: bool
    usage: Usage


M = TypeVar("M", bound=Message)


def decode_message(kind: type[M], data: bytes, *, max_bytes: int) -> M:
    """Return the checked message in `data`. Raises MalformedMessage, whatever the bytes are."""
    try:
        message = decode_canonical(kind, data, max_bytes=max_bytes)
    except DecodeError as error:
        raise MalformedMessage(error.message) from error
    message.check()
    return message


def check_text(name: str, text: str, *, max_chars: int) -> None:
    """Refuse text that is too long, not in Unicode form NFC, or holds a NUL or half a character."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise MalformedMessage(f"{name} holds half of a surrogate pair.")
    if len(text) > max_chars:
        raise MalformedMessage(f"{name} has {len(text)} characters; {max_chars} at most.")
    if "\x00" in text:
        raise MalformedMessage(f"{name} holds a NUL character.")
    if not unicodedata.is_normalized("NFC", text):
        raise MalformedMessage(f"{name} is not in Unicode form NFC.")


# --- what a subnet sees of the chain --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Neuron:
    """One seat of a subnet. `stake_rao` is its stake weight; `peer_id` is empty until it serves."""

    uid: Uid
    hotkey: AccountId
    coldkey: AccountId
    peer_id: str
    addresses: tuple[str, ...]
    stake_rao: int
    validator_permit: bool
    last_update: Height


@dataclass(frozen=True, slots=True)
class View:
    """A subnet at one height, read only."""

    netuid: NetUid
    height: Height
    block_hash: Hash
    neurons: tuple[Neuron, ...]
    _by_hotkey: dict[AccountId, Neuron] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._by_hotkey.update({neuron.hotkey: neuron for neuron in self.neurons})

    def find(self, hotkey: AccountId) -> Neuron | None:
        """The seat of a hotkey, if it has one."""
        return self._by_hotkey.get(hotkey)


# --- the door to the world ------------------------------------------------------------------------------------------


class TextRuntime(Protocol):
    """A language model made asynchronous: nothing here blocks the event loop."""

    @property
    def name(self) -> str: ...

    @property
    def model_id(self) -> str:
        """SHA-256 of the model file, hex."""
        ...

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        ...

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Token ids of a chat of (role, content). Raises models.BadPrompt."""
        ...

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        """The text that the stream of this answer adds up to."""
        ...

    def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        """Tokens as they are drawn; close the generator to stop drawing."""
        ...

    async def verify(
        self, prompt: Sequence[int], claimed: Sequence[int], sampling: Sampling, finish_reason: FinishReason
    ) -> Verification:
        """Judge a claimed answer by one teacher-forced pass in a worker thread."""
        ...


class ModelPool(Protocol):
    """The models of this process: fetched, converted and opened once, shared by every role."""

    async def text(self, name: str) -> TextRuntime:
        """The model of that catalogue name, opened on first use. Raises models.ModelError."""
        ...

    async def bundle(self, name: str) -> Path:
        """The verified bundle folder of that name, fetched if needed. Raises models.ModelError."""
        ...

    async def open(self, bundle: Path) -> TextRuntime:
        """The model in a bundle folder of the user's own. Raises models.ModelError."""
        ...


class Host(Protocol):
    """The only door of `serve` and `judge` to the world; tests put a fake in its place."""

    @property
    def hotkey(self) -> AccountId:
        """Whom this node serves or judges as."""
        ...

    @property
    def models(self) -> ModelPool: ...

    def view(self) -> View:
        """The subnet as of now."""
        ...

    async def ask(self, miner: Neuron, task: Message) -> "Answer":
        """Ask another miner and wait for its whole answer. Raises MarketError."""
        ...


# --- answers and verdicts -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one miner. Times are the asker's own, in ms since it asked; status is OK when complete."""

    miner: AccountId
    parts: tuple[Part, ...]
    usage: Usage
    digest: Hash
    signature: bytes
    t_first_ms: int
    t_done_ms: int
    status: Code = Code.OK


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judgement: a score in 0..1, or None when the validator could not check. `weight` is the evidence, in 0..1."""

    score: float | None
    code: Code
    evidence: str = ""
    weight: float = 1.0


_GENESIS: Final = Height(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A miner's place in one validator's book: moving average, summed evidence, height of the last verdict."""

    score: float = 0.0
    samples: float = 0.0
    last_height: Height = _GENESIS


Book = Mapping[AccountId, Standing]


# --- journal --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One signed journal entry of a miner, already proven authentic and in sequence."""

    author: AccountId
    sequence: int
    height: Height
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a journal entry has no effect."""

    code: Code
    reason: str


State = MutableMapping[bytes, bytes]
"""The subnet's rows inside a reducer's transaction."""


# --- the subnet -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spec:
    """The constants of a subnet's rules. Scores of different `version`s are never mixed."""

    name: str
    title: str
    version: int
    home_netuid: NetUid  # the seat it takes on a network that does not say otherwise
    models: tuple[str, ...]  # catalogue names its tasks may ask for
    challenge_blocks: int = 25  # a round every so many blocks
    sample: int = 16  # miners in one round
    timeout_s: float = 10.0  # of a challenge, from publication to the answer's arrival
    alpha: float = 0.1  # weight of a new verdict in the moving average
    power: float = 1.0  # of a score when weights are made


RequestT = TypeVar("RequestT")
ReplyT = TypeVar("ReplyT")
TaskT = TypeVar("TaskT", bound=Message)
PartT = TypeVar("PartT", bound=Part)


@dataclass(frozen=True, slots=True)
class Route(Generic[RequestT, ReplyT, TaskT, PartT]):
    """A door for users: how their request becomes a task, and how each part becomes their reply."""

    method: str
    path: str
    to_task: Callable[[RequestT, bytes], TaskT]  # (request, 32 random bytes) -> task; raises BadRequest
    to_reply: Callable[[PartT, AccountId], ReplyT]  # (part, the miner who made it) -> reply
    stream: bool = False


class Subnet(Generic[TaskT, PartT]):
    """Subclass it, set the class variables, and write `draw`, `serve` and `judge`."""

    spec: Spec
    Task: type[TaskT]
    Part: type[PartT]
    routes: ClassVar[tuple[Route[Any, Any, Any, Any], ...]] = ()

    def draw(self, seed: bytes, view: View) -> TaskT | None:
        """The challenge that follows from 32 bytes of seed; None when there is nothing to ask."""
        raise NotImplementedError

    def serve(self, task: TaskT, host: Host) -> AsyncGenerator[PartT, None]:
        """Answer a task part by part, as a miner. Raises ServeFailed."""
        raise NotImplementedError

    async def judge(self, task: TaskT, answer: Answer, host: Host) -> Verdict:
        """Judge a complete answer, as a validator; the validator's own failures give a score of None."""
        raise NotImplementedError

    def apply(self, entry: Entry, state: State) -> Refusal | None:
        """Take a journal entry into the subnet's state; by default there is no journal."""
        return Refusal(Code.REFUSED, f"The subnet {self.spec.name} keeps no journal.")

    def weigh(self, book: Book, view: View) -> dict[AccountId, float]:
        """Shares of the emission by hotkey, summing to 1; empty to abstain. Only seats with a score get one."""
        powers = {
            neuron.hotkey: max(book[neuron.hotkey].score, 0.0) ** self.spec.power
            for neuron in view.neurons
            if neuron.hotkey in book
        }
        total = sum(powers.values())
        return {hotkey: power / total for hotkey, power in powers.items() if power > 0.0} if total > 0.0 else {}

    def describe(self, task: TaskT) -> str:
        """The task in a few words, for screens."""
        return type(task).__name__

    def preview(self, parts: Sequence[PartT]) -> str:
        """The answer in a few words, for screens."""
        return f"{len(parts)} parts"


AnySubnet = Subnet[Any, Any]
