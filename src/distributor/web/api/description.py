"""The OpenAPI description of the API, and what it says beyond the single operations."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from distributor.web.api.problems import BODY_STATUSES, FieldError, ProblemDetails, openapi_responses

OVERVIEW = """
Everything about the audience and the campaigns that go to it, for other programs.

**Tokens.** `distributor token create NAME --scope SCOPE` makes one and shows it once. Send it as
`Authorization: Bearer dst_…`. Each operation names its scope; `*` opens everything.

**Errors** are problem details (RFC 9457) in `application/problem+json`: `type` is for programs, `detail` for people,
and `errors` points to the fields at fault.

**Pages.** What may be long comes in pages by ascending number: ask again with `after` set to `next` until that is null.

**Bodies** are JSON in UTF-8. A field that is not known is refused. Times are ISO 8601 with an offset, answered in UTC.

**Consent.** Nobody is put on a list without a record of how they agreed: say so in `consent`. Who has left a list,
or was erased, comes back only by their own act on the public pages.
""".strip()

TAGS = [
    {"name": "subscribers", "description": "People, what they agreed to, and the lists they are on."},
    {"name": "lists", "description": "Lists that people subscribe to, and the topics they are offered."},
    {"name": "segments", "description": "Conditions on people, saved by name or just asked."},
    {"name": "suppressions", "description": "Addresses and domains that get no mail, whatever list they are on."},
    {"name": "imports", "description": "Files of people on their way in."},
    {"name": "exports", "description": "People as files."},
    {"name": "privacy", "description": "All that is known of one person, taken out or erased."},
    {"name": "campaigns", "description": "What goes out to whom and when, and what became of every single delivery."},
    {"name": "token", "description": "The token itself."},
]

_FRAMEWORKS_WORDS = "Successful Response"


def describe(api: FastAPI, public_url: str) -> dict[str, Any]:
    """The description as OpenAPI 3.1, with paths below where this app has its API."""
    described = get_openapi(
        title=api.title,
        version=api.version,
        openapi_version=api.openapi_version,
        summary=api.summary,
        description=api.description,
        routes=api.routes,
        tags=api.openapi_tags,
        # Behind a proxy the site may live below a path of its host.
        servers=[{"url": f"{urlsplit(public_url).path}/api"}],
    )
    for methods in described["paths"].values():
        for operation in methods.values():
            _tell(operation)
    described["components"]["responses"] = openapi_responses()
    _, shown = models_json_schema(
        [(ProblemDetails, "serialization"), (FieldError, "serialization")], ref_template="#/components/schemas/{model}"
    )
    described["components"]["schemas"] |= shown["$defs"]
    return described


def _tell(operation: dict[str, Any]) -> None:
    """Say in words what OpenAPI has no place for, and nothing that cannot be."""
    doc = operation["description"]
    operation["summary"] = doc.partition("\n\n")[0].replace("\n", " ").removesuffix(".")
    scopes = " and ".join(f"`{scope}`" for scope in operation["security"][0]["token"])
    operation["description"] = f"{doc}\n\nNeeds {scopes or 'any valid token'}."
    if "requestBody" not in operation:
        for status in BODY_STATUSES:
            del operation["responses"][status]
    for answer in operation["responses"].values():
        if answer.get("description") == _FRAMEWORKS_WORDS:
            answer["description"] = "Done."
