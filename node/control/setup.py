"""What setting up a node asks for: the answers, as data and as a TOML file, and what is wrong with them by themselves.

The wizard and `neurond init` share it, so that both ask the same and refuse the same. Answers never hold a secret:
passwords and recovery words go to `node.control.setup_run` beside them. Nothing here starts, dials or writes anything.
"""

import re
import tomllib
from pathlib import Path
from typing import Final, Literal

import msgspec

from node.control.errors import BadAnswers
from node.control.limits import DISK_MB_MAX, SETUP_BYTES_MAX, TARGET_CHARS_MAX
from node.control.options import DEFAULT_WALLET, DISK_MB_MIN
from node.control.paths import devnet_path
from node.control.schema import ROLES, Role, View

WalletWay = Literal["new", "restore", "watch", "keep", "none"]
NetworkWay = Literal["devnet", "join"]
WordCount = Literal[12, 24]
PORT_MAX: Final = 65_535
DEVNET_FIRST: Final = "node-0"
"""The node of a devnet that a window attaches to, and whose wallet is the user's."""
_HEADING: Final = "# Answers of an unfinished setup; no secrets are in here. `neurond` goes on with it.\n"
_HASH: Final = re.compile(r"[0-9a-f]{64}")


class WalletAnswers(View, frozen=True, forbid_unknown_fields=True):
    """do: make new keys, restore them from words, watch an address, keep the wallet of this home, or have none.

    name: the wallet's folder. words: how many a new wallet has. address: what to watch. unsafe: leave the coldkey
    without a password, for a devnet.
    """

    do: WalletWay = "none"
    name: str = DEFAULT_WALLET
    words: WordCount = 12
    address: str = ""
    unsafe: bool = False


class NetworkAnswers(View, frozen=True, forbid_unknown_fields=True):
    """do: found a devnet on this machine, or join the network of `target`, an invite or a multiaddress.

    genesis: 64 hex digits that a multiaddress must lead to; empty believes the first answer. An invite names its own.
    """

    do: NetworkWay = "devnet"
    target: str = ""
    genesis: str = ""


class RoleAnswers(View, frozen=True, forbid_unknown_fields=True):
    """name: what the node is to do for the network."""

    name: Role = "staker"


class HostAnswers(View, frozen=True, forbid_unknown_fields=True):
    """home: the node's folder, empty for the one asked about. port: TCP, 0 for any free one.

    disk_mb: budget for the chain in megabytes, 0 for none. at_login: whether a service of this user starts the node
    at every login from now on.
    """

    home: str = ""
    port: int = 0
    disk_mb: int = 0
    at_login: bool = False


class Answers(View, frozen=True, forbid_unknown_fields=True):
    """All that is needed to set a node up, but for the secrets."""

    wallet: WalletAnswers = WalletAnswers()
    network: NetworkAnswers = NetworkAnswers()
    role: RoleAnswers = RoleAnswers()
    host: HostAnswers = HostAnswers()

    def home(self, default: Path) -> Path:
        """Return the folder to set up, an absolute path."""
        return Path(self.host.home).expanduser().absolute() if self.host.home else default

    @property
    def is_devnet(self) -> bool:
        return self.network.do == "devnet"

    @property
    def makes_keys(self) -> bool:
        """Whether key files are written."""
        return self.wallet.do in ("new", "restore")

    @property
    def needs_password(self) -> bool:
        return self.makes_keys and not self.wallet.unsafe


class Saved(View, frozen=True):
    """A setup that was not finished: the answers so far, and the page of the wizard that was open."""

    answers: Answers
    page: str = ""


class Fault(View, frozen=True):
    """One thing that is wrong: `field` as in the file (`wallet.name`), a sentence, and what to do."""

    field: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


def faults(answers: Answers) -> tuple[Fault, ...]:
    """Return what is wrong with answers whatever the machine and the network are like."""
    return (*_wallet_faults(answers), *_network_faults(answers.network), *_host_faults(answers))


def wallet_home(answers: Answers, default: Path) -> Path:
    """Return the home in whose `wallets` the keys go: a devnet's first node has a home of its own."""
    home = answers.home(default)
    return devnet_path(home) / DEVNET_FIRST if answers.is_devnet else home


def wallet_name(answers: Answers) -> str:
    """Return the folder of the wallet; a devnet calls the wallet of each node alike."""
    return DEFAULT_WALLET if answers.is_devnet else answers.wallet.name


def read_answers(data: bytes, name: str) -> Answers:
    """Return the answers in a TOML file called `name`.

    Raises:
        BadAnswers: too large, no TOML, an unknown key or a value of the wrong kind; names the place.
    """
    return read_saved(data, name).answers


def read_saved(data: bytes, name: str) -> Saved:
    """Return what `write_saved` wrote. Raises as `read_answers`."""
    if len(data) > SETUP_BYTES_MAX:
        raise BadAnswers(f"{name} is larger than {SETUP_BYTES_MAX} bytes; answers are short.")
    try:
        found = tomllib.loads(data.decode("utf-8"))
        page = found.pop("page", "")
        return Saved(msgspec.convert(found, Answers), msgspec.convert(page, str))
    except UnicodeDecodeError as error:
        raise BadAnswers(f"{name} is no text.") from error
    except tomllib.TOMLDecodeError as error:
        raise BadAnswers(f"{name} is no TOML: {error}.") from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadAnswers(f"{name}: {error}.") from error


