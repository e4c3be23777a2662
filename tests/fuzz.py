"""Settings of the tests on random cases: short and always the same, or long.

SKLEARN_BACKPROP_FUZZ=100000 makes each test run that many new cases.
"""

import os

from hypothesis import settings

LONG = os.environ.get("SKLEARN_BACKPROP_FUZZ")
fuzz = settings(
    max_examples=int(LONG or 100),
    derandomize=not LONG,
    database=None,
    deadline=None,
)
