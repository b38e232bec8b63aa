"""The story of a fork server: load, say so, fork; and of each worker it forks."""

from __future__ import annotations

import os
import socket
import sys
from typing import Optional

from runfcgi.errors import OptionError, RunfcgiError
from runfcgi.fork_server import marker
from runfcgi.fork_server.messages import Command, Spawn
from runfcgi.fork_server.newborn import settle, take_mark
from runfcgi.fork_server.server import ForkServer
from runfcgi.parent.forking import freeze
from runfcgi.serving import process_name
from runfcgi.serving.rehearsal import rehearse

from .application import Loaded
from .channel import Channel
from .failure import tell_failure
from .handed import Handed
from .options import Loader, Options
from .reserve import await_part
from .supervised import SupervisedWorker, refuse_supervisors_own

# The interpreter adapts its code to what it meets after some eight runs (Python 3.11).
_ADAPTING = 20


def serve_forks(options: Options, load: Loader, channel: Channel) -> int:
    """In a forked worker its exit status; the fork server itself ends here, with status 0.

    Raises OptionError and LoadError before ``ready`` is said.
    """
    refuse_supervisors_own(options)
    sock = _socket_of(channel)
    process_name.show(os.environ.get(marker.VARIABLE, ""), "fork")
    loaded = load(options)

    rehearse(_ADAPTING)
    server = ForkServer(sock, loaded.before_fork)
    place: Optional[marker.MarkerPlace] = None
    try:
        place = marker.MarkerPlace()
    except marker.MarkerUnreachable as error:
        server.warn(f"workers keep the fork server's mark in /proc/PID/environ: {error}")
    freeze()
    command = server.run()
    if command is None:
        _end()
    settle(command.outlets)
    return _work(options, loaded, command, place)


def _socket_of(channel: Channel) -> socket.socket:
    try:
        return socket.socket(fileno=channel.fileno())
    except OSError as error:
        raise OptionError(f"a fork server's channel is a socket: {error.strerror}") from None


def _end() -> None:
    """At once: what the application has registered for the end of a process is not the workers',
    which go on with all that it may take away (temporary files, threads to be waited for)."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass
    os._exit(0)


def _work(
    options: Options, loaded: Loaded, command: Command, place: Optional[marker.MarkerPlace]
) -> int:
    _, _, channel, scoreboard, traces = command.outlets
    handed = Handed(Channel(channel), scoreboard, traces)
    try:
        worker = SupervisedWorker(options, loaded.application, handed)
        part = command.part if isinstance(command, Spawn) else await_part(command, loaded, place)
        take_mark(part.marker, place)
        return worker.run(socket.socket(fileno=part.listen))
    except RunfcgiError as error:
        return tell_failure(error, handed.channel)
