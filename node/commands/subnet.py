"""`neurond subnet`: for who writes a subnet. Begin one, try its rules on honest and dishonest miners, simulate it.

Works without a node: nothing here touches a chain, a wallet or a network.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from node.commands.common import Env, facts, home_command, narrate, show_progress, table
from node.commands.errors import IncentiveFails
from node.commands.lazy import DefaultGroup
from node.control.options import Progress
from node.market.errors import UnknownSubnet
from node.subnets.base import AnySubnet
from node.subnets.lab.limits import ROUNDS_MAX
from node.subnets.lab.scaffold import write_subnet
from node.subnets.plugins import subnet_in
from node.subnets.registry import known_subnets, open_subnet

_WHICH = click.argument("which", metavar="NAME|FOLDER|MODULE:CLASS")


class MinerRow(msgspec.Struct, frozen=True):
    """One miner of a trial. Shares are of what all miners earn; `of_honest` of what an honest one earns."""

    miner: str
    asked: int
    answered: int
    score: float
    weight: int
    pay: float
    of_honest: float
    is_caught: bool
    codes: dict[str, int]
    evidence: tuple[str, ...]


class TrialReport(msgspec.Struct, frozen=True):
    """The outcome of `subnet test`."""

    subnet: str
    version: int
    rounds: int
    skipped: int
    seconds: float
    miners: tuple[MinerRow, ...]
    uncaught: tuple[str, ...]
    problems: tuple[str, ...]


class Written(msgspec.Struct, frozen=True):
    """The files of a new subnet."""

    files: tuple[str, ...]


@click.group(cls=DefaultGroup, default="list")
def subnet() -> None:
    """Write a subnet of your own: begin, test, simulate.

    \b
    Examples:
      neurond subnet new weather
      neurond subnet test ./weather
    """


@subnet.command("list")
@home_command
def list_rules(env: Env) -> None:
    """List the subnets whose rules this program has, those of installed packages included.

    \b
    Example:
      neurond subnet list
    """
    specs = [open_subnet(name).spec for name in known_subnets()]
    rows = [(s.name, s.title, s.version, s.home_netuid, ", ".join(s.models) or "-") for s in specs]
    columns = ("name", "title", "rules", "home netuid", "models")
    env.emit(specs, lambda: table(columns, rows, right=("rules", "home netuid"), empty="There are none."))


@subnet.command("new")
@click.argument("name")
@click.option(
    "--into", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Parent folder. Default: this one."
)
@home_command
def new(env: Env, name: str, into: Path) -> None:
    """Write a working subnet to begin with: its messages, its rules, its test, ready to install.

    \b
    Example:
      neurond subnet new weather
    """
    files = write_subnet(name, into)
    env.emit(Written(tuple(map(str, files))), lambda: _render_new(name, into, files))


def _render_new(name: str, into: Path, files: tuple[Path, ...]) -> None:
    for file in files:
        click.echo(file)
    click.echo(f"\nTry it:  neurond subnet test {into / name}")


@subnet.command("test")
@_WHICH
@click.option("--rounds", type=click.IntRange(1, ROUNDS_MAX), default=50, show_default=True, help="Challenges.")
@click.option("--seed", default="", help="Other challenges than those of an empty seed.")
@click.option("--strict", is_flag=True, help="Fail too when copying another miner's answer pays.")
@home_command
def test(env: Env, which: str, rounds: int, seed: str, strict: bool) -> None:
    """Try the rules: two honest miners against lazy, lying, slow, copying, malformed and absent ones.

    Exit code 1 when dishonest work pays, or when the subnet's own program fails.

    \b
    Examples:
      neurond subnet test ./weather
      neurond subnet test nineteen --rounds 5 --json
    """
    report = _trial(find_subnet(which), rounds, seed)
    env.emit(report, lambda: _render_trial(report))
    serious = [way for way in report.uncaught if strict or way != "copying"]
    if report.problems or serious:
        raise IncentiveFails(_complaint(report.problems, serious))


def _complaint(problems: tuple[str, ...], uncaught: list[str]) -> str:
    if problems:
        return f"The subnet's program has {len(problems)} fault{'s' if len(problems) > 1 else ''}."
    return f"These rules pay for dishonest work: {', '.join(uncaught)}."


def find_subnet(which: str) -> AnySubnet:
    """The subnet of that name, in that folder or module. Raises UnknownSubnet, BadSubnetPackage."""
    if which in known_subnets():
        return open_subnet(which)
    if ":" not in which and not Path(which).is_dir():
        raise UnknownSubnet(
            f"There is no subnet and no folder called {which!r}.",
            remedy=f"Known subnets: {', '.join(known_subnets())}. `neurond subnet new NAME` begins one.",
        )
    return subnet_in(which)


def _trial(found: AnySubnet, rounds: int, seed: str) -> TrialReport:
    import trio

    from node.service.model_store import shared_model_store
    from node.service.roles.host import ModelHost
    from node.subnets.base import ModelPool
    from node.subnets.lab.hosts import NoModels
    from node.subnets.lab.trial import Trial, run_trial

    async def play() -> Trial:
        if not found.spec.models:
            pool: ModelPool = NoModels()
            return await run_trial(found, pool, rounds=rounds, seed=seed, progress=teller("challenges"))
        host = ModelHost(shared_model_store())
        try:
            return await run_trial(found, host, rounds=rounds, seed=seed, progress=teller("challenges"))
        finally:
            await host.aclose()

    trial = trio.run(play)
    rows = tuple(
        MinerRow(
            m.name, m.asked, m.answered, m.score, m.weight, m.pay, m.of_honest, m.is_caught, dict(m.codes),
            tuple(m.evidence),
        )
        for m in trial.miners
    )  # fmt: skip
    spec = found.spec
    return TrialReport(
        spec.name, spec.version, rounds, trial.skipped, trial.seconds, rows, trial.uncaught, trial.problems
    )


def teller(what: str) -> Callable[[int, int], None]:
    """Tells progress on standard error, a few times a second at most."""
    began_s, told_s = time.monotonic(), 0.0

    def tell(done: int, of: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if (now_s - told_s < 0.2 and done < of) or now_s - began_s < 1.0:
            return
        told_s = now_s
        show_progress(Progress(what, what, done, of, eta_s=(now_s - began_s) / done * (of - done)))

    return tell


def _render_trial(report: TrialReport) -> None:
    skipped = f", {report.skipped} without a question" if report.skipped else ""
    facts(
        [
            ("subnet", f"{report.subnet}, rules {report.version}"),
            ("challenges", f"{report.rounds}{skipped}, {report.seconds:.1f} s"),
        ]
    )
    click.echo()
    rows = [
        (m.miner, f"{m.answered}/{m.asked}", f"{m.score:.3f}", m.weight, f"{100 * m.pay:.1f} %",
         f"{100 * m.of_honest:.0f} %", _judgement(m), " ".join(f"{code}×{n}" for code, n in m.codes.items()))
        for m in report.miners
    ]  # fmt: skip
    columns = ("miner", "answered", "score", "weight", "pay", "of honest", "", "verdicts")
    table(columns, rows, right=("answered", "score", "weight", "pay", "of honest"), empty="")
    sys.stdout.flush()
    for problem in report.problems:
        narrate(f"fault  {problem}")
    if "copying" in report.uncaught:
        narrate("Copying pays: an answer does not depend on who gives it. See docs/subnet-tutorial.md, step 5.")


def _judgement(row: MinerRow) -> str:
    if row.miner.startswith("honest"):
        return "paid" if row.pay else "NOT PAID"
    return "caught" if row.is_caught else "PAYS"
