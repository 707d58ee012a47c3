"""`neurond init`: setting a node up without the window, and the tests that the window's wizard makes on its way."""

import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from node.commands.common import Env, confirm, facts, home_command, narrate, plain, show_progress, table
from node.commands.errors import Declined, PasswordNeeded
from node.commands.lazy import DefaultGroup
from node.commands.money import PASSWORD_VARIABLE
from node.commands.options import GENESIS_HASH, Number
from node.control.errors import BadAnswers
from node.control.limits import BENCH_MODEL_S, LAN_LISTEN_S, SETUP_BYTES_MAX
from node.control.options import DEFAULT_MODEL, Progress
from node.control.setup import EXAMPLE, PORT_MAX, Answers, read_answers
from node.control.setup_views import CheckStep, LanNetwork, LanSurvey, MachineBench, TargetCheck

if TYPE_CHECKING:
    from node.control.setup_run import Outcome, Plan, Secrets
    from p2p import Network

T = TypeVar("T")
_WORDS_CHARS_MAX: Final = 4096
_MARKS: Final = {True: "✓", False: "✗", None: "·"}


@click.group(cls=DefaultGroup, default="run")
def init() -> None:
    """Set a node up: wallet, network, role, host. In a terminal without options: the wizard.

    \b
    Examples:
      neurond init                        the wizard, step by step
      neurond init --print > answers.toml
      neurond init --from answers.toml    the same without a person
      neurond init check nd1…             does this invite lead anywhere?
    """


@init.command("run")
@click.option(
    "--from", "file", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="Answers in TOML; - reads standard input.",
)  # fmt: skip
@click.option("--print", "example", is_flag=True, help="Write a commented file of answers and stop there.")
@click.option("--dry-run", is_flag=True, help="Check everything, show what would happen, and stop there.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before it begins.")
@home_command
def run(env: Env, file: Path | None, example: bool, dry_run: bool, yes: bool) -> int:
    """Set this home up from a file of answers; in a terminal without one, open the wizard.

    \b
    Examples:
      neurond init --print > answers.toml
      neurond init --from answers.toml --dry-run
      neurond init --from answers.toml --json --yes
    """
    if example:
        click.echo(EXAMPLE, nl=False)
        return 0
    if file is None:
        if env.json or dry_run:
            raise click.UsageError("Name a file of answers with --from FILE; --print writes an example.")
        from tui.app import run as open_window

        return open_window(env.home)
    return _from_file(env, file, dry_run=dry_run, yes=yes)


def _from_file(env: Env, file: Path, *, dry_run: bool, yes: bool) -> int:
    from node.control.setup_run import check_all, plan_of, set_up

    answers = _read(file)
    plan = plan_of(answers, env.home)
    steps = check_all(answers, env.home, lambda step: narrate(_line(step)))
    problem = next((each for each in steps if each.ok is False), None)
    if dry_run:
        env.emit({"plan": plan, "checks": steps}, lambda: _show_plan(plan))
        return 1 if problem else 0
    if problem is not None:
        raise BadAnswers(problem.text, remedy=problem.remedy)
    if not env.json:
        _show_plan(plan, err=True)
    confirm("Set this node up?", yes=yes)
    outcome = set_up(answers, _secrets(answers, file), env.home, show_progress)
    env.emit(outcome, lambda: _show_outcome(outcome))
    return 0


def _read(file: Path) -> Answers:
    if str(file) == "-":
        return read_answers(sys.stdin.buffer.read(SETUP_BYTES_MAX + 1), "standard input")
    try:
        with file.open("rb") as opened:
            return read_answers(opened.read(SETUP_BYTES_MAX + 1), str(file))
    except OSError as error:
        raise BadAnswers(f"{file} cannot be read: {error.strerror}.") from error


def _secrets(answers: Answers, file: Path) -> "Secrets":
    """Take password and words from where a person or a program gives them; never from the file."""
    from node.control.setup_run import Secrets

    words = ""
    if answers.wallet.do == "restore":
        if sys.stdin.isatty():
            words = click.prompt("Recovery words", hide_input=True, err=True)
        elif str(file) == "-":
            raise BadAnswers("Standard input has the answers, so it cannot have the words as well.", remedy="")
        else:
            words = sys.stdin.readline(_WORDS_CHARS_MAX)
    return Secrets(_password() if answers.needs_password else None, words)


def _password() -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise PasswordNeeded(
            "A new wallet needs a password.", remedy=f"Set {PASSWORD_VARIABLE}, or run the command in a terminal."
        )
    asked: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _show_plan(plan: "Plan", *, err: bool = False) -> None:
    rows: list[tuple[str, object]] = [*plan.choices]
    rows += [("writes", path) for path in plan.files]
    rows += [("same as", line) for line in plan.commands]
    facts(rows, err=err)


def _show_outcome(outcome: "Outcome") -> None:
    if outcome.words:
        narrate("Write these words down. They are shown once, and whoever has them has the money:")
        click.echo(outcome.words)
    rows: list[tuple[str, object]] = [("running in", outcome.home), ("network", outcome.network)]
    rows += [("coldkey", outcome.coldkey)] * bool(outcome.coldkey)
    facts([*rows, ("window", f"neurond --home {outcome.window_home}")])
    if outcome.note:
        narrate(outcome.note)


def _line(step: CheckStep) -> str:
    return f"{_MARKS[step.ok]} {step.name}: {step.text} {step.remedy if step.ok is False else ''}".rstrip()


