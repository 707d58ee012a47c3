"""Models that are no text models: what this program adds to a bare `session.run`, and what each kind of work costs.

Needs the bundles of the catalogue in the model store (the folder named by NEUROND_MODELS, else the store of this user);
kinds that are not there are left out. One thread of the runtime, so CPU time is the time an idle machine takes.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import onnxruntime
import trio

from benchmarks.measure import rivals_cpu_s, show, title
from models import is_ready
from models.bench import TEXTS
from models.bundle import ONNX_FILE
from models.catalogue import ALL_MINILM_L6_V2, CATALOGUE, MAGIKA, OPEN_NSFW, SILERO_VAD, TERRAIN_DIFFUSION
from models.content import open_content
from models.embed import open_embedder
from models.images import ImageRequest, open_images
from models.inspection import inspect
from models.runtime import session_options
from models.tensor import TensorModel, quiet_feeds
from models.vision import open_safety
from models.voice import RATE_HZ, open_voice
from node.service.model_store import shared_model_store
from node.service.roles.host import ModelHost
from tests.unit.models.graphs import linear, save

SMALL_RUNS = 2_000
STORE = shared_model_store()
_PEAK = "print(next(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if line.startswith('VmHWM')))"


def repeat(work: Callable[[], object], times: int) -> Callable[[], None]:
    """`work`, so many times."""

    def run() -> None:
        for _ in range(times):
            work()

    return run


def bound(session: onnxruntime.InferenceSession, feeds: dict[str, np.ndarray]) -> Callable[[], object]:
    """The same run through an IO binding whose inputs are bound once."""
    binding = session.io_binding()
    for name, array in feeds.items():
        binding.bind_cpu_input(name, array)
    for output in session.get_outputs():
        binding.bind_output(output.name, "cpu")
    return lambda: (session.run_with_iobinding(binding), binding.copy_outputs_to_cpu())


def added(path: Path, dims: dict[str, int], times: int, what: str) -> None:
    """Bare `session.run`, an IO binding, this program's checked run, and the same through the node's threads."""
    model = TensorModel(path, threads=1)
    session = onnxruntime.InferenceSession(str(path), session_options(1), providers=["CPUExecutionProvider"])
    feeds = quiet_feeds(model.inputs, dims)

    spent = rivals_cpu_s(
        {
            "bare": repeat(lambda: session.run(None, feeds), times),
            "bound": repeat(bound(session, feeds), times),
            "checked": repeat(lambda: model.run(feeds), times),
        },
        turns=7,
    )
    spent["threads"] = trio.run(through_threads, path, feeds, times)
    each = {name: cpu_s / times * 1e6 for name, cpu_s in spent.items()}
    show(f"{what}: bare session.run", f"{each['bare']:,.1f} us CPU")
    show("  IO binding", f"{each['bound']:,.1f} us CPU", f"{each['bound'] / each['bare']:.2f} x bare")
    show(
        "  checked arrays (TensorModel)", f"{each['checked']:,.1f} us CPU", f"+{each['checked'] - each['bare']:.1f} us"
    )
    show("  through the node's threads", f"{each['threads']:,.1f} us CPU", f"+{each['threads'] - each['bare']:.1f} us")


async def through_threads(path: Path, feeds: dict[str, np.ndarray], times: int) -> float:
    """CPU seconds of the best of seven turns of `times` runs as a subnet has them."""
    opened = await ModelHost(STORE, threads=1).tensor_file(path)
    best = float("inf")
    for _ in range(7):
        begin = process_time()
        for _ in range(times):
            await opened.run(feeds)
        best = min(best, process_time() - begin)
    return best


def peak_mb(program: str) -> int:
    """Peak resident memory of a fresh process that runs `program`."""
    done = subprocess.run([sys.executable, "-c", f"{program}\n{_PEAK}"], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def cost(what: str, work: Callable[[], object], times: int = 1, unit: str = "") -> None:
    """CPU of one piece of work."""
    cpu_s = rivals_cpu_s({"": work}, turns=3)[""] / times
    show(what, f"{cpu_s * 1e3:,.2f} ms CPU", unit)


def embedding() -> None:
    bundle = STORE / ALL_MINILM_L6_V2.name
    model = open_embedder(bundle, threads=1)
    texts = [each for each in TEXTS for _ in range(4)]
    tokens = model.embed(texts)[1] / len(texts)
    cost(f"embedding, 64 texts of {tokens:.0f} tokens, each", lambda: model.embed(texts), len(texts))
    opened = f"open_embedder(Path({str(bundle)!r}), threads=1)"
    lone = f"from pathlib import Path; from models.embed import open_embedder; {opened}"
    show("  a process that embeds 64 texts: peak memory", f"{peak_mb(f'{lone}.embed({texts!r})')} MB")
    show("  one that only imports the runtime", f"{peak_mb('import onnxruntime, tokenizers')} MB")


def others() -> None:
    if is_ready(TERRAIN_DIFFUSION.name, STORE):
        pictures = open_images(STORE / TERRAIN_DIFFUSION.name, threads=1)
        cost("a picture of 128 x 128 from a seed", lambda: pictures.generate(ImageRequest(1)))
        cost("  of 1024 x 1024", lambda: pictures.generate(ImageRequest(1, side=1024)))
    if is_ready(OPEN_NSFW.name, STORE):
        safety = open_safety(STORE / OPEN_NSFW.name, threads=1)
        grey = np.full((1080, 1920, 3), 128, np.uint8)
        cost("safety of a picture of 1920 x 1080", lambda: safety.unsafe(grey))
    if is_ready(MAGIKA.name, STORE):
        content, code = open_content(STORE / MAGIKA.name, threads=1), Path(__file__).read_bytes()
        cost("content type of a file", lambda: content.identify(code))
    if is_ready(SILERO_VAD.name, STORE):
        voice = open_voice(STORE / SILERO_VAD.name, threads=1)
        quiet = np.zeros(10 * RATE_HZ, np.float32)
        cost("voice activity, a second of sound", lambda: voice.frames(quiet), 10)


def checks() -> None:
    for entry in CATALOGUE:
        if entry.kind != "text" and is_ready(entry.name, STORE):
            begin = process_time()
            report = inspect(STORE / entry.name / ONNX_FILE, {"sequence": 576} if entry is SILERO_VAD else {})
            nodes = sum(report.operators.values())
            show(f"import check of {entry.name}, {nodes} nodes", f"{process_time() - begin:.2f} s CPU", report.macs)


def main() -> None:
    title("Models beyond text: what is added to the bare runtime, and what each kind costs.")
    with TemporaryDirectory() as folder:
        added(save(linear(), Path(folder)), {"n": 4}, SMALL_RUNS, "a graph of two nodes")
    if is_ready(ALL_MINILM_L6_V2.name, STORE):
        added(STORE / ALL_MINILM_L6_V2.name / ONNX_FILE, {"batch": 1, "sequence": 64}, 20, "MiniLM, 64 tokens")
        embedding()
    others()
    checks()


if __name__ == "__main__":
    main()
