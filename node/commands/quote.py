"""`neurond quote`: words on a picture, either or both made by the network."""

import base64
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click
import msgspec

from node.commands.common import Env, command, narrate
from node.commands.errors import AlreadyThere, NothingThere
from node.control.api import AskRequest
from node.control.client_sync import SyncClient
from node.control.limits import ASK_TIMEOUT_S
from node.control.route_api import ROUTE_TIMEOUT_S, RouteRequest
from node.control.schema import ChatMessage, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


T = TypeVar("T")
_TEXT_CHARS_MAX: Final = 600  # what is still read on a picture
_NAME_CHARS_MAX: Final = 80
_WORDS_TOKENS: Final = 60
_SIDE_MIN, _SIDE_MAX = 200, 2048
_LACKED_SHARE_MAX: Final = 0.25  # of the letters; with more the picture says nothing
_THEMES: Final = ("night", "sea", "forest", "ember", "paper", "plain")
_INSTRUCTION: Final = "Answer with one short sentence that one would like to quote, and with nothing else."
_SENTENCE_END: Final = re.compile(r"[.!?][\"”’'»]*\s")
_CHUTES: Final = "/v1/chutes"


class _Size(click.ParamType[tuple[int, int]]):
    """WIDTHxHEIGHT in pixels."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        wide, _, high = str(value).partition("x")
        if not (wide.isdecimal() and high.isdecimal()) or len(wide) > 4 or len(high) > 4:
            self.fail(f"{value!r} is not like 1200x630.", param, ctx)
        if not all(_SIDE_MIN <= int(each) <= _SIDE_MAX for each in (wide, high)):
            self.fail(f"each side has {_SIDE_MIN} to {_SIDE_MAX} pixels.", param, ctx)
        return int(wide), int(high)


class Quoted(View, frozen=True):
    """What --json prints."""

    path: str
    text: str
    author: str
    width: int
    height: int
    words_by: str = ""  # the miner, where the network wrote the words
    picture_by: str = ""  # the chute, where the network made the picture


@click.command("quote")
@click.argument("text", required=False)
@click.option("--ask", "topic", metavar="TOPIC", help="Have the network write the words, about this.")
@click.option("--author", default="", help="Who said it; shown below, with initials.")
@click.option("--theme", type=click.Choice(_THEMES), default=_THEMES[0], show_default=True, help="Colours.")
@click.option("--picture", metavar="CHUTE", help='Set it on a picture by this chute; "auto": by any there is.')
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True, help="Of that picture.")
@click.option("--size", type=_Size(), default="1200x630", show_default=True, help="In pixels.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("quote.png"), show_default=True,
    help="The PNG file to write.",
)  # fmt: skip
@command
def quote(
    env: Env, text: str | None, topic: str | None, author: str, theme: str, picture: str | None, seed: int,
    size: tuple[int, int], out: Path,
) -> None:  # fmt: skip
    """Set TEXT on a picture, or words that the network writes (--ask). A drawn ground needs no node.

    \b
    Examples:
      neurond quote "Measure twice, cut once." --author "A carpenter" -o measure.png
      neurond quote --ask "patience" --picture auto -o patience.png
    """
    if (text is None) == (topic is None):
        raise click.UsageError("Give either TEXT or --ask TOPIC.")
    if out.exists():
        raise AlreadyThere(f"{out} exists already.")
    if not out.parent.is_dir():
        raise NothingThere(f"There is no folder {out.parent}.", remedy="Make it first, or name another with -o.")
    author = words_of(author, _NAME_CHARS_MAX, "A name") if author.strip() else ""
    words, miner = (words_of(text, _TEXT_CHARS_MAX, "A quote"), "") if text is not None else asked(env, str(topic))
    ground, chute = (None, "") if picture is None else made(env, picture, words, seed)
    from node.commands.quote_image import THEMES, quote_picture
    from node.subnets.chutes.png import encode_png

    out.write_bytes(encode_png(quote_picture(words, author, THEMES[theme], *size, ground)))
    shown = Quoted(str(out), words, author, *size, miner, chute)
    env.emit(shown, lambda: click.echo(f"written: {out}"))


def words_of(text: str, chars_max: int, what: str) -> str:
    """A text as it is drawn: composed, without controls. Raises UsageError for one that shows nothing, or too much."""
    from node.commands.quote_font import draws

    clean = "".join(
        letter for letter in unicodedata.normalize("NFC", text)
        if letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    ).strip()  # fmt: skip
    if not clean:
        raise click.UsageError(f"{what} has at least one letter that can be seen.")
    if len(clean) > chars_max:
        raise click.UsageError(f"{what} has at most {chars_max} letters, not {len(clean)}.")
    lacked = sum(not draws(letter) for letter in clean)
    if lacked > _LACKED_SHARE_MAX * len(clean):
        raise click.UsageError(f"{what} is drawn with Latin letters; {lacked} of {len(clean)} are none.")
    return clean


# --- what the network makes -----------------------------------------------------------------------------------------


def asked(env: Env, topic: str) -> tuple[str, str]:
    """A sentence about a topic, and the miner who wrote it. Raises as `neurond ask`, NothingThere for no words."""
    subject = words_of(topic, _TEXT_CHARS_MAX, "A topic")
    messages = (ChatMessage("system", _INSTRUCTION), ChatMessage("user", f"A quote about {subject}."))
    pieces: list[str] = []
    miner = ""
    with SyncClient(env.home) as client:
        for part in client.stream(AskRequest(messages, max_tokens=_WORDS_TOKENS), timeout_s=ASK_TIMEOUT_S):
            pieces.append(part.text)
            miner = miner if part.done is None else part.done.miner
    narrate(f"words by {miner}")
    sentence = first_sentence("".join(pieces))
    if not sentence:
        raise NothingThere("The network's answer has no words.", remedy="Ask again, or give the words yourself.")
    return words_of(sentence, _TEXT_CHARS_MAX, "The network's answer"), miner


def first_sentence(answer: str) -> str:
    """The first whole sentence, without quotation marks around it; all of an answer that has none."""
    line = " ".join(answer.split())
    end = _SENTENCE_END.search(line)
    return (line if end is None else line[: end.start() + 1]).strip(" \"“”'«»")


def made(env: Env, name: str, prompt: str, seed: int) -> tuple["NDArray[np.uint8]", str]:
    """A picture by a chute and the chute's name. Raises NothingThere where there is none, and what miners answer."""
    from node.commands.chutes_inputs import inputs_of
    from node.control.chute_inputs import SidesCard
    from node.subnets.chutes.listing import ChuteInfo
    from node.subnets.chutes.png import decode_png
    from node.subnets.chutes.requests import InferReply

    if name == "auto":
        offered = _route(env, "GET", _CHUTES, list[ChuteInfo], query=(("kind", "image-generation"),))
        if not offered:
            raise NothingThere("The network has no chute that makes pictures.", remedy="Leave out --picture.")
        name = max(offered, key=lambda each: (each.instances, each.calls)).id
    if not name.isascii() or "/" in name or not name.isprintable() or not 0 < len(name) <= 64:
        raise click.UsageError("A chute is named by its id or its name.")
    chute = _route(env, "GET", f"{_CHUTES}/{name}", SidesCard).chute
    given = inputs_of(chute, texts=(prompt,), picture=None, content=None, seed=seed)
    reply = _route(env, "POST", f"{_CHUTES}/{name}/infer", InferReply, body={"inputs": given})
    files = [file for output in reply.outputs for file in output.png]
    if not files:
        raise NothingThere(f"The chute {chute.name} made no picture.", remedy="Name another, or leave out --picture.")
    narrate(f"picture by {chute.name}")
    return decode_png(base64.b64decode(files[0])), chute.name


def _route(
    env: Env, method: str, path: str, kind: type[T], *, body: object = None, query: tuple[tuple[str, str], ...] = ()
) -> T:
    text = "" if body is None else msgspec.json.encode(body).decode()
    with SyncClient(env.home, timeout_s=ROUTE_TIMEOUT_S) as client:
        request = RouteRequest("GET" if method == "GET" else "POST", path, query, text)
        return msgspec.json.decode(client.call(request).body, type=kind)
