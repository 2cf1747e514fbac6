"""Chromium by its DevTools protocol, through a pipe: pages that are clicked, typed at, spoken to and looked at."""

import base64
import contextlib
import itertools
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser import CHROMIUM
from tests.browser import FLAGS as QUIET

FLAGS = [
    *QUIET,
    "--mute-audio",
    "--remote-debugging-pipe",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PATIENCE_S = 60.0


class Tab:
    """A tab, with its workers: what they asked the network for, and what they complained of."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser, self._session = browser, session
        self._sessions = {session}
        self.requests: list[str] = []
        self.complaints: list[str] = []
        browser.listeners.append(self._listen)
        for method in ("Page.enable", "Runtime.enable", "Network.enable", "Log.enable"):
            self.send(method)
        self.send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.send(method, params, self._session)

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, awaited; an exception is an AssertionError."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str, patience_s: float = PATIENCE_S) -> Any:
        """Return the value of an expression as soon as it is true."""
        until = time.monotonic() + patience_s
        while not (value := self.evaluate(f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()")):
            assert time.monotonic() < until, f"not within {patience_s} s: {expression}; {self.complaints}"
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        """Press the mouse in the middle of an element."""
        place = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{place}.scrollIntoView({{block: 'center'}})")
        box = self.evaluate(f"{place}.getBoundingClientRect().toJSON()")
        self.click_at(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def click_at(self, x: float, y: float) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, x=x, y=y)

    def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key: `Tab` (9), `Enter` (13, with the text \\r), …"""
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, text=text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def choose(self, selector: str, paths: list[Path]) -> None:
        """Choose files for an input."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def drop(self, paths: list[Path]) -> None:
        """Drag files into the page and let them go."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.send("Input.dispatchDragEvent", type=kind, x=100, y=100, data=data)

    def show_as(self, width: int, height: int, scheme: str) -> None:
        """Give the page a size, and the colour scheme `light` or `dark`."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def take_screenshot(self, path: Path) -> None:
        """Save the whole page as a PNG."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def save_downloads_to(self, folder: Path) -> None:
        self._browser.send("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})

    def close(self) -> None:
        self._browser.listeners.remove(self._listen)
        self.send("Page.close")

    def _listen(self, message: dict[str, Any]) -> None:
        params = message["params"]
        if message.get("sessionId") not in self._sessions:
            return
        match message["method"]:
            case "Target.attachedToTarget":
                self._sessions.add(params["sessionId"])
                for method in ("Runtime.enable", "Network.enable", "Log.enable", "Runtime.runIfWaitingForDebugger"):
                    self._browser.post(method, {}, params["sessionId"])
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.complaints.append(" ".join(str(one.get("value")) for one in params["args"]))
            case "Log.entryAdded":
                self.complaints.append(params["entry"]["text"])


class Browser:
    """A running Chromium."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.Queue] = {}
        self.listeners: list = []
        threading.Thread(target=self._read, daemon=True).start()

    def open_tab(self) -> Tab:
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        return Tab(self, self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"])

    def post(self, method: str, params: dict[str, Any], session: str | None = None) -> None:
        """Send a command and wait for nothing."""
        self._write(next(self._numbers), method, params, session)

    def send(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        answers: queue.Queue = queue.Queue()
        number = next(self._numbers)
        self._waiting[number] = answers
        self._write(number, method, params, session)
        answer = answers.get(timeout=PATIENCE_S)
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def processor_s(self) -> float:
        """Return the processor time of all pages so far, their workers included."""
        found = self.send("SystemInfo.getProcessInfo", {})["processInfo"]
        return sum(one["cpuTime"] for one in found if one["type"] == "renderer")

    def _write(self, number: int, method: str, params: dict[str, Any], session: str | None) -> None:
        command = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._commands, json.dumps(command).encode() + b"\0")

    def _read(self) -> None:
        held = b""
        while content := os.read(self._answers, 2**16):
            *messages, held = (held + content).split(b"\0")
            for message in map(json.loads, messages):
                if "id" not in message:
                    for listener in self.listeners:
                        listener(message)
                elif message["id"] in self._waiting:
                    self._waiting.pop(message["id"]).put(message)


@contextlib.contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[Browser]:
    """Run Chromium with a new, empty profile."""
    taken, commands = os.pipe()
    answers, given = os.pipe()
    # Chromium reads commands from 3 and writes answers to 4; sh might know no numbers above 9
    shell = f'exec "$0" "$@" 3<&{taken} 4>&{given}'
    command = ["bash", "-c", shell, CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags]
    with subprocess.Popen(command, pass_fds=(taken, given), stderr=subprocess.DEVNULL) as process:
        os.close(taken)
        os.close(given)
        try:
            yield Browser(commands, answers)
        finally:
            process.terminate()
            os.close(commands)
