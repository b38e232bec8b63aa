"""How many workers there should be. Pure: what is seen in, what is to be done out.

At rest there are ``max_spare`` workers. When fewer than ``min_spare`` are idle more are started,
up to ``max_workers``; when more than ``max_spare`` are idle again one is retired at each look.
A worker that has served its share of requests is *worn*: it goes on serving until another is up
in its place, and only then leaves.
"""

from __future__ import annotations

from typing import List, NamedTuple, Sequence

STARTING, IDLE, BUSY, WORN, LEAVING = "starting", "idle", "busy", "worn", "leaving"


class Spare(NamedTuple):
    """1 <= min_spare <= max_spare <= max_workers."""

    min_spare: int
    max_spare: int
    max_workers: int


class Seen(NamedTuple):
    """One worker as the parent sees it."""

    pid: int
    state: str


class Change(NamedTuple):
    """``start``: number of workers to start; ``retire``: pids to be told to leave."""

    start: int
    retire: List[int]


def plan_change(workers: Sequence[Seen], spare: Spare) -> Change:
    """What brings the population to where it should be, or one step nearer."""
    fresh = [worker for worker in workers if worker.state in (STARTING, IDLE, BUSY)]
    starting = sum(worker.state == STARTING for worker in fresh)
    idle = [worker.pid for worker in fresh if worker.state == IDLE]
    start = _missing(len(fresh), len(idle) + starting, spare)
    worn = [worker.pid for worker in workers if worker.state == WORN]
    if worn and not start and not starting:
        return Change(0, worn)
    if not start and len(idle) > spare.max_spare:
        return Change(0, [idle[-1]])
    return Change(start, [])


def is_settled(workers: Sequence[Seen], spare: Spare) -> bool:
    """Is there nothing to look at again until a worker changes of its own accord?"""
    return len(workers) <= spare.max_spare and all(
        worker.state in (IDLE, BUSY, LEAVING) for worker in workers
    )


def _missing(fresh: int, free: int, spare: Spare) -> int:
    wanted = max(spare.max_spare - fresh, spare.min_spare - free)
    return max(0, min(wanted, spare.max_workers - fresh))
