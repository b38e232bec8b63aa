"""When to start a worker again that keeps dying. Pure: the caller brings the time."""

from __future__ import annotations

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 10.0
# A worker that lived this long, or served anything, was not broken from the beginning.
_LONG_ENOUGH = 5.0


class CrashLoop:
    """Counts crashes in a row; each doubles the pause, up to ten seconds.

    A first crash is repaired at once: one bad request must not cost the others a worker.
    """

    def __init__(self) -> None:
        self._in_a_row = 0
        self.not_before = 0.0
        """Monotonic time before which no worker should be started."""

    def crashed(self, lifetime: float, served: int, now: float) -> None:
        """A worker ended that should not have, after ``lifetime`` seconds."""
        if served or lifetime >= _LONG_ENOUGH:
            self._in_a_row = 0
            return
        if self._in_a_row:
            delay = min(_FIRST_DELAY * 2 ** (self._in_a_row - 1), _LONGEST_DELAY)
            self.not_before = now + delay
        self._in_a_row += 1
