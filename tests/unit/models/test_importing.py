"""Import: a stranger's file is checked by every rule, all broken rules are listed, and nothing it holds can end us."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from models.errors import BadModelFile, ModelRefused
from models.importing import check_model, require_sound
from models.inspection import inspect
from models.report import Report, Rule
from tests.unit.models.graphs import graph, linear, model, nested, save, value


def rules(report: Report) -> set[Rule]:
    return {each.rule for each in report.failures}


def checked(of: ModelProto, folder: Path, **dims: int) -> Report:
    return inspect(save(of, folder), dims)


def test_a_sound_model_is_described_and_costed_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = save(linear(), tmp_path)
    report = check_model(path)
    assert report.failures == ()
    assert (report.opset, report.ir_version, report.parameters) == (17, 8, 8)
    assert report.operators == {"Add": 1, "MatMul": 1}
    assert [(each.name, each.dtype, each.shape) for each in report.inputs] == [("x", "float32", ("n", 3))]
    assert [(each.name, each.dtype, each.shape) for each in report.outputs] == [("y", "float32", ("n", 2))]
    assert (report.macs, report.trial) == ("6*n", {"n": 1})
    assert report.size_bytes == path.stat().st_size
    assert require_sound(report) is report


def test_all_broken_rules_are_listed_not_only_the_first(tmp_path: Path) -> None:
    broken = linear()
    broken.ir_version = 99
    broken.graph.node[0].domain = "evil"
    broken.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(np.array([1, np.nan], np.float32), "b"))
    report = checked(broken, tmp_path)
    assert rules(report) == {Rule.VERSION, Rule.DOMAIN, Rule.VALUES}
    with pytest.raises(ModelRefused, match=r"(?s)IR version 99.*custom domain 'evil'.*NaN") as caught:
        require_sound(report)
    assert caught.value.failures == report.failures


def _with_weight(**fields: object) -> ModelProto:
    made = linear()
    tensor = made.graph.initializer[0]
    for name, content in fields.items():
        setattr(tensor, name, content)
    return made


def _external(location: str, **more: str) -> ModelProto:
    made = linear()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, content in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=content)
    return made


def _one(op: str, domain: str = "") -> ModelProto:
    node = helper.make_node(op, ["x"], ["y"], domain=domain)
    return model(graph([node], [value("x", ["n"])], [value("y", ["n"])]), domains=[domain] if domain else ())


def _giant_activation() -> ModelProto:
    """A few bytes that ask for four terabytes."""
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["big"]), helper.make_node("ReduceSum", ["big"], ["r"]),
             helper.make_node("Add", ["x", "r"], ["y"])]  # fmt: skip
    weights = {"s": np.array([1_000_000, 1_000_000], np.int64)}
    return model(graph(nodes, [value("x", ["n"])], [value("y", ["n"])], weights))


def _mismatched() -> ModelProto:
    made = linear()
    made.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(np.ones((4, 2), np.float32), "w"))
    return made


def _free(count: int) -> ModelProto:
    names = [f"k{i}" for i in range(count)]
    return model(graph([helper.make_node("Identity", ["x"], ["y"])], [value("x", names)], [value("y", names)]))


def _negative() -> ModelProto:
    made = linear()
    made.graph.initializer[0].dims[0] = -3
    return made


def _functions() -> ModelProto:
    made = linear()
    made.functions.add(name="f", domain="d")
    return made


def _sparse() -> ModelProto:
    made = linear()
    made.graph.sparse_initializer.add()
    return made


def _unsized() -> ModelProto:
    made = linear()
    made.graph.input[0].type.tensor_type.ClearField("shape")
    return made


HOSTILE: dict[str, tuple[Callable[[], ModelProto], Rule]] = {
    "a custom operator": (lambda: _one("Steal", "evil.corp"), Rule.DOMAIN),
    "a contributed operator that is not listed": (lambda: _one("CDist", "com.microsoft"), Rule.DOMAIN),
    "an operator that does not exist": (lambda: _one("Nonsense"), Rule.DOMAIN),
    "randomness of its own": (lambda: _one("RandomNormalLike"), Rule.DOMAIN),
    "functions of its own": (_functions, Rule.DOMAIN),
    "an old operator set": (lambda: model(linear().graph, opset=6), Rule.VERSION),
    "an operator set of the future": (lambda: model(linear().graph, opset=99), Rule.VERSION),
    "a weight shorter than its shape": (lambda: _with_weight(raw_data=b"abcd"), Rule.WEIGHTS),
    "a weight of negative size": (_negative, Rule.WEIGHTS),
    "a weight of text": (lambda: _with_weight(data_type=TensorProto.STRING), Rule.WEIGHTS),
    "a weight of unknown type": (lambda: _with_weight(data_type=77), Rule.WEIGHTS),
    "a sparse weight": (_sparse, Rule.WEIGHTS),
    "a weight that is infinite": (
        lambda: _with_weight(raw_data=np.full((3, 2), np.inf, np.float32).tobytes()), Rule.VALUES,
    ),
    "weights above the folder": (lambda: _external("../outside.bin"), Rule.EXTERNAL),
    "weights at an absolute path": (lambda: _external("/etc/hostname"), Rule.EXTERNAL),
    "weights at a path of Windows": (lambda: _external("C:\\outside.bin"), Rule.EXTERNAL),
    "weights that are missing": (lambda: _external("missing.bin"), Rule.EXTERNAL),
    "weights behind a link": (lambda: _external("link.bin"), Rule.EXTERNAL),
    "weights beyond the end of their file": (lambda: _external("inside.bin", offset="8"), Rule.EXTERNAL),
    "weights at a negative offset": (lambda: _external("inside.bin", offset="-8"), Rule.EXTERNAL),
    "five Ifs within each other": (lambda: nested(5), Rule.CONTROL),
    "five free dimensions": (lambda: _free(5), Rule.INTERFACE),
    "nine dimensions": (lambda: model(graph([helper.make_node("Identity", ["x"], ["y"])], [value("x", [1] * 9)],
                                            [value("y", [1] * 9)])), Rule.INTERFACE),
    "an input without shape": (_unsized, Rule.INTERFACE),
    "an input of text": (lambda: model(graph([helper.make_node("Identity", ["x"], ["y"])],
                                             [value("x", ["n"], TensorProto.STRING)],
                                             [value("y", ["n"], TensorProto.STRING)])), Rule.INTERFACE),
    "a tensor of terabytes": (_giant_activation, Rule.SIZE),
    "shapes that do not fit": (_mismatched, Rule.SHAPES),
    "a value that nothing makes": (
        lambda: model(graph([helper.make_node("Add", ["x", "ghost"], ["y"])], [value("x", ["n"])],
                            [value("y", ["n"])])), Rule.SHAPES,
    ),
    "no node at all": (lambda: model(graph([], [value("x", ["n"])], [value("x", ["n"])])), Rule.FORMAT),
    "NaN out of quiet inputs": (
        lambda: model(graph([helper.make_node("Sub", ["x", "x"], ["z"]), helper.make_node("Div", ["z", "z"], ["y"])],
                            [value("x", ["n"])], [value("y", ["n"])])), Rule.RUNTIME,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_model_is_refused_by_the_rule_it_breaks(name: str, tmp_path: Path) -> None:
    make, rule = HOSTILE[name]
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "outside.bin").write_bytes(bytes(24))
    (folder / "inside.bin").write_bytes(bytes(24))
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    report = checked(make(), folder)
    assert rules(report) == {rule}
    assert report.macs == "" or rule in (Rule.RUNTIME, Rule.VALUES)


def _zip(raw: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", raw)
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", Rule.FILE),
        (_zip(bytes(10_000_000)), Rule.FILE),
        (gzip.compress(bytes(10_000_000)), Rule.FILE),
        (b"not a model", Rule.FORMAT),
        (b"\xff" * 4096, Rule.FORMAT),
        (b"\x3a\xff\xff\xff\xff\x0f", Rule.FORMAT),  # a graph that claims four gigabytes
    ],
)
def test_bytes_that_are_no_model_are_refused(raw: bytes, rule: Rule, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(raw)
    report = inspect(tmp_path / "model.onnx", {})
    assert rules(report) == {rule}


def test_every_truncation_and_many_changed_bytes_give_a_report_and_never_an_exception(tmp_path: Path) -> None:
    raw = linear().SerializeToString()
    path = tmp_path / "model.onnx"
    draw = np.random.default_rng(7)
    for cut in range(0, len(raw), 5):
        path.write_bytes(raw[:cut])
        assert not inspect(path, {}).ok
    for _ in range(60):
        changed = bytearray(raw)
        changed[int(draw.integers(len(raw)))] ^= 1 << int(draw.integers(8))
        path.write_bytes(changed)
        inspect(path, {})


def test_names_that_are_no_text_and_nodes_without_sense_are_refused_and_disturb_no_report(tmp_path: Path) -> None:
    """The runtime prints about such files to where the report goes."""
    raw = linear().SerializeToString()
    for old, new in (
        (b"MatMul", b"Mat\xfful"),
        (b"\x01y", b"\x01\xff"),
        (b"\x01m", b"\x01\xff"),
        (b"\x01n", b"\x01\xff"),
    ):
        (tmp_path / "model.onnx").write_bytes(raw.replace(old, new))
        for check in (inspect, lambda path, _: check_model(path)) if old == b"\x01y" else (inspect,):
            found = check(tmp_path / "model.onnx", {})
            assert Rule.RESOURCES not in rules(found)
            assert not found.ok or old == b"\x01n"  # the name of a free dimension is only a name
    mute = linear()
    del mute.graph.node[0].output[:]
    assert Rule.SHAPES in rules(checked(mute, tmp_path))


def test_a_link_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = save(linear(), tmp_path)
    (tmp_path / "link.onnx").symlink_to(path)
    assert rules(inspect(tmp_path / "link.onnx", {})) == {Rule.FILE}
    assert rules(inspect(tmp_path / "missing.onnx", {})) == {Rule.FILE}


def test_weights_beside_the_graph_are_named_with_size_and_hash(tmp_path: Path) -> None:
    (tmp_path / "inside.bin").write_bytes(np.ones((3, 2), np.float32).tobytes())
    report = checked(_external("inside.bin"), tmp_path)
    assert report.failures == ()
    assert [(each.name, each.size_bytes) for each in report.weight_files] == [("inside.bin", 24)]
    assert report.size_bytes == 24 + (tmp_path / "model.onnx").stat().st_size


def test_the_node_outlives_a_graph_that_takes_all_memory_and_one_that_takes_all_time(tmp_path: Path) -> None:
    """The bound on one tensor holds, but a chain of many tensors below it does not fit into the process."""
    nodes = [helper.make_node("ConstantOfShape", ["s"], [f"b{i}"]) for i in range(12)]
    nodes.append(helper.make_node("Concat", [f"b{i}" for i in range(12)], ["all"], axis=0))
    nodes += [helper.make_node("ReduceSum", ["all"], ["r"]), helper.make_node("Add", ["x", "r"], ["y"])]
    weights = {"s": np.array([500_000_000], np.int64)}
    bomb = save(model(graph(nodes, [value("x", ["n"])], [value("y", ["n"])], weights)), tmp_path)
    assert rules(check_model(bomb)) <= {Rule.RESOURCES, Rule.RUNTIME, Rule.SIZE}
    began = time.monotonic()
    assert rules(check_model(bomb, timeout_s=0.05)) == {Rule.RESOURCES}
    assert time.monotonic() - began < 5


def test_dimensions_fixed_by_the_caller_are_bounded_and_known(tmp_path: Path) -> None:
    path = save(linear(), tmp_path)
    assert inspect(path, {"n": 4}).macs == "24"
    assert rules(inspect(path, {"m": 4})) == {Rule.INTERFACE}
    with pytest.raises(BadModelFile):
        check_model(path, dims={"n": 0})
    with pytest.raises(BadModelFile):
        check_model(path, dims={"n; rm": 1})
