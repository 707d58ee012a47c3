"""The interface a subnet creator implements: what is asked, how it is served, how an answer is judged, what it earns.

`draw`, `apply` and `weigh` are pure: they use their arguments and nothing else, so that anyone can recompute them.
`serve`, `judge` and `tick` reach the world through `Host` alone. Scores are floats; nothing of this file goes on chain.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from node.primitives.types import AccountId
from node.subnets.doors import AnyLocalRoute, AnyRoute, Comment, Empty, LocalRoute, Offering, Raw, Route
from node.subnets.host import BlobDoor, BlobRef, Embedder, Host, JournalDoor, ModelPool, TensorModel, TextRuntime
from node.subnets.picture import Answer, Book, Entry, Judged, Neuron, Refusal, Standing, State, Verdict, View
from node.subnets.spec import Spec
from node.subnets.stage import Stage
from node.subnets.wire import Code, M, Message, Part, Usage, check_text, decode_message

__all__ = [
    "Answer", "AnySubnet", "BlobDoor", "BlobRef", "Book", "Code", "Comment", "Embedder", "Empty", "Entry", "Host",
    "JournalDoor", "Judged", "LocalRoute", "M", "Message", "ModelPool", "Neuron", "Offering", "Part", "Raw", "Refusal",
    "Route", "Spec", "Stage", "Standing", "State", "Subnet", "TensorModel", "TextRuntime", "Usage", "Verdict", "View",
    "check_text", "decode_message",
]  # fmt: skip


TaskT = TypeVar("TaskT", bound=Message)
PartT = TypeVar("PartT", bound=Part)


class Subnet(Generic[TaskT, PartT]):
    """Subclass it, set the class variables, and write `draw`, `serve` and `judge`."""

    spec: Spec
    Task: type[TaskT]
    Part: type[PartT]
    routes: tuple[AnyRoute, ...] = ()  # requests of users that miners answer
    local_routes: tuple[AnyLocalRoute, ...] = ()  # requests that this node answers by itself

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
        """Take a journal entry into the subnet's state; by default there is no journal.

        Pure and quick. It reads and writes its author's rows alone: keys that begin with the author's 32 bytes. So
        nothing depends on the order in which entries of different authors arrive. Rows follow from an author's last
        512 to 1 024 entries (512 KiB at most): what must last is said again. The kind "offer" is the node's own.
        """
        return Refusal(Code.REFUSED, f"The subnet {self.spec.name} keeps no journal.")

    async def tick(self, host: Host) -> None:
        """Work of one's own at a new head, as miner or validator; never two at once. By default there is none."""

    def weigh(self, book: Book, view: View) -> dict[AccountId, float]:
        """Shares of the emission by hotkey, summing to 1; empty to abstain. Only seats with a score get one."""
        powers = {
            neuron.hotkey: max(book[neuron.hotkey].score, 0.0) ** self.spec.power
            for neuron in view.neurons
            if neuron.hotkey in book
        }
        total = sum(powers.values())
        return {hotkey: power / total for hotkey, power in powers.items() if power > 0.0} if total > 0.0 else {}

    def offerings(self, view: View) -> Sequence[Offering]:
        """The models that users may name now; by default those of the spec, for chats."""
        return tuple(Offering(name) for name in self.spec.models)

    def model_of(self, task: TaskT) -> str:
        """The model whose prices hold for a task; "" where tasks name none."""
        model = getattr(task, "model", "")
        return model if isinstance(model, str) else ""

    def owed(self, task: TaskT, paid_rao: int) -> Mapping[AccountId, int]:
        """What of a caller's payment for a task the miner owes to others, in rao by account; its node pays it out."""
        return {}

    def delivered(self, part: PartT) -> Usage:
        """What one part adds to the usage as whoever receives it counts; by default all of it comes with the last.

        Where answers stream, name what each part holds: then nobody is owed more than a batch at any moment.
        """
        return part.usage if part.done else Usage()

    def stage(self) -> Stage:
        """What the workbench plays: these rules, and cheats of the subnet's own. By default the usual cheats alone."""
        return Stage(self)

    def describe(self, task: TaskT) -> str:
        """The task in a few words, for screens."""
        return type(task).__name__

    def preview(self, parts: Sequence[PartT]) -> str:
        """The answer in a few words, for screens."""
        return f"{len(parts)} parts"


AnySubnet = Subnet[Any, Any]
