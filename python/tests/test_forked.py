"""A view that forks, and lets the new process come back into the engine."""

import os
import signal

from .client import Client, ask
from .engine import EngineTest, Supervised, is_alive, wait_for

WAYS = ("return", "exit", "raise", "blocks", "end of blocks", "exit in blocks", "close", "short body")


class ForkedTest(EngineTest):
    def check(self, *words):
        worker = Supervised(self, "application=plain_site", *words).start()
        worker.next_event()
        for how in WAYS:
            with self.subTest(how), Client(self.socket_path) as client:
                before = worker.engine.log.count("forked by the application")
                announced = {"CONTENT_LENGTH": "5"} if how == "short body" else {}
                answer = client.ask("/fork", QUERY_STRING=how, **announced)
                self.assertEqual(answer.ended, 0)
                if how == "raise":
                    self.assertTrue(answer.status.startswith("500"), answer.status)
                else:
                    self.assertEqual(answer.body, b"one two\n")
                self.assertTrue(client.is_closed())
                wait_for(
                    "the log tells of the one that is ended",
                    lambda: worker.engine.log.count("forked by the application") == before + 1,
                )
                wait_for(
                    "no other process is left",
                    lambda: not any(is_alive(pid) for pid in worker.engine.children()),
                )
        self.assertRegex(worker.engine.log, r"(?m)^runfcgi: GET /fork: process \d+, forked by")
        pid = int(ask(self.socket_path, "/who").body.split()[0])
        self.assertEqual(pid, worker.engine.pid)
        worker.engine.signal(signal.SIGTERM)
        self.assertEqual(worker.engine.wait_for_exit(), 0)
        os.unlink(self.socket_path)

    def test_what_a_view_forks_never_answers_and_never_serves(self):
        self.check()
        self.check("method=threaded", "threads=2")
