"""The past of a recorded account: money that came, went and was staked."""

from node.control.views.history import HistoryItem, HistoryPage
from node.primitives.address import to_ss58

_TAO = 10**9
_OTHER = to_ss58(bytes([21]) * 32)
_HOTKEY = to_ss58(bytes([22]) * 32)
_NOW_MS = 1_767_950_000_000
ITEMS = (
    HistoryItem(1_204, 3, _NOW_MS - 60_000, "Transferred", "out", _OTHER, None, -12 * _TAO, 12 * _TAO, 0),
    HistoryItem(1_199, 0, _NOW_MS - 120_000, "StakeAdded", "self", _HOTKEY, 1, -10 * _TAO, 10 * _TAO, 39 * _TAO),
    HistoryItem(1_100, 7, _NOW_MS - 2_000_000, "MinerPaid", "in", "", 1, 0, 0, 3 * _TAO // 2),
    HistoryItem(640, 1, _NOW_MS - 9_000_000, "Transferred", "in", _OTHER, None, 250 * _TAO, 250 * _TAO, 0),
)


class FakeHistory:
    """Two pages: what came first is asked for separately."""

    async def history(
        self, address: str, limit: int = 50, before_height: int | None = None, before_position: int = 0
    ) -> HistoryPage:
        if before_height is None:
            return HistoryPage(address, ITEMS[:3], 1_000, 0, 600, True)
        return HistoryPage(address, ITEMS[3:], 600, 0, 600, False)
