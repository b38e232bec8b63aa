"""What a fork server makes of a line."""

import json
import unittest

from runfcgi.fork_server.messages import NoCommand, encode, read_command, refusal

SIX = (10, 11, 12, 13, 14, 15)


def line(**changes):
    message = {"command": "spawn", "id": 7, "marker": "a mark", **changes}
    return json.dumps({k: v for k, v in message.items() if v is not ...}).encode()


class ReadCommandTest(unittest.TestCase):
    def test_a_spawn(self):
        spawn = read_command(line(later="unknown"), SIX)
        self.assertEqual((spawn.id, spawn.part), (7, (b"a mark", 10)))
        self.assertEqual((spawn.outlets.stdout, spawn.outlets.traces), (11, 15))

    def test_a_reserve(self):
        prepare = read_command(line(command="prepare", marker=...), SIX)
        self.assertEqual((prepare.id, prepare.launch), (7, 10))
        self.assertEqual((prepare.outlets.stdout, prepare.outlets.traces), (11, 15))

    def refused(self, text, descriptors=SIX):
        with self.assertRaises(NoCommand) as caught:
            read_command(text, descriptors)
        encode(refusal(caught.exception))
        return caught.exception.id, str(caught.exception)

    def test_what_is_refused_is_answered_by_its_id(self):
        for text, descriptors, problem in (
            (line(), (), "0 descriptors came with it, not 6"),
            (line(), SIX[:5], "5 descriptors"),
            (line(), SIX + (16,), "7 descriptors"),
            (line(command="prepare"), SIX[:5], "5 descriptors"),
            (line(marker=...), SIX, "the marker"),
            (line(marker=""), SIX, "the marker"),
            (line(marker=5), SIX, "the marker"),
            (line(marker="a\0b"), SIX, "the marker"),
            (line(marker="\ud800"), SIX, "the marker"),
            (line(command="drain"), SIX, "the command is not known"),
            (line(command=...), SIX, "the command is not known"),
            (line(command=["spawn"]), SIX, "the command is not known"),
        ):
            with self.subTest(problem=problem, text=text):
                id, message = self.refused(text, descriptors)
                self.assertEqual(id, 7)
                self.assertIn(problem, message)

    def test_what_has_no_id_is_refused_without(self):
        for text in (
            b"",
            b"\0",
            b"\xff\xfe",
            b"spawn",
            b"[]",
            b"null",
            b"{}",
            b"[" * 60000,
            b'{"id":' + b"9" * 5000 + b"}",
            line(id=...),
            line(id="7"),
            line(id=7.0),
            line(id=True),
            line(id=None),
            line(command="drain", id="7"),
        ):
            with self.subTest(text=text[:60]):
                id, message = self.refused(text)
                self.assertLess(len(message), 400)
                if text.count(b"9") < 5000:
                    self.assertIsNone(id)
