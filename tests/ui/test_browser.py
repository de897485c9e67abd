"""What a person sees: the tabs of a finished and of a running step, in headless Chromium."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import browser
import pytest
from deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment import Deployment
    from selenium.webdriver.remote.webdriver import WebDriver

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="session")
def chromium() -> Iterator[WebDriver]:
    program, driver = browser.programs()
    if program is None or driver is None:
        pytest.skip("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
    with browser.chromium(program, driver) as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: into the documentation when it is to be renewed."""
    return Path(os.environ.get("REMOTE_STORE_PICTURES", tmp_path))


def look(page: browser.RunPage, stream: str, text: str, picture: Path) -> None:
    page.open_tab(stream)
    page.wait_for_text(text)
    page.picture(picture)
    assert picture.read_bytes().startswith(PNG)


def test_the_tabs_of_a_finished_step_show_its_text(
    dagster: Deployment, chromium: WebDriver, pictures: Path
) -> None:
    run_id = dagster.launch("finished")
    dagster.wait_for_status(run_id, "SUCCESS")
    page = browser.RunPage(chromium, dagster.viewer_url, run_id)
    look(page, "stdout", "out: Grüße aus dem Schritt", pictures / "finished-stdout.png")
    look(page, "stderr", "err: Grüße aus dem Schritt", pictures / "finished-stderr.png")


def test_the_tabs_of_a_running_step_show_its_text_and_follow_it(
    dagster: Deployment, chromium: WebDriver, pictures: Path
) -> None:
    run_id = dagster.launch("running")
    key = dagster.log_key(run_id)
    wait_until(
        lambda: "line 1" in (dagster.captured(key)["stdout"] or ""),
        "something is uploaded",
    )
    page = browser.RunPage(chromium, dagster.viewer_url, run_id)
    look(page, "stdout", "out: still running, line 1", pictures / "running-stdout.png")
    look(page, "stderr", "err: still running, line 1", pictures / "running-stderr.png")
    seen = page.text().count("still running")
    wait_until(
        lambda: page.text().count("still running") > seen,
        "the page goes on with the step",
    )
    dagster.terminate(run_id)
    dagster.wait_for_status(run_id, "CANCELED", "FAILURE")
