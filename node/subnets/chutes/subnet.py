"""Subnet Chutes: run a declared ONNX bundle; a right answer is one that the same bundle gives again.

The order of checks is fixed, the first failure decides: form, whose answer it is, usage, then the numbers of an own
run. What the validator itself cannot do (no bundle, no model, no numbers) is never the miner's fault.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from node.market.errors import ServeFailed
from node.primitives.types import AccountId, NetUid
from node.subnets.base import (
    Answer,
    Book,
    Code,
    Entry,
    Host,
    Offering,
    Refusal,
    Spec,
    Stage,
    State,
    Subnet,
    Usage,
    Verdict,
    View,
)
from node.subnets.chutes.adversaries import CHEATS
from node.subnets.chutes.bundle import Chute, owner_of
from node.subnets.chutes.calls import Calls
from node.subnets.chutes.catalogue import Catalogue
from node.subnets.chutes.chats import TextShelf
from node.subnets.chutes.drawing import draw_task
from node.subnets.chutes.files import Shelf
from node.subnets.chutes.house import house_chutes
from node.subnets.chutes.journal import apply_entry
from node.subnets.chutes.judging import judge_answer
from node.subnets.chutes.messages import ChutePart, ChuteTask
from node.subnets.chutes.money import UNIT, creator_part_rao
from node.subnets.chutes.scoring import rows_of_book, weigh_rows
from node.subnets.chutes.seen import Seen
from node.subnets.chutes.shop import Shop
from node.subnets.chutes.strategies import Strategy, Tools, honest
from node.subnets.chutes.upkeep import Upkeep


class Chutes(Subnet[ChuteTask, ChutePart]):
    """A market of ONNX bundles. `strategy` is how this node mines; everything but `honest` exists to be caught."""

    Task = ChuteTask
    Part = ChutePart

    def __init__(
        self,
        *,
        house: Sequence[Chute] | None = None,
        strategy: Strategy = honest,
        challenge_blocks: int = 25,
        timeout_s: float = 60.0,
        ram_mb: int = 2048,
    ) -> None:
        """`house` are chutes that exist without a deploy, the program's own by default; `ram_mb` bounds warm ones."""
        self.spec = Spec(
            name="chutes",
            title="Models on call",
            version=1,
            home_netuid=NetUid(64),
            models=(),
            challenge_blocks=challenge_blocks,
            sample=16,
            timeout_s=timeout_s,
            alpha=0.1,
            power=2.0,
            unit=UNIT,
            opens_files=True,
        )
        self.catalogue = Catalogue(house_chutes() if house is None else house)
        shelf, seen = Shelf(), Seen()
        self.tools = Tools(self.catalogue, shelf, TextShelf(shelf), seen)
        self._strategy = strategy
        self._upkeep = Upkeep(self.tools, ram_mb)
        self._calls = Calls(self.catalogue, seen.note_asked)
        self.routes = self._calls.routes()
        self.local_routes = Shop(self.catalogue, shelf, seen).routes()

    def draw(self, seed: bytes, view: View) -> ChuteTask | None:
        return draw_task(seed, view, self.catalogue.all(view))

    async def serve(self, task: ChuteTask, host: Host) -> AsyncGenerator[ChutePart, None]:
        view = host.view()
        listed = self.catalogue.find(view, task.chute)
        if listed is None:
            gone = self.catalogue.is_retired(view, task.chute)
            raise ServeFailed(f"The chute is {'retired' if gone else 'unknown here'}.", Code.WRONG_MODEL)
        self._upkeep.used(listed, view.height)
        async with aclosing(self._strategy(listed, task, host, self.tools)) as parts:
            async for part in parts:
                if part.done:
                    self.tools.seen.note_served(listed.id, part.usage.units)
                yield part

    async def judge(self, task: ChuteTask, answer: Answer, host: Host) -> Verdict:
        return await judge_answer(task, answer, host, self.tools, self.spec.challenge_blocks)

    def apply(self, entry: Entry, state: State) -> Refusal | None:
        return apply_entry(entry, state)

    async def tick(self, host: Host) -> None:
        await self._upkeep.tick(host)

    def weigh(self, book: Book, view: View) -> dict[AccountId, float]:
        """The rule of seven days; a book that keeps no verdicts is weighed by its averages."""
        rows = rows_of_book(book, view)
        return weigh_rows(rows, view) if rows else super().weigh(book, view)

    def model_of(self, task: ChuteTask) -> str:
        """The chute's name in small letters, so that an offer can price one chute alone."""
        known = self.catalogue.known(task.chute)
        return "" if known is None else known.name.lower()

    def owed(self, task: ChuteTask, paid_rao: int) -> dict[AccountId, int]:
        """The creator's share of a deployed chute; those that the program brings itself have no creator."""
        known = self.catalogue.known(task.chute)
        if known is None or known in self.catalogue.house:
            return {}
        part_rao = creator_part_rao(paid_rao, known.creator_share_percent)
        return {owner_of(known): part_rao} if part_rao else {}

    def delivered(self, part: ChutePart) -> Usage:
        """Tokens of a chat as they come; everything else with the last part."""
        tokens = sum(len(piece.ids) for piece in part.chat)
        if not part.done:
            return Usage(0, tokens)
        completion = tokens if part.chat else part.usage.completion_tokens
        return Usage(part.usage.prompt_tokens, completion, part.usage.units)

    def stage(self) -> Stage:
        """For the workbench: these rules and every cheat of the subnet."""
        house = self.catalogue.house
        return Stage(self, {name: Chutes(house=house, strategy=make()) for name, make in CHEATS.items()})

    def offerings(self, view: View) -> Sequence[Offering]:
        return self._calls.offerings(view)

    def describe(self, task: ChuteTask) -> str:
        known = self.catalogue.known(task.chute)
        name = task.chute.hex()[:12] if known is None else known.name
        if task.hold:
            return f"{name}: is the file there?"
        if task.chat:
            return f"{name}: {task.chat[0].turns[-1].content}"
        return f"{name}: {', '.join(f'{each.name} {list(each.shape)}' for each in task.inputs)}"

    def preview(self, parts: Sequence[ChutePart]) -> str:
        pieces = [piece for part in parts for piece in part.chat]
        if pieces:
            return "".join(piece.text for piece in pieces)
        heads = {slab.name: slab for part in parts for slab in part.slabs if slab.offset == 0}
        return ", ".join(f"{slab.name} {slab.dtype}{list(slab.shape)}" for slab in heads.values()) or "proof"
