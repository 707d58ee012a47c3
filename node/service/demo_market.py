"""What the demo shows of other subnets: a picture run by a chute, rows found in miners' data, a validator recounted.

Reads nodes through the control API and users' requests through HTTP alone, like the rest of the demo.
"""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from node.control.client_sync import SyncClient
from node.control.options import DevnetNode
from node.control.record_api import AUDIT_TIMEOUT_S, AuditRequest
from node.control.views.records import AuditReport
from node.primitives.errors import ServiceError
from node.service.home import Home
from node.subnets.data_universe.sample import use_folder, write_sample

SUBNETS: Final = ("nineteen", "chutes", "data_universe")
PICTURE: Final = (
    "........",
    "..####..",
    "..####..",
    "..####..",
    "........",
)  # what a filter for outlines is shown
WORD: Final = "inheritance"
_HTTP_TIMEOUT_S: Final = 60.0
_WHITE: Final = 255
_SHADES: Final = " .:*#"


class RequestFailed(ServiceError):
    """A gateway refused what the demo asked; the message has its words."""

    code = "demo_request_failed"


@dataclass(frozen=True, slots=True)
class Outlines:
    """What a chute made of the picture, one text line a row: bright where an outline is."""

    chute: str
    lines: tuple[str, ...]


class _Chute(msgspec.Struct, frozen=True):
    id: str
    name: str


class _Output(msgspec.Struct, frozen=True):
    png: tuple[str, ...] = ()


class _Inferred(msgspec.Struct, frozen=True):
    outputs: tuple[_Output, ...]


class _Row(msgspec.Struct, frozen=True):
    uri: str
    content: str


class _Rows(msgspec.Struct, frozen=True):
    rows: tuple[_Row, ...]


def give_data(nodes: tuple[DevnetNode, ...], folder: Path) -> int:
    """Have miners collect a folder of free text, and validators able to look its rows up; returns how many files."""
    files = write_sample(folder)
    for node in nodes:
        data = Home(Path(node.home)).subnets / "data_universe"
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        use_folder(data, folder, collects=node.role == "miner")
    return files


def outline(node: DevnetNode, name: str = "edges") -> Outlines:
    """Send the picture to a chute through a node's gateway. Raises RequestFailed."""
    chutes = msgspec.json.decode(http(node, "/chutes"), type=tuple[_Chute, ...])
    chute = next((each for each in chutes if each.name == name), None)
    if chute is None:
        raise RequestFailed(f"The catalogue has no chute {name!r}, only {[each.name for each in chutes]}.")
    pixels = [_WHITE * (char == "#") for row in PICTURE for char in row for _ in range(3)]
    shape = [len(PICTURE), len(PICTURE[0]), 3]
    body = {"inputs": [{"name": "picture", "shape": shape, "datatype": "UINT8", "data": pixels}]}
    reply = msgspec.json.decode(http(node, f"/chutes/{chute.id}/infer", body), type=_Inferred)
    pictures = [each for output in reply.outputs for each in output.png]
    if len(pictures) != 1:
        raise RequestFailed(f"The chute {name!r} answered {len(pictures)} pictures, not one.")
    return Outlines(chute.name, _drawn(pictures[0]))


def _drawn(png: str) -> tuple[str, ...]:
    """A grey picture (PNG in base64) as characters."""
    from node.subnets.chutes.png import decode_png  # with it comes NumPy

    rows = decode_png(base64.b64decode(png))[..., 0].tolist()
    return tuple("".join(_SHADES[pixel * (len(_SHADES) - 1) // _WHITE] for pixel in row) for row in rows)


def search(node: DevnetNode, word: str = WORD, limit: int = 3) -> tuple[str, ...]:
    """Have miners find rows with a word; returns their texts. Raises RequestFailed."""
    reply = msgspec.json.decode(http(node, "/data/ondemand", {"keywords": [word], "limit": limit}), type=_Rows)
    return tuple(row.content for row in reply.rows)


def recount(node: DevnetNode, netuid: int, epoch: int | None = None) -> AuditReport:
    """Recount a validator's epoch from what it published, as `neurond audit` does."""
    with SyncClient(Path(node.home), timeout_s=AUDIT_TIMEOUT_S) as client:
        return client.call(AuditRequest(netuid, epoch))


def http(node: DevnetNode, path: str, body: object = None) -> bytes:
    """Ask a node's gateway; POST where there is a body. Raises RequestFailed with what it answers."""
    request = urllib.request.Request(
        f"{node.gateway_url}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_HTTP_TIMEOUT_S) as reply:
            answer: bytes = reply.read()
            return answer
    except urllib.error.HTTPError as error:
        raise RequestFailed(f"{path} answered {error.code}: {error.read(500).decode(errors='replace')}") from error
