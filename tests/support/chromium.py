"""Opens a page in headless Chromium, where one is installed, and asks it what it shows."""

import json
import shutil
import subprocess
from html import escape
from pathlib import Path
from typing import Any

#: None where no Chromium is installed.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    # No name is ever resolved: whatever the page asks of the network fails.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_HARNESS = """<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0}}</style>
<iframe id="page" width="{width}" height="900" srcdoc="{page}"></iframe><pre id="said"></pre>
<script>
const frame = document.getElementById("page");
frame.addEventListener("load", async () => {{
  const page = frame.contentDocument, win = frame.contentWindow;
  let said;
  try {{ said = await (async () => {{ {script} }})(); }} catch (error) {{ said = {{error: String(error)}}; }}
  document.getElementById("said").textContent = "SAID" + encodeURIComponent(JSON.stringify(said)) + "DIAS";
}});
</script>"""


def asked(page: Path, script: str, scratch: Path, *, width: int = 1100, dark: bool = False) -> Any:
    """Return what a script returns that runs beside the page; it has `page` (its document) and `win` (its window).

    The page lies in a frame: its own security policy, which allows no script, stays in force.
    """
    assert CHROMIUM is not None
    harness = scratch / f"harness-{width}-{dark}.html"
    text = page.read_text(encoding="utf-8")
    harness.write_text(_HARNESS.format(width=width, page=escape(text), script=script), encoding="utf-8")
    profile = scratch / "profile"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    options = [*_OPTIONS, *scheme, f"--user-data-dir={profile}", "--virtual-time-budget=10000", "--dump-dom"]
    try:
        done = subprocess.run([CHROMIUM, *options, harness.as_uri()], capture_output=True, check=True, timeout=120)
    finally:
        shutil.rmtree(profile, ignore_errors=True)
    dom = done.stdout.decode("utf-8")
    assert "SAID" in dom.split("</script>")[0] or "SAID" in dom, done.stderr.decode("utf-8", "replace")[-2000:]
    from urllib.parse import unquote

    coded = dom.split('<pre id="said">SAID', 1)[1].split("DIAS", 1)[0]
    return json.loads(unquote(coded))
