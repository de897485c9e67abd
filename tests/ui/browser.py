"""Headless Chromium, as far as it is needed to look at logs."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webdriver import WebDriver

SHOWN_WITHIN_S = 60
# What a page shows is all on loopback; nothing else is looked up, nothing is fetched on the side.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--window-size=1400,900",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def programs() -> tuple[str | None, str | None]:
    """Give Chromium and its driver, where they are installed."""
    chromium = os.environ.get("REMOTE_STORE_TEST_CHROMIUM") or shutil.which("chromium")
    return chromium, shutil.which("chromedriver")


@contextmanager
def chromium(program: str, driver: str) -> Iterator[WebDriver]:
    """Start a browser of its own, without the profile of anybody."""
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ARGUMENTS:
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield browser
    finally:
        browser.quit()


class RunPage:
    """The page of one run in Dagster's web interface.

    Args:
        browser: The browser.
        url: The web server.
        run_id: The run.
    """

    def __init__(self, browser: WebDriver, url: str, run_id: str) -> None:
        self._browser = browser
        self._wait = WebDriverWait(browser, SHOWN_WITHIN_S)
        browser.get(f"{url}/runs/{run_id}")
        self._click("//*[text()='View stdout / stderr']")

    def open_tab(self, stream: str) -> None:
        """Choose the tab `stdout` or `stderr`."""
        self._click(f"//button[normalize-space()='{stream}']")

    def wait_for_text(self, text: str) -> None:
        """Wait until the page shows a text."""
        self._wait.until(lambda _: text in self.text(), f"the page does not show {text!r}")

    def text(self) -> str:
        """All that the page shows."""
        return str(self._browser.find_element(By.TAG_NAME, "body").text)

    def picture(self, path: Path) -> None:
        """Save what the page looks like as PNG."""
        assert self._browser.save_screenshot(str(path)), path

    def _click(self, xpath: str) -> None:
        # The page draws itself anew while it loads: what was found may be gone when it is clicked.
        def clicked(browser: WebDriver) -> bool:
            found = browser.find_elements(By.XPATH, xpath)
            if not found:
                return False
            browser.execute_script("arguments[0].click()", found[0])
            return True

        self._wait.until(clicked, f"nothing to click at {xpath}")
