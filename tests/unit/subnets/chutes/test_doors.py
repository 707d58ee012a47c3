"""The doors for users: what becomes a task, what comes back, and every refusal with what was expected."""

import base64
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest

from node.gateway.generic import fill
from node.market.errors import BadRequest, Conflict, Gone, NotFound, TooLarge, Unfit
from node.market.forms import EmbeddingRequest, ImageRequest
from node.primitives.types import AccountId
from node.subnets.base import Usage, View
from node.subnets.chutes.bundle import Chute, Feed, File, Input, Needs, Output, canonical
from node.subnets.chutes.calls import fits_form, image_size
from node.subnets.chutes.errors import BadChute
from node.subnets.chutes.house import EDGES_FILE, demo_chutes, house_chutes
from node.subnets.chutes.limits import INLINE_BYTES_MAX
from node.subnets.chutes.messages import ChutePart, ChuteTask
from node.subnets.chutes.png import decode_png, encode_png
from node.subnets.chutes.requests import InferReply
from node.subnets.chutes.subnet import Chutes
from node.subnets.doors import CHAT_PATH, EMBEDDINGS_PATH, IMAGES_PATH, LocalRoute, Route
from node.subnets.lab.hosts import key_of
from tests.unit.subnets.chutes.support import FEATURES, Market, bundle, classifier, rows_task

INFER = "/v1/chutes/{chute}/infer"


def route(rules: Chutes, method: str, path: str) -> Any:
    known: list[Any] = [*rules.routes, *rules.local_routes]
    return next(each for each in known if (each.method, each.path) == (method, path))


async def answered(market: Market, found: Route[Any, Any, Any, Any], request: Any) -> Any:
    """A request as the gateway would have it answered, by the first miner."""
    view = market.judging().view()
    resolved = found.resolve(request, view) if found.resolve else request
    task = found.to_task(resolved, bytes(32))
    assert isinstance(task, ChuteTask)
    answer = await market.ask(task)
    verdict = await market.judge.judge(task, answer, market.judging())
    assert verdict.score == 1.0, verdict
    replies = [found.to_reply(part, market.keys[0]) for part in answer.parts]
    return found.fold(replies) if found.fold else replies[-1]


async def infer(market: Market, chute: str, *inputs: dict[str, Any]) -> InferReply:
    found = route(market.judge, "POST", INFER)
    body = msgspec.json.encode({"inputs": list(inputs)})
    request = fill(found.request, {"chute": chute}, (), body)
    reply = await answered(market, found, request)
    assert isinstance(reply, InferReply)
    return reply


ROWS = [[float(n) for n in range(FEATURES)], [0.5] * FEATURES]


@pytest.mark.parametrize(
    "given",
    [
        {"datatype": "FP32", "shape": [2, FEATURES], "data": [*ROWS[0], *ROWS[1]]},
        {"data": ROWS},
        {"shape": [2, FEATURES], "base64": base64.b64encode(np.array(ROWS, "<f4").tobytes()).decode()},
    ],
    ids=["flat", "nested", "base64"],
)
async def test_numbers_come_in_several_ways_and_give_one_answer(given: dict[str, Any]) -> None:
    market = Market()
    await market.deploy()
    reply = await infer(market, "small", {"name": "x", **given})
    scores = np.array(reply.outputs[0].data, np.float32).reshape(2, 5)
    with_shown = reply.outputs[0].shown
    assert (reply.model_name, reply.units, reply.outputs[0].datatype) == ("small", 1, "FP32")
    assert [row[0].place for row in with_shown] == scores.argmax(axis=-1).tolist()
    assert with_shown[0][0].label in "abcde"


async def test_a_picture_comes_as_png_and_goes_as_png() -> None:
    market = Market()
    market.rules = [Chutes()]
    market.judge = Chutes()
    market.world.rules_of[market.keys[0]] = market.rules[0]  # type: ignore[index]
    picture = np.zeros((9, 12, 3), np.uint8)
    picture[:, 6:] = 255
    reply = await infer(market, "edges", {"name": "picture", "png": base64.b64encode(encode_png(picture)).decode()})
    edges = decode_png(base64.b64decode(reply.outputs[0].png[0]))[..., 0]
    assert edges.shape == (9, 12)
    assert edges[4].tolist() == [0] * 5 + [240, 240] + [0] * 4 + [240]  # and where the picture ends


