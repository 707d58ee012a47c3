"""Every bound of the SDK, each with its reason."""

from typing import Final

BALANCE_TEXT_CHARS_MAX: Final = 40  # the largest amount has 18 characters; the rest is room for a unit
AMOUNT_MAX: Final = 2**63 - 1  # what a transaction can carry
WAIT_POLL_S: Final = 0.2  # how often a client asks for the height it waits for
WAIT_DEFAULT_S: Final = 600.0  # a block takes seconds; nobody who gave no limit waits for hours
CALL_MARGIN_S: Final = 5.0  # a blocking call outlives the timeout of the call inside it by so much
START_S: Final = 10.0  # the thread of a blocking client runs within milliseconds
