"""The images of articles."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from distributor.domain.article import Media
from distributor.flow.app_context import AppContext
from distributor.storage import articles

SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


@pytest.fixture
def stored(app: AppContext) -> None:
    with app.database.begin() as connection:
        articles.add_media(
            connection,
            [
                Media(name="boat-1a2b.png", media_type="image/png", body=b"\x89PNG bytes"),
                Media(name="boat-3c4d.svg", media_type="image/svg+xml", body=SVG),
            ],
        )


@pytest.mark.usefixtures("stored")
def test_an_image_may_be_kept_for_ever(client: TestClient):
    response = client.get("/media/boat-1a2b.png")
    assert response.content == b"\x89PNG bytes"
    assert response.headers["content-type"] == "image/png"
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert client.get("/media/boat-1a2b.png", headers={"If-None-Match": response.headers["etag"]}).status_code == 304


@pytest.mark.usefixtures("stored")
def test_an_image_opened_by_itself_runs_nothing(client: TestClient):
    policy = client.get("/media/boat-3c4d.svg").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script-src" not in policy


def test_an_image_that_is_not_there_is_a_404(client: TestClient):
    assert client.get("/media/none.png").status_code == 404
