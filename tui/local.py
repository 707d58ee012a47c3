"""The port to this machine: sockets, processes and key files, all by way of `node.control`.

Whatever fails for a known reason leaves here as a `PortError`; anything else is a defect and is not hidden.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from node.control.api import Api
from node.control.client_async import AsyncClient
from node.control.errors import error_view
from node.control.options import DevnetStatus, ProgressSink
from node.control.paths import devnet_path, home_to_ask, log_path
from node.control.schema import Role
from tui.port import PortError

if TYPE_CHECKING:
    from node.control.actions import Draft, Intent, Signed
    from node.control.role_actions import RoleDraft
    from node.control.wallet_desk import WalletDesk
    from tui.wizard.port import Setup

T = TypeVar("T")


class LocalPort:
    """See `tui.port.Port`. What is heavy is imported when it is needed, so that the window opens at once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._desks: dict[Path, WalletDesk] = {}

    @property
    def home(self) -> Path:
        return self._home

    def environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def setup(self) -> "Setup":
        from tui.wizard.local import LocalSetup

        return LocalSetup(self._home)

    def client(self, home: Path) -> AsyncClient:
        return AsyncClient(home, "neurond-tui")

    def find(self) -> Path | None:
        from node.control import launcher

        with _expected():
            home = home_to_ask(self._home)
            if launcher.find(home) is not None:
                return home
            root = self._devnet_root()
            return _first_running(launcher.devnet_status(root)) if root == self._home else None

    def network(self) -> str | None:
        if log_path(self._home).exists():
            return "the node of this home"
        root = self._devnet_root()
        return None if root is None else "the devnet of this home"

    def start(self, home: Path | None, progress: ProgressSink) -> Path:
        from node.control import launcher
        from node.control.config_daemon import daemon_config

        root = self._devnet_root()
        with _expected():
            if home is None and root is not None and not log_path(self._home).exists():
                return self._up(root, progress)
            chosen = home or self._home
            launcher.start(daemon_config(chosen), progress)
            return chosen

    def start_devnet(self, progress: ProgressSink) -> Path:
        with _expected():
            return self._up(self._devnet_root() or devnet_path(self._home), progress)

    def join(self, target: str, progress: ProgressSink) -> Path:
        from node.control import launcher

        with _expected():
            launcher.join(self._home, target, progress)
        return self._home

    def stop(self, home: Path, progress: ProgressSink) -> None:
        from node.control import launcher

        with _expected():
            launcher.stop(home, progress)

    async def prepare_role(self, api: Api, role: Role, coldkey: str | None) -> "RoleDraft":
        from node.control.role_actions import prepare_role

        with _expected():
            return await prepare_role(api, role, coldkey)

    def needs_password(self, home: Path, coldkey: str) -> bool:
        with _expected():
            return self._desk(home).needs_password(coldkey)

    def at_desk(self, home: Path, work: "Callable[[WalletDesk], T]") -> T:
        with _expected():
            return work(self._desk(home))

    def _desk(self, home: Path) -> "WalletDesk":
        from node.control.wallet_desk import WalletDesk

        return self._desks.setdefault(home, WalletDesk(home))

    def sign_role(self, home: Path, coldkey: str | None, password: str | None, draft: "RoleDraft") -> tuple[bytes, ...]:
        from node.control.role_actions import sign_role

        with _expected():
            signer = self._desk(home).signer(coldkey or "", password) if draft.needs_coldkey else None
            return sign_role(draft, signer)

    async def prepare(self, api: Api, intent: "Intent", coldkey: str) -> "Draft":
        from node.control.actions import TransferIntent, prepare
        from node.control.addresses import find_address

        with _expected():
            if isinstance(intent, TransferIntent):
                intent = replace(intent, to=find_address(self._home, intent.to))
            return await prepare(api, intent, coldkey)

    def sign(self, home: Path, coldkey: str, password: str | None, draft: "Draft") -> "Signed":
        from node.control.actions import sign

        with _expected():
            return sign(draft, self._desk(home).signer(coldkey, password))

    def _up(self, root: Path, progress: ProgressSink) -> Path:
        from node.control import launcher
        from node.control.config_daemon import devnet_options

        running = _first_running(launcher.start_devnet(devnet_options(root, self._home), progress))
        if running is None:
            raise PortError("The devnet started, but none of its nodes runs.", f"See the logs below {root}.")
        return running

    def _devnet_root(self) -> Path | None:
        """Return the folder with one home per devnet node: below this home, or this home itself."""
        for root in (devnet_path(self._home), self._home):
            if root.is_dir() and any(log_path(child).exists() for child in root.iterdir() if child.is_dir()):
                return root
        return None


class SystemClock:
    """The time of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        return time.monotonic()


def _first_running(status: DevnetStatus) -> Path | None:
    return next((Path(each.home) for each in status.nodes if each.pid is not None), None)


@contextmanager
def _expected() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        view = error_view(error)
        if view is None:
            raise
        raise PortError(view.message, view.hint, view.code) from error
