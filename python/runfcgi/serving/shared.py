"""What the loops of one process have in common."""

from __future__ import annotations

import select
from typing import Any, Callable, Dict, Iterable, NamedTuple

from runfcgi.fastcgi.limits import Limits
from runfcgi.wsgi.gateway import Gateway

from .listener import Listener
from .parking import Parking
from .stop import Stop


class Shared(NamedTuple):
    """``door`` is what the loops wait at (see :func:`open_door`). ``interrupts`` are descriptors
    watched there beside the sockets, each with what to call when it is readable. ``on_served`` is
    called after each request. ``is_alone``: there is one loop, which may wait where it cannot
    hear of the others.
    """

    door: select.epoll

    listener: Listener
    gateway: Gateway
    parking: Parking
    stop: Stop
    limits: Limits
    capacity: Callable[[], int]
    on_served: Callable[[], None]
    interrupts: Dict[int, Callable[[], None]]
    is_alone: bool = False


def open_door(sources: Iterable[Any]) -> select.epoll:
    """One epoll for all loops of a process: of the threads that wait at it one wakes up.

    Not EPOLLEXCLUSIVE: then the kernel would tell one process of a new connection, and when that
    one is stopped (SIGSTOP), told to leave or busy at that very moment, the others would sleep on.
    """
    door = select.epoll()
    for source in sources:
        door.register(source, select.EPOLLIN)
    return door
