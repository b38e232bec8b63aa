"""Until when a parked connection is waited for. Pure: monotonic seconds in and out, None: ever."""

from __future__ import annotations

from typing import Optional

from runfcgi.fastcgi.connection import Connection
from runfcgi.fastcgi.limits import Limits

# While draining: for a connection that never said anything, and for the web server to close.
_DRAIN_SILENT = 1.0
_DRAIN_LINGER = 2.0


def serving_deadline(connection: Connection, limits: Limits, now: float) -> Optional[float]:
    """While the process serves. A deadline once given stays."""
    if connection.served and not connection.is_lingering and not connection.incoming.has_started:
        return None  # kept: the web server closes it when it wants to
    if connection.deadline is not None:
        return connection.deadline
    return now + (limits.linger_timeout if connection.is_lingering else limits.head_timeout)


def draining_deadline(connection: Connection, end: float, now: float) -> float:
    """While the process finishes, at ``end`` at the latest.

    A kept connection is left to the web server until the very end, since closing it here could
    lose a request on its way.
    """
    if connection.is_lingering:
        end = min(end, now + _DRAIN_LINGER)
    elif not connection.served and not connection.incoming.has_started:
        end = min(end, now + _DRAIN_SILENT)
    return end if connection.deadline is None else min(end, connection.deadline)
