"""The engine as a process, for the tests: started, listened to, stopped, and cleaned up."""

import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Callable, List, Optional, Sequence

from .scoreboard import Scoreboard

# In seconds; what only a hang exceeds, however busy the machine is.
DEADLINE = 60.0
# The same of an end, and less than graceful_timeout is unless a test says so: whoever waited for that
# is late.
EXIT_DEADLINE = 20.0
PYTHON_DIRECTORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SITES = os.path.join(PYTHON_DIRECTORY, "tests", "sites")


def wait_for(what: str, condition: Callable[[], object], seconds: float = DEADLINE):
    """The first true value of ``condition``; fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:g} s in vain until {what}")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """A zombie is not: whoever adopted it may take its time."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def environment(**more: str) -> dict:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("RUNFCGID", "FCGI_"))}
    environ.update(PYTHONPATH=os.pathsep.join((PYTHON_DIRECTORY, SITES)), **more)
    return environ


class Engine:
    """A started engine; ``log`` is all of its standard error so far."""

    def __init__(
        self,
        words: List[str],
        cwd: str,
        stdin=subprocess.DEVNULL,
        command: Optional[List[str]] = None,
        handed: Sequence[int] = (),
        start_new_session: bool = False,
        **environ: str,
    ) -> None:
        self._log_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            (command or [sys.executable, "-m", "runfcgi"]) + words,
            cwd=cwd,
            stdin=stdin,
            stdout=self._log_file,
            stderr=self._log_file,
            env=environment(**environ),
            start_new_session=start_new_session,
            # All descriptors but these are close-on-exec; what is handed goes to 3, 4 and 5, as
            # the daemon has it.
            close_fds=False,
            preexec_fn=lambda: _put_from_3_on(handed),
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        size = os.fstat(self._log_file.fileno()).st_size
        return os.pread(self._log_file.fileno(), size, 0).decode("utf-8", "replace")

    def wait_for_log(self, pattern: str, seconds: float = DEADLINE) -> "re.Match":
        def found():
            match = re.search(pattern, self.log)
            if match is None and self.process.poll() is not None:
                match = re.search(pattern, self.log)
                if match is None:
                    raise AssertionError(f"exited {self.process.returncode}: {self.log}")
            return match

        try:
            return wait_for(f"the log says {pattern!r}", found, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the log: {self.log}") from None

    def children(self) -> List[int]:
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as file:
            return [int(pid) for pid in file.read().split()]

    def signal(self, signum: int) -> None:
        self.process.send_signal(signum)

    def wait_for_exit(self, seconds: float = EXIT_DEADLINE) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not exit in {seconds:g} s; the log: {self.log}") from None

    def stop(self) -> None:
        """Whatever state it is in; children of a killed parent leave by themselves."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(EXIT_DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(DEADLINE)
        self._log_file.close()


class EngineTest(unittest.TestCase):
    """Gives each test a directory of its own and stops what it started."""

    def setUp(self) -> None:
        self.directory = tempfile.mkdtemp(prefix="runfcgi-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.socket_path = os.path.join(self.directory, "s")

    def start(self, *words: str, **options) -> Engine:
        """Start without waiting for anything."""
        engine = Engine(list(words), self.directory, **options)
        self.addCleanup(engine.stop)
        return engine

    def serve(self, *words: str, **options) -> Engine:
        """Start in the foreground on the test's Unix socket, and wait until it serves."""
        engine = self.start(*foreground_words(self.socket_path, words), **options)
        engine.wait_for_log("runfcgi: serving on")
        return engine

    def run_to_exit(self, *words: str, **options) -> Engine:
        engine = self.start(*words, **options)
        engine.wait_for_exit()
        return engine


class SharedEngineTest(unittest.TestCase):
    """One engine for all tests of a class: what one test does to it shows in the next."""

    words: tuple = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = tempfile.mkdtemp(prefix="runfcgi-")
        cls.socket_path = os.path.join(cls.directory, "s")
        cls.engine = Engine(foreground_words(cls.socket_path, cls.words), cls.directory)
        cls.engine.wait_for_log("runfcgi: serving on")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.engine.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)


def foreground_words(socket_path: str, words) -> List[str]:
    sites = ("application=", "module=", "project=", "settings=")
    is_site_given = any(word.startswith(sites) for word in words)
    site = [] if is_site_given else ["application=plain_site"]
    return [f"socket={socket_path}", "daemonize=false", *site, *words]


class Supervised:
    """A worker as a supervisor starts it: the listener on descriptor 0, a channel on 3, and, with
    ``slots``, memory to show itself in on 4 and a pipe for tracebacks on 5."""

    def __init__(
        self, test: EngineTest, *words: str, blocking: bool = True, slots: int = 0, **environ
    ) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        test.addCleanup(self.listener.close)
        self.listener.bind(test.socket_path)
        self.listener.listen(128)
        self.listener.setblocking(blocking)
        self._test = test
        self._words = words
        self._slots = slots
        self._environ = environ

    def start(self) -> "Worker":
        return Worker(self._test, self.listener, self._words, self._slots, self._environ)


class Worker:
    """``engine`` and the events of its channel."""

    def __init__(
        self, test: EngineTest, listener: socket.socket, words, slots: int, environ
    ) -> None:
        self._read_end, write_end = os.pipe()
        test.addCleanup(os.close, self._read_end)
        handed = [write_end]
        environ = {"RUNFCGID_CHANNEL": "3", **environ}
        self.scoreboard: Optional[Scoreboard] = None
        if slots:
            self.scoreboard = Scoreboard(slots)
            test.addCleanup(self.scoreboard.close)
            self.traces, traces_end = os.pipe()
            test.addCleanup(os.close, self.traces)
            handed += [self.scoreboard.descriptor, traces_end]
            environ = {"RUNFCGID_SCOREBOARD": "4", "RUNFCGID_TRACES": "5", **environ}
        self.engine = test.start(*words, stdin=listener, handed=handed, **environ)
        os.close(write_end)
        if slots:
            os.close(traces_end)
        self._rest = b""

    def read_traces(self, until: str, seconds: float = DEADLINE) -> str:
        """What came through the pipe up to ``until``."""
        text = ""
        end = time.monotonic() + seconds
        while until not in text:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.traces], [], [], left)[0]:
                raise AssertionError(f"no {until!r} in {seconds:g} s, but {text!r}")
            text += os.read(self.traces, 65536).decode()
        return text

    def has_said_something(self) -> bool:
        return b"\n" in self._rest or bool(select.select([self._read_end], [], [], 0)[0])

    def next_event(self, seconds: float = DEADLINE) -> Optional[dict]:
        """None when the worker has closed the channel."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._read_end], [], [], left)[0]:
                raise AssertionError(f"no event in {seconds:g} s; the log: {self.engine.log}")
            data = os.read(self._read_end, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        assert len(line) < 65536
        return json.loads(line)


def _put_from_3_on(descriptors: Sequence[int]) -> None:
    copies = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 100) for descriptor in descriptors]
    for number, copy in enumerate(copies, 3):
        os.dup2(copy, number)
        os.close(copy)
