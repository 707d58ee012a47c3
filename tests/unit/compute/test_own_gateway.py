"""A node's own gateway as the server of a back end: one miner draws through another node."""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from models import BadPrompt, Sampling
from node.compute import parse_backend
from node.compute.pool import ComputePool
from node.market.routes import Paid, Piece, untold
from node.service.roles.host import ModelHost
from node.subnets.base import Code
from node.subnets.doors import AnyRoute
from node.subnets.nineteen.messages import to_reply, to_task
from tests.unit.gateway.doors import MINER, RECEIPT, FakeDoor, serving
from tests.unit.models.synthetic import tiny_bundle
from tests.unit.subnets.support import TINY, FakeHost, TinyNineteen, answer_of, hotkey, tiny_task

FORM = json.dumps(
    {"properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}, "required": ["a", "b"]}
)  # text of ASCII alone: the tiny model otherwise writes halves of characters, which the OpenAI form cannot tell


@dataclass
class ModelDoor(FakeDoor):
    """A door behind which the tiny model answers as a miner does."""

    models_here: ModelHost | None = None

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        assert self.models_here is not None
        host = FakeHost(self.models_here, MINER)
        async for piece in TinyNineteen().serve(to_task(request, bytes(32)), host):
            usage = piece.usage if piece.done else None
            yield Piece(to_reply(piece, MINER), piece.index, piece.done, MINER, usage, RECEIPT if piece.done else None)


async def test_a_miner_draws_through_the_gateway_of_another_node(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path)
    local = ModelHost(bundle.parent, own_bundles={TINY: bundle}, threads=1)
    async with serving(ModelDoor(models_here=local)) as client:
        miner = ComputePool(parse_backend(f"openai:{client.base_url}"), local)
        subnet = TinyNineteen()
        for n in range(2):
            task = msgspec.structs.replace(tiny_task(n, max_tokens=40), form=FORM, logprobs=1)
            answer = await answer_of(subnet, task, FakeHost(miner))  # type: ignore[arg-type]
            verdict = await subnet.judge(task, answer, FakeHost(local, hotkey("validator")))
            assert (verdict.code, verdict.score) == (Code.OK, pytest.approx(0.8)), verdict.evidence
        runtime = await miner.text(TINY)
        with pytest.raises(BadPrompt, match="no chat made"):
            await anext(runtime.generate([1, 2, 3], Sampling(bytes(32), max_tokens=4)))
    await local.aclose()
