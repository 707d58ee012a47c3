"""Promises of reply bodies: a stream's text is the whole answer's, and the transcripts never change unnoticed."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from node.gateway.forms import ChatForm, Choice, TextForm
from node.market.chat import ChatPart, ChatUsage, TokenLogprob
from node.market.routes import Piece
from tests.unit.gateway.doors import MINER, QUESTION, RECEIPT, FakeDoor, serving

words = st.lists(st.text(max_size=8), max_size=20)


def pieces_of(texts: list[str], *, probs: bool) -> list[Piece]:
    """An answer of these texts; the last piece may carry text as well."""
    found = []
    for index, text in enumerate([*texts, ""]):
        done = index == len(texts)
        part = ChatPart(
            text=text, index=index, done=done, miner=MINER, usage=ChatUsage(3, len(texts)) if done else None,
            finish_reason="length" if done else None, logprobs=(TokenLogprob(text, -1.0),) if probs and text else (),
        )  # fmt: skip
        found.append(Piece(part, index, done, MINER, None, RECEIPT if done else None))
    return found


@given(texts=words, probs=st.booleans())
def test_the_text_of_all_chunks_is_the_text_of_the_whole(texts: list[str], probs: bool) -> None:
    chat, text = ChatForm("m", "id", with_logprobs=probs), TextForm("m", "id", with_logprobs=probs)
    whole, streamed_chat, streamed_text, ends, seen = Choice(), "", "", [], 0
    for piece in pieces_of(texts, probs=probs):
        whole.take(piece)
        for chunk in chat.chunks(0, piece):
            choice = chunk["choices"][0]
            streamed_chat += choice["delta"].get("content", "")
            ends += [choice["finish_reason"]] if choice["finish_reason"] else []
            seen += len(choice["logprobs"]["content"]) if choice["logprobs"] else 0
        streamed_text += "".join(chunk["choices"][0]["text"] for chunk in text.chunks(0, piece))
    message = chat.whole([whole])["choices"][0]
    assert streamed_chat == streamed_text == message["message"]["content"] == "".join(texts)
    assert ends == [message["finish_reason"]] == ["length"]
    assert text.whole([whole])["choices"][0]["text"] == "".join(texts)
    assert seen == (len(message["logprobs"]["content"]) if probs else 0)
    assert chat.usage([whole])["usage"]["completion_tokens"] == len(texts)


GOLDEN = """\
data: {"id":"chatcmpl-golden","object":"chat.completion.chunk","created":0,"model":"tiny","system_fingerprint":null,\
"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-golden","object":"chat.completion.chunk","created":0,"model":"tiny","system_fingerprint":"FP",\
"choices":[{"index":0,"delta":{"content":"Good "},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-golden","object":"chat.completion.chunk","created":0,"model":"tiny","system_fingerprint":"FP",\
"choices":[{"index":0,"delta":{"content":"morning"},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-golden","object":"chat.completion.chunk","created":0,"model":"tiny","system_fingerprint":"FP",\
"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],\
"neurond":{"miner":"MINER","receipt":"RECEIPT","paid_rao":0}}

data: {"id":"chatcmpl-golden","object":"chat.completion.chunk","created":0,"model":"tiny","system_fingerprint":null,\
"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}

data: [DONE]

"""


async def test_the_transcript_of_a_streamed_chat() -> None:
    body = {**QUESTION, "stream": True, "stream_options": {"include_usage": True}}
    async with serving(FakeDoor()) as client:
        reply = await client.post("/chat/completions", json=body, headers={"x-request-id": "golden"})
    assert reply.headers["x-request-id"] == "golden"
    first = json.loads(reply.text.split("\n\n")[1].removeprefix("data: "))
    last: dict[str, Any] = json.loads(reply.text.split("\n\n")[3].removeprefix("data: "))
    shown = reply.text.replace(str(first["created"]), "0").replace(first["system_fingerprint"], "FP")
    shown = shown.replace(last["neurond"]["miner"], "MINER").replace(RECEIPT.hex(), "RECEIPT")
    assert shown == GOLDEN


async def test_the_transcript_of_a_streamed_completion_that_breaks() -> None:
    async with serving(FakeDoor(fail_at=1)) as client:
        body = {"model": "tiny", "prompt": "x", "stream": True}
        reply = await client.post("/completions", json=body, headers={"x-request-id": "golden"})
    frames = [frame.removeprefix("data: ") for frame in reply.text.strip().split("\n\n")]
    assert [list(json.loads(frame)) for frame in frames[:-1]] == [
        ["id", "object", "created", "model", "system_fingerprint", "choices"], ["error"],
    ]  # fmt: skip
    assert json.loads(frames[1])["error"]["type"] == "server_error"
    assert frames[-1] == "[DONE]"
