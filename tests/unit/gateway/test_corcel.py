"""Promises of Corcel's paths: programs written for them get the bodies they read, and nothing is changed in silence."""

import base64
import json
from typing import Any

import pytest

from node.gateway.openapi import describe
from tests.unit.gateway.doors import QUESTION, FakeDoor, form_route, serving

IMAGE: dict[str, Any] = {
    "cfg_scale": "2", "steps": 8, "width": "512", "height": 576, "engine": "tiny",
    "text_prompts": [{"text": "a hill", "weight": 1}],
}  # fmt: skip


async def test_the_vision_chat_is_the_chat() -> None:
    door = FakeDoor()
    async with serving(door) as client:
        plain = (await client.post("/text/vision/chat", json=QUESTION)).json()
        streamed = await client.post("/text/vision/chat", json={**QUESTION, "stream": True})
    assert plain["choices"][0]["message"]["content"] == "Good morning"
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert len(door.asked) == 2


async def test_the_cortext_chat_is_a_list_with_deltas() -> None:
    async with serving(FakeDoor()) as client:
        (only,) = (await client.post("/text/cortext/chat", json=QUESTION)).json()
        streamed = (await client.post("/text/cortext/chat", json={**QUESTION, "stream": True})).text
    assert only["choices"][0]["delta"]["content"] == "Good morning"
    assert "message" not in only["choices"][0]
    assert only["neurond"]["receipt"]
    frames = [json.loads(each[6:]) for each in streamed.strip().split("\n\n")[:-1]]
    assert "".join(each["choices"][0]["delta"].get("content", "") for each in frames) == "Good morning"


async def test_images_come_where_their_programs_look_for_them() -> None:
    door = FakeDoor()
    async with serving(door) as client:
        vision = (await client.post("/image/vision/text-to-image", json={**IMAGE, "seed": 3})).json()
        plain = {"model": "tiny", "prompt": "a hill", "steps": 8, "width": 64, "height": 64, "seed": 3}
        nineteen = (await client.post("/text-to-image", json=plain)).json()
    kind, data = vision["signed_urls"][0].split(",")
    assert (kind, base64.b64decode(data)) == ("data:image/png;base64", b"\x89PNG3")
    assert base64.b64decode(nineteen["image_b64"]) == b"\x89PNG3"
    assert vision["neurond"]["skipped"] == nineteen["neurond"]["skipped"] == ["cfg_scale", "steps"]
    assert [(each.prompt, each.width, each.height) for each in door.asked] == [("a hill", 512, 576), ("a hill", 64, 64)]


@pytest.mark.parametrize(
    ("path", "more", "param"),
    [
        ("/image/vision/text-to-image", {"text_prompts": []}, "text_prompts"),
        ("/image/vision/text-to-image", {"text_prompts": [{"text": "a"}, {"text": "b"}]}, "text_prompts"),
        ("/image/vision/text-to-image", {"text_prompts": [{"text": "a", "weight": -1}]}, "text_prompts"),
        ("/image/vision/text-to-image", {"width": "9999"}, "width"),
        ("/image/vision/text-to-image", {"height": "ten"}, "height"),
        ("/text-to-image", {"model": "tiny", "prompt": "a", "negative_prompt": "b"}, "negative_prompt"),
        ("/text-to-image", {"model": "tiny"}, "prompt"),
        ("/text/cortext/chat", {"model": "tiny", "messages": []}, "messages"),
    ],
)
async def test_what_cannot_be_honoured_names_its_field(path: str, more: dict[str, Any], param: str) -> None:
    door = FakeDoor()
    async with serving(door) as client:
        reply = await client.post(path, json={**IMAGE, **more})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param)
    assert not door.asked


async def test_a_model_of_another_network_is_a_404_and_paths_without_a_server_are_not_described() -> None:
    async with serving(FakeDoor()) as client:
        reply = await client.post("/image/vision/text-to-image", json={**IMAGE, "engine": "proteus"})
        wrong = await client.get("/text/vision/chat")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "model_not_found")
    assert wrong.status_code == 405
    chats = describe([FakeDoor(routes=(form_route("/v1/chat/completions"),))])["paths"]
    assert "/v1/text/cortext/chat" in chats
    assert "/v1/text-to-image" not in chats
