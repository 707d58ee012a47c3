"""Bounds of back ends, each with its reason. Units last in the names."""

from typing import Final

HEAD_BYTES_MAX: Final = 64 * 1024  # head of an answer: servers send a few hundred bytes
LINE_BYTES_MAX: Final = 256 * 1024  # one event of a stream: a token with 20 others is 2 KB
BODY_BYTES_MAX: Final = 1024 * 1024  # a list of models, or an error with its story
CONNECT_TIMEOUT_S: Final = 10.0  # a server in the same house answers in milliseconds
SILENCE_TIMEOUT_S: Final = 60.0  # between two events: the longest prompt a small server works on
STREAMS_MAX: Final = 64  # answers at once of one back end; more wait in the market's own admission
PROMPTS_KEPT_MAX: Final = 256  # chats between their count and their answer: as many as can be in flight
RAY_ACTORS_MAX: Final = 64  # sessions of one cluster
RAY_BATCH: Final = 8  # answers that share a step of one actor, as in this process
RAY_START_TIMEOUT_S: Final = 300.0  # a cold worker loads Python, the runtime and the model
