"""The rules of the subnet Doubling: draw a number, double it, check the double. A start for rules of one's own."""

from collections.abc import AsyncGenerator

from node.primitives.types import NetUid
from node.subnets.base import Answer, Code, Host, Spec, Subnet, Usage, Verdict, View
from node.subnets.example.messages import NUMBER_MAX, Double, Number, mark_of


class Doubling(Subnet[Number, Double]):
    """Miners double a number; a right answer earns 1, anything else 0."""

    Task = Number
    Part = Double

    def __init__(self) -> None:
        self.spec = Spec(
            name="doubling",
            title="Doubling",
            version=1,
            home_netuid=NetUid(90),
            models=(),
            challenge_blocks=25,
            sample=16,
            timeout_s=5.0,
            alpha=0.2,
            power=2.0,
        )

    def draw(self, seed: bytes, view: View) -> Number:
        """The question that follows from 32 bytes of seed: the same for everybody who draws it again."""
        return Number(int.from_bytes(seed[:4], "big") % (NUMBER_MAX + 1), seed)

    async def serve(self, task: Number, host: Host) -> AsyncGenerator[Double, None]:
        """The miner's work."""
        value = 2 * task.value
        yield Double(0, True, Usage(1, 1), value, mark_of(task, value, host.hotkey))

    async def judge(self, task: Number, answer: Answer, host: Host) -> Verdict:
        """The validator's work: it can double too, so it compares."""
        part = answer.parts[-1]
        if not isinstance(part, Double) or part.value != 2 * task.value:
            return Verdict(0.0, Code.WRONG, "that is not the double")
        if part.mark != mark_of(task, part.value, answer.miner):
            return Verdict(0.0, Code.PLAGIARISED, "the answer is somebody else's")
        return Verdict(1.0, Code.OK)

    def describe(self, task: Number) -> str:
        return f"double {task.value}"
