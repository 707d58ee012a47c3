"""A call of subnet Nineteen with a model that answers at once: what asking, serving, signing and the network cost.

Caller and miner are two libp2p hosts on loopback in one process, with real signatures, so the CPU is that of both. The
time to the first token is what the whole path adds to the model's own.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Final, cast

import trio

from benchmarks.measure import at_most, show, title
from benchmarks.net import hosts
from models import FinishReason, Sampling, Token, Told, Verification
from node.market.admission import Admission
from node.market.call import CALL_PROTOCOL, open_call
from node.market.context import MarketContext
from node.market.frames import CallRequest, PartChain, answer_message, decode, request_digest, sign_call
from node.market.limits import NONCE_BYTES, STREAMS_HEARD_MAX, STREAMS_MAX
from node.market.serving import CallServer, serve_parts
from node.market.switchboard import Switchboard, of_subnet
from node.primitives.codec import encode
from node.primitives.crypto import verify
from node.primitives.limits import TASK_BYTES_MAX
from node.primitives.types import AccountId, Height
from node.service.roles.host import RoleHost
from node.subnets.base import Host, Neuron, decode_message
from node.subnets.lab.hosts import NoModels
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen.messages import ChatTask, Turn
from tests.unit.market.support import NETUID, FakeChain, signer_of

CALLS: Final = 150
STREAMS: Final = 6
TOKENS: Final = 256
MODEL: Final = "instant"


class Instant:
    """A model that draws the same token again and again, at once."""

    name, model_id, context, vocabulary = MODEL, "00" * 32, 2_048, 49_152

    async def chat_prompt(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        return [1] * 32

    async def visible_text(self, tokens: Sequence[int], sampling: Sampling) -> str:
        return "word " * len(tokens)

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Token, None]:
        for index in range(sampling.max_tokens):
            last = index == sampling.max_tokens - 1
            yield Token(5, index, "word ", FinishReason.LENGTH if last else None, 1_234)

    async def token_bytes(self, tokens: Sequence[int]) -> list[bytes]:
        return [b"word "] * len(tokens)

    async def verify(
        self, prompt: Sequence[int], claimed: Sequence[int], sampling: Sampling, finish_reason: FinishReason,
        told: Told | None = None, *, seeded: bool = True,
    ) -> Verification:  # fmt: skip
        raise NotImplementedError


@dataclass(frozen=True)
class Door:
    """The part of a host that serving reaches."""

    hotkey: AccountId
    models: "Pool"


class Pool(NoModels):
    """The pool with that model."""

    async def text(self, name: str) -> Instant:  # type: ignore[override]
        return Instant()


def task(tokens: int) -> ChatTask:
    """A short question for so many tokens."""
    return ChatTask(MODEL, (Turn("user", "How far is the moon?"),), bytes(32), tokens, 700, 900, 0, 1_000, ())


async def asked(caller: MarketContext, subnet: Nineteen, miner: Neuron, tokens: int, calls: int) -> tuple[float, float]:
    """CPU seconds of so many calls, and the median time to the first token in seconds."""
    firsts, begin = [], process_time()
    for _ in range(calls):
        began = perf_counter()
        call = await open_call(caller, subnet, miner, task(tokens))
        try:
            await anext(call)
            firsts.append(perf_counter() - began)
            await call.collect()
        finally:
            await call.aclose()
    return process_time() - begin, median(firsts)


async def measure() -> tuple[tuple[float, float], tuple[float, float]]:
    """Small calls, and streams."""
    chain, subnet = FakeChain(), Nineteen((MODEL,))
    async with hosts(2) as (here, there):
        contexts = []
        for name, network in (("caller", here), ("miner", there)):
            signer = signer_of(name)
            chain.seat(signer.public, permit=name == "caller", peer_id=network.peer_id)
            chain.change(signer.public, addresses=network.addresses)
            contexts.append(MarketContext(network, Switchboard(network), chain, NETUID, signer))
        caller, miner = contexts
        server = CallServer(miner, subnet, RoleHost(miner, subnet, Pool()), Admission())
        seat = miner.seat()
        if seat is None:
            raise RuntimeError("the miner has no seat")
        protocol = of_subnet(CALL_PROTOCOL, NETUID)
        plugged = miner.doors.plug(
            protocol, server.handle, per_peer=STREAMS_HEARD_MAX, total=STREAMS_MAX, with_credit=True
        )
        with plugged:
            await asked(caller, subnet, seat, 1, 10)
            small = await asked(caller, subnet, seat, 1, CALLS)
            return small, await asked(caller, subnet, seat, TOKENS, STREAMS)


async def alone() -> float:
    """CPU seconds of what the miner does for so many small calls beside the network: bytes in, signed bytes out."""
    subnet, miner, caller = Nineteen((MODEL,)), signer_of("miner"), signer_of("caller")
    genesis, host = FakeChain().genesis, cast(Host, Door(miner.public, Pool()))
    body, nonces = encode(task(1)), (n.to_bytes(NONCE_BYTES, "big") for n in range(CALLS))
    raw = [encode(sign_call(genesis, NETUID, Height(100), nonce, miner.public, body, caller)) for nonce in nonces]
    begin = process_time()
    for data in raw:
        request = decode(CallRequest, data)
        name = request_digest(request.head)
        if not verify(request.head.caller, name, request.signature):
            raise RuntimeError("a good signature does not hold")
        chain, asked_for = PartChain(name), decode_message(ChatTask, request.body, max_bytes=TASK_BYTES_MAX)
        async for part in serve_parts(subnet, asked_for, host):
            chain.add(encode(part))
        miner.sign(answer_message(name, chain, part.usage))
    return process_time() - begin


def main() -> None:
    """Measure and print."""
    title(
        f"Calls: {CALLS} of one token, {STREAMS} of {TOKENS}, an instant model, two hosts in one process; CPU of both"
    )
    (small_s, first_s), (stream_s, _) = trio.run(measure)
    each_ms = small_s / CALLS * 1e3
    alone_ms = trio.run(alone) / CALLS * 1e3
    show("a small call, the miner beside the network", f"{alone_ms:.2f} CPU-ms", at_most(alone_ms, 0.7, " ms"))
    show("a small call, caller and miner", f"{each_ms:.2f} CPU-ms", "on a new libp2p stream")
    token_us = (stream_s - small_s / CALLS * STREAMS) / (STREAMS * TOKENS) * 1e6
    show("a streamed token, caller and miner", f"{token_us:.0f} CPU-µs", "a token of SmolLM2 is 14 000 CPU-µs")
    show("first token later than the model's, median", f"{first_s * 1e3:.1f} ms", at_most(first_s * 1e3, 10, " ms"))


if __name__ == "__main__":
    main()
