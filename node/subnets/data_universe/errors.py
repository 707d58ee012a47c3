"""What can go wrong with sources and exports.

MarketError
├── SourceFailed         a source gives nothing that can be used
└── BadRequest
    ├── BadSource        a source that cannot be collected from as it is described
    └── ExportFailed     a data set cannot be written
"""

from node.market.errors import BadRequest
from node.primitives.errors import MarketError


class SourceFailed(MarketError):
    """A source did not answer, or with nothing that can be used."""

    code = "market.source_failed"
    remedy = "It is tried again later, after longer and longer times; `neurond data sources` shows when."


class BadSource(BadRequest):
    """A source of the user's own that makes no sense."""

    code = "market.bad_source"
    remedy = "`neurond data sources add --help` shows the kinds and what each wants."


class ExportFailed(BadRequest):
    """A data set could not be written."""

    code = "market.export_failed"
    remedy = "Choose an empty folder with enough room; nothing of the collected rows was changed."
