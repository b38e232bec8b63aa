"""How long a new connection has a thread to itself before its first byte."""

from __future__ import annotations

import struct
import time

# struct timeval of SO_RCVTIMEO, socket(7): seconds, microseconds.
_TIMEVAL = struct.Struct("@ll")
# On two processors at a load of 14 a client was held up for more than 50 ms between connect and write.
LONG = _TIMEVAL.pack(0, 500_000)
SHORT = _TIMEVAL.pack(0, 50_000)
# Whoever connects and says nothing, as monitors do, does so again.
_DISTRUST = 10.0


class Patience:
    """Of one thread.

    A web server connects and writes at once, unless the machine is so busy that it has to wait for
    a processor in between. Without any patience its request could land behind a long one that was
    accepted in that instant, or die with one that crashes the process. But connections that say
    nothing, one after another, must not take the thread away from those that do: after one of them
    it has a tenth of the patience for a while.
    """

    __slots__ = ("_short_until",)

    def __init__(self) -> None:
        self._short_until = 0.0

    def timeval(self) -> bytes:
        """For SO_RCVTIMEO."""
        return SHORT if time.monotonic() < self._short_until else LONG

    def was_in_vain(self) -> None:
        """A connection has said nothing in its time."""
        self._short_until = time.monotonic() + _DISTRUST
