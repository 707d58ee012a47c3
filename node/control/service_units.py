"""The text of a service: a systemd user unit and a launchd agent. Pure: what to run comes in, text comes out.

Neither needs root, and neither names a setting: what the node does is in the configuration, which a later start reads
again. Hardening is what a user's own manager can always give: no namespaces, which many systems refuse to users.
"""

import hashlib
import os
import plistlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from node.control.errors import ServiceUnavailable

RESTART_S: Final = 5  # between a failure and the next start
RESTARTS_MAX: Final = 5  # in RESTARTS_WITHIN_S; then the manager gives up and says so
RESTARTS_WITHIN_S: Final = 300
START_TIMEOUT_S: Final = 900  # a snapshot may take minutes to come
STOP_TIMEOUT_S: Final = 110  # draining takes up to 90 s
OPEN_FILES: Final = 8192  # 64 peers with three connections each, databases, clients; `neurond doctor` looks at it
_KEPT: Final = ("NEUROND_CONFIG", "NEUROND_PROFILE", "NEUROND_MODELS")


def service_name(home: Path, usual: Path) -> str:
    """Return the name of a home's service: `neurond` for the usual home, with a few letters more for any other."""
    if home == usual:
        return "neurond"
    return f"neurond-{hashlib.blake2b(os.fsencode(home), digest_size=4).hexdigest()}"


def kept_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a service takes over: where the configuration and models are, never a secret."""
    return {name: environment[name] for name in _KEPT if environment.get(name)}


def systemd_unit(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> str:
    """Return a user unit that runs `command`. Raises ServiceUnavailable for a path that no unit can hold."""
    variables = "".join(
        f"Environment={_quoted(f'{name}={value}', '$')}\n" for name, value in sorted(environment.items())
    )
    return f"""\
[Unit]
Description=neurond node ({_plain(str(home))})
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec={RESTARTS_WITHIN_S}
StartLimitBurst={RESTARTS_MAX}

[Service]
Type=notify
NotifyAccess=main
ExecStart={" ".join(_quoted(each) for each in command)}
{variables}Restart=on-failure
RestartSec={RESTART_S}
RestartPreventExitStatus=2
TimeoutStartSec={START_TIMEOUT_S}
TimeoutStopSec={STOP_TIMEOUT_S}
KillMode=mixed
UMask=0077
LimitNOFILE={OPEN_FILES}
LimitCORE=0
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=default.target
"""


def launchd_agent(label: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> str:
    """Return an agent that runs `command` while its user is logged in, and again when it fails."""
    agent: dict[str, object] = {
        "Label": label,
        "ProgramArguments": list(command),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": RESTART_S,
        "ExitTimeOut": STOP_TIMEOUT_S,
        "ProcessType": "Background",
        "Umask": 0o077,
        "SoftResourceLimits": {"NumberOfFiles": OPEN_FILES},
        "StandardOutPath": os.fspath(log),
        "StandardErrorPath": os.fspath(log),
    }
    if environment:
        agent["EnvironmentVariables"] = dict(sorted(environment.items()))
    return plistlib.dumps(agent).decode()


def _quoted(text: str, dollar: str = "$$") -> str:
    """One word of a unit: quoted, with what systemd would read as its own made plain; commands double the dollar."""
    if any(not each.isprintable() for each in text):
        raise ServiceUnavailable(f"{text!r} cannot be written into a unit.", remedy="Choose another path.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", dollar)
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text).replace("%", "%%")
