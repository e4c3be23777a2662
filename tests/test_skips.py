"""The option --forbid-skips: a missing tool must not hide a failure."""

from types import SimpleNamespace

import pytest
from conftest import without_skips


@pytest.mark.parametrize("forbidden", [False, True])
@pytest.mark.parametrize("kind", ["skipped", "passed", "expected to fail"])
def test_only_a_skip_becomes_a_failure_and_only_where_it_is_forbidden(kind, forbidden):
    config = SimpleNamespace(getoption={"--forbid-skips": forbidden}.get)
    outcome = "passed" if kind == "passed" else "skipped"
    report = SimpleNamespace(
        outcome=outcome,
        skipped=outcome == "skipped",
        longrepr=("test_a.py", 3, "Skipped: no compiler"),
    )
    if kind == "expected to fail":
        report.wasxfail = "reason"
    result = without_skips(config, report)
    if kind == "skipped" and forbidden:
        assert result.outcome == "failed"
        assert "test_a.py:3: Skipped: no compiler" in result.longrepr
    else:
        assert result.outcome == outcome
