"""The built site in a real browser: pages load whole, links lead somewhere.

Build first (see CONTRIBUTING.md), then run ``pytest docs``. Uses Chromium as the system
has it, or else as ``playwright install chromium`` brought it.
"""

import functools
import http.server
import re
import shutil
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin

import pytest
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parent / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if "_static" not in path.parts
)
WIDTHS = {"desktop": 1280, "phone": 390}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve the site, and do not log."""

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture(scope="session")
def address():
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",  # which does not work for root; the pages are ours
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tabs(browser):
    pages = {
        name: browser.new_page(viewport={"width": width, "height": 900})
        for name, width in WIDTHS.items()
    }
    for page in pages.values():
        page.problems = []
        note = page.problems.append
        page.on("pageerror", lambda error, note=note: note(f"script: {error}"))
        page.on(
            "console",
            lambda line, note=note: (
                note(f"console: {line.text}")
                if line.type in ("error", "warning")
                else None
            ),
        )
        page.on(
            "requestfailed",
            lambda request, note=note: (
                note(f"no {request.url}")
                if request.failure != "net::ERR_ABORTED"  # the next page was asked for
                else None
            ),
        )
        page.on(
            "response",
            lambda response, note=note: (
                note(f"{response.status} {response.url}")
                if response.status >= 400
                else None
            ),
        )
    return pages


# Elements of which a part is out of sight. On a phone code, formulas and tables may be
# wider than the screen, and scroll.
CLIPPED = """mayScroll => {
    const isOutside = link => link.getBoundingClientRect().right > innerWidth;
    const links = [...document.querySelectorAll('.bd-toc a')].filter(isOutside);
    const texts = 'article, article *, .prev-next-footer *, .bd-header *';
    return links.concat([...document.querySelectorAll(texts)].filter(element => {
        const { display, overflowX } = getComputedStyle(element);
        return !['inline', 'none'].includes(display)
            && element.clientWidth > 1  // smaller ones are for screen readers
            && element.scrollWidth > element.clientWidth + 1
            && !element.closest('math, svg')
            && !(mayScroll && overflowX === 'auto');
    })).map(element => `${element.tagName}.${element.className}: `
        + element.innerText.slice(0, 60));
}"""


@functools.cache
def names_in(path):
    """The anchors of a page."""
    return set(re.findall(r'\sid="([^"]+)"', path.read_text(encoding="utf-8")))


def test_the_site_has_been_built():
    assert {"index.html", "api.html", "guide/rule.html", "gallery/index.html"} <= set(
        PAGES
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_whole(tabs, address, path, width):
    page = tabs[width]
    page.problems.clear()
    page.goto(address + path, wait_until="networkidle")
    images = page.evaluate(
        "[...document.images].filter(i => i.complete && !i.naturalWidth)"
        ".map(i => i.src)"
    )
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    clipped = page.evaluate(CLIPPED, width == "phone")
    assert page.problems == []
    assert images == []
    assert overflow <= 0
    assert clipped == []
    assert page.title()


@pytest.mark.parametrize("path", PAGES)
def test_links_within_the_site_lead_somewhere(tabs, address, path):
    page = tabs["desktop"]
    page.goto(address + path)
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.href)")
    assert links
    for link in links:
        target, anchor = urldefrag(urljoin(address + path, link))
        if not target.startswith(address):
            continue
        file = SITE / unquote(target.removeprefix(address) or "index.html")
        assert file.is_file(), link
        if anchor:
            assert unquote(anchor) in names_in(file), link


def test_search_finds_the_class(tabs, address):
    page = tabs["desktop"]
    page.problems.clear()
    page.goto(address + "search.html?q=BackpropRegressor", wait_until="networkidle")
    page.wait_for_selector("#search-results li a")
    assert "BackpropRegressor" in page.inner_text("#search-results")
    assert page.problems == []
