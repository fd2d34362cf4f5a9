"""A headless Chromium, driven through pipes in the DevTools protocol: no driver, no network, no port."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from tests.helpers.paths import ROOT

BUILT = ROOT / "build" / "chromium" / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--mute-audio",
    "--remote-debugging-pipe",
)
PATIENCE_S = 60
MISSING = "no browser: `make test-browser` fetches one, or name one in CHROMIUM"


def find_chromium():
    """Path of a browser: the one in CHROMIUM, one under build/, or an installed one; None without any."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return str(BUILT) if BUILT.exists() else next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one tab; a context manager.

    `trouble` holds what the console said of errors, `requests` all addresses that were asked for.
    """

    def __init__(self, executable):
        self.trouble, self.requests, self._answers = [], [], {}
        self._loaded, self._numbers, self._session = threading.Event(), itertools.count(1), None
        self.folder = Path(tempfile.mkdtemp(prefix="tfbwe-chromium-"))
        (self.folder / "downloads").mkdir()
        commands, self._commands = os.pipe()
        self._events, events = os.pipe()

        def as_3_and_4():
            high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (commands, events)]
            for number, end in zip((3, 4), high, strict=True):
                os.dup2(end, number)

        self._process = subprocess.Popen(
            [executable, *SWITCHES, f"--user-data-dir={self.folder}/profile", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=as_3_and_4,
        )
        os.close(commands)
        os.close(events)
        threading.Thread(target=self._listen, daemon=True).start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        downloads = str(self.folder / "downloads")
        self.call("Page.setDownloadBehavior", behavior="allow", downloadPath=downloads)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            self._session = None
            self.call("Browser.close")
            self._process.wait(PATIENCE_S)
        except (OSError, AssertionError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, **parameters):
        """Result of a command of the protocol."""
        answers = queue.Queue()
        self._send(method, parameters, answers)
        try:
            answer = answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError(f"{method}: no answer within {PATIENCE_S} s") from None
        assert "error" not in answer, f"{method}: {answer.get('error')}"
        return answer["result"]

    def _send(self, method, parameters, answers=None):
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._answers[number] = answers
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self._commands, text) :]

    def _listen(self):
        waiting = b""
        while some := os.read(self._events, 1 << 16):
            *messages, waiting = (waiting + some).split(b"\0")
            for message in map(json.loads, messages):
                if "id" not in message:
                    self._hear(message["method"], message["params"])
                elif answers := self._answers.pop(message["id"], None):
                    answers.put(message)
        os.close(self._events)

    def _hear(self, event, said):
        if event == "Runtime.exceptionThrown":
            self.trouble.append(str(said["exceptionDetails"].get("exception", said)))
        elif event == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning", "assert"):
            self.trouble.append(str(said["args"]))
        elif event == "Log.entryAdded" and said["entry"]["level"] in ("error", "warning"):
            self.trouble.append(said["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            self.requests.append(said["request"]["url"])
        elif event == "Page.loadEventFired":
            self._loaded.set()
        elif event == "Page.javascriptDialogOpening":
            self._send("Page.handleJavaScriptDialog", {"accept": True})

    def open(self, address):
        self._loaded.clear()
        self.call("Page.navigate", url=address)
        assert self._loaded.wait(PATIENCE_S), f"{address} does not load"

    def run(self, expression):
        """Value of a JavaScript expression, awaited; an exception is an assertion that failed."""
        answer = self.call(
            "Runtime.evaluate",
            expression=f"(async () => ({expression}))()",
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression):
        """Value of an expression as soon as it is true."""
        return self.run(
            f"await new Promise((found, failed) => {{ const began = Date.now(); (function look() {{"
            f" const value = ({expression}); if (value) found(value);"
            f" else if (Date.now() - began > {PATIENCE_S // 2 * 1000}) failed(new Error('never true'));"
            f" else setTimeout(look, 20); }})(); }})"
        )

    def press(self, key):
        """Press and release a key, as a person would."""
        text = {"text": key} if len(key) == 1 else {}
        for event in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=event, key=key, **(text if event == "keyDown" else {}))

    def click(self, selector):
        """Click the middle of an element."""
        x, y = self.run(
            f"(() => {{ const found = document.querySelector({selector!r}); "
            "found.scrollIntoView({block: 'center'}); const box = found.getBoundingClientRect(); "
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for event in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=event, x=x, y=y, button="left", clickCount=1)

    def screen(self, width, height, dark=False, calm=False):
        """Take the form of another screen, whose owner prefers dark colours or little motion."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ]
        self.call("Emulation.setEmulatedMedia", features=features)

    def picture(self, path):
        """Save what the tab shows, all of it, as a PNG."""
        shown = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shown["data"]))
