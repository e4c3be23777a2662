"""Write tables of results into the pages of the guide."""

import argparse
import csv
import io
from pathlib import Path


def guide(path):
    """The folder of the guide's pages, as an option's type."""
    if not Path(path, "index.rst").exists():
        raise argparse.ArgumentTypeError(f"{path} has no index.rst")
    return Path(path)


def add_option(parser):
    """Give a script's command line the option ``--output``."""
    parser.add_argument(
        "--output",
        type=guide,
        metavar="FOLDER",
        help="docs/guide, to replace tables and figures of the guide; without it, "
        "tables are only printed",
    )


def show(folder, page, name, header, rows):
    """Print a table, and put it into a page of the guide.

    Parameters
    ----------
    folder : Path or None
        Where the page is; None if the table is only to be printed.
    page : str
        The page's file name.
    name : str
        The option ``:name:`` of the table's ``csv-table`` directive, its last option.
    header : sequence of str
    rows : iterable of sequences
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    print(text.getvalue())
    if folder is not None:
        start = f"   :name: {name}\n\n"
        before, found, after = (
            (folder / page).read_text(encoding="utf-8").partition(start)
        )
        assert found, f"There is no table {name} in {page}."
        _, _, after = after.partition("\n\n")
        table = "".join(f"   {line}\n" for line in text.getvalue().splitlines())
        (folder / page).write_text(f"{before}{start}{table}\n{after}", encoding="utf-8")
