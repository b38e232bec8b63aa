"""The socket: opened, never stolen, left as it should be."""

import os
import signal
import socket
import stat

from .client import TIMEOUT, ask
from .engine import EngineTest

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
                client.settimeout(TIMEOUT)
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
