"""The whole way of a user's question: HTTP client, gateway, libp2p, miner and back, against the miner's model alone.

Three processes on loopback: this one asks, a validator's node has the gateway, another node mines. Before each turn the
same model answers the same question here, with the same batcher and one thread, so both meet the same mood of the
machine. With a tiny model the first token shows what the path costs; with the real one, where its bundle is in the
model store, the stream shows what is left of its speed. CPU is that of both daemons, less what they use at rest.
"""

import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.measure import at_least, at_most, show, title
from models import Batcher, Sampling, TextModel, is_ready, open_text
from models.catalogue import SMOLLM2_135M_INSTRUCT
from node.control.options import DevnetOptions, DevnetStatus
from node.service import devnet
from node.service.model_store import shared_model_store
from tests.unit.models.synthetic import tiny_bundle

FIRSTS: Final = 40
STREAMS: Final = 8
TOKENS: Final = 96
FEW: Final = 4  # of an answer whose first token counts; of a single one the first would wait for the signature
REST_S: Final = 10.0
ONLINE_S: Final = 90.0
TINY: Final = "a tiny model"
QUESTION: Final = "Write a long story about a lighthouse keeper and the sea."
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Seen:
    """One answer: seconds to the first token and to the last, and how many there were."""

    first_s: float
    whole_s: float
    tokens: int

    @property
    def per_s(self) -> float:
        """Tokens a second after the first."""
        return (self.tokens - 1) / (self.whole_s - self.first_s)


class Gateway:
    """A client of the OpenAI form over one connection."""

    def __init__(self, url: str, model: str) -> None:
        self._http = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._model = model

    def ask(self, tokens: int) -> Seen:
        """Stream an answer. Raises RuntimeError for anything but one."""
        body = {"model": self._model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": tokens,
                "seed": 7, "stream": True, "stream_options": {"include_usage": True}}  # fmt: skip
        began, first_s, used = perf_counter(), 0.0, 0
        self._http.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
        reply = self._http.getresponse()
        if reply.status != 200:
            raise RuntimeError(f"the gateway answered {reply.status}: {reply.read()[:300]!r}")
        for line in reply:
            if not line.startswith(b"data: {"):
                continue
            chunk: Any = json.loads(line[6:])
            if "error" in chunk:
                raise RuntimeError(chunk["error"]["message"])
            if chunk["choices"] and not first_s and chunk["choices"][0]["delta"].get("content"):
                first_s = perf_counter() - began
            used = (chunk.get("usage") or {}).get("completion_tokens", used)
        return Seen(first_s, perf_counter() - began, used)


class Alone:
    """The miner's model and batcher in this process."""

    def __init__(self, bundle: Path) -> None:
        self._model: TextModel = open_text(bundle, threads=1, prefer_cuda=False)
        self._batcher = Batcher(self._model)

    def ask(self, tokens: int) -> Seen:
        """An answer, drawn as a miner draws it."""
        began, first_s, count = perf_counter(), 0.0, 0
        prompt = self._model.chat_prompt([("user", QUESTION)])
        for token in self._batcher.submit(prompt, Sampling(bytes(32), temperature=0.7, max_tokens=tokens)):
            first_s = first_s or perf_counter() - began
            count += token.id is not None
        return Seen(first_s, perf_counter() - began, count)


@contextmanager
def network(folder: Path, model: str) -> Iterator[DevnetStatus]:
    """One authority that validates and one miner; slots of 5 s, so that the chain costs little."""
    options = DevnetOptions(folder, nodes=2, authorities=1, slot_ms=5_000, tempo=360, model=model)
    try:
        yield devnet.up(options, lambda step: None)
    finally:
        devnet.down(folder, lambda step: None)


def cpu_s(net: DevnetStatus) -> float:
    """CPU seconds of both daemons so far."""
    words = [Path(f"/proc/{node.pid}/stat").read_text().rpartition(")")[2].split() for node in net.nodes]
    return sum(int(each[11]) + int(each[12]) for each in words) / _TICKS_PER_S


def served_model(url: str) -> str:
    """The name of the model, once a miner is online."""
    for _ in range(int(ONLINE_S)):
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        connection.request("GET", "/v1/models")
        found = [each for each in json.loads(connection.getresponse().read())["data"] if each["miners"]]
        if found:
            return str(found[0]["id"])
        time.sleep(1.0)
    raise RuntimeError("no miner came online")


