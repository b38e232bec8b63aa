"""Daemons and pidfiles: what is written, reported and left behind."""

import os
import re
import signal
import stat
import subprocess
import sys

from .client import ask
from .engine import DEADLINE, EngineTest, environment, is_alive, wait_for

SITE = "application=plain_site"


class PidfileTest(EngineTest):
    def setUp(self):
        super().setUp()
        self.pidfile = os.path.join(self.directory, "django.pid")

    def read(self):
        with open(self.pidfile) as file:
            return file.read()

    def test_it_holds_the_parents_pid_and_is_removed(self):
        engine = self.serve("pidfile=django.pid", "maxspare=1")
        self.assertEqual(self.read(), f"{engine.pid}\n")
        engine.signal(signal.SIGTERM)
        self.assertEqual(engine.wait_for_exit(), 0)
        self.assertFalse(os.path.exists(self.pidfile))

    def test_a_second_process_is_refused_and_harms_nothing(self):
        first = self.serve("pidfile=django.pid", "maxspare=1")
        words = ("host=127.0.0.1", "port=0", "pidfile=django.pid", "daemonize=false")
        second = self.run_to_exit(SITE, *words)
        self.assertEqual(second.process.returncode, 73)
        self.assertIn(f"held by process {first.pid}", second.log)
        self.assertEqual(self.read(), f"{first.pid}\n")

    def test_one_left_by_a_killed_process_is_taken_over(self):
        first = self.serve("pidfile=django.pid", "maxspare=2")
        first.signal(signal.SIGKILL)
        first.wait_for_exit()
        self.assertEqual(self.read(), f"{first.pid}\n")
        second = self.serve("pidfile=django.pid", "maxspare=1")
        self.assertEqual(self.read(), f"{second.pid}\n")

    def test_it_does_not_appear_when_nothing_is_served(self):
        self.run_to_exit("application=nowhere", "pidfile=django.pid")
        self.assertFalse(os.path.exists(self.pidfile))

    def test_a_directory_that_is_missing(self):
        engine = self.run_to_exit(SITE, "pidfile=/nonexistent/pid")
        self.assertEqual(engine.process.returncode, 73)
        self.assertIn("No such file", engine.log)


class DaemonTest(EngineTest):
    """The book's second example: a daemon on a Unix socket with a relative pidfile."""

    def launch(self, *words):
        result = subprocess.run(
            [sys.executable, "-m", "runfcgi", *words],
            cwd=self.directory,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
            timeout=DEADLINE,
        )
        return result.returncode, result.stdout

    def daemon(self, *words):
        words = (SITE, "socket=s", "pidfile=django.pid", "maxspare=2", *words)
        self.assertEqual(self.launch(*words), (0, ""))
        with open(os.path.join(self.directory, "django.pid")) as file:
            pid = int(file.read())
        self.addCleanup(_kill, pid)
        return pid

    def test_it_serves_when_the_launcher_returns(self):
        pid = self.daemon()
        self.assertEqual(ask(self.socket_path).body, b"hello\n")
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        for descriptor in range(3):
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/{descriptor}"), "/dev/null")
        self.assertEqual(stat.S_IMODE(os.stat(self.socket_path).st_mode), 0o755)
        with open(f"/proc/{pid}/stat") as file:
            parent, _, session = file.read().rpartition(")")[2].split()[1:4]
        self.assertNotEqual(int(session), os.getsid(0))
        self.assertNotEqual(int(session), pid)
        os.kill(pid, signal.SIGTERM)
        wait_for("it has gone", lambda: not is_alive(pid))
        self.assertFalse(os.path.exists(self.socket_path))
        self.assertFalse(os.path.exists(os.path.join(self.directory, "django.pid")))

    def test_logs_workdir_and_umask(self):
        os.mkdir(os.path.join(self.directory, "work"))
        work = os.path.join(self.directory, "work")
        pid = self.daemon("errlog=err.log", "outlog=out.log", f"workdir={work}", "umask=077")
        ask(self.socket_path, "/complain")
        with open(os.path.join(self.directory, "err.log"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"serving on unix:.*\n.*a complaint: \u20ac")
        self.assertTrue(os.path.exists(os.path.join(self.directory, "out.log")))
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), work)
        self.assertEqual(stat.S_IMODE(os.stat(self.socket_path).st_mode), 0o700)

    def test_the_launcher_reports_what_the_daemon_could_not_do(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("1 / 0\n")
        pid = self.daemon()
        rows = [
            (1, ("application=broken", "socket=t"), "ZeroDivisionError"),
            (73, (SITE, "socket=s"), f"process {pid} listens on"),
            (73, (SITE, "socket=t", "pidfile=django.pid"), f"held by process {pid}"),
            (73, (SITE, "socket=/nonexistent/s"), "No such file"),
            (70, (SITE, "socket=t", "workdir=/nonexistent"), 'workdir "/nonexistent"'),
            (70, (SITE, "socket=t", "errlog=/nonexistent/log"), 'log "/nonexistent/log"'),
            (78, (SITE, "socket=t", "threads=2"), "method=threaded"),
        ]
        for status, words, says in rows:
            with self.subTest(words=words):
                code, output = self.launch(*words)
                self.assertEqual(code, status, output)
                self.assertIn(says, output)

    def test_a_threaded_daemon_on_tcp(self):
        """The book's first example."""
        words = ("method=threaded", "host=127.0.0.1", "port=0", "errlog=err.log")
        code, output = self.launch(SITE, *words, "pidfile=tcp.pid")
        self.assertEqual((code, output), (0, ""))
        with open(os.path.join(self.directory, "tcp.pid")) as file:
            self.addCleanup(_kill, int(file.read()))
        with open(os.path.join(self.directory, "err.log")) as file:
            port = int(re.search(r"serving on 127.0.0.1:(\d+)", file.read())[1])
        self.assertEqual(ask(("127.0.0.1", port)).body, b"hello\n")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGQUIT)
    except ProcessLookupError:
        return
    wait_for(f"{pid} has gone", lambda: not is_alive(pid))
