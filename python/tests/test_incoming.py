"""What the peer says, without a socket: every clause of the protocol, at every cut."""

import unittest

from runfcgi.fastcgi import records
from runfcgi.fastcgi.incoming import BODY, IDLE, PARAMS, Incoming, ProtocolError, RequestRefused
from runfcgi.fastcgi.limits import Limits
from runfcgi.fastcgi.pairs import PairsError, TooManyPairs, decode_pairs, encode_pairs

from .client import begin, padded, params, request, stdin


def incoming(**limits) -> Incoming:
    return Incoming(Limits(**limits), lambda: 7)


def body_of(talk: Incoming) -> bytes:
    return b"".join(talk.body)


class RequestsTest(unittest.TestCase):
    def test_a_whole_request_in_one_piece_is_ready_with_its_body(self):
        talk = incoming()
        talk.feed(request("/a", b"body"))
        self.assertEqual(talk.state, BODY)
        self.assertEqual(talk.params["PATH_INFO"], "/a")
        self.assertEqual(body_of(talk), b"body")
        self.assertTrue(talk.is_clean)

    def test_a_request_cut_at_any_byte_is_the_same(self):
        data = request("/cut", b"0123456789", long="x" * 300)
        for cut in range(1, len(data)):
            talk = incoming()
            talk.feed(data[:cut])
            talk.feed(data[cut:])
            self.assertEqual((talk.params["PATH_INFO"], body_of(talk)), ("/cut", b"0123456789"))
            self.assertTrue(talk.is_clean)

    def test_a_request_byte_by_byte_is_the_same(self):
        talk = incoming()
        for byte in request("/bytes", b"body"):
            talk.feed(bytes((byte,)))
        self.assertEqual((talk.params["PATH_INFO"], body_of(talk)), ("/bytes", b"body"))

    def test_parameters_may_be_split_anywhere_over_records(self):
        pairs = {"A": "1", "B" * 200: "2" * 300, "C": ""}
        for piece in (1, 2, 3, 7, 100, 255):
            talk = incoming()
            talk.feed(begin() + params(pairs, piece=piece))
            self.assertEqual(talk.params, pairs)

    def test_records_of_every_length_up_to_a_thousand_and_of_the_longest(self):
        for size in (*range(1, 1000), 65527, 65528, 65534, 65535):
            talk = incoming()
            body = bytes(size)
            talk.feed(request("/", body))
            self.assertEqual(len(body_of(talk)), size)

    def test_padding_of_every_length_is_passed_over(self):
        for padding in range(256):
            talk = incoming()
            talk.feed(padded(begin(), padding))
            pairs = records.record(records.PARAMS, 1, encode_pairs({"A": "b"}))
            talk.feed(padded(pairs, padding) + padded(records.record(records.PARAMS, 1), padding))
            talk.feed(padded(records.record(records.STDIN, 1, b"xyz"), padding))
            talk.feed(padded(records.record(records.STDIN, 1), padding))
            self.assertEqual((talk.params, body_of(talk)), ({"A": "b"}, b"xyz"))
            self.assertTrue(talk.is_clean)

    def test_a_body_in_records_of_every_kind_cut_at_any_byte_and_taken_in_any_pieces(self):
        stray = records.record(records.STDIN, 9, b"another's")
        values = records.record(records.GET_VALUES, 0, b"")
        whole = records.record(records.STDIN, 1, b"0123456789")
        treacherous = whole[:6] + b"\x08\x00" + whole[8:] + whole[:8]  # its padding is a header
        data = whole + whole + padded(whole, 3) + stray + treacherous + values + treacherous + whole
        body = b"0123456789" * 6
        for size in (1, 7, 10, 11, 100):
            for cut in range(len(data) + 1):
                talk = incoming()
                talk.feed(begin() + params({"A": "b"}) + data[:cut])
                taken = talk.take_body(size)
                self.assertLessEqual(sum(map(len, taken)), size)
                talk.feed(data[cut:])
                talk.feed(stdin())
                while talk.body:
                    taken += talk.take_body(size)
                self.assertEqual((b"".join(taken), talk.is_clean), (body, True))

    def test_request_ids_above_a_byte(self):
        talk = incoming()
        talk.feed(request("/", request_id=65535))
        self.assertEqual(talk.request_id, 65535)

    def test_a_request_that_comes_early_waits_for_the_first_to_finish(self):
        talk = incoming()
        talk.feed(request("/1", keep=True) + request("/2", b"2", keep=True, request_id=2))
        self.assertEqual(talk.params["PATH_INFO"], "/1")
        self.assertFalse(talk.is_clean)
        talk.finish()
        self.assertEqual((talk.params["PATH_INFO"], body_of(talk)), ("/2", b"2"))

    def test_the_rest_of_a_body_that_nobody_read_is_ignored(self):
        whole = request("/1", bytes(1000), keep=True)
        for cut in (-1008, -500, -10, -8, -1):
            talk = incoming()
            talk.feed(whole[:cut])
            talk.finish()
            talk.feed(whole[cut:])
            self.assertEqual((talk.state, talk.has_started), (IDLE, False))
            talk.feed(request("/2"))
            self.assertEqual((talk.params["PATH_INFO"], body_of(talk)), ("/2", b""))


