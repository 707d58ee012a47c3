"""Subnet Data Universe: miners hold rows and promise them by a root; validators have single rows proven and checked.

The pieces are elsewhere: questions in `draws`, answers in `serving`, verdicts in `judging`, pay in `pay`, journals in
`ledger`, a node's own data in `room`, collecting in `collecting`.
"""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from node.market.roster import may_validate
from node.primitives.types import AccountId, NetUid
from node.subnets.base import Answer, Book, Entry, Host, Refusal, Spec, Stage, State, Subnet, Usage, Verdict, View
from node.subnets.data_universe import pay, serving
from node.subnets.data_universe.adapters.base import Adapter
from node.subnets.data_universe.collecting import Collector, usual_adapters
from node.subnets.data_universe.draws import draw_question
from node.subnets.data_universe.entities import Source
from node.subnets.data_universe.judging import judge_answer
from node.subnets.data_universe.ledger import reduce
from node.subnets.data_universe.messages import BucketAsk, DataPart, DataTask, LookupAsk, RowsAsk, SearchAsk
from node.subnets.data_universe.miner import Collect, Miner
from node.subnets.data_universe.room import Room
from node.subnets.data_universe.routes import ROUTES, LocalDesk
from node.subnets.data_universe.scoring import CREDIBILITY_ALPHA

NAME = "data_universe"


def wall_ms() -> int:
    """The time of this machine, in ms since 1970."""
    return time.time_ns() // 1_000_000


class DataUniverse(Subnet[DataTask, DataPart]):
    """Collected public text. `adapters` are the sources that a node reaches, `collect` what it does at a head."""

    Task = DataTask
    Part = DataPart

    def __init__(
        self,
        *,
        adapters: Callable[[Path], Mapping[Source, Adapter]] | None = None,
        collect: Collect | None = None,
        now_ms: Callable[[], int] = wall_ms,
        challenge_blocks: int = 25,
        timeout_s: float = 30.0,
    ) -> None:
        self.spec = Spec(
            name=NAME,
            title="Data Universe",
            version=1,
            home_netuid=NetUid(13),
            models=(),
            challenge_blocks=challenge_blocks,
            sample=16,
            timeout_s=timeout_s,
            alpha=CREDIBILITY_ALPHA,
            power=1.0,
            unit="row",
        )
        self._adapters = adapters
        self._collect = collect or Collector().step
        self._now_ms = now_ms
        self._rooms: dict[Path, Room] = {}
        self.routes = ROUTES
        self.local_routes = LocalDesk(self.room).routes()
        self._miners: dict[Path, Miner] = {}

    # --- rules ------------------------------------------------------------------------------------------------------

    def draw(self, seed: bytes, view: View) -> DataTask | None:
        return draw_question(seed, view)

    def serve(self, task: DataTask, host: Host) -> AsyncGenerator[DataPart, None]:
        return serving.answer(task, host, self.room(host))

    async def judge(self, task: DataTask, answer: Answer, host: Host) -> Verdict:
        return await judge_answer(task, answer, host, self.room(host))

    def apply(self, entry: Entry, state: State) -> Refusal | None:
        return reduce(entry, state)

    def weigh(self, book: Book, view: View) -> dict[AccountId, float]:
        return pay.shares(book, view)

    async def tick(self, host: Host) -> None:
        """Collect and promise as a miner, fetch everybody's promises as a validator."""
        view = host.view()
        seat = view.find(host.hotkey)
        if seat is None:
            return
        if may_validate(seat, view):
            await self.room(host).fetch_indexes(host, view)
        await self.miner(host).step(host, view)

    # --- this node --------------------------------------------------------------------------------------------------

    def room(self, host: Host) -> Room:
        """What a host keeps for this subnet."""
        room = self._rooms.get(host.folder)
        if room is None:
            room = self._rooms[host.folder] = Room(host.folder, self._reach(host.folder), self._now_ms)
        return room

    def miner(self, host: Host) -> Miner:
        """The collecting and promising of a host."""
        miner = self._miners.get(host.folder)
        if miner is None:
            miner = self._miners[host.folder] = Miner(self.room(host), collect=self._collect)
        return miner

    def _reach(self, folder: Path) -> Mapping[Source, Adapter]:
        return usual_adapters(folder, self._now_ms) if self._adapters is None else self._adapters(folder)

    def close(self) -> None:
        """Close the files of all hosts."""
        for room in self._rooms.values():
            room.close()
        self._rooms.clear()
        self._miners.clear()

    def stage(self) -> Stage:
        from node.subnets.data_universe.rehearsal import stage  # which knows this class

        return stage()

    # --- screens ----------------------------------------------------------------------------------------------------

    def delivered(self, part: DataPart) -> Usage:
        return Usage(units=len(part.rows) + len(part.proven)) if not part.blob else part.usage

    def describe(self, task: DataTask) -> str:
        match task.ask:
            case RowsAsk() as ask:
                return f"prove {ask.count} rows of the promised index"
            case LookupAsk() as ask:
                return f"show {len(ask.uris)} places"
            case BucketAsk() as ask:
                return f"the bucket {ask.label or '-'} of hour {ask.hour}"
            case SearchAsk() as ask:
                named = ", ".join((ask.label, *ask.keywords, *ask.usernames)).strip(", ")
                return f"search {named or 'everything'}, at most {ask.limit} rows"

    def preview(self, parts: Sequence[DataPart]) -> str:
        rows = [row for part in parts for row in (*part.rows, *(each.row for each in part.proven))]
        return f"{len(rows)} rows: {rows[0].content}" if rows else "no rows"
