"""The list of clauses names tests that exist."""

import importlib
import os
import re
import unittest

LIST = os.path.join(os.path.dirname(__file__), "conformance.md")


class ConformanceListTest(unittest.TestCase):
    def test_every_test_in_the_list_exists(self):
        with open(LIST) as file:
            named = re.findall(r"\b(test_\w+)\.(\w+)\.(test_\w+)", file.read())
        self.assertGreater(len(named), 50)
        for module, group, name in named:
            with self.subTest(f"{module}.{group}.{name}"):
                tests = getattr(importlib.import_module(f"tests.{module}"), group)
                self.assertTrue(callable(getattr(tests, name)))
