"""Settings of the documentation; see https://www.sphinx-doc.org."""

import importlib.metadata
import os
import sys
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

import matplotlib

matplotlib.use("Agg")
sys.path.append(str(Path(__file__).parent / "_extensions"))

project = "sklearn_backprop"
author = copyright = "the sklearn_backprop developers"
release = importlib.metadata.version("sklearn-backprop")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "short_names",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "**sg_execution_times.rst"]
default_role = "py:obj"
rst_prolog = ".. py:currentmodule:: sklearn_backprop\n"
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say them in words
numpydoc_show_class_members = False


def is_there(address):
    """Whether a page can be fetched: the site can be built without a network."""
    try:
        with urlopen(address, timeout=10):
            return True
    except (OSError, HTTPException):
        return False


# Where their names in the text lead.
intersphinx_mapping = {
    name: (address, None)
    for name, address in {
        "python": "https://docs.python.org/3/",
        "numpy": "https://numpy.org/doc/stable/",
        "sklearn": "https://scikit-learn.org/stable/",
    }.items()
    if is_there(f"{address}objects.inv")
}

html_theme = "pydata_sphinx_theme"
html_title = f"{project} {release}"
html_logo = html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_sidebars = {"changelog": [], "contributing": []}  # they have no sections
html_show_sourcelink = html_use_index = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "logo": {"text": f"{project} {release}"},
}
if repository := os.environ.get("READTHEDOCS_GIT_CLONE_URL"):
    html_theme_options["github_url"] = repository.removesuffix(".git")

# The order in which they teach.
EXAMPLES = [
    "plot_dataframe.py",
    "plot_noisy_curve.py",
    "plot_auto.py",
    "plot_data_sets.py",
    "plot_comparison.py",
    "plot_grid_search.py",
    "plot_progress.py",
    "plot_check_gradients.py",
    "plot_bagging.py",
    "plot_stream.py",
    "plot_sparse.py",
    "plot_multiple_outputs.py",
    "plot_sample_weights.py",
]
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"^(?!plot_)",  # programs, not pages
    "within_subsection_order": EXAMPLES.index,
    "abort_on_example_error": True,
    "doc_module": "sklearn_backprop",
    "backreferences_dir": "generated/examples",
    "show_signature": False,
    "image_srcset": ["2x"],
}
