"""Calls in parallel: those needed now, and those that may be needed next."""

import threading

import pytest

from sklearn_backprop._threads import Threads


def double(number, stop):
    return 2 * number


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
def test_results_come_in_the_order_of_the_calls(n_jobs):
    with Threads(n_jobs) as threads:
        for first in (0, 5):
            numbers = range(first, first + 10)
            calls = [(double, number) for number in numbers]
            assert threads.results(calls, calls) == [2 * n for n in numbers]


def test_one_thread_does_what_is_needed_alone():
    def note(number, stop):
        noted.append((number, threading.get_ident()))

    noted = []
    with Threads(1) as threads:
        threads.results([(note, 1)], [(note, 2)])
    assert noted == [(1, threading.get_ident())]


def test_what_was_begun_ahead_is_not_done_again():
    def note(number, stop):
        noted.append(number)
        done[number].set()

    noted, done = [], {n: threading.Event() for n in (1, 2)}
    with Threads(2) as threads:
        threads.results([(note, 1)], [(note, 2)])
        assert done[2].wait(60)
        threads.results([(note, 2)])
    assert sorted(noted) == [1, 2]


def test_what_is_needed_goes_before_what_waits():
    def wait(stop):
        free.wait(60)

    def note(number, stop):
        noted.append(number)
        if number == 0:
            free.wait(60)

    noted, free = [], threading.Event()
    ahead = [(wait,), (note, 1)]  # of which the second waits for a thread
    with Threads(2) as threads:
        threads.results([(double, 0)], ahead)
        threads.results([(note, 2)], ahead)
        assert noted[0] == 2 or len(noted) == 2
        free.set()


def test_what_is_no_longer_needed_is_stopped():
    def until_stopped(number, stop):
        begun.set()
        assert stop.wait(60)
        stopped.append(number)

    begun, stopped = threading.Event(), []
    with Threads(2) as threads:
        threads.results([(double, 0)], [(until_stopped, 1)])
        assert begun.wait(60)
        threads.results([(double, 1)], [(until_stopped, 1)])
        assert not stopped
        threads.results([(double, 2)])
        threads.results([(double, 3)], [(until_stopped, 2)])
    assert 1 in stopped  # the second, if it began


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_is_that_of_the_call(n_jobs):
    def fail(stop):
        raise ValueError("This one.")

    n_threads = threading.active_count()
    with pytest.raises(ValueError, match="This one"), Threads(n_jobs) as threads:
        threads.results([(double, 0), (fail,)])
    assert threading.active_count() == n_threads


def test_an_error_of_what_nobody_asks_for_is_not_seen():
    def fail(stop):
        failed.set()
        raise ValueError("Not this one.")

    failed = threading.Event()
    with Threads(2) as threads:
        threads.results([(double, 0)], [(fail,)])
        assert failed.wait(60)
        assert threads.results([(double, 1)]) == [2]
