"""How a process is told to end: signals become an intent, and whoever waits wakes up.

TERM, INT, HUP   graceful: stop accepting, finish what is in flight, exit 0
a second of them end now
QUIT             end now
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Optional

GRACEFUL_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STOP_SIGNALS = (*GRACEFUL_SIGNALS, signal.SIGQUIT)


class Stop:
    """The graceful intent, set once, by any thread. Its descriptor is readable from then on."""

    def __init__(self, graceful_timeout: float) -> None:
        self._graceful_timeout = graceful_timeout
        self._read_end, self._write_end = os.pipe()
        self.is_set = False
        self.deadline: Optional[float] = None
        """Monotonic time after which nothing is waited for any more."""

    def fileno(self) -> int:
        return self._read_end

    def set(self) -> None:
        if self.is_set:
            return
        self.deadline = time.monotonic() + self._graceful_timeout
        self.is_set = True
        os.write(self._write_end, b".")

    def close(self) -> None:
        """For a forked process, which has an end of its own."""
        os.close(self._read_end)
        os.close(self._write_end)


class Signals:
    """Catches the stop signals, whatever the launcher had blocked or ignored.

    ``has_parent``: signals to the whole process group (Ctrl-C, a hangup, systemd's TERM) reach
    this process beside what its parent says. Then INT and HUP mean nothing here, and a TERM more
    means no hurry: a parent that is in a hurry uses SIGKILL.

    Its descriptor becomes readable with each signal, written by the interpreter's own C handler:
    a signal that arrives just before the process goes to sleep is not lost.
    """

    def __init__(
        self,
        stop: Stop,
        end_now: Callable[[int], None],
        has_parent: bool = False,
    ) -> None:
        self._stop = stop
        self._end_now = end_now
        self._has_parent = has_parent
        self._was_asked = False
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        os.set_blocking(self._write_end, False)

    def install(self) -> None:
        """To be called in the main thread, once in each process."""
        signal.set_wakeup_fd(self._write_end, warn_on_full_buffer=False)
        for signum in STOP_SIGNALS:
            signal.signal(signum, self._handle)
        # An inherited SIG_IGN would make children vanish without a status (wait(2)).
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def fileno(self) -> int:
        return self._read_end

    def clear(self) -> None:
        """Take note of the wake-up."""
        try:
            os.read(self._read_end, 4096)
        except BlockingIOError:
            pass

    def ignore(self) -> None:
        """The work is done: a signal more must not turn a clean exit into a death. The interpreter
        would put the default handlers back while it shuts down."""
        for signum in GRACEFUL_SIGNALS:
            signal.signal(signum, signal.SIG_IGN)

    def close(self) -> None:
        """For a forked process, which installs its own."""
        signal.set_wakeup_fd(-1)
        os.close(self._read_end)
        os.close(self._write_end)

    def _handle(self, signum: int, _frame) -> None:
        if signum == signal.SIGQUIT or (self._was_asked and not self._has_parent):
            self._end_now(signum)
        elif signum == signal.SIGTERM or not self._has_parent:
            self._was_asked = True
            self._stop.set()
