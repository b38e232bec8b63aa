"""The fork server: loads once, forks workers like any other, tells of their ends."""

import os
import signal
import sys

from .client import Client, ask, request
from .engine import is_alive, wait_for
from .supervisor import ForkingTest, ForkServer, inheritable_descriptors, open_descriptors
from .test_django import SITE as DJANGO_SITE
from .test_django import needs_django

SITE = "application=forked_site"
PLAIN = "application=plain_site"


class WorkersTest(ForkingTest):
    def test_the_application_is_loaded_once_and_all_workers_answer(self):
        server = self.ready(SITE)
        workers = [server.spawn(f"worker {number}") for number in range(4)]
        unseen = {worker.pid for worker in workers}
        wait_for("each has answered", lambda: not (unseen.discard(self.facts()["pid"]) or unseen))
        self.assertEqual(server.engine.log.count("the site is loaded"), 1)
        self.assertEqual([worker.log.count("the site is loaded") for worker in workers], [0] * 4)
        self.assertEqual(sorted(server.workers()), sorted(w.pid for w in workers))

    def test_a_worker_is_like_one_that_was_executed(self):
        server = self.ready(SITE)
        worker = server.spawn("the mark")
        facts = self.facts()
        self.assertEqual(facts["pid"], worker.pid)
        self.assertEqual(facts["session"], worker.pid)
        self.assertEqual(facts["own mark"], "the mark")
        self.assertEqual(facts["supervisor's variables"], ["RUNFCGID_WORKER"])
        self.assertIn("RUNFCGID_WORKER=the mark", facts["what a child has"])
        self.assertEqual(facts["blocked"], [])
        self.assertTrue(facts["SIGCHLD is default"])
        self.assertGreater(facts["frozen"], 1000)
        self.assertEqual(facts["imported since the fork"], [])
        self.assertEqual(worker.log, "printed by the site\n")
        self.assertNotIn("socket:", facts["what a child has open"])
        self.assertRegex(facts["what a child has open"], r"\b0 -> /dev/null")
        with open(f"/proc/{worker.pid}/environ", "rb") as file:
            variables = file.read().split(b"\0")
        self.assertIn(b"RUNFCGID_WORKER=the mark", variables)
        self.assertNotIn(b"mmmm", b"".join(variables))

    def test_two_workers_share_neither_marks_nor_random_numbers(self):
        server = self.ready(SITE)
        seen = []
        for mark in ("first", "second"):
            worker = server.spawn(mark)
            facts = self.facts()
            self.assertEqual(facts["own mark"], mark)
            seen.append(facts["random"])
            worker.signal(signal.SIGTERM)
            server.next_event("exited")
        self.assertNotEqual(*seen)

    def test_a_worker_has_no_descriptor_of_its_server_or_of_another_worker(self):
        server = self.ready(PLAIN)
        first, second = (set(open_descriptors(server.spawn().pid)) for _ in range(2))
        listener = f"socket:[{os.fstat(server.listener.fileno()).st_ino}]"
        shared = {name for name in first & second if not name.startswith("anon_inode")}
        # What the process of the tests has left open is for everybody.
        self.assertEqual(shared - inheritable_descriptors(), {listener, "/dev/null"})

    def test_what_was_printed_while_loading_is_printed_once(self):
        with open(os.path.join(self.directory, "prints.py"), "w") as file:
            file.write("from plain_site import application\nprint('while loading')\n")
        server = self.ready("application=prints", PYTHONUNBUFFERED="")
        worker = server.spawn()
        worker.signal(signal.SIGTERM)
        server.next_event("exited")
        self.assertEqual(worker.log, "")
        self.assertEqual(server.engine.log, "while loading\n")

    def test_each_worker_shows_itself_and_its_threads_where_it_was_told_to(self):
        server = self.ready(PLAIN)
        workers = [server.spawn() for _ in range(2)]
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/slow", QUERY_STRING=gate, REQUEST_URI="/slow?x"))
            wait_for("one shows it", lambda: any(shown_uri(w) == "/slow?x" for w in workers))
            busy, idle = sorted(workers, key=lambda w: shown_uri(w) != "/slow?x")
            self.assertNotEqual(shown_uri(idle), "/slow?x")
            busy.signal(signal.SIGUSR2)
            busy.wait_for_traces("in route_slow")
            open(gate, "w").close()
            self.assertEqual(client.read_answer().body, b"at last\n")

    def test_signals_stop_a_worker_as_they_stop_any(self):
        server = self.ready(PLAIN)
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            worker = server.spawn()
            worker.signal(signum)
            event = server.next_event()
            self.assertEqual(event, {"event": "exited", "pid": worker.pid, "status": 0})
            self.assertIsNone(worker.next_event())
        worker = server.spawn()
        worker.signal(signal.SIGQUIT)
        self.assertEqual(server.next_event()["status"], (128 + signal.SIGQUIT) << 8)
        self.assertIn("ended at once by signal 3", worker.log)

    def test_threaded_workers(self):
        server = self.ready(PLAIN, "method=threaded", "threads=3")
        worker = server.spawn()
        tasks = f"/proc/{worker.pid}/task"
        wait_for("main and three threads run", lambda: len(os.listdir(tasks)) == 4)
        self.assertEqual(self.who(), worker.pid)
        worker.signal(signal.SIGTERM)
        self.assertEqual(server.next_event("exited")["status"], 0)


