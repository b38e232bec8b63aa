"""The story of a fork server: load, say so, fork; and of each worker it forks."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Optional

from runfcgi.errors import OptionError, RunfcgiError
from runfcgi.fork_server import marker
from runfcgi.fork_server.newborn import Birth, settle
from runfcgi.fork_server.server import ForkServer
from runfcgi.parent.forking import freeze
from runfcgi.serving import process_name
from runfcgi.serving.rehearsal import rehearse
from runfcgi.wsgi.gateway import Application

from .application import Loaded
from .channel import Channel
from .failure import tell_failure
from .handed import Handed
from .options import Loader, Options
from .supervised import refuse_supervisors_own, run_worker

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
    server = ForkServer(sock, loaded.before_fork, lambda: _prepare_reserve(loaded))
    place: Optional[marker.MarkerPlace] = None
    try:
        place = marker.MarkerPlace()
    except marker.MarkerUnreachable as error:
        server.warn(f"workers keep the fork server's mark in /proc/PID/environ: {error}")
    freeze()
    birth = server.run()
    if birth is None:
        _end()
    settle(birth, place)
    return _work(options, loaded.application, birth)


def _prepare_reserve(loaded: Loaded) -> None:
    process_name.show(os.environ.get(marker.VARIABLE, ""), "next")
    rehearse(1)
    with contextlib.suppress(Exception):
        loaded.rehearse()


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


def _work(options: Options, application: Application, birth: Birth) -> int:
    descriptors = birth.descriptors
    handed = Handed(
        listener=socket.socket(fileno=descriptors.listen),
        channel=Channel(descriptors.channel),
        scoreboard=descriptors.scoreboard,
        traces=descriptors.traces,
    )
    try:
        return run_worker(options, application, handed)
    except RunfcgiError as error:
        return tell_failure(error, handed.channel)
