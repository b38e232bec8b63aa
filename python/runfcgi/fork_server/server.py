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
from .messages import Command, NoCommand, Spawn
from .outbox import Outbox

# Above this, commands wait: what they lead to has nowhere to go. The ends of workers are told
# however much waits.
_MOST_WAITING = 256 * 1024


class ForkServer:
    """Use once, in the main thread. The processes it forks are the only ones it waits for."""

    def __init__(self, channel: socket.socket, before_fork: Callable[[], None]) -> None:
        self._channel = channel
        self._before_fork = before_fork
        self._inbox = Inbox(channel)
        self._outbox = Outbox(channel)
        self._stop = Stop(graceful_timeout=0)
        self._signals = Signals(self._stop, end_now=lambda _: os._exit(0))
        self._children: Set[int] = set()
        self._threads_told: FrozenSet[str] = frozenset()

    def warn(self, message: str) -> None:
        self._outbox.say(messages.warning(message))

    def run(self) -> Optional[Command]:
        """Say that the application is loaded, and serve the channel. None: it is over, the
        supervisor has gone or a signal came; otherwise the calling process is a new one, the one
        that the command asks for."""
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
            command = self._obey()
            if command is not None:
                return command
        self._outbox.flush()
        return None

    def _wait(self) -> dict:
        """Descriptors with news, and which."""
        channel = select.POLLOUT if self._outbox.size else 0
        if self._outbox.size < _MOST_WAITING:
            channel |= select.POLLIN
        poll = select.poll()
        poll.register(self._channel, channel)
        poll.register(self._signals, select.POLLIN)
        poll.register(self._stop, select.POLLIN)
        return dict(poll.poll())

    def _is_supervised(self, ready: dict) -> bool:
        """Also takes in what the supervisor has said."""
        news = ready.get(self._channel.fileno(), 0)
        if news & select.POLLIN:
            return self._inbox.receive()
        return not news & (select.POLLHUP | select.POLLERR)

    def _obey(self) -> Optional[Command]:
        """Do all that has been received. Not None: this is a new process."""
        while True:
            line = self._inbox.take_line()
            if line is None:
                return None
            try:
                command = _read(line)
            except NoCommand as problem:
                line.close_descriptors()
                self._outbox.say(messages.refusal(problem))
                continue
            try:
                pid = self._fork()
            except OSError as error:
                self._outbox.say(messages.spawn_failed(command.id, f"fork: {error.strerror}"))
            else:
                if pid == 0:
                    return command
                self._children.add(pid)
                self._outbox.say(messages.spawned(command, pid))
                self._rehearse()
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

    def _reap(self) -> None:
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

    def _rehearse(self) -> None:
        """To tell of an end. What that writes to is shared with the process forked just now, and
        copied when it is written to: not when somebody waits for it."""
        self._reap()
        messages.encode(messages.exited(os.getpid(), 0))

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


def _read(line: Line) -> Command:
    """Raises NoCommand."""
    if line.text is None:
        raise NoCommand(f"a line has more than {messages.LINE_LIMIT} bytes")
    command = messages.read_command(line.text, line.descriptors)
    if isinstance(command, Spawn) and not is_listening(command.part.listen):
        raise NoCommand("the first descriptor is not a listening socket", command.id)
    return command
