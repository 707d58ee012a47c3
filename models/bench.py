"""How fast a model runs on this machine: a few seconds of real work of its kind, alone, one request after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from models.bundle import ONNX_FILE, ModelCard
from models.card import TensorCard
from models.catalogue import CATALOGUE
from models.errors import UnsupportedModel
from models.library import Speed, read_any_card
from models.limits import BENCH_S, BENCH_TOKENS
from models.sources import Report
from models.transfer import Meter

TEXTS: Final = tuple(
    f"Report {n}: the northern station recorded {n * 37 % 91} millimetres of rain, and the river rose by {n % 7} "
    f"centimetres before the wind turned to the west and carried the clouds over the hills." for n in range(16)
)  # fmt: skip
PROMPT: Final = "Explain in a few sentences why the sky is blue and sunsets are red."


def measure(bundle: Path, report: Report = lambda _: None, *, seconds: float = BENCH_S) -> Speed:
    """Open a bundle and run it for some seconds after one warming run. Raises ModelError."""
    card = read_any_card(bundle)
    if isinstance(card, ModelCard):
        work, unit, provider = _text(bundle)
    elif card.kind == "embedding":
        work, unit, provider = _embedding(bundle)
    elif card.kind == "image-generation":
        work, unit, provider = _images(bundle)
    else:
        work, unit, provider = _graph(card, bundle)
    work()
    meter, done, spent_s = Meter(report, "measure", round(seconds * 1_000), "ms"), 0, 0.0
    while spent_s < seconds:
        began = time.perf_counter()
        done += work()
        spent_s += time.perf_counter() - began
        meter.update(min(round(spent_s * 1_000), round(seconds * 1_000)))
    stamp = datetime.now(UTC).isoformat(timespec="seconds")
    return Speed(card.sha256, provider, round(done / spent_s, 2), unit, stamp)


def _text(bundle: Path) -> tuple[Callable[[], int], str, str]:
    from models.sampling import Sampling
    from models.text import open_text

    model = open_text(bundle)
    prompt = model.chat_prompt([("user", PROMPT)])
    sampling = Sampling(seed=bytes(32), max_tokens=min(BENCH_TOKENS, model.room(prompt)))
    return lambda: sum(1 for _ in model.generate(prompt, sampling)), "tokens/s", model.provider


def _embedding(bundle: Path) -> tuple[Callable[[], int], str, str]:
    from models.embed import open_embedder

    model = open_embedder(bundle)
    return lambda: len(model.embed(TEXTS)[0]), "texts/s", model.provider


def _images(bundle: Path) -> tuple[Callable[[], int], str, str]:
    from models.images import ImageRequest, open_images

    model = open_images(bundle)
    return lambda: bool(model.generate(ImageRequest(1))) + 0, "pictures/s", model.provider


def _graph(card: TensorCard, bundle: Path) -> tuple[Callable[[], int], str, str]:
    from models.tensor import open_tensors, quiet_feeds

    known = next((dict(entry.trial) for entry in CATALOGUE if entry.name == card.name), None)
    dims = card.report.trial if card.report is not None else known
    if dims is None:
        raise UnsupportedModel(f"nothing says at which sizes {card.name} can be measured; import it again")
    model = open_tensors(bundle / ONNX_FILE, trial=dims)
    feeds = quiet_feeds(model.inputs, dims)
    return lambda: bool(model.run(feeds)) + 0, "runs/s", model.provider
