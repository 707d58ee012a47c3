"""A subnet Chutes with two small graphs of its own, and hosts whose pool opens them with the real runtime."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import trio
from onnx import TensorProto, helper, numpy_helper

from models.tensor import TensorModel
from node.market.frames import chain_of
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import AccountId, Height, NetUid
from node.subnets.base import Answer, View
from node.subnets.chutes.bundle import Chute, Feed, File, Input, Needs, Output, canonical, chute_id
from node.subnets.chutes.journal import DEPLOY, Deploy
from node.subnets.chutes.messages import ChutePart, ChuteTask, Tensor
from node.subnets.chutes.steps import MeanPool, Pixels, Softmax, Tokenise, TopK, ToPng, Unit
from node.subnets.chutes.strategies import Strategy, honest
from node.subnets.chutes.subnet import Chutes
from node.subnets.lab.hosts import NoModels, key_of, view_of
from node.subnets.lab.world import World, WorldHost

CLASSES = 5
FEATURES = 8


class OpenFiles(NoModels):
    """A pool that opens checked files with onnxruntime, as a node does."""

    def __init__(self) -> None:
        self._open: dict[Path, Running] = {}

    async def tensor_file(self, path: Path) -> "Running":  # type: ignore[override]
        if path not in self._open:
            self._open[path] = Running(await trio.to_thread.run_sync(lambda: TensorModel(path, threads=1)), path)
        return self._open[path]


class Running:
    """One open graph behind the protocol of pools."""

    def __init__(self, model: TensorModel, path: Path) -> None:
        self._model = model
        self.name = path.name
        self.model_id = hashlib.sha256(path.read_bytes()).hexdigest()

    async def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return await trio.to_thread.run_sync(lambda: self._model.run(feeds))


def classifier(seed: int = 1) -> bytes:
    """x [batch, 8] -> scores [batch, 5]: one layer of seeded weights."""
    random = np.random.default_rng(seed)
    tensors = [
        numpy_helper.from_array(random.standard_normal((FEATURES, CLASSES)).astype(np.float32), "weights"),
        numpy_helper.from_array(random.standard_normal(CLASSES).astype(np.float32), "bias"),
    ]
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["y"]), helper.make_node("Add", ["y", "bias"], ["scores"])],
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", CLASSES])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


PICTURE_SIDE = 128
VECTOR = 16
EMBEDDER_FEEDS = ("input_ids", "attention_mask", "token_type_ids")


def painter() -> bytes:
    """noise [batch, 3, 128, 128] -> a picture of as many numbers in 0..1."""
    shape = ["batch", 3, PICTURE_SIDE, PICTURE_SIDE]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("noise", "picture")]
    nodes = [
        helper.make_node("Conv", ["noise", "one"], ["same"], group=3),
        helper.make_node("Sigmoid", ["same"], ["picture"]),
    ]
    one = numpy_helper.from_array(np.ones((3, 1, 1, 1), np.float32), "one")
    graph = helper.make_graph(nodes, "painter", ends[:1], ends[1:], [one])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def painting(model: bytes, owner: AccountId, **changes: Any) -> Chute:
    """The bundle of a painter: 48 KiB of pixels, which travel in two parts."""
    shape = ("batch", 3, PICTURE_SIDE, PICTURE_SIDE)
    fields: dict[str, Any] = {
        "name": "painter",
        "kind": "image-generation",
        "inputs": (Input(name="noise", dtype="float32", shape=shape, to=("noise",)),),
        "feeds": (Feed(name="noise", dtype="float32", shape=shape),),
        "outputs": (Output(name="picture", dtype="uint8", shape=shape, reduce=(Pixels(),), post=(ToPng(),)),),
        "limits": {"batch": 1},
        "macs": f"{3 * PICTURE_SIDE**2}*batch",
        "labels": (),
    }
    return bundle(model, owner, **{**fields, **changes})


def embedder(vocabulary: int) -> bytes:
    """ids, mask [batch, tokens] -> vectors [batch, tokens, 16]: a seeded table and one layer."""
    random = np.random.default_rng(2)
    tensors = [
        numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("table", (vocabulary, VECTOR)), ("weights", (VECTOR, VECTOR)))
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in EMBEDDER_FEEDS]
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", "sequence", VECTOR])
    nodes = [
        helper.make_node("Gather", ["table", EMBEDDER_FEEDS[0]], ["looked up"]),
        helper.make_node("MatMul", ["looked up", "weights"], ["turned"]),
        helper.make_node("Cast", [EMBEDDER_FEEDS[1]], ["counted"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counted", "last"], ["column"]),
        helper.make_node("Cast", [EMBEDDER_FEEDS[2]], ["kinds"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["kinds", "last"], ["kind column"]),
        helper.make_node("Add", ["column", "kind column"], ["shown"]),
        helper.make_node("Mul", ["turned", "shown"], ["vectors"]),
    ]
    tensors.append(numpy_helper.from_array(np.array([-1], np.int64), "last"))
    graph = helper.make_graph(nodes, "embedder", ends, [vectors], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def embedding(model: bytes, tokenizer: bytes, owner: AccountId) -> Chute:
    """The bundle of an embedder: texts to vectors of 16 numbers."""
    shape = ("batch", "sequence")
    return bundle(
        model, owner,
        name="tiny-embedder", kind="embedding", labels=(), limits={"batch": 8, "sequence": 64},
        files=(
            File(role="model", sha256=hashlib.sha256(model).hexdigest(), size=len(model)),
            File(role="tokenizer", sha256=hashlib.sha256(tokenizer).hexdigest(), size=len(tokenizer)),
        ),
        inputs=(
            Input(name="texts", dtype="text", shape=("batch",), to=EMBEDDER_FEEDS, pre=(Tokenise(max_tokens=64),)),
        ),
        feeds=tuple(Feed(name=name, dtype="int64", shape=shape) for name in EMBEDDER_FEEDS),
        outputs=(
            Output(
                name="vectors", dtype="float32", shape=("batch", VECTOR),
                reduce=(MeanPool(mask=EMBEDDER_FEEDS[1]), Unit()),
            ),
        ),
        macs=f"{VECTOR**2}*batch*sequence",
    )  # fmt: skip


def bundle(model: bytes, owner: AccountId, **changes: Any) -> Chute:
    """The bundle of a classifier."""
    fields: dict[str, Any] = {
        "name": "small",
        "owner": to_ss58(owner),
        "kind": "classification",
        "licence": "Apache-2.0",
        "files": (File(role="model", sha256=hashlib.sha256(model).hexdigest(), size=len(model)),),
        "inputs": (Input(name="x", dtype="float32", shape=("batch", FEATURES), to=("x",)),),
        "feeds": (Feed(name="x", dtype="float32", shape=("batch", FEATURES)),),
        "outputs": (Output(name="scores", dtype="float32", shape=("batch", CLASSES), post=(Softmax(), TopK(k=2))),),
        "limits": {"batch": 16},
        "macs": f"{FEATURES * CLASSES}*batch",
        "needs": Needs(ram_mb=10),
        "labels": ("a", "b", "c", "d", "e"),
    }
    return Chute(**{**fields, **changes})


class Market:
    """One validator and some miners around a deployed classifier, without a network."""

    def __init__(self, *strategies: Strategy, chute: Chute | None = None, model: bytes = b"") -> None:
        self.keys = [key_of(f"miner {n}").public for n in range(max(1, len(strategies)))]
        self.validator = key_of("validator").public
        self.model = model or classifier()
        self.chute = chute or bundle(self.model, self.keys[0])
        self.rules = [Chutes(house=(), strategy=each) for each in (strategies or (honest,))]
        self.judge = Chutes(house=())
        self.world = World(OpenFiles(), dict(zip(self.keys, self.rules, strict=True)))
        self.at(1)

    def at(self, height: int) -> View:
        """Go to a height."""
        return self.world.at(view_of(NetUid(64), height, self.validator, self.keys))

    async def deploy(self) -> bytes:
        """Keep the model as a blob, deploy the chute, return its id."""
        owner = self.host(0)
        await owner.blobs.put(self.model, "application/octet-stream")
        await owner.journal.append(DEPLOY, encode(Deploy(canonical(self.chute))))
        self.at(int(owner.view().height))
        return chute_id(self.chute)

    def host(self, miner: int) -> WorldHost:
        """The host of a miner."""
        return self.world.host(self.keys[miner], self.rules[miner])

    def judging(self) -> WorldHost:
        """The validator's host."""
        return self.world.host(self.validator, self.judge)

    async def ask(self, task: ChuteTask, miner: int = 0, *, t_done_ms: int = 20) -> Answer:
        """What a miner answers, as a validator holds it."""
        parts = [part async for part in self.rules[miner].serve(task, self.host(miner))]
        return as_answer(self.keys[miner], parts, t_done_ms=t_done_ms)


def as_answer(miner: AccountId, parts: list[ChutePart], *, t_done_ms: int = 20) -> Answer:
    """Parts after a sound call."""
    chain = chain_of(digest("test", b"question"), [encode(part) for part in parts])
    return Answer(miner, tuple(parts), parts[-1].usage, chain.digest, bytes(64), t_done_ms, t_done_ms)


def rows_task(chute: bytes, n: int = 0, batch: int = 3) -> ChuteTask:
    """A task with numbers of its own."""
    numbers = np.random.default_rng(n).standard_normal((batch, FEATURES)).astype("<f4")
    tensor = Tensor("x", "float32", numbers.shape, data=numbers.tobytes())
    return ChuteTask(chute, digest("test-seed", n.to_bytes(4, "big")), inputs=(tensor,))


def height(n: int) -> Height:
    """A height."""
    return Height(n)