class OtherRecordsTest(unittest.TestCase):
    def test_get_values_is_answered_with_true_numbers_and_known_names_only(self):
        talk = incoming()
        asked = {"FCGI_MAX_CONNS": "", "FCGI_MPXS_CONNS": "", "UNKNOWN": ""}
        talk.feed(records.record(records.GET_VALUES, 0, encode_pairs(asked)))
        answer = talk.answers[0]
        self.assertEqual(answer[1], records.GET_VALUES_RESULT)
        self.assertEqual(
            decode_pairs(answer[8:], 10), {"FCGI_MAX_CONNS": "7", "FCGI_MPXS_CONNS": "0"}
        )

    def test_an_unknown_management_record_is_answered_with_its_type(self):
        talk = incoming()
        talk.feed(records.record(99, 0, b"anything"))
        self.assertEqual(talk.answers, [records.unknown_type(99)])

    def test_management_records_may_come_within_a_request(self):
        talk = incoming()
        data = request("/", b"body")
        values = records.record(records.GET_VALUES, 0, encode_pairs({"FCGI_MAX_REQS": ""}))
        talk.feed(begin() + values + data[16:-8] + values + data[-8:])
        self.assertEqual(len(talk.answers), 2)
        self.assertEqual(body_of(talk), b"body")

    def test_another_role_is_refused(self):
        for role in (2, 3, 9):
            talk = incoming()
            talk.feed(begin(5, role=role) + params({"A": "b"}, 5) + stdin(b"x", 5))
            self.assertEqual(talk.answers, [records.end_request(5, records.UNKNOWN_ROLE)])
            self.assertTrue(talk.close_wanted)
            self.assertIs(talk.state, IDLE)

    def test_a_second_request_within_another_is_refused_and_the_first_unharmed(self):
        talk = incoming()
        talk.feed(begin(1) + begin(2) + params({"B": "2"}, 2) + params({"A": "1"}, 1))
        talk.feed(stdin(b"second", 2) + stdin(b"first", 1))
        self.assertEqual(talk.answers, [records.end_request(2, records.CANT_MPX_CONN)])
        self.assertEqual((talk.params, body_of(talk)), ({"A": "1"}, b"first"))

    def test_an_abort_before_the_parameters_end_ends_the_request(self):
        talk = incoming()
        talk.feed(begin(3) + records.record(records.ABORT_REQUEST, 3))
        self.assertEqual(talk.answers, [records.end_request(3, records.REQUEST_COMPLETE)])
        self.assertIs(talk.state, IDLE)
        self.assertTrue(talk.close_wanted)

    def test_an_abort_within_the_body_is_noted(self):
        talk = incoming()
        talk.feed(begin(3) + params({}, 3) + records.record(records.ABORT_REQUEST, 3))
        self.assertTrue(talk.aborted)

    def test_records_of_other_requests_are_ignored(self):
        talk = incoming()
        stray = b"".join(records.record(kind, 9, b"stray") for kind in (2, 4, 5, 8))
        talk.feed(stray + begin() + stray + params({"A": "b"}) + stray + stdin(b"mine"))
        self.assertEqual((talk.params, body_of(talk), talk.answers), ({"A": "b"}, b"mine", []))

    def test_a_responder_gets_no_data_and_ignores_records_it_does_not_know(self):
        talk = incoming()
        odd = b"".join(records.record(kind, 1, b"odd") for kind in (3, 6, 7, 8, 9, 10, 11, 12, 99))
        talk.feed(begin() + odd + params({"A": "b"}) + odd + stdin(b"mine"))
        self.assertEqual((talk.params, body_of(talk), talk.answers), ({"A": "b"}, b"mine", []))

    def test_known_types_are_not_answered_on_the_management_id(self):
        talk = incoming()
        talk.feed(b"".join(records.record(kind, 0, b"odd") for kind in (2, 3, 4, 5, 6, 7, 8, 10, 11)))
        self.assertEqual(talk.answers, [])

    def test_flags_and_reserved_bytes_that_are_not_defined_are_ignored(self):
        talk = incoming()
        talk.feed(records.record(records.BEGIN_REQUEST, 1, b"\0\1\xfe\xff\xff\xff\xff\xff"))
        self.assertFalse(talk.keep_connection)
        reserved = bytearray(params({"A": "b"}))
        reserved[7] = 0xFF
        talk.feed(bytes(reserved))
        self.assertEqual(talk.params, {"A": "b"})