@dataclass
class Turns:
    """What both ways showed, turn by turn, and the CPU of each for all of them."""

    alone: list[Seen]
    path: list[Seen]
    alone_cpu_s: float = 0.0
    path_cpu_s: float = 0.0

    def later_ms(self) -> float:
        """How much later the first token came over the whole path, the median of the turns."""
        pairs = zip(self.path, self.alone, strict=True)
        return median((path.first_s - alone.first_s) * 1e3 for path, alone in pairs)

    def speed(self) -> float:
        """Tokens a second of the path over those of the model alone, the median of the turns."""
        return median(path.per_s / alone.per_s for path, alone in zip(self.path, self.alone, strict=True))

    def extra_cpu_ms(self) -> float:
        """CPU of an answer beyond the model's."""
        return (self.path_cpu_s - self.alone_cpu_s) / len(self.path) * 1e3


def in_turns(alone: Alone, gateway: Gateway, net: DevnetStatus, count: int, tokens: int) -> Turns:
    """Ask both so many times, one after the other."""
    seen = Turns([], [])
    rest_before, rest_began = cpu_s(net), perf_counter()
    time.sleep(REST_S)
    rest_per_s = (cpu_s(net) - rest_before) / (perf_counter() - rest_began)
    for _ in range(count):
        begin = process_time()
        seen.alone.append(alone.ask(tokens))
        seen.alone_cpu_s += process_time() - begin
        before, began = cpu_s(net), perf_counter()
        seen.path.append(gateway.ask(tokens))
        time.sleep(0.02)  # the receipt goes back behind the last token
        seen.path_cpu_s += cpu_s(net) - before - rest_per_s * (perf_counter() - began)
    return seen


def measure(bundle: Path, model: str) -> tuple[Turns, Turns]:
    """Short answers, and streams."""
    with tempfile.TemporaryDirectory() as folder, network(Path(folder) / "net", model) as net:
        url, alone = str(net.nodes[0].gateway_url), Alone(bundle)
        gateway = Gateway(url, served_model(url))
        for one in (alone, gateway):
            one.ask(8)
        return in_turns(alone, gateway, net, FIRSTS, FEW), in_turns(alone, gateway, net, STREAMS, TOKENS)


def report(name: str, firsts: Turns, streams: Turns) -> None:
    """Print what one model showed."""
    later, best = firsts.later_ms(), min(each.first_s for each in firsts.path) * 1e3
    alone = min(each.first_s for each in firsts.alone) * 1e3
    show(f"{name}: first token later than the model's, median", f"{later:.1f} ms", at_most(later, 10, " ms"))
    show("the best of each", f"{best:.1f} ms", f"the model alone {alone:.1f} ms")
    show(f"an answer of {FEW} tokens, beside the model", f"{firsts.extra_cpu_ms():.1f} CPU-ms", "both daemons")
    share = streams.speed()
    rate = median(each.per_s for each in streams.path)
    verdict = "" if name == TINY else f", {at_least(share, 0.95)}"  # one that draws 3 000 a second serves nobody
    show("tokens a second of a stream, median", f"{rate:.1f} /s", f"{share:.3f} of the model{verdict}")
    tokens = sum(each.tokens for each in streams.path)
    extra_us = (streams.path_cpu_s - streams.alone_cpu_s) / tokens * 1e6
    show("a streamed token, beside the model", f"{extra_us:.0f} CPU-µs", "both daemons")


def main() -> None:
    """Measure and print."""
    title(f"Full path: client, gateway, libp2p, miner; {FIRSTS} answers of {FEW} tokens, {STREAMS} of {TOKENS}")
    if sys.argv[1:] != ["real"]:
        with tempfile.TemporaryDirectory() as folder:
            bundle = tiny_bundle(Path(folder) / "tiny")
            report(TINY, *measure(bundle, os.fspath(bundle)))
    name, store = SMOLLM2_135M_INSTRUCT.name, shared_model_store()
    if is_ready(name, store):
        report(name, *measure(store / name, name))
    else:
        print(f"  no bundle of {name} in the model store: the real model is left out")


if __name__ == "__main__":
    main()