class EndsTest(ForkingTest):
    def test_a_killed_worker_is_told_of_and_its_successor_answers(self):
        server = self.ready(PLAIN)
        for _ in range(3):
            worker = server.spawn()
            self.assertEqual(self.who(), worker.pid)
            worker.signal(signal.SIGKILL)
            event = server.next_event()
            self.assertEqual(event, {"event": "exited", "pid": worker.pid, "status": 9})
        self.assertEqual(server.workers(), [])

    def test_of_an_end_that_the_application_has_waited_for_nobody_says_how_it_was(self):
        code = """
import os
from plain_site import application

_waitpid = os.waitpid

def waitpid(pid, options):
    if _waitpid(pid, options)[0]:
        raise ChildProcessError
    return 0, 0

os.waitpid = waitpid
"""
        with open(os.path.join(self.directory, "waits.py"), "w") as file:
            file.write(code)
        server = self.ready("application=waits")
        worker = server.spawn()
        worker.signal(signal.SIGTERM)
        event = server.next_event("exited")
        self.assertEqual(event, {"event": "exited", "pid": worker.pid, "status": None})
        warning = server.next_event("warning")["message"]
        self.assertIn(f"has taken the exit status of worker {worker.pid}", warning)

    def test_many_that_end_at_once_are_each_told_of(self):
        server = self.ready(PLAIN)
        workers = [server.spawn() for _ in range(20)]
        for worker in workers:
            worker.signal(signal.SIGKILL)
        events = [server.next_event("exited") for _ in workers]
        self.assertEqual({event["status"] for event in events}, {9})
        self.assertEqual({event["pid"] for event in events}, {worker.pid for worker in workers})

    def test_the_status_is_that_of_wait(self):
        server = self.ready(PLAIN)
        worker = server.spawn()
        ask(self.socket_path, "/crash")
        self.assertEqual(
            server.next_event(), {"event": "exited", "pid": worker.pid, "status": 7 << 8}
        )

    def test_workers_outlive_a_killed_server(self):
        server = self.ready(PLAIN)
        workers = [server.spawn() for _ in range(2)]
        server.engine.signal(signal.SIGKILL)
        server.engine.wait_for_exit()
        self.assertIsNone(server.next_event())
        for worker in workers:
            self.assertEqual(self.who() in [w.pid for w in workers], True)
            worker.signal(signal.SIGTERM)
            wait_for("it has left", lambda: not is_alive(worker.pid))

    def test_a_signal_or_the_end_of_its_channel_ends_the_server_alone(self):
        for end in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, None):
            with self.subTest(end=end):
                server = self.ready(PLAIN)
                worker = server.spawn()
                if end is None:
                    server.channel.close()
                else:
                    server.engine.signal(end)
                self.assertEqual(server.engine.wait_for_exit(), 0)
                self.assertEqual(self.who(), worker.pid)
                worker.signal(signal.SIGTERM)
                wait_for("it has left", lambda: not is_alive(worker.pid))
                os.unlink(self.socket_path)

    def test_the_end_of_the_server_runs_nothing_of_the_application(self):
        with open(os.path.join(self.directory, "hooked.py"), "w") as file:
            file.write("import atexit\nfrom plain_site import application\n")
            file.write("atexit.register(print, 'the application has ended', flush=True)\n")
        server = self.ready("application=hooked")
        worker = server.spawn()
        worker.signal(signal.SIGTERM)
        server.next_event("exited")
        self.assertEqual(worker.log, "the application has ended\n")
        server.channel.close()
        self.assertEqual(server.engine.wait_for_exit(), 0)
        self.assertEqual(server.engine.log, "")