class RefusalsTest(unittest.TestCase):
    def assert_malformed(self, data: bytes):
        with self.assertRaises(ProtocolError):
            incoming().feed(data)

    def assert_refused(self, status: str, data: bytes, **limits):
        talk = incoming(**limits)
        with self.assertRaises(RequestRefused) as caught:
            talk.feed(data)
        self.assertTrue(caught.exception.status.startswith(status), caught.exception.status)

    def test_another_version_is_malformed(self):
        self.assert_malformed(b"\x02" + begin()[1:])
        self.assert_malformed(b"GET / HTTP/1.1\r\n\r\n")

    def test_a_request_with_the_management_id_is_malformed(self):
        self.assert_malformed(begin(0))

    def test_a_begin_of_the_wrong_size_is_malformed(self):
        for size in (0, 7, 9, 100):
            self.assert_malformed(records.record(records.BEGIN_REQUEST, 1, bytes(size)))

    def test_a_request_that_begins_twice_is_malformed(self):
        self.assert_malformed(begin(1) + begin(1))

    def test_values_that_do_not_divide_into_pairs_are_malformed(self):
        self.assert_malformed(records.record(records.GET_VALUES, 0, b"\x7f\x00abc"))

    def test_parameters_that_do_not_divide_into_pairs_are_a_bad_request(self):
        for broken in (b"\x05", b"\x05\x01abc", b"\x80\x00", b"\xff\xff\xff\xff\xff\xff\xff\xff"):
            data = begin() + records.record(records.PARAMS, 1, broken)
            self.assert_refused("400", data + records.record(records.PARAMS, 1))

    def test_too_much_too_many_and_too_often_is_refused(self):
        self.assert_refused("431", begin() + params({"A": "b" * 200}), params_size=100)
        self.assert_refused("431", begin() + params({str(n): "" for n in range(9)}), params_count=8)
        pieces = begin() + params({"A": "b" * 100}, piece=1)
        self.assert_refused("431", pieces, head_records=50)
        strays = begin() + records.record(records.STDIN, 9, b"x") * 60
        self.assert_refused("431", strays, head_records=50)

    def test_the_limits_are_not_reached_by_what_is_just_allowed(self):
        pairs = {"A": "b" * 100}
        talk = incoming(params_size=103, params_count=1, head_records=3)
        talk.feed(begin() + params(pairs))
        self.assertEqual(talk.params, pairs)

    def test_a_request_state_is_visible_while_it_is_incomplete(self):
        talk = incoming()
        self.assertFalse(talk.has_started)
        talk.feed(begin()[:5])
        self.assertTrue(talk.has_started)
        talk.feed(begin()[5:])
        self.assertIs(talk.state, PARAMS)


class PairsTest(unittest.TestCase):
    def test_pairs_of_every_length_are_divided_alike(self):
        short = {"A": "1", "": "", "C" * 127: "d" * 127}
        for more in ({}, {"L": "x" * 128}, {"M" * 128: ""}, {"N": "\xe9"}):
            pairs = {**short, **more}
            data = encode_pairs(pairs)
            with self.subTest(more=more):
                self.assertEqual(decode_pairs(data, 1000), pairs)
                self.assertEqual(decode_pairs(data, len(pairs)), pairs)
                with self.assertRaises(TooManyPairs):
                    decode_pairs(data, len(pairs) - 1)
                wholes = [encode_pairs(dict(list(pairs.items())[:n])) for n in range(len(pairs))]
                for cut in set(range(len(data))) - set(map(len, wholes)):
                    with self.assertRaises(PairsError):
                        decode_pairs(data[:cut], 1000)

    def test_lengths_around_the_change_of_form(self):
        for size in (0, 1, 126, 127, 128, 129, 255, 256, 65535, 65536, 100_000):
            pairs = {"N" * max(size, 1): "v" * size, "x": "y"}
            self.assertEqual(decode_pairs(encode_pairs(pairs), 10), pairs)

    def test_a_short_length_in_the_long_form_is_read(self):
        self.assertEqual(decode_pairs(b"\x80\x00\x00\x01\x80\x00\x00\x02Axy", 1), {"A": "xy"})

    def test_bytes_become_characters_one_by_one(self):
        value = bytes(range(256)).decode("latin-1")
        self.assertEqual(decode_pairs(encode_pairs({"A": value}), 1), {"A": value})
