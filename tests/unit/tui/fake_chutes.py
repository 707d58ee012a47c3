"""A door of Chutes that is only data, in the forms that a node's own code writes."""

from collections.abc import Sequence

import msgspec

from node.control.errors import RemoteError
from node.control.route_api import RouteReply, Verb
from node.control.schema import ErrorView
from node.primitives.address import from_ss58, to_ss58
from node.subnets.chutes.bundle import Chute, chute_id, owner_of
from node.subnets.chutes.calls import Warm
from node.subnets.chutes.house import demo_chutes, house_chutes, with_owner
from node.subnets.chutes.listing import ChuteInfo, ChuteStats
from node.subnets.chutes.requests import InferOutput, InferReply
from node.subnets.chutes.shop import ChuteCard
from tests.unit.tui import recorded
from tests.unit.tui.fake import FakeApi

PNG = "iVBORw0KGgo="
_WARM = {"magika": 2, "edges": 1}


def _all() -> dict[str, Chute]:
    own = from_ss58(recorded.HOTKEYS[2])
    magika, embeddings, terrain, safety = demo_chutes(from_ss58(recorded.HOTKEYS[1]))
    found = [*house_chutes(), magika, with_owner(embeddings, own), terrain, safety]
    return {chute_id(each).hex(): each for each in found}


CHUTES = _all()
IDS = {chute.name: key for key, chute in CHUTES.items()}
ANSWERS = {
    "magika": InferOutput(
        name="target_label", datatype="FP32", shape=(1, 3), data=[0.97, 0.02, 0.01],
        shown=[[{"place": 5, "value": 0.97, "label": "pdf"}, {"place": 2, "value": 0.02, "label": "html"}]],
    ),
    "edges": InferOutput(name="edges", datatype="FP32", shape=(1, 1, 2, 2), png=(PNG,)),
    "all-minilm-l6-v2": InferOutput(name="last_hidden_state", datatype="FP32", shape=(1, 384), data=[0.25] * 384),
    "terrain-diffusion": InferOutput(name="denoised", datatype="UINT8", shape=(1, 1, 128, 128), png=(PNG,)),
    "open-nsfw": InferOutput(name="4195", datatype="FP32", shape=(1, 2), data=[0.9, 0.1]),
}  # fmt: skip


def info(chute: Chute) -> ChuteInfo:
    is_house = chute.name == "edges"
    return ChuteInfo(
        id=IDS[chute.name], name=chute.name, kind=chute.kind, owner="" if is_house else to_ss58(owner_of(chute)),
        version=chute.version, about=chute.about, licence=chute.licence, price_rao=chute.price_rao,
        creator_share_percent=chute.creator_share_percent, ram_mb=chute.needs.ram_mb,
        instances=_WARM.get(chute.name, 0), demand=0.4 if chute.name == "magika" else 0.0,
        calls=41 if chute.name == "magika" else 0, p50_ms=38 if chute.name == "magika" else 0, is_house=is_house,
    )  # fmt: skip


class ChutesApi(FakeApi):
    """Answers the paths of Chutes; `asked` are the requests that were not mere reading."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Verb, str, str]] = []
        self.refusal: ErrorView | None = None

    async def route(self, method: Verb, path: str, query: Sequence[tuple[str, str]] = (), body: str = "") -> RouteReply:
        if not path.startswith("/v1/chutes"):
            return await super().route(method, path, query, body)
        if method != "GET":
            self.asked.append((method, path, body))
            if self.refusal is not None:
                raise RemoteError(self.refusal)
        return RouteReply(msgspec.json.encode(self._reply(method, path.split("/")[3:])).decode())

    def _reply(self, method: Verb, rest: list[str]) -> object:
        if not rest:
            return [info(each) for each in CHUTES.values()]
        chute = CHUTES[rest[0]]
        match method, rest[1:]:
            case "GET", ["stats"]:
                return ChuteStats(
                    id=rest[0], name=chute.name, instances=1, judged=20, pass_rate=0.95, p50_ms=38, p95_ms=91, served=3,
                    served_units=1101, asked=41, creator_rao=1_200,
                )  # fmt: skip
            case "POST", ["infer"]:
                return InferReply(model_name=chute.name, model_version="3", outputs=(ANSWERS[chute.name],), units=367)
            case "POST", ["warmup"]:
                return Warm(rest[0], recorded.HOTKEYS[1], True)
            case "GET", []:
                return ChuteCard(info=info(chute), chute=chute, warm=tuple(recorded.HOTKEYS[: info(chute).instances]))
            case _:
                return info(chute)
