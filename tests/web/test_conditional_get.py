"""Conditional requests and gzip, after RFC 9110."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from distributor.web.conditional_get import Representation, conditional_response

CHANGED = datetime(2026, 11, 20, 9, 30, 15, 700_000, tzinfo=UTC)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BODY = b"<p>The same words again. </p>" * 100
PAGE = Representation(
    body=BODY, media_type="text/html; charset=utf-8", etag="abc", cache_control="max-age=900", last_modified=CHANGED
)
CHANGED_TEXT = "Fri, 20 Nov 2026 09:30:15 GMT"


def ask(found: Representation = PAGE, **headers: str) -> Response:
    written = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return conditional_response(Request({"type": "http", "method": "GET", "headers": written}), found, now=NOW)


def test_the_first_answer_brings_everything_and_both_validators():
    response = ask()
    assert (response.status_code, response.body) == (200, BODY)
    assert response.headers["etag"] == '"abc"'
    assert response.headers["last-modified"] == CHANGED_TEXT
    assert response.headers["cache-control"] == "max-age=900"
    assert response.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("named", ['"abc"', 'W/"abc"', '"old", "abc"', "*", '"abc-gzip"'])
def test_a_client_that_names_the_bytes_gets_no_bytes(named: str):
    response = ask(if_none_match=named)
    assert (response.status_code, response.body) == (304, b"")


def test_a_304_says_how_long_it_holds_and_which_variant_it_means():
    response = ask(if_none_match='"abc-gzip"', accept_encoding="gzip")
    assert response.headers["etag"] == '"abc-gzip"'
    assert response.headers["cache-control"] == "max-age=900"
    assert response.headers["last-modified"] == CHANGED_TEXT
    assert response.headers["vary"] == "Accept-Encoding"
    assert "content-type" not in response.headers
    assert "content-length" not in response.headers


@pytest.mark.parametrize("named", ['"other"', "abc", "", '"ABC"'])
def test_a_client_that_names_other_bytes_gets_these(named: str):
    assert ask(if_none_match=named).status_code == 200


@pytest.mark.parametrize("since", [CHANGED_TEXT, "Sat, 21 Nov 2026 00:00:00 GMT"])
def test_a_client_that_has_seen_the_last_change_gets_no_bytes(since: str):
    assert ask(if_modified_since=since).status_code == 304


@pytest.mark.parametrize(
    "since", ["Fri, 20 Nov 2026 09:30:14 GMT", "yesterday", "", "Fri, 20 Nov 2026 09:30:15", "0", "\xff"]
)
def test_a_client_that_has_seen_less_or_makes_no_sense_gets_everything(since: str):
    assert ask(if_modified_since=since).status_code == 200


def test_a_date_to_come_is_not_believed():
    ahead = (NOW + timedelta(days=5000)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    assert ask(if_modified_since=ahead).status_code == 200


def test_an_entity_tag_beats_a_date():
    assert ask(if_none_match='"old"', if_modified_since=CHANGED_TEXT).status_code == 200
    assert ask(if_none_match='"abc"', if_modified_since="Mon, 01 Jan 2024 00:00:00 GMT").status_code == 304


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "GZIP", "*", "br, *;q=0.1", "gzip; q=1.0"])
def test_whoever_takes_gzip_gets_it_under_its_own_entity_tag(accepted: str):
    response = ask(accept_encoding=accepted)
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["etag"] == '"abc-gzip"'
    assert gzip.decompress(response.body) == BODY


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzip;q=0, *"])
def test_whoever_does_not_take_gzip_gets_the_bytes_as_they_are(accepted: str):
    response = ask(accept_encoding=accepted)
    assert "content-encoding" not in response.headers
    assert response.body == BODY
    assert response.headers["vary"] == "Accept-Encoding"


def test_what_would_not_get_smaller_is_left_alone():
    tiny = Representation.of(b"<p>Hi</p>", media_type="text/html", cache_control="no-cache")
    picture = Representation.of(BODY, media_type="image/png", cache_control="no-cache")
    for found in (tiny, picture):
        response = ask(found, accept_encoding="gzip")
        assert "content-encoding" not in response.headers
        assert "vary" not in response.headers


def test_other_bytes_have_another_entity_tag():
    one = Representation.of(b"one", media_type="text/html", cache_control="no-cache")
    two = Representation.of(b"two", media_type="text/html", cache_control="no-cache")
    assert one.etag != two.etag


@given(st.text(alphabet=st.characters(max_codepoint=255)), st.sampled_from(["if_none_match", "if_modified_since"]))
@settings(deadline=None)
def test_no_header_however_odd_breaks_the_answer(value: str, name: str):
    assert ask(PAGE, **{name: value, "accept_encoding": value}).status_code in (200, 304)
