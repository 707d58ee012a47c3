"""`neurond ask`: one question to the network, the answer as it comes."""

import sys

import click

from node.commands.common import Env, command, narrate, plain
from node.commands.options import Number
from node.control.api import AskRequest
from node.control.client_sync import SyncClient
from node.control.limits import ASK_TIMEOUT_S, ASK_TOKENS_MAX
from node.control.schema import AskDone, ChatMessage, View

_QUESTION_CHARS_MAX = 64 * 1024  # no model here reads more


class Answered(View, frozen=True):
    """What --json prints."""

    text: str
    done: AskDone | None


@click.command()
@click.argument("question")
@click.option("--model", help="Default: the network's.")
@click.option("--max-tokens", type=click.IntRange(1, ASK_TOKENS_MAX), help="Length of the answer at most.")
@click.option("--temperature", type=Number(0.0, 2.0), help="0 takes the likeliest words.")
@click.option("--system", help="Instruction to the model before the question.")
@click.option(
    "--as", "template", help="A template: explain-code, write-tests, clean-csv, …; an unknown name lists them."
)
@command
def ask(
    env: Env,
    question: str,
    model: str | None,
    max_tokens: int | None,
    temperature: float | None,
    system: str | None,
    template: str | None,
) -> None:
    """Put QUESTION ("-": standard input) to the miners of the network.

    \b
    Examples:
      neurond ask "What is the capital of France?"
      neurond ask - --max-tokens 200 < question.txt
      neurond ask - --as explain-code < program.py
    """
    text = sys.stdin.read(_QUESTION_CHARS_MAX + 1) if question == "-" else question
    if not text.strip() or len(text) > _QUESTION_CHARS_MAX:
        raise click.UsageError(f"A question has 1 to {_QUESTION_CHARS_MAX} letters.")
    messages = (*((ChatMessage("system", system),) if system else ()), ChatMessage("user", text))
    if template is not None:
        messages = _instructed(template, messages)
    pieces: list[str] = []
    done: AskDone | None = None
    with SyncClient(env.home) as client:
        request = AskRequest(messages, model, max_tokens, temperature)
        for part in client.stream(request, timeout_s=ASK_TIMEOUT_S):
            pieces.append(part.text)
            done = part.done
            if not env.json:
                click.echo(plain(part.text), nl=False)
    env.emit(Answered("".join(pieces), done), click.echo)
    if done is not None:
        narrate(
            f"{done.completion_tokens} tokens from {done.miner} ({done.model}): "
            f"first after {done.first_token_ms:.0f} ms, all after {done.total_ms / 1000:.1f} s, "
            f"ended by {done.finish_reason}"
        )


def _instructed(name: str, messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """The messages behind a template's instruction. Raises UsageError, which names those that there are."""
    from node.market.chat import ChatTurn
    from node.market.errors import BadRequest
    from node.market.templates import TEMPLATES, with_template

    try:
        first, *_ = with_template(name, [ChatTurn(each.role, each.content) for each in messages])
    except BadRequest as error:
        known = "\n".join(f"  {each.name:<14}{each.about}" for each in TEMPLATES)
        raise click.UsageError(f"There is no template {name[:40]!r}; known are:\n{known}") from error
    return ChatMessage("system", first.content), messages[-1]
