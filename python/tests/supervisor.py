"""A supervisor of a fork server, for the tests: a socketpair, descriptors by SCM_RIGHTS."""

import array
import contextlib
import json
import os
import select
import socket
import tempfile
import time
from typing import Dict, List, Optional, Set

from .client import ask
from .engine import DEADLINE, EngineTest, wait_for
from .scoreboard import Scoreboard


class ForkingTest(EngineTest):
    def ready(self, *words: str, **options) -> "ForkServer":
        """A fork server that has loaded its application."""
        server = ForkServer(self, *words, **options)
        self.assertEqual(server.next_event(), {"event": "ready", "version": 2})
        return server

    def who(self) -> int:
        """The pid of a worker that answers."""
        return int(ask(self.socket_path, "/who").body.split()[0])

    def facts(self) -> dict:
        return ask(self.socket_path).json()


class ForkServer:
    """A started fork server. ``listener`` is what its workers get, if nothing else is said."""

    def __init__(self, test: EngineTest, *words: str, marker: str = "m" * 80, **options) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        test.addCleanup(self.listener.close)
        self.listener.bind(test.socket_path)
        self.listener.listen(128)
        self.channel, theirs = socket.socketpair()
        test.addCleanup(self.channel.close)
        self.marker = marker
        self._test = test
        self._rest = b""
        self._events: List[dict] = []
        self._last_id = 0
        self.engine = test.start(
            *words,
            handed=[theirs.fileno()],
            RUNFCGID_CHANNEL="3",
            RUNFCGID_ROLE="fork-server",
            RUNFCGID_WORKER=marker,
            **options,
        )
        theirs.close()

    def spawn(self, marker: str = "a mark") -> "ForkedWorker":
        """A worker that has said that it is ready."""
        worker = ForkedWorker(self._test)
        worker.pid = self.request(worker, marker)
        assert worker.next_event() == {"event": "ready"}, worker.log
        return worker

    def request(self, worker: "ForkedWorker", marker: str = "a mark") -> int:
        """The pid of the process that was forked for ``worker``."""
        self._last_id += 1
        self.send_spawn(self._last_id, worker.descriptors(self.listener), marker)
        worker.close_their_ends()
        event = self.next_event("spawned", "spawn-failed")
        assert event["event"] == "spawned" and event["id"] == self._last_id, event
        return event["pid"]

    def request_unseen(self) -> int:
        """Like ``request``, of a worker that nobody hears of again."""
        return self.request(ForkedWorker(self._test))

    def prepare(self) -> "Reserve":
        """A reserve that is asleep."""
        self._last_id += 1
        reserve = Reserve(self._test, self._last_id)
        message = {"command": "prepare", "id": reserve.id}
        self.send(json.dumps(message).encode() + b"\n", reserve.descriptors())
        reserve.close_their_ends()
        event = self.next_event("spawned", "spawn-failed")
        assert event["event"] == "spawned" and event["id"] == reserve.id, event
        reserve.worker.pid = event["pid"]
        reserve.wait_until_asleep()
        return reserve

    def launch(self, reserve: "Reserve", marker: str = "a mark") -> "ForkedWorker":
        """The reserve as a worker that has said that it is ready."""
        reserve.launch(self.listener, marker)
        assert reserve.worker.next_event() == {"event": "ready"}, reserve.worker.log
        return reserve.worker

    def send_spawn(self, id, descriptors, marker="a mark") -> None:
        message = {"command": "spawn", "id": id, "marker": marker}
        self.send(json.dumps(message).encode() + b"\n", descriptors)

    def send(self, data: bytes, descriptors=()) -> None:
        """All of ``data``, the descriptors with its first byte."""
        control = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        sent = self.channel.sendmsg([data], [control] if descriptors else [])
        self.channel.sendall(data[sent:])

    def next_event(self, *names: str, seconds: float = DEADLINE) -> Optional[dict]:
        """The next event, or the next with one of the names; the others are kept. None when the
        fork server has closed the channel."""
        for event in self._events:
            if not names or event["event"] in names:
                self._events.remove(event)
                return event
        end = time.monotonic() + seconds
        while True:
            event = self._receive(end)
            if event is None or not names or event["event"] in names:
                return event
            self._events.append(event)

    def descriptors(self) -> List[str]:
        return open_descriptors(self.engine.pid)

    def marks(self) -> Dict[int, str]:
        """Of its children, as /proc shows them."""
        found = {}
        for pid in self.engine.children():
            with contextlib.suppress(OSError):
                found[pid] = mark_of(pid)
        return found

    def workers(self) -> List[int]:
        return [pid for pid, mark in self.marks().items() if mark != self.marker]

    def _receive(self, end: float) -> Optional[dict]:
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.channel], [], [], left)[0]:
                raise AssertionError(f"no event; kept: {self._events}; log: {self.engine.log}")
            try:
                data = self.channel.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)


