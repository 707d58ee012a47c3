"""The command `neurond`: without a command it opens the terminal UI.

Every failure ends here as one sentence on standard error: exit code 2 for wrong arguments, 1 for what could not be
done, 130 after Ctrl-C. No traceback is ever shown; a defect leaves one in a file whose name is told.
"""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from node.commands.aliases import Rewritten, rewrite
from node.commands.lazy import LazyGroup
from node.control.errors import error_view
from node.control.paths import HOME_VARIABLE, default_home
from node.control.views.base import ErrorView
from node.control.words import ERROR_PREFIX

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130

_COMMANDS: Final = {
    "init": ("node.commands.init:init", "Set a node up, step by step or from a file of answers."),
    "up": ("node.commands.lifecycle:up", "Start the node."),
    "down": ("node.commands.lifecycle:down", "Stop the node."),
    "status": ("node.commands.lifecycle:status", "Show how the node is."),
    "doctor": ("node.commands.doctor:doctor", "Look for what is wrong, and what to do."),
    "logs": ("node.commands.logs:logs", "Show the node's log."),
    "devnet": ("node.commands.devnet:devnet", "A whole network on this machine."),
    "demo": ("node.commands.demo:demo", "Run the main job from end to end and check it."),
    "join": ("node.commands.joining:join", "Join a network by invite or multiaddress."),
    "invite": ("node.commands.joining:invite", "Print an invite to this node's network."),
    "role": ("node.commands.role:role", "Show or switch the role: staker, miner, validator."),
    "why": ("node.commands.why:why", "Why a miner earns what it earns."),
    "journal": ("node.commands.journal:journal", "What hotkeys have declared: journals, entries, forks."),
    "offers": ("node.commands.offers:offers", "What miners take for their work, and what this node takes."),
    "audit": ("node.commands.audit:audit", "Recount a validator's epoch from its published record."),
    "ask": ("node.commands.ask:ask", "Put a question to the network."),
    "quote": ("node.commands.quote:quote", "Set words on a picture, of one's own or by the network."),
    "receipts": ("node.commands.receipts:receipts", "What both sides of a call have signed."),
    "earnings": ("node.commands.earnings:earnings", "What this node earned, by subnet and epoch, and from callers."),
    "do": ("node.commands.do:do", "An order to the wallet in words: buy 10 sn4."),
    "usage": ("node.commands.usage:usage", "Add up calls, tokens and what was spent."),
    "wallet": ("node.commands.wallet:wallet", "Keys, balances, transfers."),
    "channels": ("node.commands.channels:channels", "Payment channels: list, open, top up, redeem, close."),
    "budget": ("node.commands.budget:budget", "What this node may spend for calls."),
    "stake": ("node.commands.stake:stake", "Stake, unstake, quotes."),
    "query": ("node.commands.query:query", "Ask the node any question of its catalogue."),
    "tools": ("node.commands.query:tools", "The catalogue of questions and calls, for programs."),
    "tx": ("node.commands.tx:tx", "List and send any call of the chain."),
    "subnets": ("node.commands.subnets:subnets", "List subnets, show one, register on one."),
    "subnet": ("node.commands.subnet:subnet", "Write a subnet of one's own: new, test, simulate."),
    "sudo": ("node.commands.sudo:sudo", "Hyperparameters of a subnet: get, set."),
    "weights": ("node.commands.weights:weights", "Set a validator's weights by hand."),
    "metagraph": ("node.commands.subnets:metagraph", "Show all neurons of a subnet."),
    "proposals": ("node.commands.proposals:proposals", "Governance: list, vote on and close proposals."),
    "authorities": ("node.commands.authorities:authorities", "Show who produces and finalises blocks."),
    "keys": ("node.commands.keys:keys", "API keys of the gateway: list, new, revoke, limits."),
    "peers": ("node.commands.peers:peers", "Show, add, ban and ping peers."),
    "light": ("node.commands.light:light", "Balances and metagraphs with proofs, without a node of one's own."),
    "chutes": ("node.commands.chutes:chutes", "Models on call: list, call, check, deploy."),
    "models": ("node.commands.models:models", "List, fetch and verify models."),
    "data": ("node.commands.data:data", "Collected text: sources, searches, data sets, what is wanted."),
    "store": ("node.commands.store:store", "What the node stores and shares: list, verify, repair, export."),
    "db": ("node.commands.db:db", "Look at, check, prune, copy or replace the chain database."),
    "config": ("node.commands.config:config", "What is set and by whom, and changing it."),
    "record": ("node.commands.record:record", "Write a session into a file."),
    "replay": ("node.commands.record:replay", "Open the window on a recorded session."),
    "web": ("node.commands.web:web", "The window in a browser, on this machine alone."),
    "service": ("node.commands.service:service", "The node as a service: install, status, logs."),
    "help-aliases": ("node.commands.help_aliases:help_aliases", "Names of Bittensor's tools that are understood."),
    "completion": ("node.commands.completion:completion", "Make bash, zsh or fish complete this command."),
    "update-check": ("node.commands.update_check:update_check", "Ask whether there is a newer version."),
    "explain": ("node.commands.explain:explain", "Explain an error code or a call."),
}


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from node.version import __version__

        click.echo(f"neurond {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    lazy=_COMMANDS,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), envvar=HOME_VARIABLE, help="The node's folder."
)
@click.option("--read-only", is_flag=True, help="The window shows everything and changes nothing.")
@click.option("--ascii", "ascii_only", is_flag=True, help="The window is drawn with ASCII alone.")
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Print the version."
)
@click.pass_context
def cli(ctx: click.Context, home: Path | None, read_only: bool, ascii_only: bool) -> None:
    """A node of a decentralized machine-learning market. Without a command: the terminal UI.

    \b
    Examples:
      neurond                          open the terminal UI
      neurond --read-only              the same, but it changes nothing
      neurond devnet up                a whole network on this machine
      neurond ask "What is a neuron?"  put a question to it
    """
    if ctx.invoked_subcommand is not None:
        if home is not None and HOME_VARIABLE not in os.environ:
            raise click.UsageError(f"Write --home after the command: neurond {ctx.invoked_subcommand} --home {home}")
        if read_only or ascii_only:
            flag = "--read-only" if read_only else "--ascii"
            raise click.UsageError(f"{flag} is for the window: neurond {flag}, without a command.")
        return
    from tui.app import Options, run

    options = Options(read_only=read_only, ascii_only=ascii_only)
    ctx.exit(run(default_home() if home is None else home.expanduser().absolute(), options=options))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; the console script passes it to the shell."""
    if "_NEUROND_COMPLETE" in os.environ:  # a shell asks what could be typed
        from node.commands.completion import answer

        return answer(cli)
    _mend_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    line = Rewritten(given)
    try:
        line = rewrite(cli, given)
        given = line.arguments
        outcome = cli.main(given, prog_name="neurond", standalone_mode=False, obj=line)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_USAGE
    except click.UsageError as error:
        hint = f"See `{error.ctx.command_path} --help`." if error.ctx else "See `neurond --help`."
        return _fail(line, ErrorView("usage", _sentence(error.format_message()), hint), EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"{ERROR_PREFIX}Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_FAILED
    except UnicodeError:
        view = ErrorView("usage", "What was typed or piped in holds bytes that are no text.", "Write it in UTF-8.")
        return _fail(line, view, EXIT_USAGE)
    except Exception as error:  # the last line of defence: whatever it is, people get a sentence
        return _fail(line, _view(error), EXIT_FAILED)
    return outcome if isinstance(outcome, int) else 0


def _fail(line: Rewritten, view: ErrorView, exit_code: int) -> int:
    from node.commands.common import plain  # loaded only when it is needed, so that help stays quick

    with contextlib.suppress(BrokenPipeError):
        if "--json" in line.arguments:
            click.echo(msgspec.json.encode({"error": view}).decode())
        click.echo(f"{ERROR_PREFIX}{plain(f'{view.message} {view.hint}'.rstrip())}", err=True)
        if line.verbose:
            click.echo(f"{ERROR_PREFIX}code {view.code}; `neurond explain {view.code}` says more", err=True)
    return exit_code


def _view(error: Exception) -> ErrorView:
    expected = error_view(error)
    if expected is not None:
        return expected
    if isinstance(error, click.ClickException):
        return ErrorView("command_error", _sentence(error.format_message()))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return ErrorView("os_error", f"{where}{error.strerror or error}.", "Check the path, its owner and free space.")
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="neurond-", suffix=".txt", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return ErrorView("defect", f"This is a defect of neurond ({type(error).__name__}).", f"Please report {file.name}.")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _mend_streams() -> None:
    """Open what the caller closed, and let no letter that a terminal does not have end a command.

    Files get the lowest free number: without this a database could become the place where messages are written.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  it lives as long as we do
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _silence_stdout() -> None:
    """Keep Python from complaining about the closed pipe once more while it exits."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
