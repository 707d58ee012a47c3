"""The models of a process share one bound of memory: the idle make room, those in use stay, nothing runs for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trio
import trio.testing
from onnx import TensorProto, helper

import node.service.roles.arrays
import node.service.roles.host
from models import BadTensor, HashMismatch, NoMemory, RuntimeFailure, Sampling, UnsupportedModel
from models.card import read_tensor_card
from models.images import ImageRequest
from models.memory import tensor_need
from node.service.roles.host import ModelHost
from node.service.roles.shelf import Opening, Shelf
from tests.unit.models.bundles import embedding_bundle, linear_bundle, terrain_bundle
from tests.unit.models.graphs import graph, model, save, value
from tests.unit.models.synthetic import tiny_bundle


class Library:
    """Openings that say what was opened and closed."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def book(self, key: str, need_bytes: int) -> Opening[str]:
        async def opened() -> str:
            self.log.append(f"open {key}")
            await trio.lowlevel.checkpoint()
            return key

        async def closed(_: str) -> None:
            self.log.append(f"close {key}")

        return Opening(key, need_bytes, opened, closed)


async def test_the_longest_idle_makes_room_and_comes_back_when_asked_for() -> None:
    library, shelf = Library(), Shelf(100)
    books = {key: library.book(key, 40) for key in "abc"}
    for key in ("a", "b", "a", "c", "b"):
        async with shelf.use(books[key]) as opened:
            assert opened == key
            assert shelf.taken_bytes <= 100
    assert library.log == ["open a", "open b", "close b", "open c", "close a", "open b"]
    await shelf.close_all()
    assert library.log[-2:] == ["close c", "close b"]


async def test_a_model_in_use_is_never_closed_for_another() -> None:
    library, shelf = Library(), Shelf(100)
    async with shelf.use(library.book("a", 60)):
        with pytest.raises(NoMemory, match="those in use take"):
            async with shelf.use(library.book("b", 60)):
                pass
        assert library.log == ["open a"]
    async with shelf.use(library.book("b", 60)):
        assert library.log == ["open a", "close a", "open b"]


async def test_the_idle_leaves_although_one_in_use_is_older() -> None:
    library, shelf = Library(), Shelf(100)
    async with shelf.use(library.book("old", 40)):
        async with shelf.use(library.book("idle", 40)):
            pass
        async with shelf.use(library.book("new", 40)):
            assert shelf.opened() == ("old", "new")


async def test_a_model_larger_than_all_memory_is_refused_and_harms_no_other() -> None:
    library, shelf = Library(), Shelf(100)
    async with shelf.use(library.book("a", 60)):
        pass
    with pytest.raises(NoMemory):
        async with shelf.use(library.book("giant", 101)):
            pass
    assert shelf.opened() == ("a",)


async def test_many_who_ask_at_once_open_it_once_and_a_failure_is_not_kept() -> None:
    library, shelf = Library(), Shelf(100)
    book = library.book("a", 60)

    async def ask() -> None:
        async with shelf.use(book):
            await trio.testing.wait_all_tasks_blocked()

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(ask)
    assert library.log == ["open a"]

    async def fail() -> str:
        raise RuntimeFailure("broken")

    with pytest.raises(RuntimeFailure):
        async with shelf.use(Opening("bad", 1, fail, book.close)):
            pass
    async with shelf.use(library.book("bad", 1)) as opened:
        assert opened == "bad"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    embedding_bundle(tmp_path / "words")
    linear_bundle(tmp_path / "linear")
    terrain_bundle(tmp_path / "land")
    return tmp_path


