"""Make the pictures of the documentation from those that `test_screens.py` left in `.cache/screens`.

Run it as `python -m tests.web.team.contact_sheet`. It writes `docs/screens.png`, a sheet of the main screens, and
`docs/campaign.png`, a campaign that is being sent.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.paths import ROOT

PICTURES = ROOT / ".cache" / "screens"
DOCS = ROOT / "docs"
LIGHT = {
    "overview": "Overview",
    "articles-of-edit": "Editor of an article",
    "campaigns": "Campaigns",
    "campaigns-of-edit": "Composer",
    "campaigns-of-preview-of": "Preview of a mail",
    "campaigns-of-review": "Review",
    "campaigns-of-running": "A campaign that is being sent",
    "campaigns-of-deliveries": "Its deliveries",
    "deliveries-of": "One delivery",
    "campaigns-of-results": "Results",
    "calendar": "Calendar",
    "channels": "Channels",
}
DARK = {"overview": "Overview, dark", "campaigns-of-results": "Results, dark"}
PHONE = {
    "campaigns-of-running": "On a phone",
    "campaigns-of-review": "Review on a phone",
    "calendar": "Calendar on a phone",
}
# Fewer colours make a smaller file, and nobody sees it.
_STYLE = """
body { margin: 0; padding: 24px; width: 1640px; background: #e4e7ec; font: 600 15px/20px sans-serif; color: #1d2733; }
main { display: flex; flex-wrap: wrap; gap: 20px; }
figure { margin: 0; width: 533px; }
figure.phone { width: 164px; }
figcaption { margin-block-end: 6px; white-space: nowrap; }
.phone figcaption { font-size: 13px; }
div { height: 370px; overflow: hidden; border-radius: 6px; background: #f7f8fa; }
.lower img { margin-block-start: -240px; }
img { display: block; width: 100%; filter: url(#fewer); }
"""
_LEVELS = " ".join(f"{number / 19:.3f}" for number in range(20))
_FEWER = (
    '<svg width="0" height="0" style="position:absolute"><filter id="fewer" color-interpolation-filters="sRGB">'
    "<feComponentTransfer>"
    + "".join(f'<feFunc{one} type="discrete" tableValues="{_LEVELS}"/>' for one in "RGB")
    + "</feComponentTransfer></filter></svg>"
)


def figures() -> Iterator[str]:
    """Each picture with its label."""
    for names, suffix, kind in ((LIGHT, "light-1440", ""), (DARK, "dark-1440", ""), (PHONE, "light-360", "phone")):
        for name, label in names.items():
            # The weeks in which something happens are the last of the month.
            part = "lower" if name == "calendar" and not kind else kind
            yield (
                f'<figure class="{part}"><figcaption>{escape(label)}</figcaption>'
                f'<div><img src="{address_of(PICTURES / f"{name}-{suffix}.png")}"></div></figure>'
            )


def address_of(picture: Path) -> str:
    return "data:image/png;base64," + b64encode(picture.read_bytes()).decode()


def main() -> None:
    sheet = f"<style>{_STYLE}</style>{_FEWER}<main>{''.join(figures())}</main>"
    running = f'<body style="margin:0"><img src="{address_of(PICTURES / "campaigns-of-running-light-1440.png")}">'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1688, "height": 900})
        page.set_content(sheet)
        page.screenshot(path=DOCS / "screens.png", full_page=True)
        page.set_viewport_size({"width": 1440, "height": 1250})
        page.set_content(running)
        page.screenshot(path=DOCS / "campaign.png")
        browser.close()


if __name__ == "__main__":
    main()
