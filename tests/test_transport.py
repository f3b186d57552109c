"""Flows are driven by any transport, and neither requests nor responses give anything away."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest

from dynsync.transport import Flow, Lost, NotSent, Request, Response, drive

ASKED = Request("GET", "https://host.example/a?secret=s3cret", {"Authorization": "Bearer t0ken"})


def asking_twice(first: Request, second: Request) -> Flow[list[int]]:
    """Ask twice; return the statuses, 0 where the answer was lost."""
    statuses: list[int] = []
    for request in (first, second):
        try:
            response = yield request
        except Lost:
            statuses.append(0)
        else:
            statuses.append(response.status)
    return statuses


def test_an_address_that_is_none_is_not_shown() -> None:
    """Nor does showing its request fail."""
    assert "<Request GET>" == repr(Request("GET", "https://[s3cret/a"))


def test_a_flow_is_driven_to_its_end() -> None:
    """Each request is answered in turn, and the flow's result comes back."""
    sent: list[Request] = []

    def send(request: Request) -> Response:
        sent.append(request)
        return Response(200 + len(sent))

    other = Request("POST", "https://host.example/b", body=b"{}")

    assert [201, 202] == drive(asking_twice(ASKED, other), send)
    assert [ASKED, other] == sent


def test_a_lost_answer_is_the_flows_to_judge() -> None:
    """A flow may catch `Lost` and go on."""
    answers: Iterator[Lost | Response] = iter([Lost("read timed out"), Response(204)])

    def send(_request: Request) -> Response:
        answer = next(answers)
        if isinstance(answer, Lost):
            raise answer
        return answer

    assert [0, 204] == drive(asking_twice(ASKED, ASKED), send)


def test_what_a_flow_does_not_catch_passes() -> None:
    """`NotSent`, which this flow does not know, reaches the caller."""

    def send(_request: Request) -> Response:
        raise NotSent("host.example: connection refused")

    with pytest.raises(NotSent, match="refused"):
        drive(asking_twice(ASKED, ASKED), send)


def test_a_failing_transport_closes_the_flow() -> None:
    """What is neither `NotSent` nor `Lost` is no business of the flow, which is closed."""
    flow = asking_twice(ASKED, ASKED)

    def send(_request: Request) -> Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive(flow, send)
    assert inspect.GEN_CLOSED == inspect.getgeneratorstate(flow)


@pytest.mark.parametrize("secret", ["s3cret", "t0ken", "passw0rd", "jane@example.com"])
def test_a_repr_gives_nothing_away(secret: str) -> None:
    """Neither the query, a user in the address, the headers nor a body are shown."""
    url = "https://me:passw0rd@host.example/rest/v1/leads.json?secret=s3cret"
    request = Request("POST", url, ASKED.headers, b"jane@example.com")
    response = Response(200, {"set-cookie": "s3cret t0ken passw0rd"}, b"jane@example.com")

    assert secret not in repr(request) + repr(response)


def test_a_repr_says_what_was_asked_of_whom() -> None:
    """The method, the host and the path are shown; of a response, the status and the size."""
    assert "<Request GET https://host.example/a>" == repr(ASKED)
    assert "<Response 200, 3 bytes>" == repr(Response(200, body=b"abc"))
