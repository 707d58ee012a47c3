"""Pictures by the OpenAI form: one file of all the parts that came, and an error where they hold none."""

import pytest

from node.market.errors import CallBroken
from node.market.forms import ImageRequest
from node.subnets.base import Usage
from node.subnets.chutes.messages import ChutePart
from node.subnets.chutes.png import decode_png
from node.subnets.doors import IMAGES_PATH
from node.subnets.lab.hosts import key_of
from tests.unit.subnets.chutes.support import PICTURE_SIDE, Market, painter, painting
from tests.unit.subnets.chutes.test_doors import answered, route, with_demos


@pytest.mark.parametrize("side", [PICTURE_SIDE, 0], ids=["of its size", "of any size"])
async def test_a_picture_that_came_in_several_parts_is_one_file(side: int) -> None:
    model = painter()
    market = Market(chute=painting(model, key_of("miner 0").public), model=model)
    await market.deploy()
    found = route(market.judge, "POST", IMAGES_PATH)
    request = ImageRequest(model="painter", prompt="hills", width=side, height=side, seed=5)
    task = found.to_task(found.resolve(request, market.judging().view()), bytes(32))
    assert sum(bool(part.slabs) for part in (await market.ask(task)).parts) == 2
    picture = decode_png((await answered(market, found, request)).image)
    assert picture.shape == (PICTURE_SIDE, PICTURE_SIDE, 3)
    assert picture[-1].std() > 10  # the second part is there


def test_an_answer_without_a_picture_is_broken_and_not_an_empty_file() -> None:
    rules, view, _ = with_demos()
    found = route(rules, "POST", IMAGES_PATH)
    make = ImageRequest(model="terrain-diffusion", prompt="hills", width=0, height=0)
    task = found.to_task(found.resolve(make, view), bytes(32))
    with pytest.raises(CallBroken):
        found.fold([found.to_reply(ChutePart(0, True, Usage(), task.chute), key_of("miner 0").public)])
