"""The cheating table: for each way to cheat in subnet Nineteen the share that is caught and what the way costs.

`python -m benchmarks.bench_cheats 200 --keep build/cheats.json` is the run of docs/cheating.md (half an hour of one
core); rows that the file has are not made again. Without arguments a few answers show that everything works. Needs the
real model and its source file in the model store. Every answer is judged by `Nineteen.judge`, as a validator does.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Final, cast

import trio

from benchmarks.altered_models import VARIANTS
from benchmarks.cheat_answers import (
    MINER,
    Made,
    Way,
    World,
    copied,
    honest_with,
    made_up,
    model_way,
    overcounted,
    padded,
    replayed,
    reworded,
    sampled,
    spliced,
    truncated,
    unsaid,
)
from benchmarks.measure import show, title
from models import ModelError, is_ready, open_text
from models.catalogue import SMOLLM2_135M_INSTRUCT
from models.fetch import stored_file
from node.primitives.crypto import digest
from node.primitives.types import ZERO_HASH, AccountId, Hash
from node.service.model_store import shared_model_store
from node.service.roles.texts import BatchedText
from node.subnets.base import Answer, Code, Host, Usage
from node.subnets.lab.hosts import NoModels, key_of
from node.subnets.nineteen import Nineteen
from node.subnets.nineteen.honesty import caught_after
from node.subnets.nineteen.messages import ChatPiece, chat_of, sampling_of
from node.subnets.nineteen.prompts import draw_chat

ANSWERS_A_MINER: Final = 4  # of one miner, judged together: a quarter of an hour of a public network
FEW: Final = 3  # answers of a run without arguments
HONEST: Final = ("honest", "float honest")

WAYS: Final[Mapping[str, tuple[str, Way]]] = {
    "honest": ("an honest miner (1 and 2 threads, batches of 1, 8 and 16)", honest_with(
        (("real", 8), ("two", 1), ("two", 8), ("real", 16)))),
    "fewer": ("other model: three of 30 layers left out", model_way("fewer")),
    "disturbed": ("other model: the same, trained a little further", model_way("disturbed")),
    "four": ("4-bit weights for the 8-bit model", model_way("four")),
    "truncated": ("truncated after 8 tokens", truncated),
    "padded": ("padded to max_tokens with what was said before", padded),
    "replayed": ("replayed: one's own answer to another question", replayed),
    "made up": ("tokens from nowhere", made_up),
    "reworded": ("another text than that of the tokens", reworded),
    "overcounted": ("more tokens on the bill than in the answer", overcounted),
    "unsaid": ("right tokens, invented log-probabilities", unsaid),
    "copied": ("copied from another miner", copied),
    "own seed": ("altered sampling: noise of one's own", sampled(lambda s: replace(s, seed=digest("own", s.seed)))),
    "greedy": ("altered sampling: always the likeliest token", sampled(lambda s: replace(s, temperature=0.0))),
    "int8 for float": ("8-bit weights for the float32 model", lambda world: world.honest),
    "cold": ("altered sampling: half the temperature", sampled(lambda s: replace(s, temperature=s.temperature / 2))),
    "unpenalised": ("altered sampling: no repetition penalty", sampled(lambda s: replace(s, repetition_penalty=1.0))),
    "float honest": ("an honest miner of the float32 model", model_way("float")),
    "spliced": ("first half honest, the rest by the 4-bit model", spliced("four")),
}  # fmt: skip
FLOAT_WAYS: Final = ("float honest", "int8 for float")  # judged with the float32 model


@dataclass
class Row:
    """One way: how many answers and tokens, how many were refused and why, CPU seconds of making and of judging.

    `same` answers came out as the honest miner's own, token by token: there is nothing to catch. `verdicts` has a
    letter an answer, in order: r for refused, a for accepted, s for the same as the honest one.
    """

    title: str
    answers: int
    tokens: int
    refused: int
    reasons: dict[str, int]
    made_s: float
    judged_s: float
    same: int = 0
    verdicts: str = ""

    @property
    def caught(self) -> float:
        """Share refused of those that differ from the honest answer."""
        return self.refused / max(1, self.answers - self.same)

    @property
    def miners_caught(self) -> float | None:
        """Share of miners, each with `ANSWERS_A_MINER` of the answers one after the other, that are caught as cheats.

        The answers that came out honest are left out. None where the verdicts were not kept one by one.
        """
        told = [letter == "r" for letter in self.verdicts if letter != "s"]
        miners = [told[at : at + ANSWERS_A_MINER] for at in range(len(told) - ANSWERS_A_MINER + 1)]
        return sum(map(caught_after, miners)) / len(miners) if miners else None


def answer_of(made: Made, text: str, prompt_tokens: int) -> Answer:
    """What a validator holds after a sound call."""
    usage = Usage(prompt_tokens, len(made.ids) if made.billed is None else made.billed)
    piece = ChatPiece(0, True, usage, made.ids, text, made.finish.value, made.told, (), made.seeded)
    return Answer(MINER, (piece,), usage, Hash(ZERO_HASH), bytes(64), 1_000, 1_000)


@dataclass(frozen=True)
class JudgesDoor:
    """The part of a host that judging reaches."""

    hotkey: AccountId
    models: NoModels


class OneModel(NoModels):
    """A pool with the model that validators hold."""

    def __init__(self, runtime: BatchedText) -> None:
        self._runtime = runtime

    async def text(self, name: str) -> BatchedText:  # type: ignore[override]
        return self._runtime


async def judge(world: World, answers: Sequence[Made], reference: str) -> tuple[list[str], float]:
    """Verdicts of a validator that holds the `reference` model, "ok" or why not, and its CPU seconds."""
    model = world.models[reference]
    runtime = BatchedText(model, max_batch=1, judges=trio.CapacityLimiter(1))
    validator = key_of("validator").public
    host = cast(Host, JudgesDoor(validator, OneModel(runtime)))
    subnet, found, begin = Nineteen((world.tasks[0].model,)), list[str](), process_time()
    for task, made in zip(world.tasks, answers, strict=True):
        prompt = model.chat_prompt(chat_of(task))
        text = model.visible_text(made.ids, sampling_of(task, MINER)) if made.text is None else made.text
        verdict = await subnet.judge(task, answer_of(made, text, len(prompt)), host)
        why = "too long" if verdict.code is Code.TOO_LARGE else verdict.evidence.split(":")[0]
        found.append("ok" if verdict.score else f"{verdict.code.name}: {why}")
    spent_s = process_time() - begin
    await trio.to_thread.run_sync(runtime.close)
    return found, spent_s


def measured(world: World, name: str, what: str, way: Way, reference: str) -> Row:
    """Make and judge all answers of one way."""
    begin = process_time()
    answers = way(world)
    made_s = process_time() - begin
    if name == "honest":
        world.honest = answers
    found, judged_s = trio.run(partial(judge, world, answers, reference))
    reasons, count = Counter(found), len(answers)
    tokens = sum(len(each.ids) for each in answers)
    same = [False] * count
    if name not in HONEST and reference == "real":
        same = [made == own for made, own in zip(answers, world.honest, strict=True)]
    letters = ["s" if own else "a" if each == "ok" else "r" for each, own in zip(found, same, strict=True)]
    return Row(
        what, count, tokens, count - reasons["ok"], dict(reasons), made_s, judged_s, sum(same), "".join(letters)
    )  # fmt: skip


def show_row(row: Row, plain: Row | None) -> None:
    """Print one way; cost is CPU a token for making the answers, against drawing from the real model in batches."""
    usual = "" if plain is None else f"{row.made_s / row.tokens / (plain.made_s / plain.tokens):.2f} of the CPU; "
    same = f"{row.same} as honest; " if row.same else ""
    why = ", ".join(f"{reason} {count}" for reason, count in sorted(row.reasons.items(), key=lambda each: -each[1]))
    judged = f"judged at {row.judged_s / row.answers * 1e3:.0f} ms"
    miners = "" if row.miners_caught is None else f"; miners of {ANSWERS_A_MINER}: {row.miners_caught:.1%}"
    show(
        row.title, f"{row.caught:.1%} of {row.answers - row.same}",
        f"{usual}{same}{row.tokens} tokens, {judged}{miners}; {why}",
    )  # fmt: skip


def markdown(rows: Mapping[str, Row]) -> str:
    """The table of docs/cheating.md."""
    plain = rows.get("own seed") or rows.get("disturbed")  # both run the graph of the real model, eight at once
    lines = ["| way | answers | tokens | caught | cost | refused as |", "| --- | --- | --- | --- | --- | --- |"]
    for key in WAYS:
        if key not in rows:
            continue
        row = rows[key]
        honest = key in HONEST
        share = row.refused / row.answers if honest else row.caught
        made = row.made_s / max(row.tokens, 1) > 1e-4 and not honest and plain is not None
        cost = f"{row.made_s / row.tokens / (plain.made_s / plain.tokens):.2f}" if made and plain is not None else ""
        reasons = sorted(row.reasons.items(), key=lambda each: -each[1])
        why = ", ".join(f"{reason.split(': ')[-1]} {count}" for reason, count in reasons if reason != "ok")
        counted = row.answers - (0 if honest else row.same)
        caught = f"refused: {row.refused}" if honest else f"{share:.1%}"
        lines.append(f"| {row.title} | {counted} | {row.tokens} | {caught} | {cost} | {why} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The cheating table of subnet Nineteen.")
    parser.add_argument("answers", type=int, nargs="?", default=FEW)
    parser.add_argument("--keep", type=Path, help="file that keeps finished rows")
    parser.add_argument("--models", type=Path, help="folder that keeps the altered models")
    parser.add_argument("--table", action="store_true", help="print the finished rows for docs/cheating.md")
    options = parser.parse_args()
    if options.table:
        kept = json.loads(options.keep.read_text())
        print(markdown({key: Row(**row) for key, row in kept.items()}))
        return
    name, store = SMOLLM2_135M_INSTRUCT.name, shared_model_store()
    source = stored_file(SMOLLM2_135M_INSTRUCT, store)
    if not is_ready(name, store) or not source.is_file():
        print(f"Cheats: no bundle of {name} with its source in the model store. Run: neurond models pull")
        return
    title(f"Cheats: {name}, {options.answers} answers a way, sampled as challenges ask; share refused, cost, reasons")
    rows: dict[str, Row] = {}
    if options.keep is not None and options.keep.is_file():
        rows = {key: Row(**row) for key, row in json.loads(options.keep.read_text()).items()}
    with tempfile.TemporaryDirectory(prefix="cheats-") as folder:
        run(options.models or Path(folder), store / name, source, options.answers, rows, options.keep)


def run(folder: Path, bundle: Path, source: Path, count: int, rows: dict[str, Row], keep: Path | None) -> None:
    """All ways, the honest one first: others start from its answers."""
    tasks = [draw_chat(digest("bench-cheats", n.to_bytes(4, "big")), (bundle.name,)) for n in range(count)]
    world = World(tasks, {"real": open_text(bundle, threads=1), "two": open_text(bundle, threads=2)}, [])
    if "honest" in rows:  # the same answers again: they depend on nothing but the questions
        world.honest = model_way("real")(world)
    for key, (what, way) in WAYS.items():
        for variant in VARIANTS:
            if (
                key not in rows
                and variant not in world.models
                and (variant in key or (key, variant) == ("spliced", "four"))
            ):
                path = folder / variant
                try:
                    built = path if path.is_dir() else VARIANTS[variant](bundle, source, path)
                    world.models[variant] = open_text(built, threads=1)
                except ModelError as error:
                    raise RuntimeError(f"the variant {variant} cannot be made: {error}") from error
        if key not in rows:
            rows[key] = measured(world, key, what, way, "float" if key in FLOAT_WAYS else "real")
            if keep is not None:
                keep.parent.mkdir(parents=True, exist_ok=True)
                keep.write_text(json.dumps({key: asdict(row) for key, row in rows.items()}, indent=1))
        show_row(rows[key], rows.get("own seed"))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
