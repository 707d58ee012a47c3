"""`python -m tests.fuzz.run [SECONDS] [NAME ...]`: fuzz each target with atheris for so long, one process a target.

What crashes a target is kept under build/fuzz/NAME, and what reached new code is its corpus for the next time. Prints
executions a second; exits 1 when anything was found. atheris instruments the bytecode of the program, so the process of
a target loads nothing before it does.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build" / "fuzz"
RSS_MAX_MB = 2048
INPUT_MAX_BYTES = 4096
SLOW_S = 10


def fuzz(name: str, modules: list[str], arguments: list[str]) -> None:
    """Become the fuzzer of one target, guided by what it reaches in `modules`; does not return."""
    import atheris  # type: ignore[import-not-found]  # installed by `make fuzz` alone

    with atheris.instrument_imports(include=modules):  # rewriting every module would take a minute
        from tests.fuzz.targets import TARGETS

    seeds = BUILD / name / "corpus"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(TARGETS[name].samples):
        (seeds / f"sample-{number}").write_bytes(sample)
    atheris.Setup([sys.argv[0], *arguments, str(seeds)], TARGETS[name].run)
    atheris.Fuzz()


def run(name: str, modules: set[str], seconds: int) -> tuple[int, float, list[Path]]:
    """Fuzz one target in a process of its own: exit status, executions a second, what was found."""
    place = BUILD / name
    place.mkdir(parents=True, exist_ok=True)
    arguments = [
        f"-max_total_time={seconds}", f"-artifact_prefix={place}{os.sep}", f"-rss_limit_mb={RSS_MAX_MB}",
        f"-max_len={INPUT_MAX_BYTES}", f"-timeout={SLOW_S}", "-print_final_stats=1",
    ]  # fmt: skip
    command = [sys.executable, "-m", "tests.fuzz.run", "--target", name, ",".join(sorted(modules)), *arguments]
    with (place / "log").open("wb") as log:
        status = subprocess.run(command, stdout=log, stderr=log, cwd=Path(__file__).parents[2]).returncode
    text = (place / "log").read_text(errors="replace")
    done = re.search(r"number_of_executed_units: (\d+)", text)
    found = [path for path in place.iterdir() if path.name.startswith(("crash-", "timeout-", "oom-", "slow-unit-"))]
    return status, int(done[1]) / seconds if done else 0.0, found


def main() -> int:
    if sys.argv[1:2] == ["--target"]:
        fuzz(sys.argv[2], sys.argv[3].split(","), sys.argv[4:])
        return 0
    from tests.fuzz.targets import TARGETS

    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    bad = 0
    for name in sys.argv[2:] or TARGETS:
        modules = {covered.rpartition(".")[0] for covered in TARGETS[name].covers} or {"node.primitives.codec"}
        status, per_s, found = run(name, modules, seconds)
        bad += bool(status or found)
        state = "sound" if not (status or found) else f"exit {status}, see {BUILD.name}/{name}: {len(found)} inputs"
        print(f"{name:28} {per_s:9.0f} executions/s  {state}", flush=True)
    print(f"{len(sys.argv[2:]) or len(TARGETS)} targets, {bad} with findings")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