@init.command("check")
@click.argument("target", metavar="INVITE|MULTIADDR")
@click.option("--genesis-hash", type=GENESIS_HASH, metavar="HEX", help="Genesis that an address must lead to.")
@home_command
def check(env: Env, target: str, genesis_hash: str | None) -> int:
    """Test an invite or address without joining: what it says, dial, genesis, version, round trip.

    \b
    Examples:
      neurond init check nd1…
      neurond init check /ip4/192.0.2.7/tcp/4001/p2p/12D3… --json
    """
    found = _checked(env, "".join(target.split()), genesis_hash)
    env.emit(found, lambda: _show_check(found))
    return 1 if found.problem else 0


def _checked(env: Env, target: str, genesis_hash: str | None) -> TargetCheck:
    from node.primitives.types import Hash
    from node.service.home import Home
    from node.service.lookaround import check_target

    expected = None if genesis_hash is None else Hash(bytes.fromhex(genesis_hash))
    return _on_a_network(lambda network: check_target(network, target, Home(env.home), _now_ms(), _tell, expected))


def _on_a_network(work: "Callable[[Network], Awaitable[T]]", listen: tuple[str, ...] = ()) -> T:
    """Run `work` with a network of its own: a peer without a chain, whose key is gone afterwards. Raises P2PError."""
    import trio

    from node.service.lookaround import AGENT
    from p2p import HostConfig, open_host

    async def main(folder: str) -> T:
        config = HostConfig(Path(folder) / "network.key", listen=listen, agent=AGENT, target_peers=0)
        async with open_host(config) as network:
            return await work(network)
        raise Declined("The network went away while it was asked.", remedy="Try again.")

    with tempfile.TemporaryDirectory(prefix="neurond-init-") as folder:
        return trio.run(main, folder)


def _tell(step: CheckStep) -> None:
    show_progress(Progress(step.name, _line(step)))


def _show_check(found: TargetCheck) -> None:
    rows: list[tuple[str, object]] = [("network", found.network or "unknown"), ("genesis", found.genesis_hash or "-")]
    rows += [("inviter", found.inviter)] * bool(found.inviter)
    rows += [("version", found.version)] * bool(found.version)
    rows += [("round trip", f"{found.latency_ms:.1f} ms")] if found.latency_ms is not None else []
    rows.append(("joining", f"{found.problem} {found.remedy}".rstrip() or "nothing speaks against it"))
    facts(rows)


@init.command("port")
@click.argument("target", metavar="INVITE|MULTIADDR")
@click.option("--port", type=click.IntRange(1, PORT_MAX), required=True, help="TCP port of this machine to test.")
@home_command
def port(env: Env, target: str, port: int) -> None:
    """Test whether others reach a TCP port of this machine: a node of the network is asked to come back in.

    \b
    Example:
      neurond init port nd1… --port 4001
    """
    found = _port_tried(env, "".join(target.split()), port)
    env.emit(found, lambda: click.echo(_line(found)))


def _port_tried(env: Env, target: str, port: int) -> CheckStep:
    from node.service.home import Home
    from node.service.port_check import port_answers

    listen = (f"/ip4/0.0.0.0/tcp/{port}",)  # the node will listen just so
    return _on_a_network(lambda network: port_answers(network, target, Home(env.home), _now_ms()), listen)


@init.command("lan")
@click.option("--seconds", type=Number(0.5, 60), default=LAN_LISTEN_S, show_default=True, help="How long.")
@home_command
def lan(env: Env, seconds: float) -> None:
    """Look for networks whose nodes announce themselves on the local network (multicast DNS).

    \b
    Example:
      neurond init lan
    """
    found = _survey(seconds)
    rows = [(each.network, each.peers, _ms(each), each.genesis_hash[:16], each.addresses[0]) for each in found.networks]
    columns = ("network", "peers", "round trip", "genesis", "address")
    empty = found.problem or "Nobody announces a network on the local network."
    env.emit(found, lambda: table(columns, rows, right=("peers", "round trip"), empty=empty))


def _ms(found: LanNetwork) -> str:
    return "-" if found.latency_ms is None else f"{found.latency_ms:.1f} ms"


def _survey(listen_s: float) -> LanSurvey:
    from node.service.lookaround import networks_near
    from p2p.lan_survey import listen_on_lan
    from p2p.mdns import lan_interfaces

    interfaces = lan_interfaces((), listens=False)
    if not interfaces:
        return LanSurvey((), problem="This machine has no address in a local network.")
    show_progress(Progress("listen", f"listening on {', '.join(interfaces)}"))
    try:
        heard = listen_on_lan(interfaces, listen_s)
    except (OSError, RuntimeError, ValueError) as error:
        return LanSurvey((), interfaces, f"Multicast DNS does not work here: {error}.")
    if not heard:
        return LanSurvey((), interfaces)
    show_progress(Progress("ask", f"asking {len(heard)} nodes"))
    return LanSurvey(_on_a_network(lambda network: networks_near(network, heard)), interfaces)


@init.command("bench")
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model that a miner would serve.")
@click.option("--seconds", type=Number(0.1, 600), default=BENCH_MODEL_S, show_default=True, help="How long.")
@home_command
def bench(env: Env, model: str, seconds: float) -> None:
    """Measure what this machine can do as a miner: about ten seconds.

    \b
    Example:
      neurond init bench
    """
    from node.service.machine_bench import measure_machine

    found = measure_machine(model, seconds, show_progress)
    env.emit(found, lambda: _show_bench(found))


def _show_bench(found: MachineBench) -> None:
    speed = found.note if found.speed is None else f"{found.speed:,.1f} {found.speed_unit} on {found.provider}"
    facts([
        ("cores", found.cores), ("memory", f"{found.memory_bytes / 1e9:,.1f} GB"),
        ("arithmetic", f"{found.gflops:,.1f} GFLOP/s"), (found.model, plain(speed)),
    ])  # fmt: skip


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