async def test_noise_with_a_seed_is_the_same_for_everybody_and_without_one_it_is_not() -> None:
    market = Market()
    await market.deploy()
    found = route(market.judge, "POST", INFER)
    given = {"name": "x", "shape": [1, FEATURES], "law": "normal"}
    for more, personal in (({"seed": 7}, False), ({}, True)):
        request = fill(found.request, {"chute": "small"}, (), msgspec.json.encode({"inputs": [{**given, **more}]}))
        task = found.to_task(found.resolve(request, market.judging().view()), bytes(32))
        assert task.inputs[0].noise[0].personal is personal


UNFIT: list[tuple[dict[str, Any], type[BadRequest], str]] = [
    ({"data": [[1.0] * 7]}, Unfit, "expected shape [batch, 8], got [1, 7]"),
    ({"data": [[1.0, 2.0], [1.0]]}, Unfit, "got a ragged list"),
    ({"data": [["a"] * FEATURES]}, Unfit, "expected FP32 numbers"),
    ({"data": [[1e39] * FEATURES]}, Unfit, "got NaN or infinity"),
    ({"datatype": "INT64", "data": ROWS}, Unfit, "expected FP32, got INT64"),
    ({"shape": [3, FEATURES], "data": ROWS}, Unfit, "expected 24 numbers"),
    ({"shape": [1, FEATURES]}, Unfit, "got none"),
    ({"shape": [1, FEATURES], "data": [], "law": "normal"}, Unfit, "data and law"),
    ({"shape": [1, FEATURES], "base64": "?"}, Unfit, "expected base64"),
    ({"shape": [1, FEATURES], "base64": base64.b64encode(b"\x00\x00\xc0\x7f" * FEATURES).decode()}, Unfit, "NaN"),
    ({"shape": [1, 0], "base64": ""}, Unfit, "expected shape"),
    ({"png": base64.b64encode(b"x").decode()}, Unfit, "got a PNG"),
    ({"data": [[0.0] * FEATURES] * 17}, TooLarge, "1 to 16 is allowed"),
    ({"data": [[0.0] * FEATURES] * (INLINE_BYTES_MAX // 4)}, TooLarge, "uploaded first"),
    ({"shape": [1, FEATURES], "law": "normal", "seed": -1}, Unfit, "seed"),
    ({"name": "y", "data": ROWS}, Unfit, "expected x, got y"),
    ({"more": 1}, BadRequest, ""),
]


@pytest.mark.parametrize(("given", "error", "words"), UNFIT)
async def test_what_does_not_fit_is_said_before_any_miner_is_asked(
    given: dict[str, Any], error: type[BadRequest], words: str
) -> None:
    market = Market()
    await market.deploy()
    with pytest.raises(error) as caught:
        await infer(market, "small", {"name": "x", **given})
    assert words in caught.value.message
    assert type(caught.value) is error or error is BadRequest


async def test_unknown_and_retired_chutes_are_told_apart() -> None:
    market = Market()
    chute = await market.deploy()
    with pytest.raises(NotFound, match="no chute 'large'"):
        await infer(market, "large", {"name": "x", "data": ROWS})
    await route(market.rules[0], "DELETE", "/v1/chutes/{chute}").handler(market.host(0), Named(chute="small"))
    with pytest.raises(Gone, match="retired"):
        await infer(market, chute.hex(), {"name": "x", "data": ROWS})
    with pytest.raises(NotFound):
        await infer(market, "small", {"name": "x", "data": ROWS})


class Named(msgspec.Struct):
    """Any request that names a chute."""

    chute: str


async def test_warm_miners_are_asked_first_and_everybody_where_none_is() -> None:
    from node.primitives.codec import encode
    from node.primitives.types import Height
    from node.subnets.chutes.journal import LOAD, Load

    market = Market()
    chute = await market.deploy()
    found = route(market.judge, "POST", "/v1/chutes/{chute}/warmup")
    request = fill(found.request, {"chute": "small"}, (), b"")
    task = found.to_task(found.resolve(request, market.judging().view()), bytes(32))
    assert set(found.who(task, market.judging().view())) == {market.validator, *market.keys}
    await market.host(0).journal.append(LOAD, encode(Load(chute, Height(50))))
    assert found.who(task, market.judging().view()) == (market.keys[0],)
    warm = await answered(market, found, request)
    assert (warm.chute, warm.is_warm) == (chute.hex(), True)


async def test_a_quote_is_never_below_what_is_used() -> None:
    market = Market()
    market.chute = bundle(market.model, market.keys[0], macs="3000000*batch")
    market.model = classifier()
    await market.deploy()
    found = route(market.judge, "POST", INFER)
    request = fill(
        found.request, {"chute": "small"}, (), msgspec.json.encode({"inputs": [{"name": "x", "data": ROWS}]})
    )
    task = found.to_task(found.resolve(request, market.judging().view()), bytes(32))
    answer = await market.ask(task)
    assert found.quote(task).units == answer.usage.units == 6


# --- the catalogue and what owners do -------------------------------------------------------------------------------


async def ask(market: Market, miner: int, method: str, path: str, body: Any = None, **pieces: str) -> Any:
    """What a node answers by itself."""
    found = route(market.rules[miner], method, path)
    assert isinstance(found, LocalRoute)
    raw = b"" if body is None else msgspec.json.encode(body)
    return await found.handler(market.host(miner), fill(found.request, pieces, (), raw))


async def test_a_chute_goes_from_a_file_to_the_catalogue_and_back() -> None:
    market = Market()
    kept = await ask(market, 0, "POST", "/v1/chutes/blobs", {"base64": base64.b64encode(market.model).decode()})
    assert kept.sha256 == market.chute.files[0].sha256
    body = {"chute": msgspec.to_builtins(market.chute)}
    tried = await ask(market, 0, "POST", "/v1/chutes", {**body, "dry_run": True})
    assert (tried.is_deployed, tried.macs, tried.chutes_left) == (False, "40*batch", 16)
    assert await ask(market, 0, "GET", "/v1/chutes") == []
    done = await ask(market, 0, "POST", "/v1/chutes", body)
    assert (done.is_deployed, done.chutes_left) == (True, 15)
    assert [each.name for each in await ask(market, 0, "GET", "/v1/chutes")] == ["small"]
    again = await ask(market, 0, "POST", "/v1/chutes", body)
    assert (again.is_deployed, again.chutes_left) == (True, 15)
    await ask(market, 0, "PUT", "/v1/chutes/{chute}", {"price_rao": 9}, chute="small")
    card = await ask(market, 0, "GET", "/v1/chutes/{chute}", chute="small")
    assert (card.info.price_rao, card.chute) == (9, market.chute)
    gone = await ask(market, 0, "DELETE", "/v1/chutes/{chute}", chute="small")
    assert gone.name == "small"
    assert await ask(market, 0, "GET", "/v1/chutes") == []


async def test_only_the_owner_deploys_prices_and_retires() -> None:
    from node.subnets.chutes.strategies import honest

    market = Market(honest, honest)
    await market.deploy()
    foreign = {"chute": msgspec.to_builtins(market.chute)}
    for method, path, body, pieces in (
        ("POST", "/v1/chutes", foreign, {}),
        ("PUT", "/v1/chutes/{chute}", {"price_rao": 1}, {"chute": "small"}),
        ("DELETE", "/v1/chutes/{chute}", None, {"chute": "small"}),
    ):
        with pytest.raises(Conflict):
            await ask(market, 1, method, path, body, **pieces)


async def test_a_broken_bundle_is_refused_with_every_rule() -> None:
    market = Market()
    await ask(market, 0, "POST", "/v1/chutes/blobs", {"base64": base64.b64encode(market.model).decode()})
    broken = bundle(
        market.model, market.keys[0], macs="80*batch",
        feeds=(Feed(name="x", dtype="float32", shape=("batch", 9)),),
        outputs=(Output(name="logits", dtype="float32", shape=("batch", 5)),),
    )  # fmt: skip
    report = await ask(market, 0, "POST", "/v1/chutes/check", {"chute": msgspec.to_builtins(broken)})
    assert len(report.failed) == 3
    for words in ("macs: the bundle says 80 and the graph has 40", "'x' has the shape [batch, 8]", "no 'logits'"):
        assert any(words in failed for failed in report.failed), report.failed
    with pytest.raises(BadChute) as caught:
        await ask(market, 0, "POST", "/v1/chutes", {"chute": msgspec.to_builtins(broken)})
    assert caught.value.failed == report.failed


async def test_a_hostile_graph_is_named_as_such_and_never_opened() -> None:
    market = Market()
    market.model = b"\x08\x08" + bytes(500)
    chute = bundle(market.model, market.keys[0])
    await ask(market, 0, "POST", "/v1/chutes/blobs", {"base64": base64.b64encode(market.model).decode()})
    report = await ask(market, 0, "POST", "/v1/chutes/check", {"chute": msgspec.to_builtins(chute)})
    assert report.failed
    market.chute = chute
    await market.deploy()
    with pytest.raises(Exception, match="cannot be run here"):
        await infer(market, "small", {"name": "x", "data": ROWS})


async def test_the_list_is_filtered_and_sorted() -> None:
    market = Market()
    for version, (name, price) in enumerate((("b-cheap", 1), ("a-dear", 9)), 1):
        market.chute = bundle(market.model, market.keys[0], name=name, price_rao=price, version=version)
        await market.deploy()
    market.chute = bundle(market.model, market.keys[0], name="hidden", visibility="unlisted")
    await market.deploy()

    async def names(**query: str) -> Sequence[str]:
        found = route(market.rules[0], "GET", "/v1/chutes")
        request = fill(found.request, {}, tuple(query.items()), b"")
        return [each.name for each in await found.handler(market.host(0), request)]

    assert await names() == ["a-dear", "b-cheap"]
    assert await names(sort="price") == ["b-cheap", "a-dear"]
    assert await names(q="DEAR") == ["a-dear"]
    assert await names(kind="embedding") == []
    with pytest.raises(BadRequest):
        await names(sort="luck")
    assert (await ask(market, 0, "GET", "/v1/chutes/{chute}", chute="hidden")).chute.name == "hidden"


async def test_statistics_say_what_was_seen() -> None:
    market = Market()
    chute = await market.deploy()
    await infer(market, "small", {"name": "x", "data": ROWS})
    seen = route(market.judge, "GET", "/v1/chutes/{chute}/stats")
    stats = await seen.handler(market.judging(), Named(chute=chute.hex()))
    assert (stats.judged, stats.pass_rate, stats.p50_ms, stats.asked, stats.served) == (1, 1.0, 20, 1, 0)
    mine = await ask(market, 0, "GET", "/v1/chutes/{chute}/stats", chute="small")
    assert (mine.served, mine.served_units, mine.judged) == (1, 1, 0)


# --- the OpenAI forms -----------------------------------------------------------------------------------------------


def with_demos() -> tuple[Chutes, View, Market]:
    rules, market = Chutes(house=(*house_chutes(), *demo_chutes())), Market()
    return rules, market.judging().view(), market


def test_chutes_that_a_form_carries_are_offered_under_their_names() -> None:
    rules, view, _ = with_demos()
    offered = {(each.name, each.path) for each in rules.offerings(view)}
    assert offered == {("all-minilm-l6-v2", EMBEDDINGS_PATH), ("terrain-diffusion", IMAGES_PATH)}
    assert not fits_form(house_chutes()[0])


def test_texts_become_a_task_of_an_embedding_chute() -> None:
    rules, view, _ = with_demos()
    found = route(rules, "POST", EMBEDDINGS_PATH)
    make = partial(EmbeddingRequest, model="all-minilm-l6-v2")
    task = found.to_task(found.resolve(make(texts=("a", "b")), view), bytes(32))
    assert task.inputs[0].texts == ("a", "b")
    assert found.quote(task) == Usage(512, 0, -(-(4608 * 2 * 256**2 + 10_616_832 * 2 * 256) // 10**6))
    assert rules.model_of(task) == "all-minilm-l6-v2"
    with pytest.raises(Unfit, match="token ids"):
        found.to_task(found.resolve(make(tokens=((1,),)), view), bytes(32))
    with pytest.raises(TooLarge, match="1 to 64"):
        found.to_task(found.resolve(make(texts=("a",) * 65), view), bytes(32))
    with pytest.raises(Unfit, match="no vectors"):
        found.to_task(found.resolve(EmbeddingRequest(model="magika", texts=("a",)), view), bytes(32))


def test_vectors_are_cut_out_of_parts_whole() -> None:
    from node.subnets.chutes.arrays import slabs_of

    vectors = np.random.default_rng(0).standard_normal((64, 384)).astype(np.float32)
    slabs = list(slabs_of({"last_hidden_state": vectors}))
    assert len(slabs) > 1
    rules, _, _ = with_demos()
    found = route(rules, "POST", EMBEDDINGS_PATH)
    parts = [ChutePart(n, False, Usage(), bytes(32), (slab,)) for n, slab in enumerate(slabs)]
    joined = [vector for part in parts for vector in found.to_reply(part, AccountId(bytes(32))).vectors]
    assert b"".join(joined) == vectors.tobytes()
    assert len(joined) == 64


def test_an_image_is_made_of_its_prompt_and_seed_at_its_own_size() -> None:
    rules, view, _ = with_demos()
    found = route(rules, "POST", IMAGES_PATH)
    make = partial(ImageRequest, model="terrain-diffusion", prompt="hills")
    one, same, other = (
        found.to_task(found.resolve(make(width=128, height=128, seed=seed), view), bytes(32)) for seed in (1, 1, 2)
    )
    assert one.inputs == same.inputs != other.inputs
    with pytest.raises(Unfit, match="expected size 128x128, got 256x256"):
        found.to_task(found.resolve(make(width=256, height=256), view), bytes(32))
    assert image_size(demo_chutes()[2]) == (128, 128)


def test_chats_are_refused_by_what_does_not_chat_and_arrays_by_what_does() -> None:
    from node.market.chat import ChatRequest, ChatTurn

    owner = key_of("owner").public
    talker = Chute(
        name="talker", owner=bundle(b"m", owner).owner, kind="text-generation", licence="Apache-2.0",
        files=tuple(File(role=role, sha256="0" * 64, size=1) for role in ("model", "tokenizer", "card")),
        limits={"tokens": 100}, macs="1000000*tokens", needs=Needs(ram_mb=1),
    )  # fmt: skip
    rules, (_, view, _) = Chutes(house=(talker, *house_chutes())), with_demos()
    chat, arrays = route(rules, "POST", CHAT_PATH), route(rules, "POST", INFER)
    ask_it = partial(ChatRequest, messages=(ChatTurn("user", "Hello"),))
    task = chat.to_task(chat.resolve(ask_it(model="talker", max_tokens=20), view), bytes(32))
    assert task.chat[0].max_tokens == 20
    assert chat.quote(task).units == 120
    with pytest.raises(Unfit, match="at most 100, got 101"):
        chat.to_task(chat.resolve(ask_it(model="talker", max_tokens=101), view), bytes(32))
    with pytest.raises(Unfit, match="does not chat"):
        chat.to_task(chat.resolve(ask_it(model="edges"), view), bytes(32))
    request = fill(arrays.request, {"chute": "talker"}, (), b'{"inputs":[{"name":"x","data":[1]}]}')
    with pytest.raises(Unfit, match="takes chats"):
        arrays.to_task(arrays.resolve(request, view), bytes(32))


def test_the_shipped_graph_is_what_its_maker_makes() -> None:
    import onnx

    from node.subnets.chutes.files import HOUSE_FOLDER
    from node.subnets.chutes.house.build import edges

    shipped = onnx.load(HOUSE_FOLDER / f"{EDGES_FILE.sha256[:16]}.onnx")
    assert shipped.graph == edges().graph
    assert Input(name="a", dtype="uint8", shape=(), to=("a",)).pre == ()
    assert canonical(house_chutes()[0])


async def test_of_a_payment_the_creator_is_owed_its_share_rounded_down_and_house_chutes_owe_nothing() -> None:
    owner = key_of("miner 0").public
    market = Market(chute=bundle(classifier(), owner, creator_share_percent=30))
    task = rows_task(await market.deploy())
    market.judge.catalogue.all(market.judging().view())
    assert market.judge.owed(task, 99) == {owner: 29}
    assert market.judge.owed(task, 3) == {}
    house = Chutes()
    (first, *_) = house.catalogue.all(market.judging().view())
    assert first.is_house
    assert house.owed(ChuteTask(first.id, bytes(32)), 10**9) == {}
    assert house.owed(ChuteTask(bytes(32), bytes(32)), 10**9) == {}
