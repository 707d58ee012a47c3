"""A validator scores a miner that forked its journal as forged, whatever it answers."""

from dataclasses import replace

import trio

from node.service.roles.miner import MinerRole
from node.service.roles.validator import ValidatorRole
from node.subnets.base import Code, Standing, Verdict
from tests.unit.market.support import Doubling, NoModels, World, signer_of, until_drawing

FORGED = Verdict(0.0, Code.FORGED, "two entries")


async def test_right_answers_do_not_save_a_miner_that_forked_its_journal(autojump_clock: object) -> None:
    world = World()
    cheat = signer_of("cheat").public
    context = replace(world.join("validator", permit=True), forged=lambda key: FORGED if key == cheat else None)
    validator = ValidatorRole(context, Doubling(), NoModels(), now_ms=lambda: 1)
    async with trio.open_nursery() as nursery:
        for name in ("cheat", "honest"):
            miner = MinerRole(world.join(name), Doubling(), NoModels(), now_ms=lambda: 1)
            await nursery.start(miner.run)
        await nursery.start(validator.run)
        await until_drawing(world.chain)
        for _ in range(20):
            world.chain.advance()
            await trio.sleep(12.0)
        nursery.cancel_scope.cancel()
    book = validator.book()
    assert book.get(signer_of("honest").public, Standing()).score > 0.5
    assert (book[cheat].score, book[cheat].samples > 0) == (0.0, True)
    codes = {row.code for row in validator.tasks() if row.miner == cheat and row.state == "done"}
    assert codes == {"FORGED"}
