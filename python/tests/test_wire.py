"""The protocol at a living worker: what is odd is answered, what is wrong is refused clearly,
and the worker lives on."""

import os
import random
import time

from runfcgi.fastcgi import records
from runfcgi.fastcgi.pairs import decode_pairs, encode_pairs

from .client import Client, ask, begin, params, request, stdin
from .engine import EngineTest, SharedEngineTest


class WireTest(SharedEngineTest):
    words = ("maxspare=1", "maxchildren=1")

    def setUp(self):
        self.addCleanup(self.assert_alive)
        self.worker = ask(self.socket_path, "/who").body.split()[0]

    def assert_alive(self):
        """By the very process that was there at the beginning."""
        self.assertEqual(ask(self.socket_path, "/who").body.split()[0], self.worker)

    def test_a_request_may_trickle_in(self):
        data = request("/hello", b"body")
        with Client(self.socket_path) as client:
            for start in range(0, len(data), 11):
                client.send(data[start : start + 11])
                time.sleep(0.002)  # so that the worker sees pieces, not the whole
            self.assertEqual(client.read_answer().body, b"hello\n")

    def test_a_slow_head_does_not_keep_others_waiting(self):
        with Client(self.socket_path) as slow:
            slow.send(request()[:20])
            for _ in range(3):
                self.assertEqual(ask(self.socket_path).body, b"hello\n")
            slow.send(request()[20:])
            self.assertEqual(slow.read_answer().body, b"hello\n")

    def test_silent_connections_do_not_keep_others_waiting(self):
        silent = [Client(self.socket_path) for _ in range(10)]
        self.assertEqual(ask(self.socket_path).body, b"hello\n")
        for client in silent:
            self.assertEqual(client.ask().body, b"hello\n")
            client.socket.close()

    def test_get_values_tells_how_many_are_served_at_once(self):
        names = {"FCGI_MAX_CONNS": "", "FCGI_MAX_REQS": "", "FCGI_MPXS_CONNS": "", "OTHER": ""}
        with Client(self.socket_path) as client:
            client.send(records.record(records.GET_VALUES, 0, encode_pairs(names)))
            result = client.read_record()
            self.assertEqual(result.kind, records.GET_VALUES_RESULT)
            self.assertEqual(
                decode_pairs(result.content, 9),
                {"FCGI_MAX_CONNS": "1", "FCGI_MAX_REQS": "1", "FCGI_MPXS_CONNS": "0"},
            )
            self.assertEqual(client.ask().body, b"hello\n")  # the connection goes on

    def test_an_unknown_type_is_answered_and_the_connection_goes_on(self):
        with Client(self.socket_path) as client:
            client.send(records.record(77, 0, b"?"))
            answer = client.read_record()
            self.assertEqual((answer.kind, answer.content[0]), (records.UNKNOWN_TYPE, 77))
            self.assertEqual(client.ask().body, b"hello\n")

    def test_an_unknown_role_is_refused(self):
        with Client(self.socket_path) as client:
            client.send(begin(role=2) + params({}) + stdin())
            self.assertEqual(client.read_answer().ended, records.UNKNOWN_ROLE)
            self.assertTrue(client.is_closed())

    def test_an_unknown_role_leaves_a_kept_connection(self):
        with Client(self.socket_path) as client:
            client.send(begin(role=3, keep=True) + params({}) + stdin())
            self.assertEqual(client.read_answer().ended, records.UNKNOWN_ROLE)
            self.assertEqual(client.ask().body, b"hello\n")

    def test_a_second_request_at_once_is_refused_and_the_first_served(self):
        with Client(self.socket_path) as client:
            client.send(begin(1) + begin(2))
            refused = client.read_record()
            self.assertEqual((refused.kind, refused.request_id), (records.END_REQUEST, 2))
            self.assertEqual(refused.content[4], records.CANT_MPX_CONN)
            client.send(params({"PATH_INFO": "/hello"}, 1) + stdin(b"", 1))
            self.assertEqual(client.read_answer().body, b"hello\n")

    def test_a_kept_connection_carries_many_requests(self):
        with Client(self.socket_path) as client:
            for number in range(1, 50):
                client.send(request("/echo", b"%d" % number, keep=True, request_id=number))
                self.assertEqual(client.read_answer().body, b"%d" % number)

    def test_requests_sent_ahead_are_answered_in_order(self):
        with Client(self.socket_path) as client:
            client.send(b"".join(request("/echo", b"%d" % n, keep=True) for n in range(5)))
            for number in range(5):
                self.assertEqual(client.read_answer().body, b"%d" % number)

    def test_a_kept_connection_survives_a_body_that_nobody_read(self):
        with Client(self.socket_path) as client:
            client.send(request("/unread", bytes(300_000), keep=True))
            self.assertEqual(client.read_answer().status, "413 Payload Too Large")
            self.assertEqual(client.ask(keep=True).body, b"hello\n")

    def test_kept_connections_and_new_ones_are_served_in_turn(self):
        kept = [Client(self.socket_path) for _ in range(4)]
        for round_ in range(5):
            for client in kept:
                client.send(request("/hello", keep=True))
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
            for client in kept:
                self.assertEqual(client.read_answer().body, b"hello\n")
        for client in kept:
            client.socket.close()

    def test_without_keep_the_connection_is_closed_after_the_response(self):
        with Client(self.socket_path) as client:
            client.ask("/large")
            self.assertTrue(client.is_closed())

    def test_a_client_that_does_not_close_does_not_hold_the_worker(self):
        lazy = [Client(self.socket_path) for _ in range(5)]
        for client in lazy:
            client.ask("/unread", body=bytes(1000))
        self.assertEqual(ask(self.socket_path).body, b"hello\n")
        for client in lazy:
            client.socket.close()

    def test_a_response_is_read_whole_although_the_body_was_not(self):
        for where in range(3):
            with Client(self.socket_path) as client:
                client.send(begin() + params({"PATH_INFO": "/large", "REQUEST_METHOD": "POST"}))
                client.send(stdin(bytes(60_000))[:-8])
                answer = client.read_answer()
                self.assertEqual((len(answer.body), answer.ended), (10_485_760, 0))

    def test_an_abort_in_any_phase_leaves_a_kept_connection_to_the_next(self):
        """An aborted request is ended, once; one that was answered first is not touched."""
        abort = records.record(records.ABORT_REQUEST, 1)
        head = {"PATH_INFO": "/echo", "REQUEST_METHOD": "POST", "CONTENT_LENGTH": "4"}
        told = params(head)
        rows = {
            "before it has begun": (abort + begin(keep=True) + told + stdin(b"body"), b"body"),
            "after its beginning": (begin(keep=True) + abort, b""),
            "within its parameters": (begin(keep=True) + told[:-8] + abort, b""),
            "after its parameters": (begin(keep=True) + told + abort, b""),
            "within its body": (begin(keep=True) + told + stdin(b"bo")[:-8] + abort, b""),
            "after its body": (begin(keep=True) + told + stdin(b"body") + abort, b"body"),
            "twice": (begin(keep=True) + told + abort + abort, b""),
        }
        for phase, (data, body) in rows.items():
            with self.subTest(phase), Client(self.socket_path) as client:
                client.send(data)
                answer = client.read_answer()
                self.assertEqual((answer.body, answer.ended), (body, records.REQUEST_COMPLETE))
                self.assertEqual(client.ask("/hello", keep=True).body, b"hello\n")

    def test_an_abort_within_the_response_ends_it_as_if_nothing_had_come(self):
        gate = os.path.join(self.directory, "gate")
        with Client(self.socket_path) as client:
            client.send(request("/gated", keep=True, QUERY_STRING=gate))
            client.read_record()
            client.send(records.record(records.ABORT_REQUEST, 1))
            open(gate, "w").close()
            self.assertEqual(client.read_answer().ended, records.REQUEST_COMPLETE)
            self.assertEqual(client.ask(keep=True).body, b"hello\n")
        os.unlink(gate)

    def test_values_may_be_asked_for_at_any_time_and_none_of_them_too(self):
        nothing = records.record(records.GET_VALUES, 0)
        with Client(self.socket_path) as client:
            client.send(nothing + begin() + nothing + params({"PATH_INFO": "/echo"}) + nothing)
            client.send(stdin(b"body")[:-8] + nothing + stdin())
            kinds = []
            for record in iter(client.read_record, None):
                kinds.append((record.kind, record.request_id))
        self.assertEqual(kinds.count((records.GET_VALUES_RESULT, 0)), 4)
        self.assertEqual(kinds[-1], (records.END_REQUEST, 1))

    def test_the_stream_of_errors_is_there_and_closed_only_when_it_was_used(self):
        for path, sizes in (("/hello", []), ("/complain", [True, False])):
            with Client(self.socket_path) as client:
                client.send(request(path))
                got = list(iter(client.read_record, None))
            errors = [bool(r.content) for r in got if r.kind == records.STDERR]
            output = [bool(r.content) for r in got if r.kind == records.STDOUT]
            self.assertEqual(errors, sizes)
            self.assertEqual((output[-1], output.count(False)), (False, 1))
            self.assertEqual(got[-1].content, bytes(8))  # appStatus, FCGI_REQUEST_COMPLETE

    def test_answers_carry_the_requests_own_id(self):
        for request_id in (1, 255, 256, 65535):
            with Client(self.socket_path) as client:
                client.send(request("/complain", request_id=request_id))
                ids = {record.request_id for record in iter(client.read_record, None)}
            self.assertEqual(ids, {request_id})

    def test_an_abort_within_the_body_ends_the_request(self):
        with Client(self.socket_path) as client:
            client.send(begin() + params({"PATH_INFO": "/echo", "CONTENT_LENGTH": "9"}))
            client.send(records.record(records.ABORT_REQUEST, 1))
            self.assertEqual(client.read_answer().ended, records.REQUEST_COMPLETE)
        self.engine.wait_for_log("the web server aborted the request")

    def test_a_peer_that_vanishes_at_any_moment_harms_nobody(self):
        data = request("/count", bytes(2000))
        for cut in [*range(0, len(data), 97), len(data)]:
            with Client(self.socket_path) as client:
                client.send(data[:cut])

    def test_parameters_over_64_kib_in_total(self):
        large = {f"HTTP_X_{number}": "v" * 1000 for number in range(200)}
        answer = ask(self.socket_path, "/environ", **large)
        self.assertEqual(answer.status, "200 OK")
        self.assertIn(b"HTTP_X_199", answer.body)

    def test_parameters_over_the_limit_are_refused_with_431(self):
        with Client(self.socket_path) as client:
            client.send(begin())
            try:
                client.send(params({f"HTTP_X_{n}": "v" * 60_000 for n in range(20)}))
            except (BrokenPipeError, ConnectionResetError):
                pass
            answer = client.read_answer()
            self.assertEqual(answer.status, "431 Request Header Fields Too Large")
            self.assertIn(b"1048576 bytes", answer.errors)

    def test_parameters_that_cannot_be_read_are_refused_with_400(self):
        with Client(self.socket_path) as client:
            broken = records.record(records.PARAMS, 1, b"\x09\x09abc")
            client.send(begin() + broken + records.record(records.PARAMS, 1))
            answer = client.read_answer()
            self.assertEqual((answer.status, answer.ended), ("400 Bad Request", 0))

    def test_what_is_not_fastcgi_is_refused_in_the_log(self):
        for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(5000), b"\0" * 5000):
            with Client(self.socket_path) as client:
                client.send(b"\x07" + garbage)
                self.assertTrue(client.is_closed())
        self.engine.wait_for_log("malformed FastCGI: a record of version 7")

    def test_random_streams_do_no_harm(self):
        """A few hundred here; the protocol has a fuzzer of its own."""
        source = random.Random(1)
        good = request("/echo", b"x" * 100)
        for _ in range(300):
            data = bytearray(good)
            for _ in range(source.randint(1, 5)):
                data[source.randrange(len(data))] = source.randrange(256)
            with Client(self.socket_path) as client:
                client.send(bytes(data[: source.randint(1, len(data))]))


class ThreadedWireTest(WireTest):
    words = ("method=threaded", "threads=3")

    def test_get_values_tells_how_many_are_served_at_once(self):
        with Client(self.socket_path) as client:
            client.send(
                records.record(records.GET_VALUES, 0, encode_pairs({"FCGI_MAX_REQS": ""}))
            )
            self.assertEqual(decode_pairs(client.read_record().content, 1)["FCGI_MAX_REQS"], "3")


class SeveralWorkersTest(EngineTest):
    def test_workers_that_share_a_listener_all_answer(self):
        self.serve("maxspare=4", "maxchildren=4")
        for _ in range(200):
            self.assertEqual(ask(self.socket_path).body, b"hello\n")
