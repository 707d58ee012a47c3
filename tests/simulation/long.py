"""`python -m tests.simulation.long`: simulate for as long as one likes, and say how far it came.

Exits 1 when a promise was broken, when a control with one twin too many broke nothing, when a replayed seed left
another trace, or when the corpus never reached what it is there to reach. A run that fails leaves its options, one line
of JSON, in the folder of `--out`; `--replay FILE` plays it again.
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from node.primitives.errors import DecodeError
from tests.simulation.campaign import Outcome, run
from tests.simulation.corpus import COUNTS, HOUR_MS, Corpus, plan, plan_controls
from tests.simulation.options import Options

PROGRESS_S: Final = 10.0
ROOT: Final = Path(__file__).resolve().parents[2]


def play(options: Options) -> tuple[Outcome, float]:
    """Play one run; return its outcome and the CPU seconds it took."""
    begin = time.process_time()
    outcome = run(options)
    return outcome, time.process_time() - begin


def played(plans: list[Options], jobs: int) -> Iterator[tuple[Outcome, float]]:
    """Play runs, in `jobs` processes."""
    if jobs == 1:
        yield from map(play, plans)
        return
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap_unordered(play, plans)


def keep(outcome: Outcome, folder: Path) -> Path:
    """Write down how to play a failed run again."""
    folder.mkdir(parents=True, exist_ok=True)
    options = outcome.options
    path = folder / f"{options.mode}-{options.count}-{options.seed}.json"
    path.write_text(options.line() + "\n")
    return path


def trace_of(options: Options) -> str:
    """Return the trace of a run, computed in a process of its own with another hash seed."""
    other = subprocess.run(
        [sys.executable, "-m", "tests.simulation.long", "--trace-of", options.line()],
        cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": str(1 + options.seed % 1000)},
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    return other.stdout.strip()


def mismatches(plans: Iterable[Options]) -> list[Options]:
    """Return the runs that leave another trace when they are played again elsewhere."""
    return [options for options in plans if run(options, traced=True).trace_hash != trace_of(options)]


def tell(done: int, of: int, begun_s: float, corpus: Corpus) -> None:
    """Print how far it is."""
    spent_s = time.monotonic() - begun_s
    left_s = spent_s / done * (of - done)
    line = (
        f"{done} of {of} runs, {corpus.hours:.0f} h simulated, {len(corpus.failed)} wrong, {left_s / 60:.1f} min left"
    )
    print(line, file=sys.stderr, flush=True)


def simulate(plans: list[Options], jobs: int, folder: Path) -> Corpus:
    """Play all runs, tell the progress, keep what failed."""
    corpus, begun_s, told_s = Corpus(), time.monotonic(), time.monotonic()
    for done, (outcome, cpu_s) in enumerate(played(plans, jobs), 1):
        corpus.add(outcome, cpu_s)
        if not outcome.as_expected:
            why = outcome.violation or "nothing broke, with one twin too many"
            print(f"{why}\n  kept in {keep(outcome, folder)}\n{outcome.trace}", file=sys.stderr, flush=True)
        if time.monotonic() - told_s > PROGRESS_S:
            told_s = time.monotonic()
            tell(done, len(plans), begun_s, corpus)
    return corpus


def replay(file: str) -> int:
    """Play the run whose options are in a file."""
    options = Options.of_line(Path(file).read_text())
    outcome = run(options, traced=True)
    print(outcome.violation or f"nothing broke: {outcome.heights} blocks final in {outcome.slots} slots")
    print(outcome.trace, end="")
    print(f"trace {outcome.trace_hash}")
    return 0 if outcome.as_expected else 1


def judge(corpus: Corpus, other_traces: list[Options]) -> int:
    """Print the verdict; 1 where something is wrong."""
    for line in corpus.lines():
        print(line)
    wrong = [f"{len(corpus.failed)} runs went wrong"] if corpus.failed else []
    wrong += [f"never reached: {what}" for what in corpus.missing()]
    wrong += [f"another trace when replayed: {options.line()}" for options in other_traces]
    print("\n".join(wrong) or "every promise was kept, every control broke")
    return 1 if wrong else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.long", description=__doc__)
    parser.add_argument("--hours", type=int, default=100, help=f"simulated hours, one run each ({HOUR_MS} ms)")
    parser.add_argument("--controls", type=int, default=10, help="runs with one twin too many, which must break")
    parser.add_argument("--count", type=int, action="append", help="authorities; may be given again (4 and 7)")
    parser.add_argument("--seeds", type=int, default=0, metavar="FIRST", help="the first seed")
    parser.add_argument("--traces", type=int, default=0, help="runs to replay in a second process, traces compared")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path("build/simulation"), help="where failed runs are kept")
    parser.add_argument("--replay", metavar="FILE", help="play one kept run again")
    parser.add_argument("--trace-of", metavar="OPTIONS", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Do what the command line says."""
    chosen = arguments()
    try:
        if chosen.trace_of is not None:
            print(run(Options.of_line(chosen.trace_of), traced=True).trace_hash)
            return 0
        if chosen.replay is not None:
            return replay(chosen.replay)
    except (DecodeError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    counts = tuple(chosen.count or COUNTS)
    plans = list(plan(chosen.hours, counts, chosen.seeds))
    controls = list(plan_controls(chosen.controls, counts, chosen.seeds))
    corpus = simulate(plans + controls, chosen.jobs, chosen.out)
    return judge(corpus, mismatches(plans[: chosen.traces]))


if __name__ == "__main__":
    sys.exit(main())
