"""The browser of this machine, without a window, and one page for many tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """With these arguments of its command line; to be used by the thread that opened it."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "make test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()


class SharedPage:
    """A page that tests use in turn, as if each had opened it: to open one takes Chromium longer than a test."""

    def __init__(self, browser: Browser, width: int) -> None:
        self._width = width
        self._context = browser.new_context(accept_downloads=True, offline=True)
        self._page = self._context.new_page()
        self.complaints: list[str] = []
        """What went wrong on it since it was opened last, and what it asked of the network."""
        self._page.on("console", lambda message: self._complain(message.type == "error", message.text))
        self._page.on("pageerror", lambda error: self._complain(True, str(error)))
        self._page.on("request", lambda request: self._complain(request.url.startswith("http"), request.url))

    def _complain(self, wrong: bool, text: str) -> None:
        if wrong:
            self.complaints.append(text)

    def open(self, path: Path) -> Page:
        """The file, in a window of the first size, with nothing below the mouse and no style asked for."""
        self._page.mouse.move(0, 0)
        self._page.set_viewport_size({"width": self._width, "height": 900})
        self._page.emulate_media(media="screen", color_scheme="light")
        self.complaints.clear()
        self._page.goto(path.as_uri())
        return self._page

    def close(self) -> None:
        self._context.close()
