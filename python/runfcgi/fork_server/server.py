"""The fork server's loop: commands in, workers out, and the truth about each one's end."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from typing import Callable, FrozenSet, Optional, Set

from runfcgi.parent.forking import fork
from runfcgi.serving.listener import is_listening
from runfcgi.serving.stop import Signals, Stop

from . import messages
from .inbox import Inbox, Line
from .messages import NoCommand, Spawn
from .newborn import Birth
from .outbox import Outbox
from .reserve import Reserve, open_ends, wait_for_birth

# Above this, commands wait: what they lead to has nowhere to go. The ends of workers are told
# however much waits.
_MOST_WAITING = 256 * 1024
# A reserve is forked when nobody has asked for anything for so long, in seconds, and later each time
# that the last one ended without being used.
_QUIET = 0.1
_LONGEST_QUIET = 3600.0


class ForkServer:
    """Use once, in the main thread. The processes it forks are the only ones it waits for.

    One of them is a reserve: forked when nobody waits, and ready to become the next worker. The
    supervisor is not told of it until it does.
    """

    def __init__(
        self,
        channel: socket.socket,
        before_fork: Callable[[], None],
        rehearse: Callable[[], None] = lambda: None,
    ) -> None:
        self._channel = channel
        self._before_fork = before_fork
        self._rehearse = rehearse
        self._inbox = Inbox(channel)
        self._outbox = Outbox(channel)
        self._stop = Stop(graceful_timeout=0)
        self._signals = Signals(self._stop, end_now=lambda _: os._exit(0))
        self._children: Set[int] = set()
        self._reserve: Optional[Reserve] = None
        self._unused: Set[int] = set()
        """Reserves whose end nobody has to be told of."""
        self._is_reserve_wanted = False
        self._quiet = _QUIET
        self._threads_told: FrozenSet[str] = frozenset()

    def warn(self, message: str) -> None:
        self._outbox.say(messages.warning(message))

    def run(self) -> Optional[Birth]:
        """Say that the application is loaded, and serve the channel. None: it is over, the
        supervisor has gone or a signal came; otherwise the calling process is a new one."""
        self._signals.install()
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)  # wakes, by Signals.fileno()
        self._outbox.say(messages.ready())
        while self._outbox.flush():
            ready = self._wait()
            if self._signals.fileno() in ready:
                self._signals.clear()
                self._reap()
            if self._stop.is_set or not self._is_supervised(ready):
                break
            birth = self._obey() if ready else self._fork_reserve()
            if birth is not None:
                return birth
        self._outbox.flush()
        self._end_reserve()
        return None

    def _wait(self) -> dict:
        """Descriptors with news, and which. None have when it is time for a reserve."""
        channel = select.POLLOUT if self._outbox.size else 0
        if self._outbox.size < _MOST_WAITING:
            channel |= select.POLLIN
        poll = select.poll()
        poll.register(self._channel, channel)
        poll.register(self._signals, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        wants_reserve = self._is_reserve_wanted and self._reserve is None
        return dict(poll.poll(self._quiet * 1000 if wants_reserve else None))

    def _is_supervised(self, ready: dict) -> bool:
        """Also takes in what the supervisor has said."""
        news = ready.get(self._channel.fileno(), 0)
        if news & select.POLLIN:
            return self._inbox.receive()
        return not news & (select.POLLHUP | select.POLLERR)

    def _obey(self) -> Optional[Birth]:
        """Do all that has been received. Not None: this is a new process."""
        while True:
            line = self._inbox.take_line()
            if line is None:
                return None
            try:
                spawn = _read(line)
            except NoCommand as problem:
                line.close_descriptors()
                self._outbox.say(messages.refusal(problem))
                continue
            try:
                pid = self._use_reserve(spawn) or self._fork()
            except OSError as error:
                self._outbox.say(messages.spawn_failed(spawn.id, f"fork: {error.strerror}"))
            else:
                if pid == 0:
                    return Birth(spawn.marker, spawn.descriptors)
                self._children.add(pid)
                self._outbox.say(messages.spawned(spawn, pid))
                self._is_reserve_wanted = True
            line.close_descriptors()

    def _fork(self) -> int:
        """The new process's id; 0 in that process. Raises OSError."""
        self._warn_of_threads()
        pid = fork(self._before_fork)
        if pid == 0:
            self._inbox.close()
            self._channel.close()
            self._signals.close()
            self._stop.close()
        return pid

    def _use_reserve(self, spawn: Spawn) -> Optional[int]:
        """The id of the process that becomes a worker; None: there is none."""
        reserve, self._reserve = self._reserve, None
        if reserve is None:
            return None
        is_used = reserve.become(spawn)
        reserve.close()
        if is_used:
            self._unused.discard(reserve.pid)
            self._quiet = _QUIET
        return reserve.pid if is_used else None

    def _fork_reserve(self) -> Optional[Birth]:
        """Not None: this is the reserve, and it is wanted."""
        try:
            ours, theirs = open_ends()
        except OSError:
            self._lose_reserve()
            return None
        with theirs:
            try:
                pid = self._fork()
            except OSError:
                ours.close()
                self._lose_reserve()
                return None
            if pid == 0:
                ours.close()
                return wait_for_birth(theirs, self._rehearse) or os._exit(0)
        self._unused.add(pid)
        self._reserve = Reserve(pid, ours)
        return None

    def _end_reserve(self) -> None:
        """Whoever saw this process end finds nothing of it."""
        if self._reserve is not None:
            self._reserve.end()

    def _lose_reserve(self) -> None:
        """Another follows, after a while that grows."""
        if self._reserve is not None:
            self._reserve.close()
            self._reserve = None
        self._quiet = min(2 * self._quiet, _LONGEST_QUIET)

    def _reap(self) -> None:
        for pid in list(self._unused):
            if _has_ended(pid):
                self._unused.discard(pid)
                if self._reserve is not None and self._reserve.pid == pid:
                    self._lose_reserve()
        for pid in list(self._children):
            status: Optional[int]
            try:
                done, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                # A thread of the application waits for any.
                done, status = pid, None
                self.warn(f"the application has taken the exit status of worker {pid}")
            if done:
                self._children.discard(pid)
                self._outbox.say(messages.exited(pid, status))

    def _warn_of_threads(self) -> None:
        """Once for each set of threads: of a process only the thread that forks goes on."""
        main = threading.main_thread()
        names = frozenset(thread.name for thread in threading.enumerate() if thread is not main)
        if names and names != self._threads_told:
            self.warn(
                "loading the application has started threads that the workers forked from it do"
                f" not have: {', '.join(sorted(names))}; start them at the first request, or set"
                " preload = false"
            )
        self._threads_told = names


def _has_ended(pid: int) -> bool:
    """Collects it, too."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _read(line: Line) -> Spawn:
    """Raises NoCommand."""
    if line.text is None:
        raise NoCommand(f"a line has more than {messages.LINE_LIMIT} bytes")
    spawn = messages.read_spawn(line.text, line.descriptors)
    if not is_listening(spawn.descriptors.listen):
        raise NoCommand("the first descriptor is not a listening socket", spawn.id)
    return spawn
