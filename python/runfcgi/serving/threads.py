"""The loops of one process in threads of their own, and the main thread, which waits for them."""

from __future__ import annotations

import select
import sys
import threading
import time
import traceback
from typing import Callable, Dict, Sequence

from .loop import Loop
from .slot import Slot
from .stop import Stop

# After the drain's own deadline: for loops to notice it.
_JOIN_MARGIN = 0.5


class Threads:
    """Use once, in the main thread. ``slots`` are those of the loops, in their order."""

    def __init__(self, loops: Sequence[Loop], slots: Sequence[Slot], stop: Stop) -> None:
        self._stop = stop
        self._slots: Dict[threading.Thread, Slot] = {
            threading.Thread(
                target=self._guard, args=(loop,), name=f"runfcgi-{index}", daemon=True
            ): slot
            for index, (loop, slot) in enumerate(zip(loops, slots), 1)
        }
        self.has_failed = False
        """A loop died of an error of ours."""

    def run(self, interrupts: Dict[int, Callable[[], None]]) -> None:
        """Returns when the stop is set; until then ``interrupts`` are descriptors to be watched,
        each with what to call when it is readable."""
        for thread in self._slots:
            thread.start()
        poll = select.poll()
        poll.register(self._stop, select.POLLIN)
        for descriptor in interrupts:
            poll.register(descriptor, select.POLLIN)
        while not self._stop.is_set:
            for descriptor, _ in poll.poll():
                if descriptor in interrupts:
                    interrupts[descriptor]()

    def join(self) -> int:
        """Wait until all have finished or the time to stop is up. How many have not finished."""
        for thread in self._slots:
            thread.join(self._seconds_left())
        return sum(thread.is_alive() for thread in self._slots)

    def join_others(self, timeout: float) -> int:
        """Like :meth:`join`, but a request that runs for longer than ``timeout`` seconds is not
        waited for."""
        while self._seconds_left():
            waited = [
                thread
                for thread, slot in self._slots.items()
                if thread.is_alive() and not slot.is_overdue(timeout)
            ]
            if not waited:
                break
            waited[0].join(min(self._seconds_left(), timeout))
        return sum(thread.is_alive() for thread in self._slots)

    def _seconds_left(self) -> float:
        return max(0.0, (self._stop.deadline or 0.0) + _JOIN_MARGIN - time.monotonic())

    def _guard(self, loop: Loop) -> None:
        """A loop that dies of an error of ours must not leave a worker with fewer threads."""
        try:
            loop.run()
        except BaseException:
            traceback.print_exc(file=sys.stderr)
            self.has_failed = True
            self._stop.set()
