"""How many workers there should be, decided without a process or a clock."""

import random
import unittest

from runfcgi.parent.crash_loop import CrashLoop
from runfcgi.parent.population import (
    BUSY,
    IDLE,
    STARTING,
    WORN,
    Change,
    Seen,
    Spare,
    is_settled,
    plan_change,
)

SPARE = Spare(min_spare=2, max_spare=5, max_workers=8)


def seen(*states):
    return [Seen(pid, state) for pid, state in enumerate(states, 1)]


class PopulationTest(unittest.TestCase):
    def assert_change(self, states, start, retire=()):
        self.assertEqual(plan_change(seen(*states), SPARE), Change(start, list(retire)))

    def test_at_the_beginning_max_spare_are_started(self):
        self.assert_change([], 5)

    def test_at_rest_nothing_changes(self):
        self.assert_change([IDLE] * 5, 0)
        self.assertTrue(is_settled(seen(*[IDLE] * 5), SPARE))

    def test_one_that_is_missing_is_replaced(self):
        self.assert_change([IDLE] * 4, 1)

    def test_too_few_idle_ones_make_it_grow(self):
        self.assert_change([BUSY] * 4 + [IDLE], 1)
        self.assert_change([BUSY] * 5, 2)
        self.assert_change([BUSY] * 5 + [STARTING], 1)
        self.assert_change([BUSY] * 5 + [STARTING] * 2, 0)

    def test_it_grows_to_the_limit_and_not_beyond(self):
        self.assert_change([BUSY] * 7, 1)
        self.assert_change([BUSY] * 8, 0)

    def test_too_many_idle_ones_go_one_by_one(self):
        self.assert_change([IDLE] * 7, 0, [7])
        self.assert_change([BUSY] * 2 + [IDLE] * 6, 0, [8])
        self.assertFalse(is_settled(seen(*[IDLE] * 7), SPARE))

    def test_a_worn_one_leaves_only_when_its_replacement_is_up(self):
        self.assert_change([IDLE] * 4 + [WORN], 1)
        self.assert_change([IDLE] * 4 + [WORN, STARTING], 0)
        self.assert_change([IDLE] * 4 + [WORN, IDLE], 0, [5])

    def test_a_single_worker_is_replaced_before_it_leaves(self):
        spare = Spare(1, 1, 1)
        self.assertEqual(plan_change(seen(WORN), spare), Change(1, []))
        self.assertEqual(plan_change(seen(WORN, STARTING), spare), Change(0, []))
        self.assertEqual(plan_change(seen(WORN, BUSY), spare), Change(0, [1]))

    def test_a_surplus_of_worn_ones_leaves_at_once(self):
        self.assert_change([IDLE] * 5 + [WORN], 0, [6])

    def test_from_any_state_it_comes_to_rest(self):
        source = random.Random(7)
        for _ in range(300):
            states = source.choices([IDLE, BUSY, STARTING, WORN], k=source.randint(0, 12))
            for _ in range(60):
                change = plan_change(seen(*states), SPARE)
                kept = [s for pid, s in enumerate(states, 1) if pid not in change.retire]
                self.assertLessEqual(
                    sum(s != WORN for s in kept) + change.start, max(SPARE.max_workers, 12)
                )
                states = [IDLE if s != WORN else WORN for s in kept] + [STARTING] * change.start
            self.assertEqual(states, [IDLE] * 5)


class CrashLoopTest(unittest.TestCase):
    def test_a_first_crash_costs_no_time(self):
        loop = CrashLoop()
        loop.crashed(lifetime=0.01, served=0, now=100.0)
        self.assertLessEqual(loop.not_before, 100.0)

    def test_the_pause_doubles_up_to_ten_seconds(self):
        loop = CrashLoop()
        pauses = []
        for _ in range(12):
            loop.crashed(lifetime=0.01, served=0, now=100.0)
            pauses.append(round(loop.not_before - 100.0, 3))
        self.assertEqual(pauses[1:9], [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0])
        self.assertEqual(pauses[-1], 10.0)

    def test_a_worker_that_had_served_begins_a_new_count(self):
        loop = CrashLoop()
        for _ in range(5):
            loop.crashed(lifetime=0.01, served=0, now=100.0)
        loop.crashed(lifetime=0.01, served=3, now=200.0)
        loop.crashed(lifetime=0.01, served=0, now=200.0)
        self.assertLessEqual(loop.not_before, 200.0)
