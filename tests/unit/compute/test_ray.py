"""A miner on a local Ray: the same answers as in this process, judged exactly; skipped where Ray is not installed."""

from pathlib import Path

import pytest

from models import RuntimeFailure, Sampling
from node.compute import parse_backend
from node.compute.errors import BadBackend
from node.compute.pool import ComputePool
from node.compute.ray_text import Worker, load_ray
from node.service.roles.host import ModelHost
from node.subnets.base import Code
from node.subnets.nineteen.messages import ChatPiece
from tests.unit.models.synthetic import tiny_bundle
from tests.unit.subnets.support import TINY, FakeHost, TinyNineteen, answer_of, hotkey, tiny_task


async def test_answers_of_a_cluster_are_those_of_this_process(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'neurond[ray]'")
    if not hasattr(ray, "init"):
        pytest.skip("what is called ray here is a folder")
    bundle = tiny_bundle(tmp_path)
    local = ModelHost(bundle.parent, own_bundles={TINY: bundle}, threads=1)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    pool, subnet = ComputePool(parse_backend("ray"), local), TinyNineteen()
    try:
        for n in range(3):
            task = tiny_task(n, max_tokens=16)
            answer = await answer_of(subnet, task, FakeHost(pool))  # type: ignore[arg-type]
            own = await answer_of(subnet, task, FakeHost(local))
            assert [part.ids for part in answer.parts if isinstance(part, ChatPiece)] == [
                part.ids for part in own.parts if isinstance(part, ChatPiece)
            ]
            verdict = await subnet.judge(task, answer, FakeHost(local, hotkey("validator")))
            assert (verdict.code, verdict.score) == (Code.OK, 1.0)
    finally:
        await pool.aclose()
        ray.shutdown()
        await local.aclose()


def test_without_the_package_the_choice_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(BadBackend, match="neurond\\[ray\\]"):
        load_ray()


def test_a_worker_goes_on_after_its_runtime_failed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker, sampling = Worker(str(tiny_bundle(tmp_path)), 1), Sampling(bytes(32), max_tokens=3)
    prompt = worker._model.chat_prompt([("user", "hi")])
    before = [token.id for token in worker.generate(prompt, sampling)]

    def fail(*_: object) -> object:
        raise RuntimeFailure("out of memory")

    with monkeypatch.context() as failing:
        failing.setattr(worker._model.decoder, "step", fail)
        with pytest.raises(RuntimeFailure, match="out of memory"):
            list(worker.generate(prompt, sampling))
    assert [token.id for token in worker.generate(prompt, sampling)] == before
    worker._batcher.close()
