"""Uses the page of examples/adoption in a real browser, the way a person would. Runs in the image of the Dockerfile beside it.

    drive.py URL offer NAME        offers a dog by the form, and sees it in the list
    drive.py URL sees NAME         sees the dog in the list; tries again for as long as the page shows an error
    drive.py URL adopt NAME WHO    adopts the dog, and sees "Adopted by WHO"

Prints a line of JSON and exits 0, or prints why not and what the page showed, and exits 1. A NAME is taken to be that of one dog only.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from playwright.sync_api import Error, Locator, Page, sync_playwright  # type: ignore[import-not-found]  # only in the image

# Chromium's own sandbox needs rights that a container lacks, /dev/shm is small there, and there is no graphics card. By itself it loads a
# page again that could not be reached, which interrupts the attempts made here.
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-auto-reload"]
# NGINX gives up on the API after 15 seconds. A page that is still loading then waits for an answer that got lost.
LONGEST_LOADING = 20


class Failed(Exception):
    """The page did not come to show what it should."""


def until_listed(page: Page, url: str, wanted: Locator, timeout: float) -> None:
    """Opens the list until it shows `wanted`: presses "Try again" on an error, and otherwise loads the page anew."""
    deadline = time.monotonic() + timeout
    alert = page.get_by_role("alert")
    reason = "nothing was loaded"
    while (left := deadline - time.monotonic()) > 0:
        longest = 1000 * min(left, LONGEST_LOADING)
        try:
            if alert.is_visible():
                alert.get_by_role("button", name="Try again").click(timeout=longest)
            else:
                page.goto(url, timeout=longest)
            alert.or_(list_heading(page)).first.wait_for(timeout=longest)
            if wanted.first.is_visible():
                return
            reason = "the page shows an error" if alert.is_visible() else "the list is there without it"
        except Error as error:
            # Also a front end that refuses the connection comes back, perhaps.
            reason = error.message.splitlines()[0]
        page.wait_for_timeout(1000)
    raise Failed(reason)


def until_answered(page: Page, wanted: Locator) -> None:
    """Waits for `wanted` after something was sent. That is not sent again: nobody knows what became of the first."""
    alert = page.get_by_role("alert")
    wanted.or_(alert).first.wait_for()
    if alert.is_visible():
        raise Failed("the page shows an error")


def list_heading(page: Page) -> Locator:
    return page.get_by_role("heading", name="Dogs looking for a home")


def run(page: Page, options: argparse.Namespace) -> None:
    dog = page.get_by_role("article", name=options.name, exact=True)
    if options.step == "sees":
        until_listed(page, options.url, dog, options.timeout)
    elif options.step == "offer":
        until_listed(page, options.url, list_heading(page), options.timeout)
        page.get_by_role("link", name="Offer a dog").click()
        page.get_by_label("Name").fill(options.name)
        page.get_by_label("Breed").fill("Mixed breed")
        page.get_by_label("Age in years").fill("3")
        page.get_by_label("Description").fill("Offered in a browser.")
        page.get_by_role("button", name="Offer this dog").click()
        until_answered(page, dog)
    else:
        button = dog.get_by_role("button", name="Adopt", exact=True)
        until_listed(page, options.url, button, options.timeout)
        button.click()
        dog.get_by_label("Your name").fill(options.who)
        dog.get_by_role("button", name="Confirm").click()
        until_answered(page, dog.get_by_text(f"Adopted by {options.who}", exact=True))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("step", choices=["offer", "sees", "adopt"])
    parser.add_argument("name")
    parser.add_argument("who", nargs="?", help="who adopts")
    parser.add_argument("--timeout", type=float, default=60, help="seconds that the list may take to show what it should")
    options = parser.parse_args()
    if (options.step == "adopt") != (options.who is not None):
        parser.error("WHO belongs to adopt, and to nothing else")

    errors: list[str] = []
    began = time.monotonic()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(1000 * LONGEST_LOADING)
        page.on("console", lambda message: errors.append(f"{message.text} {message.location['url']}") if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            run(page, options)
        except (Failed, Error) as failure:
            print(f"{options.step} {options.name}: {str(failure).splitlines()[0]}, after {time.monotonic() - began:.1f} s")
            text = "\n".join(filter(None, page.inner_text("body").splitlines()))
            print(f"{page.url} showed:\n{text[:600]}\nconsole errors: {errors}")
            return 1
        print(json.dumps({"step": options.step, "ok": True, "seconds": round(time.monotonic() - began, 1), "console_errors": errors}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
