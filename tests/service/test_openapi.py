"""The OpenAPI document is true: what it allows is answered as it says, and never with a 500."""

import os
import time
from contextlib import suppress

import pytest
import schemathesis
from http_message_signatures import HTTPMessageSignaturesException
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from ledger.chain.receipt import MEDIA_TYPE as RECEIPT
from ledger.wire.protocol import CBOR, COSE
from ledger.wire.signatures import Message, sign_request

from .conftest import ORIGIN, Account, Service


@pytest.fixture(scope="module")
def document(service: Service):
    answer = service.http.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


@pytest.fixture(scope="module")
def schema(service: Service):
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


ITSELF = ("/health", "/ready")
"""Endpoints whose answer itself says what is wrong."""


def test_every_endpoint_tells_its_problems_and_has_a_sentence(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (path, method)
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path not in ITSELF:
                    assert "application/problem+json" in answer["content"], (path, method, status)


def test_every_json_member_has_an_example_or_a_fixed_value(document):
    for name, model in document["components"]["schemas"].items():
        for member, field in model.get("properties", {}).items():
            simple = field.get("type") in ("string", "integer")
            told = {"examples", "const", "default"} & set(field)
            assert not simple or told, (name, member)


def test_private_endpoints_are_marked(document):
    for path, methods in document["paths"].items():
        private = path.startswith(("/envelopes", "/deposits", "/receipts"))
        for operation in methods.values():
            assert ("security" in operation) == private, path


@pytest.mark.parametrize("examples", [4, pytest.param(40, marks=pytest.mark.soak)])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_generated_requests_are_answered_as_documented(schema, service, company, mode, examples):
    """Signed, so that the endpoints behind the signature are reached too."""
    answered = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def check(case):
            nonlocal answered
            response = case.call(base_url=service.url, auth=_Signer(company))
            assert response.status_code != 500
            case.validate_response(response, checks=_CHECKS)
            answered += 1

        with suppress(Unsatisfiable):  # nothing wrong can be said where anything is allowed
            check()
    assert answered > 20


@schemathesis.serializer(CBOR, COSE, RECEIPT)
def _as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()


load_all_checks()
_CHECKS = [
    CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    )
]


class _Signer:
    """Signs what `requests` has prepared."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.body
        if isinstance(body, str):
            body = body.encode()
        whole = request.method in ("POST", "PUT")
        with suppress(HTTPMessageSignaturesException):  # what cannot be signed goes unsigned
            signed = sign_request(
                Message(request.method, request.path_url, headers),
                self._account.key,
                ORIGIN,
                body=(body or b"") if whole else None,
                now=int(time.time()),
                nonce=os.urandom(16),
            )
            request.headers.update(signed)
        return request
