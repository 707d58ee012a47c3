"""Setting a node up: the tests on the way, the keys, and the start. Blocks: call it from a worker thread.

Nothing is written before `set_up`, except the answers of an unfinished setup, which hold no secret. What a network
answers is asked for by commands of our own, `neurond init check`, `port`, `lan` and `bench`, each a process of its own.
"""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from node.control import launcher, service_manager
from node.control.config_daemon import devnet_options
from node.control.errors import BadAnswers, DaemonFailed, ServiceUnavailable
from node.control.options import DEFAULT_LISTEN, DaemonConfig, Progress, ProgressSink
from node.control.paths import devnet_path, home_to_ask, wallets_path
from node.control.schema import View
from node.control.setup import Answers, faults, wallet_home, wallet_name
from node.control.setup_files import forget
from node.control.setup_host import host_steps
from node.control.setup_views import CheckStep, LanSurvey, MachineBench, TargetCheck
from node.control.wallets import Wallet, wallet_store

T = TypeVar("T")
Tell = Callable[[CheckStep], None]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What goes beside answers and is never written down: the password of new keys, and recovery words.

    words: of the wallet to restore; for a new one those that were shown, or empty to have some made.
    """

    password: str | None = field(default=None, repr=False)
    words: str = field(default="", repr=False)


class Plan(View, frozen=True):
    """What `set_up` would do: the choices as label and text, the files, and the commands that do the same."""

    choices: tuple[tuple[str, str], ...]
    files: tuple[str, ...]
    commands: tuple[str, ...]


class Outcome(View, frozen=True):
    """A node that runs. home: its own; window_home: what `neurond --home` opens. words: of a wallet made just now.

    note: what was wanted beside it and failed, in a sentence; empty when nothing did.
    """

    home: str
    window_home: str
    network: str
    coldkey: str = ""
    words: str | None = None
    note: str = ""


def plan_of(answers: Answers, default_home: Path) -> Plan:
    """Return what setting up would do. Changes nothing and asks nobody."""
    home, keys = answers.home(default_home), wallet_home(answers, default_home)
    wallet, network, host = answers.wallet, answers.network, answers.host
    choices = [("wallet", _wallet_words(answers, keys))]
    files: list[str] = []
    if answers.makes_keys or wallet.do == "watch":
        files.append(f"{wallets_path(keys) / wallet_name(answers)}/")
    if answers.is_devnet:
        choices.append(("network", "a devnet of four nodes on this machine, open to nobody else"))
        choices.append(("roles", "two validators that make the blocks, two miners; r switches the one you see"))
        files.append(f"{devnet_path(home)}/")
    else:
        choices.append(("network", f"join {_shortened(network.target)}"))
        choices.append(("role", answers.role.name))
        port = f"TCP port {host.port}" if host.port else "any free TCP port"
        choices.append(("listens", f"{port}, on every interface"))
        files.append(f"{home}/")
    choices.append(("home", str(home)))
    if not answers.is_devnet:
        choices.append(("disk", f"at most {host.disk_mb:,} MB for the chain" if host.disk_mb else "no budget"))
    if host.at_login:
        choices.append(("at login", "a service of this user starts the node"))
        files += _service_files(home)
    return Plan(tuple(choices), tuple(files), _commands(answers, home, keys))


def check_all(answers: Answers, default_home: Path, tell: Tell = lambda _: None) -> tuple[CheckStep, ...]:
    """Return every test of the answers, told one by one; no step with `ok` False means that they can be carried out."""
    found: list[CheckStep] = []

    def add(step: CheckStep) -> None:
        found.append(step)
        tell(step)

    for fault in faults(answers):
        add(CheckStep(fault.field, False, fault.message, fault.remedy))
    if found:
        return tuple(found)
    for step in (*host_steps(answers, default_home), *wallet_steps(answers, default_home)):
        add(step)
    if not answers.is_devnet:
        for step in check_target(answers, default_home).steps:
            add(step)
        reach = None if any(step.ok is False for step in found) else check_port(answers, default_home)
        if reach is not None:
            add(reach)
    return tuple(found)


def wallet_steps(answers: Answers, default_home: Path) -> tuple[CheckStep, ...]:
    """Return whether the wallet can be had as wanted: a new one needs a free name, one to keep must be there."""
    keys, name = wallet_home(answers, default_home), wallet_name(answers)
    place = wallets_path(keys) / name
    if answers.wallet.do == "keep" and not place.is_dir():
        return (
            CheckStep("wallet", False, f"There is no wallet {name} in {wallets_path(keys)}.", "Make or restore one."),
        )
    if (answers.makes_keys or answers.wallet.do == "watch") and place.exists():
        if answers.is_devnet:
            text, remedy = f"A devnet with keys of its own is in {keys.parent} already.", "Name another home."
        else:
            text, remedy = (
                f"There is a wallet {name} in {wallets_path(keys)} already.",
                "Keep it, or choose another name.",
            )
        return (CheckStep("wallet", False, text, remedy),)
    return ()


def set_up(answers: Answers, secrets: Secrets, default_home: Path, progress: ProgressSink) -> Outcome:
    """Make the keys and start the node; returns when it works, and the saved answers are gone.

    A second try with the same words goes on with the keys of the first.

    Raises:
        BadAnswers: the answers do not fit. WalletError: words or password do not.
        DaemonFailed, ControlError: the node does not start; keys that were made stay.
    """
    for fault in faults(answers):
        raise BadAnswers(fault.message, remedy=fault.remedy)
    home = answers.home(default_home)
    wallet, words = make_wallet(answers, secrets, default_home, progress)
    if answers.is_devnet:
        status = launcher.start_devnet(devnet_options(devnet_path(home), home), progress)
        running = next((Path(each.home) for each in status.nodes if each.pid is not None), None)
        if running is None:
            raise DaemonFailed("The devnet started, but none of its nodes runs.", remedy=f"See the logs below {home}.")
        network = status.network
    else:
        running, network = home, _join(answers, home, progress)
    note = _start_at_login(home, progress) if answers.host.at_login else ""
    forget(default_home)
    coldkey = "" if wallet is None else wallet.address
    return Outcome(str(running), str(home), network, coldkey, words, note)


def _start_at_login(home: Path, progress: ProgressSink) -> str:
    """Have a service start the node from the next login on; return why that failed, since the node runs anyway."""
    progress(Progress("login", "asking for a start at every login"))
    try:
        service_manager.install(service_manager.manager_of(home), home, start=False)
    except (ServiceUnavailable, OSError) as error:
        return f"The node runs, but it will not start at login: {error} Try `neurond service install --no-start`."
    return ""


def _service_files(home: Path) -> list[str]:
    """The file of the service, where this system has services."""
    try:
        return [str(service_manager.manager_of(home).path)]
    except ServiceUnavailable:
        return []


def make_wallet(
    answers: Answers, secrets: Secrets, default_home: Path, progress: ProgressSink
) -> tuple[Wallet | None, str | None]:
    """Return the wallet of a setup, made if need be, and its words when they were made here. Raises WalletError."""
    from node.control.setup_keys import new_words
    from node.primitives.address import from_ss58
    from node.wallet import WalletExists

    asked = answers.wallet
    store, name = wallet_store(wallet_home(answers, default_home)), wallet_name(answers)
    if asked.do == "none":
        return None, None
    if asked.do == "keep":
        return store.open(name), None
    progress(Progress("wallet", f"writing the wallet {name}"))
    if asked.do == "watch":
        return store.watch(name, from_ss58(asked.address)), None
    fresh = new_words(asked.words) if asked.do == "new" and not secrets.words else None
    words = fresh or secrets.words
    try:
        return store.restore(name, words, None if asked.unsafe else secrets.password), fresh
    except WalletExists:
        made = store.open(name)
        if not made.matches_words(words):
            raise
        return made, fresh


def check_target(answers: Answers, default_home: Path, tell: Tell = lambda _: None) -> TargetCheck:
    """Return what the target of answers leads to. Raises DaemonFailed when it cannot even be tried."""

    def report(step: Progress) -> None:
        mark, _, text = step.message.partition(" ")
        ok = {"✓": True, "✗": False}.get(mark)
        tell(CheckStep(step.stage, ok, text.removeprefix(f"{step.stage}: ")))

    arguments = ["init", "check", answers.network.target, "--home", str(answers.home(default_home))]
    if answers.network.genesis:
        arguments += ["--genesis-hash", answers.network.genesis]
    return _ask(arguments, TargetCheck, report)


def check_port(answers: Answers, default_home: Path) -> CheckStep | None:
    """Return whether a peer of the network comes back in through the port of answers; None without one of its own.

    Takes up to half a minute and never says that something failed: a node that nobody reaches works too. Raises
    DaemonFailed when it cannot even be tried.
    """
    if answers.is_devnet or not answers.host.port:
        return None
    where = ["--port", str(answers.host.port), "--home", str(answers.home(default_home))]
    return _ask(["init", "port", answers.network.target, *where], CheckStep, lambda _: None)


def networks_near(progress: ProgressSink) -> LanSurvey:
    """Return the networks on the local network; about five seconds. Raises DaemonFailed."""
    return _ask(["init", "lan"], LanSurvey, progress)


def measure(progress: ProgressSink) -> MachineBench:
    """Return what this machine can do as a miner; about ten seconds. Raises DaemonFailed."""
    return _ask(["init", "bench"], MachineBench, progress)


def find_node(text: str) -> tuple[Path, str]:
    """Return the home of a running node that `text` names, a home or its control socket, and a few words on it.

    Raises:
        BadAnswers: nobody answers there. ControlError: somebody does, and cannot be talked to.
    """
    named = Path(text.strip()).expanduser().absolute()
    home = named.parent if named.name == "control.sock" else named
    home = home_to_ask(home)
    hello = launcher.find(home)
    if hello is None:
        raise BadAnswers(
            f"No node answers in {home}.", remedy="Name the home of one that runs; for one far away see below."
        )
    return home, f"{hello.network or 'no network yet'}, {hello.state}, neurond {hello.version}"


def _ask(arguments: list[str], kind: type[T], progress: ProgressSink) -> T:
    """Run one of our commands that prints `kind`; its exit code 1 with a result is an answer too."""
    try:
        output = launcher.run_command([*arguments, "--json"], progress, may_fail=True)
        return msgspec.json.decode(output, type=kind)
    except msgspec.DecodeError as error:
        raise DaemonFailed(f"`neurond {' '.join(arguments[:2])}` printed something unexpected: {error}.") from error


def _join(answers: Answers, home: Path, progress: ProgressSink) -> str:
    """Start the node on the network of an invite or address; an address is held to the genesis that was tested."""
    network, host = answers.network, answers.host
    if network.target.startswith("nd1"):
        return launcher.join(home, network.target, progress, _node_options(answers)).network
    config = DaemonConfig(
        home,
        genesis_hash=network.genesis or None,
        bootstrap=(network.target,),
        listen=_listen(answers) or DEFAULT_LISTEN,
        role=answers.role.name,
        wallet=answers.wallet.name,
        disk_mb=host.disk_mb or None,
    )
    return launcher.start(config, progress).network


def _listen(answers: Answers) -> tuple[str, ...]:
    return (f"/ip4/0.0.0.0/tcp/{answers.host.port}",) if answers.host.port else ()


def _node_options(answers: Answers) -> list[str]:
    options = ["--role", answers.role.name, "--wallet", answers.wallet.name]
    for address in _listen(answers):
        options += ["--listen", address]
    if answers.host.disk_mb:
        options += ["--disk-mb", str(answers.host.disk_mb)]
    return options


def _wallet_words(answers: Answers, keys: Path) -> str:
    wallet, name = answers.wallet, wallet_name(answers)
    seal = "without a password: UNSAFE" if wallet.unsafe else "sealed with your password"
    match wallet.do:
        case "new":
            return f"{name}, new, {wallet.words} words, {seal}"
        case "restore":
            return f"{name}, restored from its words, {seal}"
        case "watch":
            return f"{name}, watching {wallet.address}; nothing can be signed here"
        case "keep":
            return f"{name}, as it is in {wallets_path(keys)}"
        case _:
            return (
                "UNSAFE: keys of a devnet, without a password" if answers.is_devnet else "none: the node only follows"
            )


def _commands(answers: Answers, home: Path, keys: Path) -> tuple[str, ...]:
    """The same by hand, one command a line."""
    wallet, lines = answers.wallet, []
    where = ["--home", os.fspath(keys)]
    unsafe = ["--no-password"] * wallet.unsafe
    name = wallet_name(answers)
    if wallet.do == "new":
        lines.append(["wallet", "create", name, "--words", str(wallet.words), *unsafe, *where])
    elif wallet.do == "restore":
        lines.append(["wallet", "restore", name, *unsafe, *where])
    elif wallet.do == "watch":
        lines.append(["wallet", "watch", name, wallet.address, *where])
    if answers.is_devnet:
        lines.append(["devnet", "up", "--home", os.fspath(devnet_path(home))])
    elif answers.network.target.startswith("nd1"):
        lines.append(["join", answers.network.target, "--home", os.fspath(home), *_node_options(answers)])
    else:
        genesis = ["--genesis-hash", answers.network.genesis] if answers.network.genesis else []
        lines.append(
            ["up", "--bootstrap", answers.network.target, *genesis, "--home", os.fspath(home), *_node_options(answers)]
        )
    if answers.host.at_login:
        lines.append(["service", "install", "--no-start", "--home", os.fspath(home)])
    return tuple(shlex.join(["neurond", *line]) for line in lines)


def _shortened(target: str) -> str:
    return target if len(target) <= 72 else f"{target[:40]}…{target[-12:]}"
