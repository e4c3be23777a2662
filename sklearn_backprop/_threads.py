"""Threads for calls that are needed, and for calls that may be needed next."""

import threading
from concurrent.futures import ThreadPoolExecutor


class Threads:
    """Runs calls in parallel.

    A call is a tuple of a function and its arguments. One more argument is appended: a
    threading.Event that is set when the result is no longer needed, or None if there is
    only one thread.

    Parameters
    ----------
    n_jobs : int
        The number of threads; with 1, calls run in the caller's thread.
    """

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs
        self.executor = ThreadPoolExecutor(n_jobs)  # starts no thread before a call
        self.futures, self.stops = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for stop in self.stops.values():
            stop.set()
        self.executor.shutdown(cancel_futures=True)

    def results(self, needed, ahead=()):
        """The results of the needed calls.

        Parameters
        ----------
        needed : list of tuple
            Calls.
        ahead : list of tuple
            Calls that may be needed next, the likeliest first. They start when a thread
            is free, and continue after this method returns. Any other calls that are
            still running are stopped.
        """
        if self.n_jobs == 1:
            return [function(*arguments, None) for function, *arguments in needed]
        calls = [*needed, *ahead]
        self._keep(calls)
        for call in calls:
            if call not in self.futures:
                function, *arguments = call
                self.stops[call] = stop = threading.Event()  # before Ctrl-C may come
                self.futures[call] = self.executor.submit(function, *arguments, stop)
        results = [self.futures[call].result() for call in needed]
        for call in set(needed):
            del self.futures[call], self.stops[call]
        return results

    def _keep(self, calls):
        """Stop all other calls, and unqueue waiting ones, whose order may change."""
        for call, future in list(self.futures.items()):
            if future.cancel() or call not in calls:
                self.stops[call].set()
                del self.futures[call], self.stops[call]