async def test_imported_models_of_each_kind_are_opened_by_name(folder: Path) -> None:
    host = ModelHost(folder, threads=1)
    graph_ = await host.tensors("linear")
    result = await graph_.run({"x": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(result["y"], np.full((2, 2), 4, np.float32))
    words = await host.embedder("words")
    vectors, tokens = await words.embed(["guitar music", "stock"])
    assert (vectors.shape, tokens, words.dimensions) == ((2, 8), 3, 8)
    land = await host.images("land")
    assert (await land.generate(ImageRequest(3))).startswith(b"\x89PNG")
    alone = await host.tensor_file(folder / "linear" / "model.onnx")
    assert alone.model_id == graph_.model_id == read_tensor_card(folder / "linear").sha256
    assert {each.name for each in host.loaded()} == {"linear", "words", "land"}
    with pytest.raises(BadTensor, match="missing: x"):
        await graph_.run({})
    with pytest.raises(UnsupportedModel):
        await host.tensors("nothing")
    with pytest.raises(UnsupportedModel):
        await host.tensors("../linear")
    await host.aclose()
    assert host.loaded() == ()


async def test_a_name_is_looked_up_and_hashed_once_and_a_failure_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    locate = node.service.roles.host.locate

    def counted(name: str, *rest: object, **more: object) -> Path:
        asked.append(name)
        return locate(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(node.service.roles.host, "locate", counted)
    host = ModelHost(folder, threads=1)

    async def ask() -> None:
        await host.tensors("linear")
        await host.embedder("words")

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ask)
    assert sorted(asked) == ["linear", "words"]
    for _ in range(2):
        with pytest.raises(UnsupportedModel):
            await host.tensors("later")
    linear_bundle(folder / "later")
    assert (await host.tensors("later")).name == "later"
    path = folder / "linear" / "model.onnx"
    first = await host.tensor_file(path)
    assert await host.tensor_file(path) is first
    await first.run({"x": np.ones((1, 3), np.float32)})
    path.write_bytes((folder / "land" / "model.onnx").read_bytes())
    other = await host.tensor_file(path)  # another file under the same name
    assert other.model_id != first.model_id
    with pytest.raises(BadTensor, match="noisy"):
        await other.run({"x": np.ones((1, 3), np.float32)})
    await host.aclose()
    with pytest.raises(HashMismatch, match="was changed"):
        await first.run({"x": np.ones((1, 3), np.float32)})


async def test_a_text_model_leaves_and_returns_between_two_answers(folder: Path) -> None:
    text_bundle = tiny_bundle(folder / "text")
    room = max(tensor_need(read_tensor_card(each), each) for each in (folder / "words", folder / "linear"))
    host = ModelHost(folder, own_bundles={"tiny": text_bundle}, threads=1, memory_bytes=2 * room)
    text = await host.text("tiny")
    sampling = Sampling(seed=bytes(32), max_tokens=4, temperature=0.0)
    prompt = await text.chat_prompt([("user", "hello")])
    first = [token.id async for token in text.generate(prompt, sampling)]
    for name in ("words", "linear"):
        await (host.embedder(name) if name == "words" else host.tensors(name))
    assert text.name not in {each.name for each in host.loaded()}
    assert [token.id async for token in text.generate(prompt, sampling)] == first
    await host.aclose()


async def test_a_run_without_end_is_stopped_at_the_time_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go2"]), helper.make_node("Identity", ["v"], ["v2"])], "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("v", ["n"])],
        [value("go2", [], TensorProto.BOOL), value("v2", ["n"])],
    )  # fmt: skip
    node_ = helper.make_node("Loop", ["", "yes", "x"], ["y"], body=body)
    endless = model(graph([node_], [value("x", ["n"])], [value("y", ["n"])], {"yes": np.array(True)}))
    monkeypatch.setattr(node.service.roles.arrays, "TENSOR_RUN_TIMEOUT_S", 0.2)
    host = ModelHost(tmp_path, threads=1)
    opened = await host.tensor_file(save(endless, tmp_path))
    with trio.fail_after(10), pytest.raises(RuntimeFailure, match="was stopped"):
        await opened.run({"x": np.ones(1, np.float32)})
    await host.aclose()


async def test_a_text_model_whose_runtime_failed_once_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = ModelHost(folder, own_bundles={"tiny": tiny_bundle(folder / "text")}, threads=1)
    text = await models.text("tiny")
    prompt = await text.chat_prompt([("user", "hi")])
    sampling = Sampling(bytes(32), max_tokens=3)
    before = [token.id async for token in text.generate(prompt, sampling)]
    broken = next(iter(models._shelf._slots.values())).opened

    def fail(*_: object) -> np.ndarray:
        raise RuntimeFailure("out of memory")

    with monkeypatch.context() as failing:
        failing.setattr(broken._model.decoder, "step", fail)
        with pytest.raises(RuntimeFailure, match="out of memory"):
            _ = [token async for token in text.generate(prompt, sampling)]
    assert [token.id async for token in text.generate(prompt, sampling)] == before
    await models.aclose()
