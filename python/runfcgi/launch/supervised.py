"""One worker under a supervisor, which owns the socket, the pidfile, the logs and the policy."""

from __future__ import annotations

from runfcgi.errors import OptionError
from runfcgi.serving.listener import Listener, take_descriptor_0
from runfcgi.serving.slot import Slot
from runfcgi.serving.worker import Worker, WorkerSettings

from .channel import Channel
from .options import Loader, Options

_SUPERVISORS_OWN = ("socket", "host", "port", "pidfile", "outlog", "errlog", "workdir", "umask")


def serve_supervised(options: Options, load: Loader, channel: Channel) -> int:
    """The exit status. Raises OptionError, LoadError, ListenError before anything is served."""
    own = [name for name in _SUPERVISORS_OWN if options.is_given(name)]
    if options.daemonize:
        own.append("daemonize")
    if own:
        raise OptionError(f"{', '.join(own)}: under a supervisor these are the supervisor's own")
    listener = Listener(take_descriptor_0())
    application = load(options)

    def leave(worker: Worker) -> None:
        channel.retiring(options.maxrequests)
        worker.stop.set()

    settings = WorkerSettings(
        threads=options.thread_count,
        graceful_timeout=options.graceful_timeout,
        max_requests=options.maxrequests,
        debug=options.debug,
        capacity=options.thread_count,
    )
    slots = [Slot() for _ in range(options.thread_count)]
    return Worker(listener, application, settings, slots, leave).run(channel.ready)
