"""Connections that nobody serves at the moment: each waits for its peer to say something.

A kept connection (FCGI_KEEP_CONN) between two requests, a request whose parameters are not all
there yet, a connection that has said nothing so far, an answered one that lingers until the web
server has closed. None of them holds a thread; whichever thread is free takes the next that has
news. While a thread serves a connection it is not parked.
"""

from __future__ import annotations

import select
import threading
from typing import Callable, Dict, List, Optional, Set

from runfcgi.fastcgi.connection import Connection

# One thread gets each piece of news; parking the connection again asks for the next (epoll(7)).
_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT


class Parking:
    """Shared by the threads of one process."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._parked: Dict[int, Connection] = {}
        self._registered: Set[int] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._parked)

    def fileno(self) -> int:
        """Readable when :meth:`take_ready` has something."""
        return self._epoll.fileno()

    def shut(self) -> None:
        """Nothing is parked, and nothing will be."""
        self._epoll.close()

    def add(self, connection: Connection) -> None:
        descriptor = connection.fileno()
        with self._lock:
            self._parked[descriptor] = connection
            if descriptor in self._registered:
                self._epoll.modify(descriptor, _EVENTS)
            else:
                self._registered.add(descriptor)
                self._epoll.register(descriptor, _EVENTS)

    def take_ready(self, timeout: float = 0) -> Optional[Connection]:
        """A connection with news, after at most ``timeout`` seconds."""
        for descriptor, _ in self._epoll.poll(timeout, 1):
            return self._parked.pop(descriptor, None)
        return None

    def take_overdue(self, now: float) -> List[Connection]:
        """All whose deadline has passed."""
        with self._lock:
            overdue = [
                connection
                for connection in self._parked.values()
                if connection.deadline is not None and connection.deadline <= now
            ]
            return [c for c in overdue if self._parked.pop(c.fileno(), None) is not None]

    def take_idlest(self) -> Optional[Connection]:
        """The one parked for longest that is in no request, if there is one."""
        with self._lock:
            for descriptor, connection in self._parked.items():
                if not connection.incoming.has_started:
                    return self._parked.pop(descriptor, None)
        return None

    def next_deadline(self) -> Optional[float]:
        with self._lock:
            deadlines = [c.deadline for c in self._parked.values() if c.deadline is not None]
        return min(deadlines, default=None)

    def set_deadlines(self, deadline_of: Callable[[Connection], Optional[float]]) -> None:
        """Give every parked connection a new deadline."""
        with self._lock:
            for connection in self._parked.values():
                connection.deadline = deadline_of(connection)

    def close(self, connection: Connection) -> None:
        """Close a connection that was taken, or never parked.

        A process forked by the application may hold a copy of the descriptor; without the
        removal epoll would go on reporting it (epoll(7), questions and answers 6).
        """
        if self._registered and connection.fileno() in self._registered:
            descriptor = connection.fileno()
            with self._lock:
                self._registered.discard(descriptor)
                self._epoll.unregister(descriptor)
        connection.close()
