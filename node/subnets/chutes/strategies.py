"""How a miner of subnet Chutes makes an answer. The honest way is the default; cheats live in `adversaries`."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import trio

from models import BadPrompt, BadSampling, Busy, ModelError, PromptTooLong
from node.market.errors import BadRequest, ServeFailed, TooLarge
from node.primitives.errors import MarketError
from node.primitives.types import AccountId, Hash
from node.subnets.base import Code, Host, Usage
from node.subnets.chutes.catalogue import Catalogue, Listed
from node.subnets.chutes.chats import TextShelf, chat_usage, check_chat, content_of_chat, pieces_of
from node.subnets.chutes.files import Shelf
from node.subnets.chutes.limits import ANSWER_INLINE_BYTES_MAX
from node.subnets.chutes.messages import BLOB_TYPE, ChutePart, ChuteTask, Slab, mark_of
from node.subnets.chutes.seen import Seen
from node.subnets.nineteen.messages import ChatPiece

if TYPE_CHECKING:
    import numpy as np

    Outputs = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Tools:
    """What serving and judging share: the definitions, the files, the open language models, what was seen."""

    catalogue: Catalogue
    shelf: Shelf
    texts: TextShelf
    seen: Seen


Strategy = Callable[[Listed, ChuteTask, Host, Tools], AsyncGenerator[ChutePart, None]]


async def honest(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    """The chute's own files, run on exactly what was asked. Raises ServeFailed."""
    try:
        if task.hold:
            yield proved(listed, task, await hold_proof(listed, task, host, tools), host.hotkey)
        elif task.chat:
            async with aclosing(_chat(listed, task, host, tools)) as parts:
                async for part in parts:
                    yield part
        else:
            async with aclosing(_graph(listed, task, host, tools)) as parts:
                async for part in parts:
                    yield part
    except TooLarge as error:
        raise ServeFailed(error.message, Code.TOO_LARGE) from error
    except (BadRequest, BadPrompt, BadSampling, PromptTooLong) as error:
        raise ServeFailed(str(error), Code.MALFORMED) from error
    except Busy as error:
        raise ServeFailed(str(error), Code.OVERLOADED) from error
    except ServeFailed:
        raise
    except (ModelError, MarketError) as error:
        raise ServeFailed(f"The chute cannot be run here: {error}", Code.MINER_FAULT) from error


async def hold_proof(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> Hash:
    """What this node proves of a file. Raises ServeFailed for a file that the chute does not have."""
    from node.subnets.chutes.hold import proof

    held = task.hold[0]
    file = next((each for each in listed.chute.files if bytes.fromhex(each.sha256) == held.sha256), None)
    if file is None or file.size != held.size:
        raise ServeFailed("The chute has no such file.", Code.MALFORMED)
    path = await tools.shelf.path(file, host, is_decoder=listed.chute.is_text)
    return await trio.to_thread.run_sync(proof, path, held.nonce, host.hotkey)


def proved(listed: Listed, task: ChuteTask, found: Hash, miner: AccountId) -> ChutePart:
    """The answer to a question about a file: the mark alone says it."""
    return ChutePart(0, True, Usage(), listed.id, mark=mark_of(task, found, miner))


async def _chat(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    chat = task.chat[0]
    if not listed.chute.is_text:
        raise ServeFailed("The chute takes arrays, not chats.", Code.MALFORMED)
    check_chat(listed.chute, chat)
    runtime = await tools.texts.runtime(listed.chute, host)
    told: list[ChatPiece] = []
    async with aclosing(pieces_of(listed.chute, chat, runtime, host)) as pieces:
        async for piece in pieces:
            told.append(piece)
            yield chat_part(listed, task, told, host.hotkey)


def chat_part(listed: Listed, task: ChuteTask, told: Sequence[ChatPiece], miner: AccountId) -> ChutePart:
    """The part that carries the last of these pieces."""
    piece = told[-1]
    if not piece.done:
        return ChutePart(piece.index, False, Usage(), listed.id, chat=(piece,))
    mark = mark_of(task, content_of_chat(told), miner)
    return ChutePart(piece.index, True, chat_usage(listed.chute, piece.usage), listed.id, chat=(piece,), mark=mark)


async def _graph(listed: Listed, task: ChuteTask, host: Host, tools: Tools) -> AsyncGenerator[ChutePart, None]:
    from node.subnets.chutes.runs import run_graph

    outcome = await run_graph(listed.chute, task.inputs, host.hotkey, host, tools.shelf)
    for part in await parts_of(listed, task, outcome.outputs, outcome.usage, host):
        yield part


async def parts_of(
    listed: Listed, task: ChuteTask, outputs: "Outputs", usage: Usage, host: Host
) -> Sequence[ChutePart]:
    """Outputs as the parts of an answer, large ones as blobs, with this miner's mark at the end."""
    from node.subnets.chutes.arrays import content, inline_bytes, slabs_of, to_bytes

    mark = mark_of(task, await trio.to_thread.run_sync(content, outputs), host.hotkey)
    slabs: list[Slab] = []
    if inline_bytes(outputs) <= ANSWER_INLINE_BYTES_MAX:
        slabs = await trio.to_thread.run_sync(lambda: list(slabs_of(outputs)))
    else:
        for name, array in outputs.items():
            reference = await host.blobs.put(to_bytes(array), BLOB_TYPE)
            slabs.append(Slab(name, array.dtype.name, array.shape, 0, b"", (reference,)))
    parts = [ChutePart(n, False, Usage(), listed.id, (slab,)) for n, slab in enumerate(slabs)]
    parts[-1] = msgspec.structs.replace(parts[-1], done=True, usage=usage, mark=mark)
    return parts
