"""Headless Chromium, driven over a pipe by its DevTools protocol: what a person sees, and what a page complains of."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed (Debian's package: chromium)")
FLAGS = (
    *("--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-component-update"),
    *("--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US", "--window-size=1400,900"),
)


class Page:
    """One tab. `complaints` are the console's errors and uncaught exceptions, in their order."""

    def __init__(self, requests, answers):
        self._requests, self._answers, self._number, self._rest = requests, answers, 0, b""
        self._session = None
        self.complaints = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Send one command and give its result; a `RuntimeError` says what Chromium refused."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._requests, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _read(self, seconds=180):
        while b"\0" not in self._rest:
            if not select.select([self._answers], [], [], seconds)[0]:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self._answers, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(text)
        self._listen(message.get("method"), message.get("params", {}))
        return message

    def _listen(self, event, content):
        if event == "Runtime.exceptionThrown":
            detail = content["exceptionDetails"]
            self.complaints.append(detail.get("exception", {}).get("description", detail["text"]))
        elif event == "Runtime.consoleAPICalled" and content["type"] in ("error", "assert"):
            self.complaints.append(" ".join(str(part.get("value")) for part in content["args"]))
        elif event == "Log.entryAdded" and content["entry"]["level"] == "error":
            self.complaints.append(content["entry"]["text"] + " " + content["entry"].get("url", ""))

    def size(self, width, height=900, phone=False):
        """Make the window so many CSS pixels wide and high."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )  # fmt: skip

    def open(self, address):
        """Load an address; `wait` tells when what it shows is there."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def ask(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "a JavaScript error"))
        return result["result"].get("value")

    def wait(self, expression, seconds=45):
        """Ask until it is true; `AssertionError` with the page's text where it never is."""
        limit = time.monotonic() + seconds
        while True:
            if self.ask(f"Boolean({expression})"):
                return
            if time.monotonic() > limit:
                raise AssertionError(f"never true: {expression}\n{self.text()[:3000]}")
            time.sleep(0.1)

    def text(self):
        """What can be read on the page."""
        return self.ask("document.body ? document.body.innerText : ''")

    def picture(self, path, full=False):
        """Save a PNG of what is seen, or of the whole page."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser():
    """A `Page` of a fresh Chromium, which is ended, with its profile removed, at the end."""
    pipes = [os.pipe(), os.pipe()]
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in (pipes[0][0], pipes[1][1])]

    def place():
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [PROGRAM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            command, preexec_fn=place, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            for end in (pipes[0][0], pipes[1][1], *high):
                os.close(end)
            yield Page(pipes[0][1], pipes[1][0])
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for end in (pipes[0][1], pipes[1][0]):
                os.close(end)
