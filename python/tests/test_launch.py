"""Starting and what is left behind: sockets, pidfiles, daemons, exit statuses."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys

from .client import ask
from .engine import EngineTest, environment, is_alive, wait_for

SITE = "application=plain_site"


class SocketTest(EngineTest):
    def test_a_socket_nobody_listens_on_is_replaced(self):
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.socket_path)
        self.serve("maxspare=1")
        self.assertEqual(ask(self.socket_path).body, b"hello\n")

    def test_a_live_socket_is_not_stolen(self):
        first = self.serve("maxspare=1")
        second = self.run_to_exit(SITE, f"socket={self.socket_path}", "daemonize=false")
        self.assertEqual(second.process.returncode, 73)
        self.assertIn(f"process {first.pid} listens on", second.log)
        self.assertEqual(ask(self.socket_path).body, b"hello\n")

    def test_what_is_not_a_socket_is_left_alone(self):
        with open(self.socket_path, "w") as file:
            file.write("precious")
        engine = self.run_to_exit(SITE, f"socket={self.socket_path}", "daemonize=false")
        self.assertEqual(engine.process.returncode, 73)
        self.assertIn("is not a socket", engine.log)
        with open(self.socket_path) as file:
            self.assertEqual(file.read(), "precious")

    def test_a_socket_that_another_has_put_there_is_not_removed(self):
        engine = self.serve("maxspare=1")
        os.unlink(self.socket_path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(self.socket_path)
            engine.signal(signal.SIGTERM)
            self.assertEqual(engine.wait_for_exit(), 0)
            self.assertTrue(os.path.exists(self.socket_path))

    def test_the_umask_decides_the_mode_in_the_foreground_too(self):
        for umask, mode in (("000", 0o777), ("007", 0o770), ("077", 0o700)):
            engine = self.serve("maxspare=1", f"umask={umask}")
            self.assertEqual(stat.S_IMODE(os.stat(self.socket_path).st_mode), mode)
            engine.signal(signal.SIGTERM)
            engine.wait_for_exit()

    def test_a_path_that_is_too_long_or_nowhere(self):
        for path, complaint in {
            "/tmp/" + "x" * 120: "longer than 107 bytes",
            "/nonexistent/s": "No such file or directory",
        }.items():
            engine = self.run_to_exit(SITE, f"socket={path}", "daemonize=false")
            self.assertEqual(engine.process.returncode, 73)
            self.assertIn(complaint, engine.log)

    def test_host_and_port_of_either_family(self):
        for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
            engine = self.start(SITE, f"host={host}", "port=0", "daemonize=false", "maxspare=1")
            match = engine.wait_for_log(r"serving on (\S+):(\d+), pid")
            with socket.socket(family) as client:
                client.settimeout(5)
                client.connect((host, int(match[2])))
            if family == socket.AF_INET:
                self.assertEqual(ask((host, int(match[2])), "/large").ended, 0)

    def test_a_port_in_use_is_refused(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            engine = self.run_to_exit(SITE, "host=127.0.0.1", f"port={port}", "daemonize=false")
            self.assertEqual(engine.process.returncode, 73)
            self.assertIn(f"127.0.0.1:{port}: Address already in use", engine.log)

    def test_only_listed_tcp_peers_may_connect(self):
        engine = self.start(
            SITE, "host=127.0.0.1", "port=0", "daemonize=false", FCGI_WEB_SERVER_ADDRS="10.9.8.7"
        )
        port = int(engine.wait_for_log(r"serving on 127.0.0.1:(\d+), pid")[1])
        with socket.create_connection(("127.0.0.1", port), 5) as client:
            self.assertEqual(client.recv(1), b"")
        self.serve(FCGI_WEB_SERVER_ADDRS="10.9.8.7")
        self.assertEqual(ask(self.socket_path).body, b"hello\n")

    def test_descriptor_0_must_be_a_listening_socket(self):
        engine = self.run_to_exit(SITE)
        self.assertEqual(engine.process.returncode, 73)
        self.assertIn("descriptor 0 is not a listening socket", engine.log)

    def test_a_listening_descriptor_0_is_served_and_not_inherited(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.socket_path)
            listener.listen()
            engine = self.start(SITE, "maxspare=2", stdin=listener)
            engine.wait_for_log("serving on descriptor 0")
            listing = ask(self.socket_path, "/subprocess").body.decode()
            self.assertRegex(listing, r"\b0 -> /dev/null")
            self.assertNotIn("socket:", listing)
            engine.signal(signal.SIGTERM)
            self.assertEqual(engine.wait_for_exit(), 0)
            self.assertTrue(os.path.exists(self.socket_path))


class ExitStatusTest(EngineTest):
    def assert_exit(self, status, *words, says):
        engine = self.run_to_exit(*words, "daemonize=false")
        self.assertEqual(engine.process.returncode, status, engine.log)
        for text in says:
            self.assertIn(text, engine.log)

    def test_wrong_words_are_78(self):
        address = f"socket={self.socket_path}"
        self.assert_exit(78, SITE, address, "bogus=1", says=['unknown word "bogus"'])
        self.assert_exit(78, address, says=["nothing to serve"])

    def test_an_application_that_does_not_load_is_1(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("import os\n\ndef boom():\n    raise ValueError('at import')\n\nboom()\n")
        with open(os.path.join(self.directory, "imports_missing.py"), "w") as file:
            file.write("import does_not_exist_either\n")
        with open(os.path.join(self.directory, "exits.py"), "w") as file:
            file.write("raise SystemExit('configure me')\n")
        rows = {
            "nowhere": ['no module "nowhere" in', sys.executable],
            "os:nothing": ['module "os" has no "nothing"'],
            "os:sep": ['"os:sep" is not callable: it is a str'],
            "broken": ['importing "broken" raised ValueError: at import', "in boom", "Traceback"],
            "imports_missing": ["No module named 'does_not_exist_either'", "Traceback"],
            "exits": ["SystemExit: configure me"],
            ".relative": ['".relative" is not the name of a module'],
        }
        for target, says in rows.items():
            with self.subTest(target):
                words = (f"application={target}", f"socket={self.socket_path}")
                self.assert_exit(1, *words, says=says)
                self.assertFalse(os.path.exists(self.socket_path))

    def test_the_traceback_begins_with_the_applications_own_code(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("1 / 0\n")
        engine = self.run_to_exit("application=broken")
        self.assertNotIn("importlib", engine.log)
        self.assertNotIn("launch/application.py", engine.log)

    def test_help_is_0_and_prints_every_word(self):
        for word in ("help", "--help"):
            engine = self.run_to_exit(word)
            self.assertEqual(engine.process.returncode, 0)
            self.assertIn("maxrequests=", engine.log)

    def test_an_application_in_another_directory(self):
        site = os.path.join(self.directory, "elsewhere")
        os.mkdir(site)
        with open(os.path.join(site, "hidden.py"), "w") as file:
            file.write("from plain_site import application as app\n")
        self.serve("module=hidden:app", "directory=elsewhere")
        self.assertEqual(ask(self.socket_path).body, b"hello\n")


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
            timeout=20,
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
