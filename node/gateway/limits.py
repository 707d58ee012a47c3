"""Bounds of the HTTP gateway, each with its reason; sizes shared with other packages are in node.primitives.limits."""

from typing import Final

STOP_STRINGS_MAX: Final = 4  # as in the form we follow
STOP_CHARS_MAX: Final = 64
MODEL_CHARS_MAX: Final = 128
MAX_TOKENS_MAX: Final = 4096  # no model of the catalogue has a longer context
BODY_TIMEOUT_S: Final = 30.0  # a body that dribbles in longer than this holds a connection for nothing
ANSWERS_AT_ONCE_MAX: Final = 64  # beyond it the user is told to come back rather than queued
METRIC_SAMPLES_MAX: Final = 256  # of one metric; ours have a few dozen
GRACE_S: Final = 3.0  # what running answers get when the node stops
