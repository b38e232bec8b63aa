"""Where a loop shows what it does."""

from __future__ import annotations

from time import monotonic
from typing import Mapping

# Of two who read the same clock one may still calculate a little otherwise.
_TOLERANCE = 0.001


class Slot:
    """Shown to nobody: for a process of which nobody wants to know.

    ``started`` is when the request in hand has begun (monotonic seconds), 0.0 when there is none.
    ``size`` counts the bytes of the response, head included: who sends them in one piece with
    the end of the request assigns it, who goes on calls ``sent``.
    """

    __slots__ = ("started", "size")

    def __init__(self) -> None:
        self.started = 0.0
        self.size = 0

    def busy(self, params: Mapping[str, str]) -> None:
        """A request has begun: its parameters are complete."""
        self.started = monotonic()
        self.size = 0

    def sent(self, size: int) -> None:
        """So many more bytes of the response have gone."""
        self.size += size

    def idle(self) -> None:
        """The request is answered, or there was none: the loop is free for the next."""
        self.started = 0.0

    def is_overdue(self, timeout: float) -> bool:
        """Has the request in hand run for ``timeout`` seconds?"""
        started = self.started
        return started > 0.0 and monotonic() - started >= timeout - _TOLERANCE
