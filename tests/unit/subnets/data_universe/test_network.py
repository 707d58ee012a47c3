"""The subnet on real roles over a memory network: miners read a folder and promise it, a validator pays them for it."""

from dataclasses import replace
from pathlib import Path

import trio

from node.market.context import MarketContext
from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.subnets.data_universe.pay import account_of
from node.subnets.data_universe.sample import use_folder, write_sample
from node.subnets.data_universe.subnet import DataUniverse
from node.subnets.lab.hosts import NoModels
from node.subnets.lab.world import World as Memory
from tests.unit.market.support import World


async def test_miners_that_hold_the_same_folder_vouch_for_each_other_and_are_paid(tmp_path: Path) -> None:
    write_sample(tmp_path / "texts", topics_max=4)
    now_ms = int(1000 * (tmp_path / "texts").stat().st_mtime) + 1000
    world, memory = World(), Memory(NoModels(), {})
    opened: list[DataUniverse] = []

    def seat(name: str, *, permit: bool = False) -> tuple[MarketContext, DataUniverse, Path]:
        rules = DataUniverse(now_ms=lambda: now_ms, challenge_blocks=2, timeout_s=10.0)
        opened.append(rules)
        context = world.join(name, permit=permit)
        host = memory.host(context.hotkey, rules)
        return replace(context, journal=host.journal, blobs=host.blobs), rules, host.folder

    async with trio.open_nursery() as nursery:
        context, rules, folder = seat("validator", permit=True)
        validator = ValidatorRole(context, rules, NoModels(), now_ms=lambda: now_ms, folder=folder)
        miners = []
        for n in range(3):
            own, theirs, place = seat(f"miner-{n}")
            use_folder(place, tmp_path / "texts")
            miners.append(own.hotkey)
            await nursery.start(MinerRole(own, theirs, NoModels(), now_ms=lambda: now_ms, folder=place).run)
        await nursery.start(validator.run)

        def is_judged() -> bool:
            """By two questions, one of them about the index: one in five is a search, which alone pays nothing."""
            book = validator.book()
            return all(book[key].samples >= 2.0 and account_of(book[key].recent).value for key in miners if key in book)

        with trio.fail_after(60):
            while not (set(miners) <= set(validator.book()) and is_judged()):
                if not any(task.state in ("waiting", "running", "judging") for task in validator.tasks()):
                    world.chain.advance()
                await trio.sleep(0.05)
        view = replace(context.view(), state=dict(memory.state))
        shares = rules.weigh(validator.book(), view)
        assert set(shares) == set(miners)
        assert max(shares.values()) < 0.5
        nursery.cancel_scope.cancel()
    for each in opened:
        each.close()
    memory.close()
