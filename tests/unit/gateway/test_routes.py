"""Promises of routes that subnets declare: requests are filled and checked, answers come whole or as events."""

import json
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any

import httpx
import msgspec
import pytest

from node.gateway.calls import FORM_PATHS
from node.gateway.openapi import describe, page
from node.market.errors import CallBroken, Conflict, Gone, NotFound, TooLarge, Unfit
from node.market.routes import Paid, Piece, find_routes, routes_of, untold
from node.primitives.limits import HTTP_JSON_DEPTH_MAX
from node.subnets.doors import AnyRoute, Comment, Empty, LocalRoute, Raw, Route
from node.subnets.registry import known_subnets, open_subnet
from node.subnets.wire import Usage
from tests.unit.gateway.doors import MINER, RECEIPT, FakeDoor, serving


class Infer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request with a piece of the path, numbers, and free JSON."""

    id: Annotated[str, msgspec.Meta(max_length=8)]
    inputs: list[float]
    times: int = 1
    extra: Any = None


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of a query alone."""

    source: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    exact: bool = False
    labels: tuple[str, ...] = ()


class Sum(msgspec.Struct, frozen=True):
    """A reply."""

    value: float
    by: str


def _unused(*_: object) -> Any:
    raise NotImplementedError


def _total(replies: Sequence[Sum]) -> Sum:
    return Sum(sum(each.value for each in replies), "fold")


INFER: AnyRoute = Route("POST", "/v1/things/{id}/infer", _unused, _unused, request=Infer, reply=Sum, summary="Add up.")
FOLD: AnyRoute = Route("POST", "/v1/things/{id}/fold", _unused, _unused, request=Infer, fold=_total)
FLOW: AnyRoute = Route("POST", "/v1/things/{id}/flow", _unused, _unused, request=Infer, stream=True)


class Adder(FakeDoor):
    """Adds numbers up, one reply a number, after a comment."""

    def models(self) -> list[Any]:
        return []

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        self.asked.append(request)
        yield Piece(Comment("warming,\n3 s"), 0, False, MINER)
        for index, number in enumerate(request.inputs):
            if index == self.fail_at:
                raise self.error
            done = index == len(request.inputs) - 1
            yield Piece(
                Sum(number, request.id), index + 1, done, MINER, Usage(units=3) if done else None,
                RECEIPT if done else None,
            )  # fmt: skip


async def _stats(host: object, request: Query) -> Any:
    if request.source == "secret":
        raise NotFound("There is no such source.", param="source")
    if request.source == "file":
        return Raw(b"a,b\n", "text/csv", filename='evil"\r\n.csv')
    return {"seen": request}


async def _exact(host: object, request: Empty) -> Any:
    return {"exact": True}


STATS = LocalRoute("GET", "/v1/things/{source}", _stats, Query, summary="<b>Look</b>.")
DOOR: dict[str, Any] = {
    "routes": (INFER, FOLD, FLOW),
    "local_routes": (STATS, LocalRoute("GET", "/v1/things/all", _exact, Empty)),
}


async def test_path_and_body_fill_the_request_and_the_last_reply_is_the_body() -> None:
    door = Adder(**DOOR)
    async with serving(door) as client:
        reply = await client.post("/things/abc/infer", json={"inputs": [1.5, 2.5], "times": 2, "id": "ignored"})
    assert door.asked == [Infer("abc", [1.5, 2.5], 2)]
    assert reply.json() == {"value": 2.5, "by": "abc"}
    assert reply.headers["x-neurond-receipt"] == RECEIPT.hex()
    assert reply.headers["x-neurond-paid-rao"] == "0"
    assert reply.headers["x-request-id"]


async def test_a_fold_makes_one_body_of_all_replies() -> None:
    async with serving(Adder(**DOOR)) as client:
        reply = await client.post("/things/abc/fold", json={"inputs": [1, 2, 3]})
    assert reply.json() == {"value": 6.0, "by": "fold"}


async def test_a_stream_has_comments_replies_who_answered_and_an_end() -> None:
    async with serving(Adder(**DOOR)) as client:
        reply = await client.post("/things/abc/flow", json={"inputs": [1, 2]})
    frames = reply.text.strip().split("\n\n")
    assert frames[0] == ": warming, 3 s"
    assert [json.loads(frame.removeprefix("data: "))["value"] for frame in frames[1:3]] == [1.0, 2.0]
    assert frames[3].startswith("event: neurond\ndata: {")
    assert frames[4] == "data: [DONE]"