class LoadingTest(ForkingTest):
    def test_a_failure_is_told_with_its_traceback(self):
        with open(os.path.join(self.directory, "broken.py"), "w") as file:
            file.write("def boom():\n    raise ValueError('no')\n\nboom()\n")
        server = ForkServer(self, "application=broken")
        event = server.next_event()
        self.assertEqual(event["event"], "load-failed")
        self.assertIn('importing "broken" raised ValueError: no', event["message"])
        self.assertIn("in boom", event["traceback"])
        self.assertIsNone(server.next_event())
        self.assertEqual(server.engine.wait_for_exit(), 1)
        self.assertIn("in boom", server.engine.log)

    def test_wrong_words_are_told(self):
        server = ForkServer(self, PLAIN, "pidfile=/tmp/x")
        self.assertIn("pidfile", server.next_event()["message"])
        self.assertEqual(server.engine.wait_for_exit(), 78)

    def test_a_channel_that_is_no_socket_and_an_unknown_role_are_errors(self):
        read_end, write_end = os.pipe()
        self.addCleanup(os.close, read_end)
        for role, message in (("fork-server", "channel is a socket"), ("cook", '"cook"')):
            engine = self.start(PLAIN, handed=[write_end], RUNFCGID_CHANNEL="3", RUNFCGID_ROLE=role)
            self.assertEqual(engine.wait_for_exit(), 78)
            self.assertIn(message, engine.log)
        os.close(write_end)

    def test_threads_are_warned_of_and_other_children_are_left_alone(self):
        server = ForkServer(self, "application=busy_site")
        self.assertEqual(server.next_event(), {"event": "ready", "version": 2})
        workers = [server.spawn() for _ in range(3)]
        event = server.next_event("warning")
        self.assertIn("refresher", event["message"])
        self.assertIn("preload = false", event["message"])
        for worker in workers:
            worker.signal(signal.SIGKILL)
            event = server.next_event()
            self.assertEqual(event, {"event": "exited", "pid": worker.pid, "status": 9})

    def test_without_a_mark_of_its_own_it_warns_and_goes_on(self):
        command = ["env", "-u", "RUNFCGID_WORKER", sys.executable, "-m", "runfcgi"]
        server = ForkServer(self, PLAIN, command=command)
        self.assertIn("RUNFCGID_WORKER is not in", server.next_event("warning")["message"])
        server.next_event("ready")
        server.spawn()

    def test_a_mark_that_has_no_room_is_told_in_the_log(self):
        server = self.ready(PLAIN, marker="short")
        worker = server.spawn("longer than that")
        self.assertIn("there is room for 5 bytes, not 16", worker.log)


class DjangoTest(ForkingTest):
    @needs_django
    def test_no_worker_shares_the_connection_that_loading_has_opened(self):
        database = os.path.join(self.directory, "database")
        words = (f"project={DJANGO_SITE}", "settings=opening_settings")
        server = self.ready(*words, DATABASE=database)
        self.assertTrue(os.path.exists(database))
        self.assertNotIn(database, server.descriptors())
        server.engine.signal(signal.SIGUSR1)
        wait_for("it is opened again", lambda: database in server.descriptors())
        worker = server.spawn()
        self.assertNotIn(database, open_descriptors(worker.pid))
        self.assertNotIn(database, server.descriptors())
        server.engine.signal(signal.SIGUSR1)
        wait_for("it is opened again", lambda: database in server.descriptors())
        self.assertNotIn(database, open_descriptors(server.prepare().pid))
        self.assertEqual(ask(self.socket_path, "/database").body, b"42")


def shown_uri(worker):
    shown = worker.scoreboard.look()
    return shown and shown.uri
