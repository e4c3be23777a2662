"""Threads for what is needed, and for what may be needed next."""

import threading
from concurrent.futures import ThreadPoolExecutor


class Threads:
    """Calls that run side by side.

    A call is a tuple of a function and its arguments. A last argument is added: a
    threading.Event that is set when the result is no longer wanted.

    Parameters
    ----------
    n_jobs : int
        The number of threads; with 1, calls run in the thread that asks for them.
    """

    def __init__(self, n_jobs):
        self.n_jobs = n_jobs
        self.executor = ThreadPoolExecutor(n_jobs)  # starts no thread before a call
        self.running = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._keep(())
        self.executor.shutdown()

    def results(self, needed, ahead=()):
        """What the needed calls return.

        Parameters
        ----------
        needed : list of tuple
            Calls.
        ahead : list of tuple
            Calls that may be needed next, the likeliest first. They begin where a
            thread is free, and go on after this. Others that were begun are stopped.
        """
        if self.n_jobs == 1:
            return [function(*arguments, None) for function, *arguments in needed]
        calls = [*needed, *ahead]
        self._keep(calls)
        for call in calls:
            if call not in self.running:
                function, *arguments = call
                stop = threading.Event()
                future = self.executor.submit(function, *arguments, stop)
                self.running[call] = future, stop
        return [self.running.pop(call)[0].result() for call in needed]

    def _keep(self, calls):
        """Stop all others, and put back those that wait, for their order may change."""
        for call, (future, stop) in list(self.running.items()):
            if future.cancel() or call not in calls:
                stop.set()
                del self.running[call]
