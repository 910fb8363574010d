"""Whatever is asked of any route, by whom it is for: no fault of the server. Requests come from the routes' own schema.

`make requests` asks each route three hundred times; here each is asked a few.
"""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from console.domain.access import Role
from console.web.route_table import NODE, ROUTES

pytestmark = pytest.mark.system
TIMES = int(os.environ.get("GATEHOUSE_REQUESTS", "5"))
ENDLESS = "/api/stream"  # test_stream.py asks it
AWAY = {"broker_away"}  # there is none in these tests


def requests_of(operation) -> st.SearchStrategy[Any]:
    """Such as the schema allows and such as it forbids."""
    kinds = [operation.as_strategy(generation_mode=GenerationMode.POSITIVE)]
    if operation.query or operation.body or operation.path_parameters:
        kinds.append(operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    return st.one_of(kinds)


def send(client, method: str, address: str, wanted: dict[str, Any]):
    """The answer; None where no client can send such a thing."""
    body = wanted.get("data")
    if isinstance(body, dict):
        body = {
            str(name): value if isinstance(value, str | bytes | list) else str(value) for name, value in body.items()
        }
    how = {"json": wanted["json"]} if wanted.get("json") is not None else {}
    how |= (
        {"data": body} if isinstance(body, dict) else {"content": body if isinstance(body, bytes) else str(body or "")}
    )
    headers = {name: value for name, value in (wanted.get("headers") or {}).items() if name.lower() != "user-agent"}
    try:
        request = client.build_request(method, address, params=wanted.get("params"), headers=headers, **how)
    except (TypeError, ValueError):  # halves of surrogate pairs, addresses that are none
        return None
    return client.send(request)


def ask(desk, school, operation) -> list[str]:
    """What went wrong."""
    faults: list[str] = []
    method, path = operation.method.upper(), operation.path

    @seed(1)
    @settings(
        max_examples=TIMES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests_of(operation), st.booleans())
    def one(case, there) -> None:
        wanted = case.as_transport_kwargs(base_url="http://testserver")
        address = school.address(path) if there else wanted["url"].removeprefix("http://testserver")
        client = desk.node() if ROUTES[method, path] == NODE else desk.browser(Role.ADMINISTRATOR)
        answer = send(client, method, address, wanted)
        if answer is not None and answer.status_code >= 500 and not any(word in answer.text for word in AWAY):
            faults.append(f"{method} {path}: {answer.status_code} to {address[:200]!r} with {str(wanted)[:300]}")

    one()
    return faults


@pytest.mark.parametrize("desk", ["postgresql"], indirect=True)  # of the two the one that takes less
def test_no_request_makes_a_fault_of_the_server(desk, schools):
    schema = schemathesis.openapi.from_dict(desk.console.web.openapi())
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} >= ROUTES.keys() - {("HEAD", "/static/{name}")}
    assert [fault for one in operations if one.path != ENDLESS for fault in ask(desk, schools[0], one)] == []