@pytest.mark.parametrize("fail_at", [0, 1])
async def test_a_failure_is_told_before_or_in_the_stream(fail_at: int) -> None:
    door = Adder(fail_at=fail_at, error=CallBroken("Gone away."), **DOOR)
    async with serving(door) as client:
        whole = await client.post("/things/abc/fold", json={"inputs": [1, 2]})
        flow = await client.post("/things/abc/flow", json={"inputs": [1, 2]})
    assert whole.status_code == 502
    assert flow.status_code == 200
    assert "Gone away." in flow.text
    assert flow.text.rstrip().endswith("data: [DONE]")
    assert "event: neurond" not in flow.text


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("", {"source": "x", "limit": 10, "exact": False, "labels": []}),
        ("?limit=7&exact=true&labels=a&labels=b", {"source": "x", "limit": 7, "exact": True, "labels": ["a", "b"]}),
        ("?labels=%C3%A9", {"source": "x", "limit": 10, "exact": False, "labels": ["é"]}),
    ],
)
async def test_a_query_fills_numbers_truth_values_and_lists(query: str, seen: dict[str, Any]) -> None:
    async with serving(FakeDoor(**DOOR)) as client:
        assert (await client.get(f"/things/x{query}")).json() == {"seen": seen}


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("exact=perhaps", "exact"),
        ("colour=blue", "colour"),
        ("x" * 5000, "query"),
        ("labels=%ff", "query"),
        ("&".join("labels=a" for _ in range(100)), "query"),
    ],
)
async def test_a_wrong_query_names_its_field(query: str, param: str) -> None:
    async with serving(FakeDoor(**DOOR)) as client:
        reply = await client.get(f"/things/x?{query}")
    assert reply.status_code in (400, 414)
    assert reply.json()["error"]["param"] == param


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", "body"),
        (b"", "inputs"),
        (b'{"inputs": ["a"]}', "inputs[0]"),
        (b'{"inputs": [NaN]}', "body"),
        (b'{"inputs": [], "colour": 1}', "colour"),
        (b'{"inputs": [], "times": "1"}', "times"),
        (f'{{"inputs": [], "extra": {nested(HTTP_JSON_DEPTH_MAX)}}}'.encode(), "body"),
        (b'{"inputs": [], "extra": ' + b"[" * 100_000 + b"}", "body"),
        (b'{"inputs": [], "extra": "\xff"}', "body"),
    ],
)
async def test_a_wrong_body_names_its_field_and_asks_nobody(body: bytes, param: str) -> None:
    door = Adder(**DOOR)
    async with serving(door) as client:
        reply = await client.post("/things/abc/infer", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not door.asked


async def test_depth_up_to_the_bound_and_large_bodies_pass() -> None:
    door = Adder(**DOOR)
    deep = json.loads(nested(HTTP_JSON_DEPTH_MAX - 1))
    async with serving(door) as client:
        reply = await client.post("/things/abc/fold", json={"inputs": [1.0] * 20_000, "extra": deep})
    assert reply.json()["value"] == 20_000.0


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("x"), 404), (Gone("x"), 410), (Conflict("x"), 409), (TooLarge("x"), 413), (Unfit("x"), 422)],
)
async def test_errors_of_a_subnet_have_their_status(error: Any, status: int) -> None:
    async with serving(Adder(fail_at=0, error=error, **DOOR)) as client:
        reply = await client.post("/things/abc/fold", json={"inputs": [1]})
    assert reply.status_code == status


async def test_a_local_route_answers_by_itself_and_exact_paths_win() -> None:
    async with serving(FakeDoor(**DOOR)) as client:
        assert (await client.get("/things/all")).json() == {"exact": True}
        assert (await client.get("/things/secret")).status_code == 404
        file = await client.get("/things/file")
    assert file.text == "a,b\n"
    assert file.headers["content-type"] == "text/csv"
    assert file.headers["content-disposition"] == 'attachment; filename="evil.csv"'


async def test_a_wrong_method_names_those_that_are_there() -> None:
    async with serving(FakeDoor(**DOOR)) as client:
        wrong = await client.delete("/things/x")
        chat = await client.get("/chat/completions")
        longer = await client.get(f"/things/{'x' * 300}")
    assert (wrong.status_code, chat.status_code, longer.status_code) == (405, 405, 404)
    assert "GET" in wrong.json()["error"]["message"]


async def test_a_defect_of_a_subnet_is_a_500_and_harms_nobody_else() -> None:
    async def broken(host: object, request: Empty) -> Any:
        raise ZeroDivisionError("secret words")

    door = FakeDoor(local_routes=(LocalRoute("GET", "/v1/broken", broken, Empty), STATS))
    async with serving(door) as client:
        reply = await client.get("/broken")
        assert (await client.get("/things/x")).status_code == 200
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "defect"
    assert "secret" not in reply.text


def test_a_path_of_too_many_pieces_is_no_route() -> None:
    assert not find_routes([FakeDoor(**DOOR)], "GET", "/v1/things" + "/x" * 40)


async def test_the_description_has_every_route_and_its_request() -> None:
    door = FakeDoor(**DOOR)
    document = describe([door])
    assert document["openapi"] == "3.1.0"
    infer = document["paths"]["/v1/things/{id}/infer"]["post"]
    schema = infer["requestBody"]["content"]["application/json"]["schema"]
    fields = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    assert set(fields) == {"id", "inputs", "times", "extra"}
    look = {each["name"]: each["in"] for each in document["paths"]["/v1/things/{source}"]["get"]["parameters"]}
    assert look == {"source": "path", "limit": "query", "exact": "query", "labels": "query"}
    forms = describe([FakeDoor()])
    chat = forms["components"]["schemas"]["ChatBody"]["properties"]
    assert "messages" in chat
    assert "tools" in chat
    assert "functions" not in chat
    assert set(forms["paths"]) > {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/images/generations"}
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(ids) == len(set(ids))
    shown = page([door]).decode()
    assert "&lt;b&gt;Look" in shown
    assert "<script" not in shown
    async with serving(door) as client:
        base = str(client.base_url).removesuffix("/v1/")
        assert (await httpx.AsyncClient().get(f"{base}/openapi.json")).json() == json.loads(
            msgspec.json.encode(document)
        )
        docs = await httpx.AsyncClient().get(f"{base}/docs")
    assert docs.headers["content-security-policy"].startswith("default-src 'none'")


def test_the_doors_of_every_known_subnet_can_be_described_and_clash_with_none_of_the_gateways_own() -> None:
    for name in known_subnets():
        rules = open_subnet(name, models=("m",), cheat=None, challenge_blocks=10)
        door = FakeDoor(routes=tuple(rules.routes), local_routes=tuple(rules.local_routes))
        document = describe([door])
        for route in routes_of(door):
            assert route.method.lower() in document["paths"][route.path]
            assert route.path.startswith("/v1/")
            assert route.path.split("/")[2] not in ("keys", "usage", "balance", "receipts", "health", "models")
            assert route.request is not None or route.path in FORM_PATHS
