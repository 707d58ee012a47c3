"""Where things lie in a home, and where its control socket is.

A Unix socket's path may have about 100 bytes. When the home is deeper, the socket lives in a short private folder and
a pointer file in the home names it. A socket file proves nothing: whoever wants to know asks it (`hello`).
"""

import os
from pathlib import Path

from node.control.errors import SocketUnusable
from node.control.limits import CONNECT_TIMEOUT_S, DEVNET_HOMES_MAX, POINTER_BYTES_MAX, SOCKET_PATH_BYTES_MAX

HOME_VARIABLE = "NEUROND_HOME"
CONFIG_VARIABLE = "NEUROND_CONFIG"
_SOCKET = "control.sock"
_POINTER = "control.path"
_PRIVATE_DIR_MODE = 0o700


def default_home() -> Path:
    """Return $NEUROND_HOME, or the operating system's folder for the user's application data."""
    import platformdirs

    named = os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_data_dir("neurond"))


def config_folder(home: Path) -> Path:
    """Return the folder of files that people write: the system's for configurations, or a home of one's own."""
    import platformdirs

    usual = Path(platformdirs.user_data_dir("neurond"))
    return Path(platformdirs.user_config_dir("neurond")) if home == usual else home


def config_path(home: Path) -> Path:
    """Return where the configuration of a home is read from and written to, whether or not it exists."""
    return config_folder(home) / "config.toml"


def settings_path(home: Path) -> Path:
    """Return what the daemon of a home keeps of its last start."""
    return home / "settings.json"


def log_path(home: Path) -> Path:
    """Return the daemon's log file."""
    return home / "daemon.log"


def wallets_path(home: Path) -> Path:
    """Return the folder of key files."""
    return home / "wallets"


def database_path(home: Path) -> Path:
    """Return the chain's database."""
    return home / "chain.db"


def gateway_path(home: Path) -> Path:
    """Return the gateway's database: API keys by their hash, and what was used."""
    return home / "gateway.db"


def devnet_path(home: Path) -> Path:
    """Return the folder of a whole local network inside a home."""
    return home / "devnet"


def create_home(home: Path) -> None:
    """Make the home with access for its owner alone.

    Raises:
        SocketUnusable: it cannot be created or is no folder.
    """
    try:
        home.mkdir(mode=_PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise SocketUnusable(
            f"The home {home} cannot be created: {error.strerror}.", remedy="Choose another --home."
        ) from error


def socket_path_to_create(home: Path) -> Path:
    """Return where a daemon of `home` must put its socket; writes the pointer file when that is elsewhere.

    Raises:
        SocketUnusable: the short folder belongs to somebody else or cannot be created.
    """
    import hashlib

    direct = home / _SOCKET
    pointer = home / _POINTER
    if len(os.fsencode(direct)) <= SOCKET_PATH_BYTES_MAX:
        pointer.unlink(missing_ok=True)
        return direct
    name = hashlib.blake2b(os.fsencode(home.resolve()), digest_size=12).hexdigest()
    short = _private_runtime_folder() / f"{name}.sock"
    if len(os.fsencode(short)) > SOCKET_PATH_BYTES_MAX:
        raise SocketUnusable(
            f"No path for the control socket is short enough; even {short} is too long.",
            remedy=f"Choose a --home of at most {SOCKET_PATH_BYTES_MAX - len(_SOCKET) - 1} bytes.",
        )
    draft = home / f"{_POINTER}.new"
    draft.write_bytes(os.fsencode(short))
    draft.replace(pointer)
    return short


def socket_path_to_connect(home: Path) -> Path:
    """Return where the daemon of `home` has its socket, if it runs."""
    direct = home / _SOCKET
    if len(os.fsencode(direct)) <= SOCKET_PATH_BYTES_MAX:
        return direct
    try:
        with (home / _POINTER).open("rb") as pointer:
            named = pointer.read(POINTER_BYTES_MAX)
    except OSError:
        return home / _POINTER  # there is none; connecting will say so
    if not named or b"\0" in named or len(named) > SOCKET_PATH_BYTES_MAX:
        return home / _POINTER
    return Path(os.fsdecode(named))


def somebody_listens(path: Path) -> bool:
    """Tell whether a process accepts connections at a socket path; a file left by a dead one does not count."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(CONNECT_TIMEOUT_S)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
        return True


def home_to_ask(home: Path) -> Path:
    """Return `home` if its daemon listens; else an honest node's home of its devnet that does; else `home`."""
    if somebody_listens(socket_path_to_connect(home)):
        return home
    try:
        found = sorted(devnet_path(home).iterdir(), key=lambda each: (each.name.startswith("cheat"), each.name))
    except OSError:
        return home
    return next((each for each in found[:DEVNET_HOMES_MAX] if somebody_listens(socket_path_to_connect(each))), home)


def _private_runtime_folder() -> Path:
    import stat
    import tempfile

    runtime = os.environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) / "neurond" if runtime else Path(tempfile.gettempdir()) / f"neurond-{os.getuid()}"
    try:
        base.mkdir(mode=_PRIVATE_DIR_MODE, exist_ok=True)
        facts = base.lstat()
    except OSError as error:
        raise SocketUnusable(
            f"The folder {base} cannot be created: {error.strerror}.", remedy="Choose a shorter --home."
        ) from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise SocketUnusable(
            f"The folder {base} is not private to this user.", remedy="Remove it, or choose a shorter --home."
        )
    return base
