"""One process that serves: its loops, its signals, and how it ends."""

from __future__ import annotations

import itertools
import os
import signal
from typing import Callable, Dict, List, NamedTuple, Optional

from runfcgi.fastcgi.limits import Limits
from runfcgi.wsgi import forked
from runfcgi.wsgi.environ import constants
from runfcgi.wsgi.error_stream import write_stderr
from runfcgi.wsgi.gateway import Application, Gateway

from .interruption import Interruption
from .listener import Listener
from .loop import Loop
from .memory import MemoryLimit
from .parking import Parking
from .shared import Shared, open_door
from .slot import Slot
from .stop import Signals, Stop
from .threads import Threads


class WorkerSettings(NamedTuple):
    """Times in seconds, memory in bytes; 0: no limit. ``capacity``: requests that all workers of
    this application, as far as known here, serve at once (FCGI_GET_VALUES)."""

    threads: int
    graceful_timeout: float
    max_requests: int
    debug: bool
    capacity: int
    limits: Limits = Limits()
    max_memory: int = 0
    memory_measure: str = "rss"
    request_timeout: float = 0.0


class Notices(NamedTuple):
    """What a worker tells whoever started it.

    ``worn`` is called once for each reason, ``max_requests`` or ``max_memory``: the worker goes
    on until it is stopped, so that there can be another before it leaves. ``overdue`` is called
    once, when a request exceeded ``request_timeout``: it was ``interrupted``, or will be ``left``
    behind if it does not end by itself; the worker takes nothing new any more.
    """

    worn: Callable[[str, str], None] = lambda reason, detail: None
    overdue: Callable[[str], None] = lambda how: None


_NOBODY = Notices()


class Worker:
    """Serves ``application`` in the calling process until told to stop. All that needs no listener
    is made before there is one.

    With one thread everything happens in the main thread, so that the application finds itself
    where signals and C libraries expect it. ``slots`` has one for each thread. ``lifeline`` is a
    descriptor that becomes readable when the parent is gone.
    """

    def __init__(
        self,
        application: Application,
        settings: WorkerSettings,
        slots: List[Slot],
        notices: Notices = _NOBODY,
        lifeline: Optional[int] = None,
    ) -> None:
        self._settings = settings
        self._notices = notices
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
        self._interruption: Optional[Interruption] = None
        if settings.request_timeout and not is_threaded:
            self._interruption = Interruption(slots[0], settings.request_timeout)
        self._memory: Optional[MemoryLimit] = None
        if settings.max_memory:
            self._memory = MemoryLimit(settings.max_memory, settings.memory_measure)
        self._parking = Parking()
        # Other processes may run the same application beside this one at any time.
        self._gateway = Gateway(
            application, constants(is_threaded, True), settings.debug, self._interruption
        )
        self._slots = slots
        self._has_overdue = False
        self._loops: List[Loop] = []

    def run(self, listener: Listener, on_ready: Callable[[], None] = lambda: None) -> int:
        """The process's exit status: 0, 1 when requests were cut at the deadline, 70 after an error
        of ours. ``on_ready`` is called just before the first accept."""
        forked.watch()
        shared = self._share(listener)
        self._loops = [Loop(shared, slot) for slot in self._slots]
        self._signals.install()
        signal.signal(signal.SIGUSR1, self._look_for_overdue)
        on_ready()
        if len(self._loops) == 1:
            self._loops[0].run()
        else:
            self._run_threads()
        self._signals.ignore()
        return self._exit_status

    def close(self) -> None:
        """After :meth:`run`, in a process that goes on as another worker."""
        self._loops.clear()
        self._parking.shut()
        self._signals.close()
        self.stop.close()

    def _share(self, listener: Listener) -> Shared:
        is_alone = self._settings.threads == 1
        interrupts = self._interrupts if is_alone else {}
        return Shared(
            door=open_door((listener, self._parking, self.stop, *interrupts)),
            listener=listener,
            gateway=self._gateway,
            parking=self._parking,
            stop=self.stop,
            limits=self._settings.limits,
            capacity=lambda: self._settings.capacity,
            on_served=self._count,
            interrupts=interrupts,
            is_alone=is_alone,
        )

    def _run_threads(self) -> None:
        threads = Threads(self._loops, self._slots, self.stop)
        threads.run(self._interrupts)
        timeout = self._settings.request_timeout
        if self._has_overdue:
            unfinished = threads.join_others(timeout)
            limit = f"request_timeout ({timeout:g} s)"
        else:
            unfinished = threads.join()
            limit = f"graceful_timeout ({self._settings.graceful_timeout:g} s)"
            self._exit_status = 1 if unfinished else 0
        if unfinished:
            requests, are = ("request", "is") if unfinished == 1 else ("requests", "are")
            write_stderr(
                f"runfcgi: {unfinished} {requests} did not finish within {limit} and {are} cut\n"
            )
        if threads.has_failed:
            self._exit_status = 70

    def _look_for_overdue(self, signum: int, _frame) -> None:
        """Runs in the signal handler, in the main thread. Raises RequestTimeout there."""
        if self._interruption is not None:
            self._interruption.look()
        elif self._settings.request_timeout and not self._has_overdue:
            if any(slot.is_overdue(self._settings.request_timeout) for slot in self._slots):
                self._leave_overdue("left")

    def _leave_overdue(self, how: str) -> None:
        self._has_overdue = True
        # Before it is told: from then on nobody counts on this worker.
        self.stop.set()
        self._notices.overdue(how)

    def _count(self) -> None:
        """After each request."""
        if next(self._counter) == self._settings.max_requests:
            self._notices.worn("max_requests", f"{self._settings.max_requests} requests")
        if self._memory is not None and self._memory.is_exceeded():
            self._notices.worn("max_memory", self._memory.describe())
        if self._interruption is not None and self._interruption.has_struck:
            self._leave_overdue("interrupted")


def _end_now(signum: int) -> None:
    """Runs in the signal handler, possibly within a request, which is cut."""
    write_stderr(f"runfcgi: ended at once by signal {signum}\n")
    os._exit(128 + signum)
