"""`neurond subnet`: for who writes a subnet. Begin one, try its rules on honest and dishonest miners, simulate it.

Works without a node: nothing here touches a chain, a wallet or a network.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from node.commands.common import Env, facts, home_command, narrate, show_progress, table
from node.commands.errors import IncentiveFails, NothingThere
from node.commands.lazy import DefaultGroup
from node.control.amounts import format_amount
from node.control.options import Progress
from node.market.errors import UnknownSubnet
from node.subnets.lab.limits import EPOCHS_MAX, MIX_BYTES_MAX, ROUNDS_MAX
from node.subnets.spec import BUILT_IN, SUBNET_GROUP

if TYPE_CHECKING:
    from node.subnets.base import AnySubnet
    from node.subnets.lab.economy import Economy
    from node.subnets.lab.trial import Trial

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
    specs = list(BUILT_IN)
    if entry_points(group=SUBNET_GROUP):  # rules of others are loaded to be asked, which takes a second
        from node.subnets.registry import known_subnets, open_subnet

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
    from node.subnets.lab.scaffold import write_subnet

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


def find_subnet(which: str) -> "AnySubnet":
    """The subnet of that name, in that folder or module. Raises UnknownSubnet, BadSubnetPackage."""
    from node.subnets.plugins import subnet_in
    from node.subnets.registry import known_subnets, open_subnet

    if which in known_subnets():
        return open_subnet(which)
    if ":" not in which and not Path(which).is_dir():
        raise UnknownSubnet(
            f"There is no subnet and no folder called {which!r}.",
            remedy=f"Known subnets: {', '.join(known_subnets())}. `neurond subnet new NAME` begins one.",
        )
    return subnet_in(which)


@subnet.command("simulate")
@_WHICH
@click.option("--miners", type=int, default=200, show_default=True, help="A fifth of them cheat, each way alike.")
@click.option("--epochs", type=click.IntRange(1, EPOCHS_MAX), default=20, show_default=True)
@click.option(
    "--strategy",
    "mix_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file that says who takes part, in place of --miners, --epochs and --seed.",
)
@click.option(
    "--rounds", type=click.IntRange(1, ROUNDS_MAX), default=50, show_default=True, help="Of the trial before."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@home_command
def simulate(env: Env, which: str, miners: int, epochs: int, mix_file: Path | None, rounds: int, seed: int) -> None:
    """Let a whole economy run on these rules: the real ledger, its emission, its pool and Yuma Consensus.

    How verdicts on each kind of miner come out is measured in a trial first, then drawn again for every challenge.

    \b
    Examples:
      neurond subnet simulate ./weather --miners 200
      neurond subnet simulate nineteen --strategy mix.toml --rounds 5 --json
    """
    from node.subnets.lab.economy import simulate as run_economy
    from node.subnets.lab.mix import read_mix, usual_mix

    mix = usual_mix(miners, epochs, seed) if mix_file is None else read_mix(_bytes_of(mix_file))
    found = find_subnet(which)
    measured = any(group.score is None for group in mix.miners)
    outcomes = {m.way: m.verdicts for m in _play(found, rounds, str(mix.seed)).miners} if measured else {}
    economy = run_economy(found, mix, outcomes, progress=teller("epochs"))
    env.emit(economy, lambda: _render_economy(economy))


def _bytes_of(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MIX_BYTES_MAX + 1)
    except OSError as error:
        raise NothingThere(f"{file} cannot be read: {error.strerror}.", remedy="Name a TOML file.") from error


def _render_economy(economy: "Economy") -> None:
    price = partial(format_amount, decimals=6)
    facts(
        [
            ("ran", f"{economy.epochs} epochs, {economy.blocks} blocks, {economy.verdicts} verdicts"),
            (
                "price of 1 α",
                f"{price(economy.price_before_rao)} at first, {price(economy.price_after_rao)} at the end",
            ),
            ("new τ", format_amount(economy.issuance_grown_rao)),
            ("owner", format_amount(economy.owner_alpha, "α", 4)),
        ]
    )
    for title, groups in (("miners", economy.miners), ("validators", economy.validators)):
        click.echo()
        rows = [
            (g.title, g.seats, f"{100 * g.share:.2f} %", format_amount(int(g.alpha_each), "α", 4),
             f"{100 * g.of_honest:.1f} %", f"{g.trust:.3f}" if title == "validators" else "")
            for g in groups
        ]  # fmt: skip
        honest = "of honest" if title == "miners" else "of honest, per stake"
        columns = (title, "seats", "share", "a seat and epoch", honest, "v-trust" if title == "validators" else "")
        table(columns, rows, right=columns[1:], empty="")


def _play(found: "AnySubnet", rounds: int, seed: str) -> "Trial":
    """Run a trial in an event loop of its own, with models where the subnet names some."""
    import trio

    from node.subnets.lab.hosts import NoModels
    from node.subnets.lab.trial import run_trial

    async def play() -> "Trial":
        if not found.spec.models and not found.spec.opens_files:
            return await run_trial(found, NoModels(), rounds=rounds, seed=seed, progress=teller("challenges"))
        from node.service.model_store import shared_model_store
        from node.service.roles.host import ModelHost

        host = ModelHost(shared_model_store())
        try:
            return await run_trial(found, host, rounds=rounds, seed=seed, progress=teller("challenges"))
        finally:
            await host.aclose()

    return trio.run(play)


def _trial(found: "AnySubnet", rounds: int, seed: str) -> TrialReport:
    trial = _play(found, rounds, seed)
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
        if not done or (now_s - told_s < 0.2 and done < of) or now_s - began_s < 1.0:
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
