"""The settings of the site that the team can change in the app: its name, its postal address and its brand.

They are called as those of the environment. What the environment sets holds, and cannot be changed in the app.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum

from distributor.domain.address import checked_sender
from distributor.domain.brand import Logo, parse_colour, parse_fonts, parse_footer_links, shown_size
from distributor.domain.errors import AddressError, InputError, ScheduleError
from distributor.domain.image_file import read_image_file
from distributor.domain.schedule import zone_named
from distributor.domain.stored_text import storable

LOGO_BYTES = 500_000
"""The largest logo, in bytes: every mail and page loads it."""
_LOGO_PIXELS = 4000
_LONGEST_NAME = 100
_LONGEST_ADDRESS = 300
_LONGEST_TEXT = 2000


class SiteSetting(StrEnum):
    """A setting of the site. The value of `LOGO` is the name of an uploaded one."""

    NAME = "site_name"
    SENDER = "sender"
    POSTAL_ADDRESS = "postal_address"
    TIME_ZONE = "time_zone"
    LOGO = "site_logo"
    ACCENT = "accent_colour"
    FONTS = "font_stack"
    FOOTER_LINKS = "footer_links"

    @property
    def variable(self) -> str:
        """The variable of the environment that sets it."""
        return f"DISTRIBUTOR_{self.value.upper()}"


def checked_site_setting(setting: SiteSetting, text: str) -> str:
    """The value as it is stored; empty to have the default again. Raises InputError."""
    kept = storable(text).strip()
    if len(kept) > _LONGEST_TEXT:
        raise InputError(f"this has at most {_LONGEST_TEXT} characters")
    check = _CHECKS.get(setting)
    try:
        return check(kept) if check and kept else kept
    except (AddressError, ScheduleError) as error:
        raise InputError(str(error)) from None


def read_logo(body: bytes) -> Logo:
    """An uploaded logo, judged by its content alone. Raises InputError for what mail programs do not show."""
    if len(body) > LOGO_BYTES:
        raise InputError(f"the logo is over {LOGO_BYTES // 1000} KB; make it smaller")
    image = read_image_file(body)
    if image is not None and image.media_type in ("image/svg+xml", "image/webp"):
        raise InputError("mail programs show neither SVG nor WebP; save the logo as PNG, twice as large as it is shown")
    if image is None or image.width is None or image.height is None:
        raise InputError("the logo is not a PNG, JPEG or GIF image")
    if max(image.width, image.height) > _LOGO_PIXELS:
        raise InputError(f"the logo is over {_LOGO_PIXELS} pixels wide or high; make it smaller")
    width, height = shown_size(image.width, image.height)
    name = f"{hashlib.sha256(body).hexdigest()[:16]}{image.suffix}"
    return Logo(url=logo_path(name), media_type=image.media_type, width=width, height=height, body=body)


def logo_path(name: str) -> str:
    """The path of the logo of this name, which is the hash of its content with the usual suffix."""
    return f"/assets/logo-{name}"


def _checked_name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"a name has at most {_LONGEST_NAME} characters, all of them visible")
    return name


def _checked_address(text: str) -> str:
    """On one line, as mails show it."""
    lines = [" ".join(line.split()).strip(",") for line in text.splitlines()]
    address = ", ".join(line for line in lines if line)
    if len(address) > _LONGEST_ADDRESS or not address.isprintable():
        raise InputError(f"a postal address has at most {_LONGEST_ADDRESS} characters, all of them visible")
    return address


def _checked_zone(text: str) -> str:
    return str(zone_named(text))


def _checked_fonts(text: str) -> str:
    parse_fonts(text)
    return text


def _checked_links(text: str) -> str:
    parse_footer_links(text)
    return text


def _in_our_words(parse: Callable[[str], str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            return parse(text)
        except ValueError as error:
            raise InputError(str(error)) from None

    return checked


_CHECKS: Mapping[SiteSetting, Callable[[str], str]] = {
    SiteSetting.NAME: _checked_name,
    SiteSetting.SENDER: checked_sender,
    SiteSetting.POSTAL_ADDRESS: _checked_address,
    SiteSetting.TIME_ZONE: _checked_zone,
    SiteSetting.ACCENT: _in_our_words(parse_colour),
    SiteSetting.FONTS: _in_our_words(_checked_fonts),
    SiteSetting.FOOTER_LINKS: _in_our_words(_checked_links),
}
