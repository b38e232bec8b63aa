"""How a process is told to end: signals become an intent, and whoever waits wakes up.

TERM, INT, HUP   graceful: stop accepting, finish what is in flight, exit 0
a second of them end now
QUIT             end now
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable, Optional, Sequence

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


class Signals:
    """Catches the stop signals, whatever the launcher had blocked or ignored.

    A process with a parent of ours takes only the parent's own TERM for ``graceful``: Ctrl-C and a
    hangup reach the whole process group, and the parent says the rest.

    Its descriptor becomes readable with each signal, written by the interpreter's own C handler:
    a signal that arrives just before the process goes to sleep is not lost.
    """

    def __init__(
        self,
        stop: Stop,
        end_now: Callable[[int], None],
        graceful: Sequence[int] = GRACEFUL_SIGNALS,
    ) -> None:
        self._stop = stop
        self._end_now = end_now
        self._graceful = graceful
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

    def close(self) -> None:
        """For a forked process, which installs its own."""
        signal.set_wakeup_fd(-1)
        os.close(self._read_end)
        os.close(self._write_end)

    def _handle(self, signum: int, _frame) -> None:
        if signum == signal.SIGQUIT or (signum in self._graceful and self._was_asked):
            self._end_now(signum)
        elif signum in self._graceful:
            self._was_asked = True
            self._stop.set()
