"""One worker under a supervisor, which owns the socket, the pidfile, the logs and the policy."""

from __future__ import annotations

import faulthandler
import os
import signal
import socket

from runfcgi.errors import OptionError
from runfcgi.fork_server.marker import VARIABLE
from runfcgi.serving import process_name
from runfcgi.serving.listener import Listener, take_descriptor_0
from runfcgi.serving.scoreboard import open_slots
from runfcgi.serving.wear import with_jitter
from runfcgi.serving.worker import Notices, Worker, WorkerSettings
from runfcgi.wsgi.gateway import Application

from .channel import Channel
from .handed import Handed, take_handed
from .options import Loader, Options

_SUPERVISORS_OWN = (
    "socket", "host", "port", "pidfile", "outlog", "errlog", "workdir", "umask", "touch_reload",
)  # fmt: skip


def serve_supervised(options: Options, load: Loader, channel: Channel) -> int:
    """The exit status. Raises OptionError, LoadError, ListenError before anything is served."""
    refuse_supervisors_own(options)
    sock = take_descriptor_0()
    handed = take_handed(os.environ, channel)
    process_name.show(os.environ.get(VARIABLE, ""))
    return SupervisedWorker(options, load(options).application, handed).run(sock)


def refuse_supervisors_own(options: Options) -> None:
    """Raises OptionError when a word says what only the supervisor can decide."""
    own = [name for name in _SUPERVISORS_OWN if options.is_given(name)]
    if options.daemonize:
        own.append("daemonize")
    if own:
        raise OptionError(f"{', '.join(own)}: under a supervisor these are the supervisor's own")


class SupervisedWorker:
    """What serves in the calling process with what the supervisor gave: here every supervised
    worker begins, started or forked."""

    def __init__(self, options: Options, application: Application, handed: Handed) -> None:
        settings = WorkerSettings(
            threads=options.thread_count,
            graceful_timeout=options.graceful_timeout,
            max_requests=with_jitter(options.maxrequests),
            debug=options.debug,
            capacity=options.thread_count,
            max_memory=options.max_memory,
            memory_measure=options.memory_measure,
            request_timeout=options.request_timeout,
        )
        slots = open_slots(handed.scoreboard, options.thread_count)
        notices = Notices(handed.channel.worn, handed.channel.timed_out)
        self._channel = handed.channel
        self._worker = Worker(application, settings, slots, notices)
        if handed.traces is not None:
            # From C: it answers wherever the threads are, and whoever holds the interpreter.
            faulthandler.register(signal.SIGUSR2, file=handed.traces, all_threads=True)

    def run(self, listening: socket.socket) -> int:
        """The exit status."""
        return self._worker.run(Listener(listening), self._channel.ready)
