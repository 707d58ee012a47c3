"""Two words that the command line and whoever starts it agree on; apart, so that a command loads nothing for them."""

from typing import Final

ERROR_PREFIX: Final = "neurond: "
"""What every sentence on a failure begins with, on standard error."""
PROGRESS_VARIABLE: Final = "NEUROND_PROGRESS"
"""Set to "json", it makes a command tell its progress as JSON lines."""
