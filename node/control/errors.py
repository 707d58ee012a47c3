"""What can go wrong between a client and the daemon.

ControlError
├── NotRunning           no daemon answers for this home
├── ConnectionLost       the daemon went away before it answered
├── RequestTimeout       the daemon is there but did not answer in time
├── ProtocolError        the other side does not speak this protocol
│   └── VersionMismatch  it speaks another version of it
├── BadRequest           a request that is malformed, or one too many
├── RemoteError          the daemon refused; carries the code, message and hint of its reason
├── SocketUnusable       the socket cannot be created or is not ours alone
├── DaemonFailed         a daemon or devnet command was started and died
├── BadInvite            a text that is no invite, or one that is spoilt or expired
├── BadAmount            a text that is no amount of τ or α
├── BadOrder             words that are no order to a wallet
├── BadArgument          an argument of a call that does not fit
├── BadAnswers           answers of a setup that do not fit
├── ActionRefused        a transaction that would fail, told before it is signed
├── RepairRefused        a repair that is not done from here
├── WebUnavailable       the window cannot be shown in a browser
├── BadUpdate            nobody is to be asked for a newer version, or the answer is none
├── ServiceUnavailable   this system runs no services for users, or its manager refused
├── BadRecording         a file that is no recording of a session, or a damaged one
└── ConfigError          the configuration cannot be used
    ├── BadConfig        a value that does not fit, or a file that is no TOML; names file, key and line
    ├── UnknownKey       no setting of that name; names the nearest one
    ├── ConfigUnusable   the file cannot be read or written, or others could change it
    └── ConfigChanged    somebody else wrote it in between; nothing was written
"""

from node.control.views.base import ErrorView
from node.primitives.errors import ControlError, NodeError


class NotRunning(ControlError):
    """No daemon answers for this home."""

    code = "not_running"
    remedy = "Start it with `neurond up`, or a local network with `neurond devnet up`."


class ConnectionLost(ControlError):
    """The daemon closed the connection before it answered."""

    code = "connection_lost"
    remedy = "See `neurond logs` for the reason, then `neurond up`."


class RequestTimeout(ControlError):
    """The daemon did not answer in time."""

    code = "request_timeout"
    remedy = "The node may be overloaded; try again, or see `neurond logs`."


class ProtocolError(ControlError):
    """What came over the socket is not this protocol."""

    code = "protocol_error"
    remedy = "Stop the node with `neurond down` and start it again, so that both sides are of one version."


class VersionMismatch(ProtocolError):
    """The daemon and this program speak different versions of the API."""

    code = "version_mismatch"


class BadRequest(ControlError):
    """A request that is malformed, unknown, or one too many at once."""

    code = "bad_request"
    remedy = "Correct the request; clients of the same version as the daemon send none like it."


class OutOfScope(ControlError):
    """A connection that asked only to read calls something that changes the node or spends."""

    code = "out_of_scope"
    remedy = "Connect without --read-only to change anything."


class RemoteError(ControlError):
    """The daemon refused; `view` has the code, message and hint of its own error."""

    code = "remote_error"
    remedy = "`neurond explain` and the code of the daemon's own error say more."

    def __init__(self, view: ErrorView) -> None:
        super().__init__(view.message, remedy=view.hint)
        self.view = view


class SocketUnusable(ControlError):
    """The control socket cannot be created, or somebody else could reach it."""

    code = "socket_unusable"
    remedy = "Choose another home (--home DIR)."


class DaemonFailed(ControlError):
    """A process that was started for the user ended or hung; the message is its own last sentence."""

    code = "daemon_failed"
    remedy = "`neurond doctor` looks for the cause and says what to do."

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)  # what the process said last ends with its own remedy


class BadAmount(ControlError):
    """A text that is no amount of τ or α."""

    code = "bad_amount"
    remedy = "Write a positive number with at most 9 digits after the point, such as 12.5."


class BadOrder(ControlError):
    """Words that are no order to a wallet: nothing was done, and nothing is guessed."""

    code = "bad_order"
    remedy = "`neurond do --help` shows the orders that are understood, such as `buy 10 sn4`."


class BadArgument(ControlError):
    """An argument of a call that does not fit; the message names it."""

    code = "bad_argument"
    remedy = "`neurond explain` and the call's name show what it takes."


class BadAnswers(ControlError):
    """Answers to what setting a node up asks that do not fit; the message names the place."""

    code = "bad_answers"
    remedy = "`neurond init --print` writes an example with every answer explained."


class ActionRefused(ControlError):
    """A transaction that the rules would refuse, told before anything is signed."""

    code = "action_refused"
    remedy = "Nothing was signed; change what the message names and try again."


class RepairRefused(ControlError):
    """Something that the doctor advises and that this program does not do itself."""

    code = "repair_refused"
    remedy = "Copy the command and run it in a terminal, after a look at what it does."


class WebUnavailable(ControlError):
    """The window cannot be shown in a browser: a port is taken, or a package is missing."""

    code = "web_unavailable"
    remedy = "Choose another --port, or install this program again: `make setup`."


class BadUpdate(ControlError):
    """The address that is asked for the newest version cannot be read, answers something else, or is not set."""

    code = "bad_update"
    remedy = "Check the address: `neurond config get update.url`."


class ServiceUnavailable(ControlError):
    """What runs services on this system is not there, or refused."""

    code = "service_unavailable"
    remedy = "`neurond up` starts the node without it, and it outlives the terminal."


class ConfigError(ControlError):
    """The configuration cannot be used."""

    code = "config_error"
    remedy = "`neurond config validate` lists what is wrong."


class BadConfig(ConfigError):
    """A value that does not fit its setting, or a file that is not TOML."""

    code = "bad_config"
    remedy = "Correct the place that the message names; `neurond config schema` says what is allowed."


class UnknownKey(ConfigError):
    """No setting has this name."""

    code = "unknown_setting"
    remedy = "`neurond config show` lists every setting."


class ConfigUnusable(ConfigError):
    """The file of the configuration cannot be read or written."""

    code = "config_unusable"
    remedy = "Check the path, its owner and its access rights; `neurond config path` prints it."


class ConfigChanged(ConfigError):
    """The file was changed by somebody else between reading and writing."""

    code = "config_changed"
    remedy = "Nothing was written. Look at it again, then repeat the change."


class BadRecording(ControlError):
    """A file that is no recording of a session, or one that is damaged, cut off or too large."""

    code = "bad_recording"
    remedy = "Record the session again with `neurond record FILE`."


def error_view(error: Exception) -> ErrorView | None:
    """Return the form in which an expected failure travels, or None for a defect.

    Leaf packages have error trees of their own; what marks theirs as expected is the same stable `code`.
    """
    if isinstance(error, RemoteError):
        return error.view
    if isinstance(error, NodeError):
        return ErrorView(error.code, error.message, error.hint)
    code = getattr(type(error), "code", None)
    if not isinstance(code, str):
        return None
    message, hint = getattr(error, "message", None), getattr(error, "hint", None)
    if isinstance(message, str) and isinstance(hint, str):
        return ErrorView(code, message, hint)
    return ErrorView(code, str(error))
