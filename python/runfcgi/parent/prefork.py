"""The parent: forks workers from the loaded application, replaces them, and ends them."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import Callable, Dict, NamedTuple, Optional, Tuple

from runfcgi.serving.stop import Signals, Stop
from runfcgi.serving.wear import with_jitter
from runfcgi.wsgi.error_stream import write_stderr

from . import population
from .board import Board, Seat
from .crash_loop import CrashLoop
from .forking import fork, freeze
from .population import Seen, Spare, plan_change

# While there are more workers than at rest, how often to look whether one can go.
_SHRINK_INTERVAL = 1.0
# After the workers' own deadline: for them to leave by themselves.
_KILL_MARGIN = 1.0


class Birth(NamedTuple):
    """What a newly forked process needs to become a worker."""

    seat: Seat
    lifeline: int
    max_requests: int


class _Child(NamedTuple):
    seat: Seat
    born: float


class Prefork:
    """Keeps workers alive until it is stopped. Use once, in the main thread. ``before_fork`` gives
    up what the workers must not share."""

    def __init__(
        self,
        spare: Spare,
        max_requests: int,
        graceful_timeout: float,
        before_fork: Callable[[], None],
    ) -> None:
        self._spare = spare
        self._max_requests = max_requests
        self._before_fork = before_fork
        # Worn workers, and those that leave, stay beside their replacements for a while.
        self._board = Board(4 * spare.max_workers + 4, spare.min_spare)
        self._stop = Stop(graceful_timeout)
        self._signals = Signals(self._stop, self._end_now)
        self._lifeline: Tuple[int, int] = os.pipe()
        self._children: Dict[int, _Child] = {}
        self._leaving: Dict[int, _Child] = {}
        self._crash_loop = CrashLoop()
        self._was_cut = False

    def run(
        self,
        work: Callable[[Birth], int],
        on_ready: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> int:
        """The exit status of the calling process: the parent, or, in each forked process, what
        ``work`` returned. ``on_ready`` is called when the first workers have been forked;
        ``on_stop`` at the beginning of the end, to take the address away. Both in the parent."""
        self._signals.install()
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)  # wakes, by Signals.fileno()
        freeze()
        birth = self._adjust()
        if birth is not None:
            return work(birth)
        on_ready()
        while not self._stop.is_set:
            self._wait(self._seconds_to_next_look())
            self._reap()
            birth = None if self._stop.is_set else self._adjust()
            if birth is not None:
                return work(birth)
        on_stop()
        status = self._end_gracefully()
        self._signals.ignore()
        return status

    def _adjust(self) -> Optional[Birth]:
        """Start and retire workers as planned. Not None: this is a new process."""
        self._board.look(wake_when_short=len(self._children) < self._spare.max_workers)
        change = plan_change(self._seen(), self._spare)
        for pid in change.retire:
            self._retire(pid)
        if time.monotonic() < self._crash_loop.not_before:
            return None
        for _ in range(change.start):
            seat = self._board.take_seat()
            birth = None if seat is None else self._fork(seat)
            if birth is not None:
                return birth
        return None

    def _seen(self):
        return [Seen(pid, child.seat.state) for pid, child in self._children.items()]

    def _fork(self, seat: Seat) -> Optional[Birth]:
        """Not None: this is the new process."""
        max_requests = with_jitter(self._max_requests)
        try:
            pid = fork(self._before_fork)
        except OSError as error:
            seat.free()
            write_stderr(f"runfcgi: cannot start a worker: {error.strerror}\n")
            self._crash_loop.crashed(lifetime=0.0, served=0, now=time.monotonic())
            return None
        if pid == 0:
            self._signals.close()
            self._stop.close()
            os.close(self._lifeline[1])
            return Birth(seat, self._lifeline[0], max_requests)
        self._children[pid] = _Child(seat, time.monotonic())
        return None

    def _retire(self, pid: int) -> None:
        self._leaving[pid] = self._children.pop(pid)
        _signal(pid, signal.SIGTERM)

    def _seconds_to_next_look(self) -> Optional[float]:
        """None while nothing can happen that does not wake the parent."""
        pause = self._crash_loop.not_before - time.monotonic()
        if pause > 0:
            return pause
        return None if population.is_settled(self._seen(), self._spare) else _SHRINK_INTERVAL

    def _wait(self, timeout: Optional[float]) -> None:
        poll = select.poll()
        for source in (self._signals, self._board, self._stop):
            poll.register(source, select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1000 + 1)
        self._signals.clear()

    def _reap(self) -> None:
        for group in (self._children, self._leaving):
            for pid in list(group):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    self._note_exit(pid, group.pop(pid), status, group is self._leaving)

    def _note_exit(self, pid: int, child: _Child, status: int, was_asked: bool) -> None:
        served = child.seat.served
        child.seat.free()
        if was_asked or self._stop.is_set:
            self._was_cut = self._was_cut or status != 0
            return
        now = time.monotonic()
        lifetime = now - child.born
        self._crash_loop.crashed(lifetime, served, now)
        write_stderr(
            f"runfcgi: worker {pid} {_describe(status)} after {lifetime:.1f} s"
            f" and {served} requests\n"
        )

    def _end_gracefully(self) -> int:
        for pid in list(self._children):
            self._retire(pid)
        deadline = (self._stop.deadline or 0.0) + _KILL_MARGIN
        while self._leaving:
            left = deadline - time.monotonic()
            if left <= 0:
                self._kill_unfinished()
                deadline = time.monotonic() + _KILL_MARGIN
            self._wait_for_children(max(0.0, left))
            self._reap()
        return 1 if self._was_cut else 0

    def _wait_for_children(self, timeout: float) -> None:
        poll = select.poll()
        poll.register(self._signals, select.POLLIN)
        poll.poll(timeout * 1000 + 1)
        self._signals.clear()

    def _kill_unfinished(self) -> None:
        for pid in self._leaving:
            write_stderr(
                f"runfcgi: worker {pid} did not finish within graceful_timeout and is killed\n"
            )
            _signal(pid, signal.SIGKILL)

    def _end_now(self, signum: int) -> None:
        """Runs in the signal handler. The exit status says that work was cut."""
        for pid in (*self._children, *self._leaving):
            _signal(pid, signal.SIGKILL)
        raise SystemExit(128 + signum)


def _signal(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass  # it left by itself; waitpid will tell


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        hint = ", perhaps out of memory" if number == signal.SIGKILL else ""
        return f"was killed by {signal.Signals(number).name}{hint}"
    return f"exited with status {os.WEXITSTATUS(status)}"