def write_saved(saved: Saved) -> bytes:
    """Return a TOML file that `read_answers` reads, with the wizard's page as its first value."""
    lines = [_HEADING, f"page = {_value(saved.page)}", ""]
    for section in Answers.__struct_fields__:
        lines.append(f"[{section}]")
        part = getattr(saved.answers, section)
        lines += [f"{key} = {_value(getattr(part, key))}" for key in part.__struct_fields__]
        lines.append("")
    return "\n".join(lines).encode("utf-8")


def _value(value: object) -> str:
    """A string, number or truth as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value).translate({each: f"\\u{each:04x}" for each in (*range(32), 127, 0x22, 0x5C)})
    return f'"{text}"'


def _wallet_faults(answers: Answers) -> list[Fault]:
    wallet = answers.wallet
    found: list[Fault] = []
    if answers.is_devnet and wallet.do in ("keep", "watch"):
        remedy = 'Use do = "new", "restore" or "none".'
        found.append(Fault("wallet.do", "A devnet is founded with keys of its own.", remedy))
    if wallet.do == "watch":
        fault = address_fault(wallet.address)
        found += [fault] if fault else []
    if wallet.do != "none":
        fault = name_fault(wallet.name)
        found += [fault] if fault else []
    if wallet.unsafe and not answers.is_devnet:
        found.append(
            Fault("wallet.unsafe", "A key without a password is for a devnet alone.", "Choose a password for it.")
        )
    if answers.role.name != "staker" and not answers.is_devnet and wallet.do in ("watch", "none"):
        found.append(
            Fault("role.name", f"A {answers.role.name} signs with a key of this machine.", "Make or restore a wallet.")
        )
    return found


def name_fault(name: str) -> Fault | None:
    """Return why `name` cannot be a wallet's, None when it can."""
    from node.control.wallets import wallet_store
    from node.wallet import BadWalletName, WalletNotFound

    try:
        wallet_store(Path("/nowhere/neurond")).open(name)
    except BadWalletName as error:
        return Fault("wallet.name", error.message, error.hint)
    except WalletNotFound:
        return None
    return None


def address_fault(address: str) -> Fault | None:
    """Return why `address` cannot be watched, None when it can; its checksum is part of it."""
    from node.primitives.address import from_ss58
    from node.primitives.errors import AddressError

    try:
        from_ss58(address)
    except AddressError as error:
        return Fault("wallet.address", error.message, error.hint)
    return None


def _network_faults(network: NetworkAnswers) -> list[Fault]:
    if network.do == "devnet":
        stray = network.target or network.genesis
        return [Fault("network.target", "A devnet is founded here; it joins nobody.", "Leave it empty.")] * bool(stray)
    found = []
    target = network.target.strip()
    if not (target.startswith("nd1") or (target.startswith("/") and "/p2p/" in target)):
        remedy = "Write an invite (nd1…) or a node's address (/ip4/…/tcp/…/p2p/…)."
        found.append(Fault("network.target", "Nothing says which network to join.", remedy))
    if len(target) > TARGET_CHARS_MAX:
        found.append(Fault("network.target", f"This is longer than any invite ({len(target)} characters)."))
    if network.genesis and not _HASH.fullmatch(network.genesis):
        found.append(Fault("network.genesis", "A genesis hash has 64 hexadecimal digits.", "Or leave it empty."))
    return found


def _host_faults(answers: Answers) -> list[Fault]:
    host, found = answers.host, []
    if "\0" in host.home:
        found.append(Fault("host.home", "This can be no folder's name."))
    if not 0 <= host.port <= PORT_MAX:
        found.append(Fault("host.port", f"{host.port} is no port.", f"Write 1 to {PORT_MAX}, or 0 for any free one."))
    if host.disk_mb and not DISK_MB_MIN <= host.disk_mb <= DISK_MB_MAX:
        remedy = f"Write 0 for none, or {DISK_MB_MIN} to {DISK_MB_MAX} MB."
        found.append(Fault("host.disk_mb", f"{host.disk_mb} MB is no budget.", remedy))
    if host.at_login and answers.is_devnet:
        found.append(Fault("host.at_login", "A devnet is for trying things out; no service starts it.", "Say false."))
    return found


EXAMPLE: Final = f"""\
# Answers for `neurond init --from FILE`. Every line may be left out; these are the defaults unless noted.
# Secrets are never in this file: the password comes from NEUROND_PASSWORD or is asked for, and the words of a
# wallet to be restored come from standard input or are asked for.

[wallet]
do = "none"        # new, restore, watch (an address, no key here), keep (the wallet of this home), none
name = "{DEFAULT_WALLET}"   # folder of the wallet; a devnet always calls it "{DEFAULT_WALLET}"
words = 12         # of a new wallet: 12 or 24
address = ""       # for watch: the address (5…)
unsafe = false     # true leaves the coldkey without a password: for a devnet alone

[network]
do = "devnet"      # devnet: four nodes on this machine; join: the network of `target`
target = ""        # for join: an invite (nd1…) or a node's address (/ip4/192.0.2.7/tcp/4001/p2p/12D3…)
genesis = ""       # with an address: the 64 digits of the genesis it must lead to; empty believes the first answer

[role]
name = "staker"    # {", ".join(ROLES)}; a devnet gives each of its nodes a role

[host]
home = ""          # the node's folder; empty: --home, NEUROND_HOME, or the user's data folder
port = 0           # TCP port to listen on, 0 for any free one
disk_mb = 0        # budget for the chain on the disk in megabytes, from {DISK_MB_MIN}; 0 for none
at_login = false   # true: a service of this user (systemd, launchd) starts the node at every login; not for a devnet
"""
"""A commented file of answers that `read_answers` reads."""
