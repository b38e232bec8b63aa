"""The words of the command line."""

import unittest

from runfcgi.errors import OptionError
from runfcgi.launch.options import read_words, usage
from runfcgi.launch.words import WORDS
from runfcgi.parent.population import Spare


class OptionsTest(unittest.TestCase):
    def assert_refused(self, words, *reasons):
        with self.assertRaises(OptionError) as caught:
            read_words(words.split(" "))
        for reason in reasons:
            self.assertIn(reason, str(caught.exception))
        self.assertEqual(caught.exception.exit_status, 78)

    def test_the_defaults_are_those_of_djangos_command(self):
        options = read_words([])
        self.assertEqual(options.spare, Spare(2, 5, 50))
        self.assertEqual((options.method, options.maxrequests), ("prefork", 0))
        self.assertEqual(options.workdir, "/")
        self.assertIs(options.debug, False)

    def test_every_word_is_an_attribute_and_in_the_usage(self):
        options, text = read_words([]), usage("x")
        for word in WORDS:
            self.assertEqual(getattr(options, word.name), word.default)
            self.assertIn(f"  {word.name}=", text)
        attributes = {name for name in vars(options) if not name.startswith("_")}
        self.assertEqual(attributes, {word.name for word in WORDS})

    def test_daemonize_depends_on_the_address(self):
        self.assertFalse(read_words([]).wants_daemon)
        self.assertTrue(read_words(["socket=/s"]).wants_daemon)
        self.assertTrue(read_words(["host=::1", "port=80"]).wants_daemon)
        self.assertFalse(read_words(["socket=/s", "daemonize=false"]).wants_daemon)
        self.assertTrue(read_words(["socket=/s", "daemonize"]).wants_daemon)

    def test_methods_have_two_names_each(self):
        names = {"fork": "prefork", "thread": "threaded", "Threaded": "threaded"}
        for name, method in names.items():
            self.assertEqual(read_words([f"method={name}"]).method, method)

    def test_the_umask_is_octal(self):
        for raw in ("022", "22", "0o22"):
            self.assertEqual(read_words([f"umask={raw}"]).umask, 0o22)
        self.assert_refused("umask=89", "octal")
        self.assert_refused("umask=1777", "octal")

    def test_debug_false_is_false(self):
        self.assertFalse(read_words(["debug=false"]).debug)
        self.assertTrue(read_words(["debug"]).debug)

    def test_a_default_gives_way_to_what_is_given(self):
        self.assertEqual(read_words(["maxspare=1"]).spare, Spare(1, 1, 50))
        self.assertEqual(read_words(["maxchildren=3"]).spare, Spare(2, 3, 3))
        self.assert_refused("minspare=4 maxspare=3", "minspare=4 is more than maxspare")
        self.assert_refused("minspare=0", "at least 1")

    def test_threads_are_limited_by_either_word(self):
        self.assertEqual(read_words([]).thread_count, 1)
        self.assertEqual(read_words(["method=threaded"]).thread_count, 8)
        self.assertEqual(read_words(["method=threaded", "maxchildren=20"]).thread_count, 20)
        both = ["method=threaded", "maxchildren=20", "threads=3"]
        self.assertEqual(read_words(both).thread_count, 3)
        self.assertEqual(read_words(both).spare, Spare(1, 1, 1))

    def test_only_the_first_equals_sign_divides(self):
        self.assertEqual(read_words(["socket=/a=b"]).socket, "/a=b")

    def test_unknown_words_are_refused_with_a_suggestion(self):
        self.assert_refused("sockte=/x", 'unknown word "sockte"', 'mean "socket"')
        self.assert_refused("max-children=3", 'mean "maxchildren"')
        self.assert_refused("bogus", "unknown word", '"help"')

    def test_all_problems_are_told_at_once(self):
        self.assert_refused("bogus=1 port=x method=y", "bogus", 'port="x"', 'method="y"')

    def test_contradictions_are_refused(self):
        self.assert_refused("socket=/s host=a port=1", "give one of them")
        self.assert_refused("host=a", "go together")
        self.assert_refused("port=80", "go together")
        self.assert_refused("daemonize=true", "descriptor 0")
        self.assert_refused("threads=3", "method=threaded")
        self.assert_refused("application=a:b settings=c", "Django project")
        self.assert_refused("protocol=scgi", "only fcgi")
        self.assert_refused("socket=/a socket=/b", "given twice")
        self.assert_refused("socket=", "is empty")
        self.assert_refused("pidfile", "needs a value")
        self.assert_refused("debug=maybe", "true or false")
        self.assert_refused("port=65536", "0 to 65535")
        self.assert_refused("graceful_timeout=-1", "seconds")

    def test_seconds_may_have_their_unit(self):
        self.assertEqual(read_words(["graceful_timeout=2.5s"]).graceful_timeout, 2.5)
