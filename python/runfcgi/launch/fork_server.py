"""The story of a fork server: load, say so, fork; and of each worker it forks."""

from __future__ import annotations

import os
import socket
import sys
from typing import Optional

from runfcgi.errors import OptionError, RunfcgiError
from runfcgi.fork_server import marker
from runfcgi.fork_server.newborn import settle
from runfcgi.fork_server.server import Birth, ForkServer
from runfcgi.parent.forking import freeze
from runfcgi.wsgi.gateway import Application

from .channel import Channel
from .failure import tell_failure
from .handed import Handed
from .options import Loader, Options
from .supervised import refuse_supervisors_own, run_worker


def serve_forks(options: Options, load: Loader, channel: Channel) -> int:
    """In a forked worker its exit status; the fork server itself ends here, with status 0.

    Raises OptionError and LoadError before ``ready`` is said.
    """
    refuse_supervisors_own(options)
    sock = _socket_of(channel)
    application, before_fork = load(options)
    server = ForkServer(sock, before_fork)
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
    return _work(options, application, birth)


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
