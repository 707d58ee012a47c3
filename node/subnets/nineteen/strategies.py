"""How a miner of subnet Nineteen makes an answer. The honest way is the default; cheats live in `adversaries`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from models import BadPrompt, BadSampling, Busy, ModelError, PromptTooLong, Sampling, Token
from node.market.errors import ServeFailed
from node.subnets.base import Code, Host, TextRuntime, Usage
from node.subnets.nineteen.messages import ChatPiece, ChatTask, Odds, chat_of, sampling_of

Strategy = Callable[[ChatTask, Host], AsyncGenerator[ChatPiece, None]]


async def honest(task: ChatTask, host: Host) -> AsyncGenerator[ChatPiece, None]:
    """The named model, the asked sampling, our own seed."""
    with_model = _named_model(task, host)
    async for piece in generate_with(await with_model, task, sampling_of(task, host.hotkey)):
        yield piece


async def _named_model(task: ChatTask, host: Host) -> TextRuntime:
    try:
        return await host.models.text(task.model)
    except ModelError as error:
        raise ServeFailed(f"The model is not available here: {error}", Code.MINER_FAULT) from error


async def generate_with(runtime: TextRuntime, task: ChatTask, sampling: Sampling) -> AsyncGenerator[ChatPiece, None]:
    """Pieces of one generation, a token each; the last has usage and finish reason. Raises ServeFailed."""
    try:
        prompt = await runtime.chat_prompt(chat_of(task))
        index = count = 0
        async with aclosing(runtime.generate(prompt, sampling)) as tokens:
            async for token in tokens:
                count += token.id is not None
                odds = await _odds(token, runtime) if task.logprobs and token.id is not None else ()
                yield _piece(token, index, len(prompt), count, odds)
                index += 1
    except (BadPrompt, BadSampling, PromptTooLong) as error:
        raise ServeFailed(str(error), Code.MALFORMED) from error
    except Busy as error:
        raise ServeFailed(str(error), Code.OVERLOADED) from error
    except ModelError as error:
        raise ServeFailed(str(error), Code.MINER_FAULT) from error


async def _odds(token: Token, runtime: TextRuntime) -> tuple[Odds, ...]:
    """The token itself and the likeliest at its place, with what they write."""
    ranked = [(token.id or 0, token.surprisal), *token.leaders]
    pieces = await runtime.token_bytes([each for each, _ in ranked])
    return tuple(Odds(each, value, piece) for (each, value), piece in zip(ranked, pieces, strict=True))


def _piece(token: Token, index: int, prompt_tokens: int, completion_tokens: int, odds: tuple[Odds, ...]) -> ChatPiece:
    done = token.finish_reason is not None
    return ChatPiece(
        index=index,
        done=done,
        usage=Usage(prompt_tokens, completion_tokens) if done else Usage(),
        ids=() if token.id is None else (token.id,),
        text=token.text,
        finish_reason=token.finish_reason.value if token.finish_reason is not None else "",
        surprisals=() if token.id is None else (token.surprisal,),
        odds=(odds,) if odds else (),
        seeded=token.seeded,
    )
