"""The whole of subnet Nineteen in one process: a tiny model, real roles, a memory network and real worker threads."""

from contextlib import aclosing
from pathlib import Path

import pytest
import trio

from node.market.chat import ChatRequest, ChatTurn
from node.service.roles.host import ModelHost
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.subnets.base import Standing
from node.subnets.nineteen.adversaries import CHEATS
from node.subnets.nineteen.strategies import honest
from storage import MarketStore
from tests.unit.market.support import World
from tests.unit.models.synthetic import tiny_bundle
from tests.unit.subnets.support import TINY, TinyNineteen

WAYS = ("honest", "honest", "random", "copied", "altered")


async def test_honest_miners_earn_nearly_everything_and_cheats_nearly_nothing(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    models = ModelHost(tmp_path, own_bundles={TINY: bundle}, threads=1)
    world = World()
    with MarketStore.open(tmp_path / "market.sqlite") as store:
        async with trio.open_nursery() as nursery:
            context = world.join("validator", permit=True)
            validator = ValidatorRole(context, TinyNineteen(), models, now_ms=lambda: 1, store=store)
            seats = {}
            for n, way in enumerate(WAYS):
                subnet = TinyNineteen(strategy=CHEATS[way]() if way in CHEATS else honest)
                seat = world.join(f"miner-{n}")
                seats[n] = seat.hotkey
                await nursery.start(MinerRole(seat, subnet, models, now_ms=lambda: 1).run)
            await nursery.start(validator.run)
            with trio.fail_after(60):
                for rounds in range(1, 4):  # the next round begins when this one is judged, however slow the machine
                    while any(validator.book().get(key, Standing()).samples < rounds for key in seats.values()):
                        if not any(task.state in ("waiting", "running", "judging") for task in validator.tasks()):
                            world.chain.advance()
                        await trio.sleep(0.02)
            book = validator.book()
            assert [book[seats[n]].score > 0.4 for n in range(5)] == [True, True, False, False, False]
            shares = TinyNineteen().weigh(book, context.view())
            # seeds are the validator's secret: now and then a tiny model's wrong answer is the right one
            assert shares[seats[0]] + shares[seats[1]] > 0.95
            assert sum(shares.values()) == pytest.approx(1.0)

            request = ChatRequest(model=TINY, messages=(ChatTurn("user", "hello"),), max_tokens=12)
            async with aclosing(validator.door.ask(request)) as answer:
                parts = [part async for part in answer]
            assert parts[-1].done
            assert parts[-1].miner in seats.values()
            assert parts[-1].usage is not None
            assert parts[-1].usage.completion_tokens <= 12
            assert len(parts) > 1
            await validator.drain()
            nursery.cancel_scope.cancel()
        await models.aclose()
        assert {row.reason.split()[0] for row in store.verdicts(100) if row.score == 1.0} == {"OK"}
        assert parts[-1].receipt is not None
        assert store.receipts.find(parts[-1].receipt) is not None
