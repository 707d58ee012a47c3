"""Whether a bundle is sound as a whole: its form, each file, and the graph against what the bundle says of it.

Every failed rule is listed, not only the first. The graph is looked at in a process of its own; takes seconds, blocks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from models.errors import BadModelFile
from models.macs import count_macs
from node.subnets.chutes.bundle import Chute, Role, chute_id, failed_rules
from node.subnets.chutes.dims import shown

if TYPE_CHECKING:
    from models.importing import Report, TensorSpec

MACS_SLACK: Final = 0.05  # between the formula of the bundle and the one counted from the graph
_TRIALS: Final = (1, 2, 7, 64)  # sizes at which both are compared, each below its limit


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the check of a bundle found; it may be deployed when nothing failed."""

    id: str
    name: str
    failed: tuple[str, ...]
    macs: str = ""  # counted from the graph
    memory_mb: int = 0  # that loading and one run took
    operators: dict[str, int] = {}


def check_bundle(chute: Chute, paths: Mapping[Role, Path]) -> CheckReport:
    """Check a bundle whose files lie at these paths. Never raises for what they hold."""
    failed = list(failed_rules(chute))
    for file in chute.files:
        failed += _file(file.role, file.size, file.sha256, paths.get(file.role))
    report: Report | None = None
    model = paths.get("model")
    if model is not None and not chute.is_text and not failed:
        from models.importing import check_model

        report = check_model(model)
        failed += [f"graph, {each.rule}: {each.message}" for each in report.failures]
        if not report.failures:
            failed += [*_interface(chute, report), *_work(chute, report)]
    head = CheckReport(id=chute_id(chute).hex(), name=chute.name, failed=tuple(failed))
    if report is None:
        return head
    return msgspec.structs.replace(
        head, macs=report.macs, memory_mb=report.memory_bytes // 1_000_000, operators=dict(report.operators)
    )


def _file(role: str, size: int, sha256: str, path: Path | None) -> list[str]:
    from models.bundle import sha256_of

    if path is None or not path.is_file():
        return [f"files: the {role} is not here"]
    if path.stat().st_size != size:
        return [f"files: the {role} has {path.stat().st_size} bytes, not {size}"]
    return [] if sha256_of(path) == sha256 else [f"files: the {role} has another SHA-256"]


def _interface(chute: Chute, report: "Report") -> list[str]:
    """The graph's inputs and outputs against feeds, constants and outputs."""
    failed: list[str] = []
    inputs = {each.name: each for each in report.inputs}
    outputs = {each.name: each for each in report.outputs}
    filled = (*chute.feeds, *chute.constants)
    failed += [f"feeds: the graph's input {n!r} is not filled" for n in inputs if n not in {f.name for f in filled}]
    for feed in filled:
        failed += _fits("feeds", feed.name, feed.dtype, feed.shape, inputs.get(feed.name))
    for output in chute.outputs:
        found = outputs.get(output.name)
        if found is None or not output.reduce:
            failed += _fits("outputs", output.name, output.dtype, output.shape, found)
    return failed


def _fits(what: str, name: str, dtype: str, shape: Sequence[int | str], found: "TensorSpec | None") -> list[str]:
    if found is None:
        return [f"{what}: the graph has no {name!r}"]
    wrong = []
    if found.dtype != dtype:
        wrong.append(f"{what}: {name!r} is {found.dtype} in the graph, not {dtype}")
    clash = len(found.shape) != len(shape) or any(
        isinstance(ours, int) and isinstance(its, int) and ours != its
        for ours, its in zip(shape, found.shape, strict=False)
    )
    if clash:
        wrong.append(f"{what}: {name!r} has the shape {shown(found.shape)} in the graph, not {shown(shape)}")
    return wrong


def _work(chute: Chute, report: "Report") -> list[str]:
    """The formula of the bundle against the counted one, at several sizes."""
    graph = {each.name: each for each in report.inputs}
    for trial in _TRIALS:
        sizes = {name: min(limit, trial) for name, limit in chute.limits.items()}
        theirs = dict(report.pinned)
        for feed in (*chute.feeds, *chute.constants):
            for ours, its in zip(feed.shape, graph[feed.name].shape if feed.name in graph else (), strict=False):
                if isinstance(its, str):
                    theirs[its] = ours if isinstance(ours, int) else sizes[ours]
        try:
            said, counted = count_macs(chute.macs, sizes), count_macs(report.macs, theirs)
        except BadModelFile as error:
            return [f"macs: {error}"]
        if abs(said - counted) > MACS_SLACK * max(counted, 1):
            at = ", ".join(f"{name}={size}" for name, size in sorted(sizes.items()))
            return [f"macs: the bundle says {said} and the graph has {counted} at {at or 'any size'}"]
    return []
