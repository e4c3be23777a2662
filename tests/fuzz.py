"""Settings of the tests on random cases: short and always the same, or long.

SKLEARN_BACKPROP_FUZZ=100000 makes a long run of so many fresh cases a test.
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
