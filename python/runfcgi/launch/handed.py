"""What a supervisor hands to a worker beside the listening socket, however the worker came to be:
started or forked."""

from __future__ import annotations

import fcntl
from typing import MutableMapping, NamedTuple, Optional

from runfcgi.errors import OptionError

from .channel import Channel

_CHANNEL = "RUNFCGID_CHANNEL"
_ROLE = "RUNFCGID_ROLE"
_SCOREBOARD = "RUNFCGID_SCOREBOARD"
_TRACES = "RUNFCGID_TRACES"


class Handed(NamedTuple):
    """``scoreboard`` and ``traces`` are descriptors, closed on exec, None where there is none:
    shared memory to show in what each thread does, and a pipe for tracebacks."""

    channel: Channel
    scoreboard: Optional[int] = None
    traces: Optional[int] = None


def take_channel(environ: MutableMapping[str, str]) -> Optional[Channel]:
    """The channel of this process, None when no supervisor gave one. Raises OptionError."""
    descriptor = _take_descriptor(environ, _CHANNEL)
    return None if descriptor is None else Channel(descriptor)


def take_is_fork_server(environ: MutableMapping[str, str]) -> bool:
    """Is this process to fork workers, rather than to be one? Raises OptionError."""
    role = environ.pop(_ROLE, None)
    if role not in (None, "fork-server"):
        raise OptionError(f'{_ROLE}="{role}" is not known: only "fork-server" is')
    return role is not None


def take_handed(environ: MutableMapping[str, str], channel: Channel) -> Handed:
    """What this process was started with. Raises OptionError."""
    return Handed(
        channel=channel,
        scoreboard=_take_descriptor(environ, _SCOREBOARD),
        traces=_take_descriptor(environ, _TRACES),
    )


def _take_descriptor(environ: MutableMapping[str, str], variable: str) -> Optional[int]:
    """The descriptor whose number ``variable`` holds, None without the variable.

    Neither the variable nor the descriptor reaches what the application starts. Raises
    OptionError when the variable names no open descriptor.
    """
    value = environ.pop(variable, None)
    if value is None:
        return None
    try:
        descriptor = int(value)
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFD)
        fcntl.fcntl(descriptor, fcntl.F_SETFD, flags | fcntl.FD_CLOEXEC)
    except (ValueError, OverflowError, OSError):
        raise OptionError(f'{variable}="{value}" is not an open descriptor') from None
    return descriptor
