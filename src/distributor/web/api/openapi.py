"""The OpenAPI document: its texts, and what FastAPI does not add by itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from distributor.web.api.problems import BODY_STATUSES, FieldError, ProblemDetails, openapi_responses

OVERVIEW = """
The audience, the articles, and the campaigns that send them, for other programs.

**Tokens.** `distributor token create NAME --scope SCOPE` creates one and shows it once. Send it as
`Authorization: Bearer dst_…`. Each operation names its scopes; `*` allows everything.

**Errors** are problem details (RFC 9457) in `application/problem+json`: `type` is for programs, `detail` for people,
and `errors` points to the invalid fields.

**Pages.** Long lists come in pages by ascending id: repeat the request with `after` set to `next` until that is null.

**Bodies** are JSON in UTF-8. Unknown fields are rejected. Times are ISO 8601 with an offset, and UTC in responses.

**Consent.** Every subscription needs a record of consent: state it in `consent`. A subscriber who unsubscribed from a
list or was erased can only subscribe again by signing up.
""".strip()

TAGS = [
    {"name": "subscribers", "description": "Subscribers, their subscriptions and consents."},
    {"name": "lists", "description": "Lists that people subscribe to, and their topics."},
    {"name": "segments", "description": "Segments: named conditions on subscribers."},
    {"name": "suppressions", "description": "Addresses and domains that get no mail from any list."},
    {"name": "imports", "description": "Imports of subscribers from files."},
    {"name": "exports", "description": "Exports of subscribers and deliveries as files."},
    {"name": "privacy", "description": "Export and erasure of the data of one subscriber."},
    {"name": "articles", "description": "Articles, their states, revisions and tags."},
    {"name": "sources", "description": "Where articles come from by themselves: feeds, sites, accounts, web hooks."},
    {"name": "channels", "description": "The configured channels, without their secrets."},
    {"name": "campaigns", "description": "Campaigns, their deliveries and their results."},
    {"name": "service", "description": "What needs a person, and how the service runs."},
    {"name": "token", "description": "The token of the request."},
]

_FASTAPI_DESCRIPTION = "Successful Response"


def describe(api: FastAPI, public_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API of this site."""
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
            _complete_operation(operation)
    described["components"]["responses"] = openapi_responses()
    _, shown = models_json_schema(
        [(ProblemDetails, "serialization"), (FieldError, "serialization")], ref_template="#/components/schemas/{model}"
    )
    described["components"]["schemas"] |= shown["$defs"]
    return described


def _complete_operation(operation: dict[str, Any]) -> None:
    """Add the summary and the scopes, and drop responses that the operation cannot return."""
    doc = operation["description"]
    operation["summary"] = doc.partition("\n\n")[0].replace("\n", " ").removesuffix(".")
    scopes = " and ".join(f"`{scope}`" for scope in operation["security"][0]["token"])
    operation["description"] = f"{doc}\n\nNeeds {scopes or 'any valid token'}."
    if "requestBody" not in operation:
        for status in BODY_STATUSES:
            del operation["responses"][status]
    for answer in operation["responses"].values():
        if answer.get("description") == _FASTAPI_DESCRIPTION:
            answer["description"] = "Success."
