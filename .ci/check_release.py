"""What has to be ready when the tag vX.Y.Z is pushed: `check_release.py vX.Y.Z`."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
version = sys.argv[1].removeprefix("v")


def find(file, pattern):
    """What a pattern, by lines, finds in a file."""
    return re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


missing = []
if find("meson.build", r"^  version: '(.*)'") != [version]:
    missing.append("meson.build: the version")
(last, date) = find("CHANGELOG.md", r"^## (\S+) \((.*)\)$")[0]
if last != version or not re.fullmatch(r"\d{4}-\d\d-\d\d", date):
    missing.append("CHANGELOG.md: the version and its date, on top")
if find("CITATION.cff", r"^version: (.*)$") != [version]:
    missing.append("CITATION.cff: version")
if find("CITATION.cff", r"^date-released: (.*)$") != [date]:
    missing.append("CITATION.cff: date-released, the date of CHANGELOG.md")
if not (ROOT / "tests" / "pickles" / f"{version}.pickle").exists():
    missing.append(f"tests/pickles/{version}.pickle")
if not find("pyproject.toml", r"^\[project\.urls\]$"):
    missing.append("pyproject.toml: [project.urls]")
if links := find("README.md", r"\]\((?!https://)([^)]*)\)"):
    missing.append(f"README.md: links that lead nowhere on PyPI: {', '.join(links)}")
if missing:
    sys.exit("\n".join([f"{version} is not ready. Missing or wrong:", *missing]))
