"""A folder on a loopback server, and a headless Chromium that looks at it."""

import contextlib
import functools
import http.server
import json
import re
import subprocess
import tempfile
import threading
import urllib.request

CHROMIUM = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextlib.contextmanager
def server(folder, headers=None):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_):
            pass

    Quiet.extensions_map = {**Quiet.extensions_map, ".mjs": "text/javascript", ".wasm": "application/wasm"}
    handler = functools.partial(Quiet, directory=folder)
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{host.server_port}"
    finally:
        host.shutdown()


@contextlib.contextmanager
def chromium():
    """A fresh Chromium: what it says of itself, and what calls WebDriver with a path below
    the session's and what is sent there."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        port = next(found[1] for found in (re.search(r"on port (\d+)\.", line) for line in driver.stdout) if found)

        def call(path, body):
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode())
            return json.load(urllib.request.urlopen(request))["value"]

        with tempfile.TemporaryDirectory() as profile:
            options = {"args": [*CHROMIUM, f"--user-data-dir={profile}"]}
            session = call("/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
            try:
                yield session["capabilities"], lambda path, body: call(f"/session/{session['sessionId']}{path}", body)
            finally:
                ending = urllib.request.Request(f"http://127.0.0.1:{port}/session/{session['sessionId']}", method="DELETE")
                urllib.request.urlopen(ending)
    finally:
        driver.kill()
        driver.wait()
