"""Continuous batching: many answers share each step of the model, on one worker thread.

Active answers occupy neighbouring cache rows 0..n-1; a new prompt is fed chunk by chunk in the last row, between steps,
so that running streams never stall for long. A row computes the same numbers alone and in company.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

import numpy as np

from models.answer import AnswerState
from models.errors import BadSampling, Busy, Closed, ModelError, RuntimeFailure
from models.limits import MAX_BATCH_ROWS, MAX_QUEUED_REQUESTS
from models.runtime import KvCache, Logits
from models.sampling import Sampling
from models.text import TextModel
from models.token import Token


class Answer:
    """One request: iterate it for tokens (blocks) from one thread, cancel it from any. Holds one answer at most.

    `tell` is called in the worker's thread whenever `ready` became true; it must be quick and raise nothing.
    """

    def __init__(self, prompt: list[int], state: AnswerState, tell: Callable[[], None] = lambda: None) -> None:
        self._queue: SimpleQueue[Token | ModelError | None] = SimpleQueue()
        self._cancelled = threading.Event()
        self._over = False
        self._tell = tell
        self.prompt = prompt
        self.state = state
        self.fed = 0  # positions in the cache: of the prompt, later of prompt and answer

    def __iter__(self) -> Iterator[Token]:
        return self

    def __next__(self) -> Token:
        """The next token; `next(answer, None)` suits worker threads.

        Ends after the token with a finish reason, or early after `cancel`. Raises ModelError.
        """
        if self._over:
            raise StopIteration
        item = self._queue.get()
        if isinstance(item, Token):
            self._over = item.finish_reason is not None
            return item
        self._over = True
        if item is None:
            raise StopIteration
        raise item

    @property
    def ready(self) -> bool:
        """Whether the next step of the iterator would not block."""
        return self._over or not self._queue.empty()

    def cancel(self) -> None:
        """Free its row at the next step; the iterator ends without a finish reason."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled.is_set()

    def put(self, item: Token | ModelError | None) -> None:
        """For the worker: hand over a token, an error, or None for the end."""
        self._queue.put(item)
        self._tell()


class Batcher:
    """Runs up to `max_batch` answers of one model at once; further requests wait in a bounded queue.

    When the runtime fails, every answer ends with that error and the batcher is closed: open another.
    """

    def __init__(self, model: TextModel, max_batch: int = 8, max_queued: int = MAX_QUEUED_REQUESTS) -> None:
        if not 1 <= max_batch <= MAX_BATCH_ROWS:
            raise BadSampling(f"max_batch must be between 1 and {MAX_BATCH_ROWS}")
        self._model = model
        self._rows = max_batch
        self._max_queued = max_queued
        self._changed = threading.Condition()
        self._queued: deque[Answer] = deque()
        self._closing = False
        self._cache = KvCache(model.card.geometry, max_batch)
        self._active: list[Answer] = []
        self._filling: Answer | None = None
        self._thread = threading.Thread(target=self._work, name="model-batcher", daemon=True)
        self._thread.start()

    def submit(self, prompt: Sequence[int], sampling: Sampling, *, tell: Callable[[], None] = lambda: None) -> Answer:
        """Queue a request; `tell` as in `Answer`. Raises Busy, Closed, BadPrompt, PromptTooLong."""
        self._model.check_request(prompt, sampling)
        answer = Answer(list(prompt), self._model.start(sampling), tell)
        with self._changed:
            if self._closing:
                raise Closed("the model is being unloaded; ask again after the restart")
            if len(self._queued) >= self._max_queued:
                raise Busy(f"{self._max_queued} requests already wait for this model; try again later")
            self._queued.append(answer)
            self._changed.notify()
        return answer

    @property
    def load(self) -> tuple[int, int]:
        """Requests running and requests waiting, for display."""
        with self._changed:
            return len(self._active) + (self._filling is not None), len(self._queued)

    @property
    def is_open(self) -> bool:
        """Whether requests are taken: not after `close`, nor after the runtime failed."""
        with self._changed:
            return not self._closing

    def close(self) -> None:
        """Refuse new requests, end all others with Closed, and wait for the worker thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        """The worker thread: again and again one chunk of a new prompt, then one token of every active answer."""
        error: ModelError = Closed("the model was unloaded before the answer was complete")
        try:
            while self._wait_for_work():
                self._drop_cancelled()
                self._fill()
                self._step()
        except ModelError as failure:
            error = failure
        except Exception as failure:  # a reader must never wait for a worker that has died
            error = RuntimeFailure(f"the batch worker failed: {failure!r:.200}")
        with self._changed:
            self._closing = True
            rest = [*self._active, *self._queued, *([self._filling] if self._filling else [])]
            self._active, self._filling = [], None
            self._queued.clear()
        for answer in rest:
            answer.put(error)

    def _wait_for_work(self) -> bool:
        with self._changed:
            while not (self._closing or self._active or self._filling or self._queued):
                self._changed.wait()
            return not self._closing

    def _fill(self) -> None:
        """Feed one chunk of the prompt in the last row, which is free as long as not all rows are active."""
        with self._changed:
            if self._filling is None and self._queued and len(self._active) < self._rows:
                self._filling = self._queued.popleft()
        answer = self._filling
        if answer is None:
            return
        staging = self._rows - 1
        answer.fed, logits = self._model.prefill(self._cache, staging, answer.prompt, answer.fed)
        if answer.fed < len(answer.prompt):
            return
        self._filling = None
        if self._advance(answer, logits):
            self._cache.copy_row(staging, len(self._active), answer.fed)
            self._active.append(answer)

    def _step(self) -> None:
        """One token for every active answer."""
        if not self._active:
            return
        ids = np.array([[answer.state.ids[-1]] for answer in self._active], np.int64)
        lengths = np.array([answer.fed + 1 for answer in self._active], np.int32)
        logits = self._model.decoder.step(self._cache, 0, ids, lengths, np.zeros_like(ids))
        for row in range(len(self._active) - 1, -1, -1):
            answer = self._active[row]
            answer.fed += 1
            if not self._advance(answer, logits[row, 0]):
                self._release(row)

    @staticmethod
    def _advance(answer: Answer, logits: Logits) -> bool:
        """Draw one token; whether more are to come. What is wrong with one answer ends that answer alone."""
        try:
            token = answer.state.advance(logits)
        except ModelError as error:
            answer.put(error)
            return False
        answer.put(token)
        return token.finish_reason is None

    def _drop_cancelled(self) -> None:
        for row in range(len(self._active) - 1, -1, -1):
            if self._active[row].cancelled:
                self._active[row].put(None)
                self._release(row)
        with self._changed:
            if self._filling is not None and self._filling.cancelled:
                self._filling.put(None)
                self._filling = None
            kept = [answer for answer in self._queued if not answer.cancelled]
            for answer in self._queued:
                if answer.cancelled:
                    answer.put(None)
            self._queued = deque(kept)

    def _release(self, row: int) -> None:
        """Free a row; the last active one takes its place, so that rows stay neighbours."""
        last = len(self._active) - 1
        if row != last:
            self._cache.copy_row(last, row, self._active[last].fed)
            self._active[row] = self._active[last]
        self._active.pop()
