"""The settings of the brand, as a process reads them when it starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from distributor.bootstrap import make_site
from distributor.domain.brand import Brand, FooterLink
from distributor.domain.errors import ConfigurationError
from distributor.settings import Settings, load_settings
from tests.domain.test_image_file import LOSSY, png


@pytest.fixture(autouse=True)
def _in_a_folder_without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the .env file of a developer."""
    monkeypatch.chdir(tmp_path)


def brand_with(monkeypatch: pytest.MonkeyPatch, **values: str) -> Brand:
    for name, value in values.items():
        monkeypatch.setenv(f"DISTRIBUTOR_{name}", value)
    return make_site(load_settings.__wrapped__()).brand


def test_without_settings_a_site_has_no_logo_and_the_fonts_of_the_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    assert brand_with(monkeypatch) == Brand()


def test_a_brand_is_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    brand = brand_with(
        monkeypatch, ACCENT_COLOUR="8A1F4B", FONT_STACK="Lora", FOOTER_LINKS="Imprint=https://example.org/imprint"
    )
    assert brand.accent == "#8a1f4b"
    assert brand.fonts == "Lora, Georgia, 'Times New Roman', serif"
    assert brand.footer_links == (FooterLink("Imprint", "https://example.org/imprint"),)


def test_a_logo_file_has_a_path_with_the_hash_of_its_content(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png(960, 96))
    logo = brand_with(monkeypatch, SITE_LOGO="logo.png").logo
    assert logo is not None
    assert (logo.body, logo.width, logo.height) == (png(960, 96), 240, 24)
    assert logo.url.startswith("/assets/logo-")
    (tmp_path / "logo.png").write_bytes(png(961, 96))
    changed = brand_with(monkeypatch, SITE_LOGO="logo.png").logo
    assert changed is not None
    assert changed.url != logo.url


def test_a_logo_may_be_on_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    logo = brand_with(monkeypatch, SITE_LOGO="https://cdn.example/logo.svg?v=2").logo
    assert logo is not None
    assert (logo.url, logo.media_type, logo.body) == ("https://cdn.example/logo.svg?v=2", "image/svg+xml", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"<html>", "is not a PNG, JPEG"), (LOSSY + bytes(500_000), "is over 500 KB")],
    ids=["missing", "no image", "too large"],
)
def test_a_logo_that_cannot_be_shown_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"DISTRIBUTOR_SITE_LOGO.*logo.png.*{reason}"):
        brand_with(monkeypatch, SITE_LOGO="logo.png")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SITE_LOGO", "http://example.org/logo.png"),
        ("ACCENT_COLOUR", "blue"),
        ("FONT_STACK", "Inter; color: red"),
        ("FOOTER_LINKS", "Imprint"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"DISTRIBUTOR_{name}"):
        brand_with(monkeypatch, **{name: value})


def test_a_process_in_another_folder_finds_the_logo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISTRIBUTOR_SITE_LOGO", "logo.png")
    assert Settings(_env_file=None).site_logo == str(tmp_path / "logo.png")
