"""Lines of a channel and the descriptors that belong to them, however they arrive."""

import array
import os
import socket
import unittest

from runfcgi.fork_server.inbox import Inbox
from runfcgi.fork_server.messages import LINE_LIMIT


class InboxTest(unittest.TestCase):
    def setUp(self):
        self.ours, theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(theirs.close)
        self.inbox = Inbox(theirs)
        self.before = len(os.listdir("/proc/self/fd"))

    def send(self, data, descriptors=0):
        null = os.open(os.devnull, os.O_RDONLY)
        control = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * descriptors))
        self.ours.sendmsg([data], [control] if descriptors else [])
        os.close(null)

    def lines(self, receives=1):
        """Text and number of descriptors of each line, after so many receives."""
        for _ in range(receives):
            self.assertTrue(self.inbox.receive())
        found = []
        while True:
            line = self.inbox.take_line()
            if line is None:
                return found
            found.append((line.text, len(line.descriptors)))
            for descriptor in line.descriptors:
                self.assertFalse(os.get_inheritable(descriptor))
            line.close_descriptors()

    def assert_nothing_is_left_open(self):
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.before)

    def test_descriptors_belong_to_the_line_they_were_sent_with(self):
        self.send(b"a\nb\n")
        self.send(b"c\n", 2)
        self.send(b"d\n")
        self.send(b"e\n", 3)
        self.assertEqual(self.lines(), [(b"a", 0), (b"b", 0), (b"c", 2)])
        self.assertEqual(self.lines(), [(b"d", 0), (b"e", 3)])
        self.assert_nothing_is_left_open()

    def test_a_line_comes_in_pieces(self):
        self.send(b"{", 6)
        self.assertEqual(self.lines(), [])
        self.send(b'"a":1')
        self.assertEqual(self.lines(), [])
        self.send(b"}\nnext")
        self.assertEqual(self.lines(), [(b'{"a":1}', 6)])
        self.send(b"\n")
        self.assertEqual(self.lines(), [(b"next", 0)])
        self.assert_nothing_is_left_open()

    def test_descriptors_may_come_with_any_piece_of_their_line(self):
        self.send(b"one\ntw")
        self.send(b"o", 2)
        self.send(b"more", 1)
        self.send(b"\n", 3)
        self.assertEqual(self.lines(4), [(b"one", 0), (b"twomore", 6)])
        self.assert_nothing_is_left_open()

    def test_a_line_that_is_too_long_is_told_and_the_next_is_read(self):
        longest = b"x" * (LINE_LIMIT - 1)
        self.send(longest + b"\n")
        self.assertEqual(self.lines(2), [(longest, 0)])
        self.send(b"y" * LINE_LIMIT, 2)
        self.send(b"y" * 10 + b"\nnext\n")
        self.assertEqual(self.lines(2), [(None, 2), (b"next", 0)])
        self.assert_nothing_is_left_open()

    def test_as_many_descriptors_as_a_message_can_carry(self):
        self.send(b"many\n", 253)
        self.assertEqual(self.lines(), [(b"many", 253)])
        self.assert_nothing_is_left_open()

    def test_what_nobody_has_taken_is_closed(self):
        self.send(b"whole\n", 6)
        self.inbox.receive()
        self.send(b"unfinished", 6)
        self.inbox.receive()
        self.inbox.close()
        self.assert_nothing_is_left_open()

    def test_nothing_there_is_not_the_end(self):
        self.assertTrue(self.inbox.receive())
        self.ours.shutdown(socket.SHUT_WR)
        self.assertFalse(self.inbox.receive())
