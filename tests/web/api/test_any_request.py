"""Whatever is sent to the API, it responds as its description says, and never with a server error."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from distributor.domain.api_token import TokenScope
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.prepare import prepare
from distributor.flow.publishing.release import release
from distributor.storage import channels
from distributor.web.app import serving
from tests.web.samples import WriteArticle

from .conftest import NewToken, Program

# Of each operation, once for no one in particular and once for what is there.
EXAMPLES = 5
THERE = {
    "subscriber": "1",
    "slug": "weekly",
    "channel": "mail",
    "source": "folder",
    **dict.fromkeys(("campaign_id", "delivery_id", "group_id", "import_id", "suppression_id"), 1),
}


@pytest.fixture
def _something_there(program: Program, app: AppContext, write_article: WriteArticle) -> None:
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    api = program(TokenScope.EVERYTHING)
    api.post("/lists", json={"name": "Weekly", "topics": ["sport"], "visibility": "public"})
    api.post("/segments", json={"name": "Weekly", "condition": "list = weekly"})
    api.post("/suppressions", json={"targets": ["bo@example.org"]})
    body = {"email": "ada@example.org", "lists": ["weekly"], "consent": {"text": "On paper."}}
    assert api.post("/subscribers", json=body).status_code == 201
    parameters = {"list": "weekly", "basis": "At the fair."}
    assert api.post("/imports", params=parameters, content=b"email\na@example.org\n").status_code == 202
    campaign = {"articles": [write_article()], "channels": ["mail"], "audience": {"lists": ["weekly"]}, "at": "+0s"}
    assert api.post("/campaigns", json=campaign).status_code == 201
    prepare(app, 1)
    assert release(app, 1)


@pytest.mark.usefixtures("_something_there")
def test_no_request_is_answered_in_a_way_that_is_not_described(program: Program, app: AppContext, new_token: NewToken):
    description: dict[str, Any] = program().get("/../openapi.json").json()
    headers = {"Authorization": f"Bearer {new_token(TokenScope.EVERYTHING)[0]}"}
    tried = 0
    with serving(app) as address:
        schema = schemathesis.openapi.from_dict(description)
        schema.config.update(base_url=f"{address}/api")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @given(case=operation.as_strategy())
            @settings(
                max_examples=EXAMPLES,
                derandomize=True,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def conforms(case: schemathesis.Case[Any]) -> None:
                nonlocal tried
                for parameters in (None, THERE):
                    if parameters is not None and not case.path_parameters:
                        continue
                    if parameters is not None:
                        case.path_parameters = {name: parameters[name] for name in case.path_parameters}
                    tried += 1
                    case.call_and_validate(
                        headers=headers,
                        checks=[
                            checks.not_a_server_error,
                            status_code_conformance,
                            response_schema_conformance,
                            content_type_conformance,
                        ],
                    )

            conforms()
    assert tried > 40 * EXAMPLES
