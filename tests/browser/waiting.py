"""Waits for what a page does by itself."""

import time

from playwright.sync_api import Page


def until(page: Page, expression: str, seconds: float = 15.0) -> None:
    """Waits for an expression in the page, asked from outside: the page's policy lets it evaluate no text."""
    deadline_s = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline_s, expression
        page.wait_for_timeout(50)
