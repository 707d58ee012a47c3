"""What the UI needs from outside: a connection to a node, and the starting, stopping and signing around it.

`tui.local` implements it with `node.control`; tests and pictures implement it with recorded data. Blocking methods
say so; the app calls them in worker threads.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from node.control.api import Api
from node.control.errors import BadRequest, ConnectionLost, NotRunning, ProtocolError, RemoteError, RequestTimeout
from node.control.options import ProgressSink
from node.control.schema import Hello, Role

if TYPE_CHECKING:
    from node.control.actions import Draft, Intent, Signed
    from node.control.role_actions import RoleDraft
    from node.control.wallet_desk import WalletDesk
    from tui.wizard.port import Setup


T = TypeVar("T")
API_ERRORS: Final = (NotRunning, ConnectionLost, RequestTimeout, ProtocolError, BadRequest, RemoteError)
"""Every way in which a call of `Api` is expected to fail; all carry `message` and `hint`."""


class PortError(Exception):
    """Something expected went wrong around the node; `message` is a sentence, `hint` says what to do."""

    def __init__(self, message: str, hint: str = "", code: str = "port_error") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Client(Api, Protocol):
    """A lasting connection to one node: the API, and how well it is connected."""

    @property
    def connected(self) -> bool: ...

    @property
    def stale(self) -> bool:
        """Whether what subscriptions have delivered is no longer to be trusted as current."""
        ...

    async def connect(self) -> Hello:
        """Connect; from the first success on reconnection is automatic. Raises ControlError."""
        ...

    async def aclose(self) -> None: ...


class Port(Protocol):
    """Everything around the API. Methods that block or sign raise PortError for every expected failure."""

    @property
    def home(self) -> Path:
        """The home that this window was opened on."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Return the environment variables in which settings of this window are looked for."""
        ...

    @property
    def setup(self) -> "Setup":
        """What setting this home up takes."""
        ...

    def client(self, home: Path) -> Client:
        """Return an unconnected client of the node in `home`."""
        ...

    def find(self) -> Path | None:
        """Return the home of a node that answers: this home's, or one of the devnet below it. Blocks."""
        ...

    def network(self) -> str | None:
        """Return a few words on what `start` would start, None when this home has no network yet. Blocks."""
        ...

    def start(self, home: Path | None, progress: ProgressSink) -> Path:
        """Start the node of `home` (None: what `network` describes); return the home to attach to. Blocks."""
        ...

    def start_devnet(self, progress: ProgressSink) -> Path:
        """Start a network of processes on this machine; return the home to attach to. Blocks."""
        ...

    def join(self, target: str, progress: ProgressSink) -> Path:
        """Join the network of an invite or multiaddress; return the home to attach to. Blocks."""
        ...

    def stop(self, home: Path, progress: ProgressSink) -> None:
        """Let the node of `home` finish its work and stop. Blocks."""
        ...

    async def prepare_role(self, api: Api, role: Role, coldkey: str | None) -> "RoleDraft":
        """Return what switching to `role` takes, nothing signed yet. Raises PortError."""
        ...

    def needs_password(self, home: Path, coldkey: str) -> bool:
        """Tell whether the key file of `coldkey` in `home` is sealed. Blocks; raises PortError without the key."""
        ...

    def at_desk(self, home: Path, work: "Callable[[WalletDesk], T]") -> T:
        """Do something with the wallets of `home`. Blocks; raises PortError for every expected failure."""
        ...

    def sign_role(self, home: Path, coldkey: str | None, password: str | None, draft: "RoleDraft") -> tuple[bytes, ...]:
        """Sign the transactions of `draft` in this process. Blocks; raises PortError on a wrong password."""
        ...

    async def prepare(self, api: Api, intent: "Intent", coldkey: str) -> "Draft":
        """Return all that can be said of an intent before it is signed. Raises PortError."""
        ...

    def sign(self, home: Path, coldkey: str, password: str | None, draft: "Draft") -> "Signed":
        """Sign in this process. Blocks; raises PortError for a wrong password or a draft that would fail."""
        ...


class Clock(Protocol):
    """Time, so that pictures and tests can freeze it."""

    def now_ms(self) -> int: ...

    def monotonic_s(self) -> float: ...
