"""One process that serves: its loops, its signals, and how it ends."""

from __future__ import annotations

import itertools
import os
import select
import sys
import threading
import time
import traceback
from typing import Callable, Dict, List, NamedTuple, Optional

from runfcgi.fastcgi.limits import Limits
from runfcgi.wsgi.environ import constants
from runfcgi.wsgi.error_stream import write_stderr
from runfcgi.wsgi.gateway import Application, Gateway

from .listener import Listener
from .loop import Loop
from .parking import Parking
from .shared import Shared, open_door
from .slot import Slot
from .stop import Signals, Stop

# After the drain's own deadline: for loops to notice it.
_JOIN_MARGIN = 0.5


class WorkerSettings(NamedTuple):
    """``graceful_timeout`` in seconds. ``max_requests`` 0: no limit. ``capacity``: requests that
    all workers of this application, as far as known here, serve at once (FCGI_GET_VALUES)."""

    threads: int
    graceful_timeout: float
    max_requests: int
    debug: bool
    capacity: int
    limits: Limits = Limits()


class Worker:
    """Serves ``application`` on ``listener`` in the calling process until told to stop.

    With one thread everything happens in the main thread, so that the application finds itself
    where signals and C libraries expect it. ``slots`` has one for each thread. ``on_worn`` is
    called once, when ``max_requests`` are served: the worker goes on until it is stopped, so
    that there can be another before it leaves. ``lifeline`` is a descriptor that becomes
    readable when the parent is gone.
    """

    def __init__(
        self,
        listener: Listener,
        application: Application,
        settings: WorkerSettings,
        slots: List[Slot],
        on_worn: Optional[Callable[["Worker"], None]] = None,
        lifeline: Optional[int] = None,
    ) -> None:
        self._settings = settings
        self._on_worn = on_worn
        self._counter = itertools.count(1)
        self._exit_status = 0
        self.stop = Stop(settings.graceful_timeout)
        self._signals = Signals(self.stop, _end_now, has_parent=lifeline is not None)
        self._interrupts: Dict[int, Callable[[], None]] = {
            self._signals.fileno(): self._signals.clear
        }
        if lifeline is not None:
            self._interrupts[lifeline] = self.stop.set
        is_threaded = settings.threads > 1
        watched_by_loops = {} if is_threaded else self._interrupts
        parking = Parking()
        self._shared = Shared(
            door=open_door((listener, parking, self.stop, *watched_by_loops)),
            listener=listener,
            # Other processes may run the same application beside this one at any time.
            gateway=Gateway(application, constants(is_threaded, True), settings.debug),
            parking=parking,
            stop=self.stop,
            limits=settings.limits,
            capacity=lambda: settings.capacity,
            on_served=self._count,
            interrupts=watched_by_loops,
        )
        self._loops = [Loop(self._shared, slot) for slot in slots]

    def run(self, on_ready: Callable[[], None] = lambda: None) -> int:
        """The process's exit status: 0, 1 when requests were cut at the deadline, 70 after an error
        of ours. ``on_ready`` is called just before the first accept."""
        self._signals.install()
        on_ready()
        if len(self._loops) == 1:
            self._loops[0].run()
        else:
            self._run_threads()
        self._signals.ignore()
        return self._exit_status

    def _run_threads(self) -> None:
        threads = [
            threading.Thread(target=self._guard, args=(loop,), name=f"runfcgi-{index}", daemon=True)
            for index, loop in enumerate(self._loops, 1)
        ]
        for thread in threads:
            thread.start()
        self._wait_for_stop()
        deadline = (self.stop.deadline or 0.0) + _JOIN_MARGIN
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        unfinished = sum(thread.is_alive() for thread in threads)
        if unfinished:
            write_stderr(
                f"runfcgi: {unfinished} requests did not finish within graceful_timeout"
                f" ({self._settings.graceful_timeout:g} s) and are cut\n"
            )
            self._exit_status = 1

    def _wait_for_stop(self) -> None:
        poll = select.poll()
        poll.register(self.stop, select.POLLIN)
        for descriptor in self._interrupts:
            poll.register(descriptor, select.POLLIN)
        while not self.stop.is_set:
            for descriptor, _ in poll.poll():
                if descriptor in self._interrupts:
                    self._interrupts[descriptor]()

    def _guard(self, loop: Loop) -> None:
        """A loop that dies of an error of ours must not leave a worker with fewer threads."""
        try:
            loop.run()
        except BaseException:
            traceback.print_exc(file=sys.stderr)
            self._exit_status = 70
            self.stop.set()

    def _count(self) -> None:
        if next(self._counter) == self._settings.max_requests and self._on_worn is not None:
            self._on_worn(self)


def _end_now(signum: int) -> None:
    """Runs in the signal handler, possibly within a request, which is cut."""
    write_stderr(f"runfcgi: ended at once by signal {signum}\n")
    os._exit(128 + signum)
