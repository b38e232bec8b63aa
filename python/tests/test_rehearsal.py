"""Requests of the engine's own, before there are others."""

import os
import signal
import unittest
from unittest import mock

from runfcgi.serving import rehearsal


class RehearsalTest(unittest.TestCase):
    def test_every_request_is_answered_and_nothing_stays_open(self):
        answered = []
        gateway = rehearsal.Gateway

        class Counting(gateway):
            def serve(self, connection, slot):
                answered.append(gateway.serve(self, connection, slot))
                return answered[-1]

        before = sorted(os.listdir("/proc/self/fd"))
        handler = signal.getsignal(signal.SIGTERM)
        with mock.patch.object(rehearsal, "Gateway", Counting):
            rehearsal.rehearse(3)
        self.assertEqual(answered, [True] * 3)
        self.assertEqual(sorted(os.listdir("/proc/self/fd")), before)
        self.assertIs(signal.getsignal(signal.SIGTERM), handler)

    def test_a_system_that_refuses_is_no_error(self):
        with mock.patch.object(rehearsal.socket, "socket", side_effect=PermissionError):
            rehearsal.rehearse(3)
