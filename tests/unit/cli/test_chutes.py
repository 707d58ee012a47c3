"""`neurond chutes` against a fake node: what it asks for, what it shows, and what it refuses by itself."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from node.control.route_api import RouteReply
from node.subnets.chutes.bundle import Chute
from node.subnets.chutes.house import demo_chutes, house_chutes
from node.subnets.chutes.listing import ChuteInfo, ChuteStats, Deployed
from node.subnets.chutes.png import decode_png, encode_png
from node.subnets.chutes.requests import InferOutput, InferReply
from node.subnets.chutes.shop import ChuteCard
from node.subnets.lab.hosts import key_of
from tests.unit.cli.conftest import Run
from tests.unit.control.fake import Served
from tests.unit.subnets.chutes.support import bundle, classifier

EDGES, MAGIKA = house_chutes()[0], demo_chutes()[0]


def info(chute: Chute, **changes: Any) -> ChuteInfo:
    fields = {
        "id": "0c" * 32, "name": chute.name, "kind": chute.kind, "owner": chute.owner, "version": chute.version,
        "about": chute.about, "licence": chute.licence, "price_rao": 1_000_000, "creator_share_percent": 10,
        "ram_mb": 75, "instances": 2, "demand": 0.25, "calls": 7, "p50_ms": 31, "is_house": False, **changes,
    }  # fmt: skip
    return ChuteInfo(**fields)


class Doors:
    """Answers requests to doors by method and path."""

    def __init__(self, node: Served, answers: dict[tuple[str, str], object]) -> None:
        self.asked: list[tuple[str, str, tuple[tuple[str, str], ...], str]] = []
        self._answers = answers
        node.api.route = self.route  # type: ignore[method-assign]

    async def route(self, method: str, path: str, query: Any = (), body: str = "") -> RouteReply:
        self.asked.append((method, path, tuple(query), body))
        return RouteReply(msgspec.json.encode(self._answers[method, path]).decode())


CARD = {("GET", "/v1/chutes/magika"): ChuteCard(info=info(MAGIKA), chute=MAGIKA, warm=("5abc",))}
STATS = ChuteStats(
    id="0c" * 32, name="magika", instances=1, judged=4, pass_rate=0.75, p50_ms=20, p95_ms=50, served=3,
    served_units=9, asked=5, creator_rao=12,
)  # fmt: skip


def test_the_list_shows_price_instances_and_demand(run: Run, node: Served) -> None:
    doors = Doors(node, {("GET", "/v1/chutes"): [info(MAGIKA), info(EDGES, owner="", name="a\x1b[31mb")]})
    shown = run("chutes", "list", "--kind", "classification", "-q", "type")
    assert (shown.code, doors.asked[0][2]) == (0, (("sort", "name"), ("kind", "classification"), ("q", "type")))
    assert "magika" in shown.out
    assert "25.0 %" in shown.out
    assert "\x1b" not in shown.out
    assert run("chutes", "--json").json()[0]["name"] == "magika"


def test_a_chute_is_shown_with_what_it_takes_and_what_was_seen(run: Run, node: Served) -> None:
    Doors(node, {**CARD, ("GET", f"/v1/chutes/{'0c' * 32}/stats"): STATS})
    shown = run("chutes", "show", "magika")
    assert shown.code == 0
    for words in ("uint8 [bytes]", "float32 [batch, 214]", "75.0 % right", "warm at", "366717952*batch"):
        assert words in shown.out
    assert run("chutes", "show", "magika", "--json").json()["stats"]["judged"] == 4


def test_a_file_is_sent_by_both_of_its_ends_and_labels_come_back(run: Run, node: Served, tmp_path: Path) -> None:
    ranked = [[{"place": 1, "label": "python", "value": 0.75}]]
    output = InferOutput(name="target_label", datatype="FP32", shape=(1, 214), data=[0.0], shown=ranked)
    reply = InferReply(model_name="magika", model_version="3", outputs=(output,), units=367)
    doors = Doors(node, {**CARD, ("POST", "/v1/chutes/magika/infer"): reply})
    long = tmp_path / "long.txt"
    long.write_bytes(b"a" * 5000 + b"b" * 5000)
    shown = run("chutes", "call", "magika", "--bytes", str(long))
    assert shown.code == 0
    assert "75.00 %  python" in shown.out
    assert "367 units" in shown.out
    assert msgspec.json.decode(doors.asked[-1][3])["inputs"][0]["shape"] == [8192]


def test_a_picture_goes_and_comes_as_png_and_nothing_is_written_over(run: Run, node: Served, tmp_path: Path) -> None:
    import base64

    picture = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    (tmp_path / "in.png").write_bytes(encode_png(picture))
    output = InferOutput(
        name="edges", datatype="FP32", shape=(1, 1, 3, 3), png=(base64.b64encode(encode_png(picture)).decode(),)
    )
    reply = InferReply(model_name="edges", model_version="1", outputs=(output,), units=1)
    card = ChuteCard(info=info(EDGES), chute=EDGES, warm=())
    Doors(node, {("GET", "/v1/chutes/edges"): card, ("POST", "/v1/chutes/edges/infer"): reply})
    out = tmp_path / "out.png"
    command = ("chutes", "call", "edges", "--picture", str(tmp_path / "in.png"), "--out", str(out))
    assert run(*command).code == 0
    assert (decode_png(out.read_bytes()) == picture).all()
    assert "exists already" in run(*command).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("call", "magika"), "give --bytes"),
        (("call", "magika", "--bytes", "nowhere"), "cannot be read"),
        (("show", "a/b"), "without a slash"),
        (("check", "nowhere.json"), "cannot be read"),
        (("retire", "magika"), "nobody is there to confirm"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    run: Run, node: Served, arguments: tuple[str, ...], words: str
) -> None:
    Doors(node, dict(CARD))
    failed = run("chutes", *arguments)
    assert failed.code != 0
    assert words in failed.err


@pytest.mark.parametrize("text", ["", "hello", "\ufeff[]", "[" * 20_000])
def test_inputs_that_are_no_json_are_a_usage_error(text: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "inputs.json").write_text(text)
    outcome = run("chutes", "call", "magika", "--inputs", str(tmp_path / "inputs.json"))
    assert (outcome.code, "no JSON" in outcome.err) == (2, True)


def test_owners_price_warm_and_retire(run: Run, node: Served) -> None:
    from node.subnets.chutes.calls import Warm

    doors = Doors(
        node,
        {
            ("PUT", "/v1/chutes/magika"): info(MAGIKA, price_rao=2_000_000),
            ("DELETE", "/v1/chutes/magika"): info(MAGIKA),
            ("POST", "/v1/chutes/magika/warmup"): Warm("0c" * 32, "5abc", True),
        },
    )
    assert run("chutes", "price", "magika", "0.002").code == 0
    assert msgspec.json.decode(doors.asked[-1][3]) == {"price_rao": 2_000_000}
    assert run("chutes", "price", "magika", "0").code == 0
    assert msgspec.json.decode(doors.asked[-1][3]) == {"price_rao": 0}
    assert "5abc" in run("chutes", "warm", "magika").out
    assert run("chutes", "retire", "magika", "--yes").code == 0


def written(folder: Path, **changes: Any) -> Path:
    """A bundle and its graph in a folder."""
    model = classifier()
    (folder / "small.onnx").write_bytes(model)
    file = folder / "chute.json"
    file.write_bytes(
        msgspec.json.format(msgspec.json.encode(bundle(model, key_of("owner").public, **changes)), indent=2)
    )
    return file


def test_a_bundle_is_checked_without_a_node(run: Run, tmp_path: Path) -> None:
    sound = run("chutes", "check", str(written(tmp_path)))
    assert (sound.code, "every rule holds" in sound.out) == (0, True)
    broken = run("chutes", "check", str(written(tmp_path, macs="90*batch")), "--json")
    assert broken.code == 1
    assert "the bundle says 90 and the graph has 40" in broken.err
    (tmp_path / "small.onnx").unlink()
    assert "the model is not here" in run("chutes", "check", str(tmp_path / "chute.json")).err


def test_a_deploy_is_shown_first_and_brings_its_files_along(run: Run, node: Served, home: Path, tmp_path: Path) -> None:
    done = Deployed(id="0c" * 32, name="small", is_deployed=True, macs="40*batch", memory_mb=1, chutes_left=15)
    doors = Doors(node, {("POST", "/v1/chutes"): done})
    file = written(tmp_path)
    kept = home / "subnets" / "chutes" / "files"
    dry = run("chutes", "deploy", str(file), "--dry-run")
    assert (dry.code, doors.asked, kept.exists()) == (0, [], False)
    assert "fee" in dry.out
    assert "nobody is there to confirm" in run("chutes", "deploy", str(file)).err
    assert doors.asked == []
    assert run("chutes", "deploy", str(file), "--yes").code == 0
    assert msgspec.json.decode(doors.asked[0][3])["chute"]["name"] == "small"
    (copy,) = kept.iterdir()
    assert copy.name == hashlib.sha256(copy.read_bytes()).hexdigest()
