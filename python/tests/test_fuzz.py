"""The fuzzer, a few thousand streams of it, and that it finds what it is there to find.

``python3 -m tests.fuzz`` is the whole of it.
"""

import unittest

from runfcgi.fastcgi.incoming import Incoming

from .fuzz.runs import Failure, run_living, run_parsing, run_serving

COUNT = 3000


class FuzzTest(unittest.TestCase):
    def test_streams_through_the_parser_do_no_harm(self):
        run_parsing(2, 0, COUNT)

    def test_streams_through_the_gateway_do_no_harm(self):
        run_serving(2, 0, COUNT)

    def test_streams_to_living_workers_do_no_harm(self):
        run_living(2, 0, COUNT // 10)


class FaultsTest(unittest.TestCase):
    """Each fault is one that a change of the parser could bring."""

    def assert_found(self, complaint, make):
        with self.assertRaises(Failure) as caught:
            run_parsing(2, 0, 10 * COUNT, make)
        self.assertIn(complaint, str(caught.exception))
        self.assertIn("python3 -m tests.fuzz --seed 2 --first", str(caught.exception))

    def test_a_limit_that_is_gone_is_found(self):
        def make(limits, capacity):
            limits = limits._replace(params_size=1 << 30, head_records=1 << 30)
            return Incoming(limits, capacity)

        self.assert_found("bytes are held, where", make)

    def test_bytes_that_get_lost_between_two_pieces_are_found(self):
        class Forgetful(Incoming):
            def feed(self, data):
                if self._rest and len(self._rest) < 8:
                    self._rest = self._rest[:-1]
                super().feed(data)

        self.assert_found("was not served", Forgetful)

    def test_a_body_that_reaches_the_next_request_is_found(self):
        class Leaking(Incoming):
            def finish(self):
                body = self.body
                super().finish()
                self.body[:0] = body

        self.assert_found("was not served", Leaking)

    def test_an_error_that_nobody_expects_is_found(self):
        class Fragile(Incoming):
            def _take_management(self, kind, content):
                super()._take_management(kind, content)
                return content[0]

        self.assert_found("IndexError", Fragile)