class ForkedWorker:
    """The supervisor's ends of what one worker gets."""

    def __init__(self, test: EngineTest) -> None:
        self.pid = 0
        self._log_file = tempfile.TemporaryFile()
        self.scoreboard = Scoreboard(slots=8)
        self._read_end, self._channel = os.pipe()
        self._traces_end, self._traces = os.pipe()
        self._rest = b""
        test.addCleanup(self._close)

    @property
    def log(self) -> str:
        """Standard output and error so far."""
        size = os.fstat(self._log_file.fileno()).st_size
        return os.pread(self._log_file.fileno(), size, 0).decode("utf-8", "replace")

    def descriptors(self, first: socket.socket) -> List[int]:
        log = self._log_file.fileno()
        scoreboard = self.scoreboard.descriptor
        return [first.fileno(), log, log, self._channel, scoreboard, self._traces]

    def close_their_ends(self) -> None:
        for descriptor in (self._channel, self._traces):
            os.close(descriptor)
        self._channel = self._traces = -1

    def next_event(self, seconds: float = DEADLINE) -> Optional[dict]:
        """None when the worker has closed its channel."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._read_end], [], [], left)[0]:
                raise AssertionError(f"no event in {seconds:g} s; the log: {self.log}")
            data = os.read(self._read_end, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def wait_for_traces(self, text: str) -> None:
        """Tracebacks come in many small pieces."""
        read = ""
        while text not in read:
            assert select.select([self._traces_end], [], [], DEADLINE)[0], f"only this came: {read}"
            read += os.read(self._traces_end, 65536).decode()

    def signal(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def _close(self) -> None:
        """A worker that a test has left, of a fork server that has left, is ended."""
        if self._channel >= 0:
            self.close_their_ends()
        while self.pid and self._is_there():
            os.kill(self.pid, 9)
            time.sleep(0.01)
        os.close(self._read_end)
        os.close(self._traces_end)
        self._log_file.close()
        self.scoreboard.close()

    def _is_there(self) -> bool:
        """Not by its environment: a test may have taken its mark."""
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as file:
                return b"runfcgi" in file.read()
        except OSError:
            return False


class Reserve:
    """The supervisor's ends of what a reserve gets, and of the worker that it may become."""

    def __init__(self, test: EngineTest, id: int) -> None:
        self.id = id
        self.worker = ForkedWorker(test)
        self.launch_end, self._theirs = socket.socketpair()
        test.addCleanup(self.launch_end.close)

    @property
    def pid(self) -> int:
        return self.worker.pid

    def descriptors(self) -> List[int]:
        return self.worker.descriptors(self._theirs)

    def close_their_ends(self) -> None:
        self.worker.close_their_ends()
        self._theirs.close()

    def launch(self, listener: socket.socket, marker: str) -> None:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))
        self.launch_end.sendmsg([marker.encode() + b"\n"], [rights])

    def wait_until_asleep(self) -> None:
        self.launch_end.settimeout(DEADLINE)
        if self.launch_end.recv(1) != b".":
            raise AssertionError("the reserve is gone, or says something else")
        wait_for("it waits for its part", lambda: state_of(self.pid) == "S")


def mark_of(pid: int) -> str:
    """RUNFCGID_WORKER as /proc shows it. Raises OSError for a process that has gone."""
    with open(f"/proc/{pid}/environ", "rb") as file:
        variables = file.read().split(b"\0")
    name = b"RUNFCGID_WORKER="
    return next((v[len(name) :].decode() for v in variables if v.startswith(name)), "")


def name_of(pid: int) -> str:
    """What ps calls it."""
    with open(f"/proc/{pid}/comm") as file:
        return file.read().rstrip("\n")


def state_of(pid: int) -> str:
    """The letter of proc_pid_stat(5)."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2][0]


def open_descriptors(pid: int) -> List[str]:
    """What each of its descriptors stands for, without those that it closes meanwhile."""
    directory = f"/proc/{pid}/fd"
    names = []
    for name in os.listdir(directory):
        with contextlib.suppress(FileNotFoundError):
            names.append(_what_is(os.path.join(directory, name)))
    return names


def _what_is(link: str) -> str:
    """Files in memory have no name of their own."""
    name = os.readlink(link)
    return f"{name} {os.stat(link).st_ino}" if name.startswith("/memfd:") else name


def inheritable_descriptors() -> Set[str]:
    """What this process's own stand for that its children get, without /dev/null."""
    names = set()
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            if descriptor > 2 and os.get_inheritable(descriptor):
                names.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    return names - {"/dev/null"}
