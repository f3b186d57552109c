"""
What each of Marketo's error codes becomes in dynsync: one table, which the docs show.

Marketo answers on three levels: HTTP itself, the whole call (status 200 with
``success: false``), and single rows of it. The same code may mean one thing for a call and
another for a row.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import attrs

__all__ = ["FAILURES", "HTTP_FAILURES", "Becomes", "Failure", "failure_of"]


class Becomes(enum.Enum):
    """What a failure is for the engine. The value says it to people."""

    RENEWED = "a new token, and the same call once more; then `Refused`"
    WINDOW = "`Throttled`, scope `window`: waited out"
    CONCURRENCY = "`Throttled`, scope `concurrency`: waited out, with fewer calls at once"
    DAY = "`Throttled`, scope `day`: the run ends, until midnight US Central"
    QUEUED = "waited out; `Throttled`, scope `day`, where it is the quota of exports"
    PASSING = "`Unavailable`: nothing was done, tried again"
    UNKNOWN = "`Ambiguous` for a write, which is read back; `Unavailable` for a read"
    REFUSED = "`Refused`: somebody must act"
    OURS = "`Refused`: asked wrongly, which is a mistake of dynsync's"
    NOTHING = "an empty answer"
    SCHEMA = "`SchemaChanged`: the entity stops until its schema is refreshed"
    EXPIRED = "`CursorExpired` in the change feed, else `Refused`"
    REJECTED = "`Rejected`: a validation result of this record alone"
    GONE = "`Gone` for an update or a line of the activity log, else `Rejected`"
    NOT_DONE = "`NotAttempted`: the row is tried again"


@attrs.frozen
class Failure:
    """A *code*, what it *means*, and what it becomes for a whole *call* and for one *row*."""

    code: str
    means: str
    call: Becomes | None = None
    row: Becomes | None = None


_B = Becomes

HTTP_FAILURES: Final[Mapping[str, Failure]] = {
    each.code: each
    for each in (
        Failure(
            "3xx",
            "it redirects: the URL is that of the REST API, see Admin > Web Services",
            _B.REFUSED,
        ),
        Failure(
            "401", "the client id and secret are not accepted, see Admin > LaunchPoint", _B.REFUSED
        ),
        Failure("403", "access is denied before Marketo is reached", _B.REFUSED),
        Failure(
            "404",
            "there is no such address: the URL is that of the REST API, see Admin > Web Services",
            _B.REFUSED,
        ),
        Failure("408", "something on the way waited in vain", _B.UNKNOWN),
        Failure("413", "the request body is too large", _B.OURS),
        Failure("414", "the address is too long", _B.OURS),
        Failure("429", "too many requests for a gateway on the way", _B.WINDOW),
        Failure("4xx", "the request is not understood", _B.OURS),
        Failure("503", "the service is not available", _B.PASSING),
        Failure("5xx", "the server or a gateway failed", _B.UNKNOWN),
        Failure(
            "not JSON",
            "the answer is not Marketo's, but perhaps a proxy's page; see the URL, and the network",
            _B.UNKNOWN,
        ),
    )
}
"""What the status of an answer becomes, and an answer that is not Marketo's."""

FAILURES: Final[Mapping[str, Failure]] = {
    each.code: each
    for each in (
        Failure("500", "server error", _B.UNKNOWN),
        Failure("502", "gateway error", _B.UNKNOWN),
        Failure("601", "the access token is not valid", _B.RENEWED),
        Failure("602", "the access token has expired", _B.RENEWED),
        Failure(
            "603",
            "access is denied: give the API role the permission, or allow this machine's address",
            _B.REFUSED,
        ),
        Failure("604", "the request timed out", _B.UNKNOWN),
        Failure("605", "this HTTP method is not supported", _B.OURS),
        Failure("606", "more than 100 calls in 20 seconds", _B.WINDOW),
        Failure(
            "607",
            "the daily quota is used up: wait until midnight US Central, or see who else uses it",
            _B.DAY,
        ),
        Failure("608", "the API is not available for now", _B.PASSING),
        Failure("609", "the JSON is not valid", _B.OURS),
        Failure("610", "there is no such resource", _B.OURS),
        Failure("611", "system error", _B.UNKNOWN),
        Failure("612", "this content type is not supported", _B.OURS),
        Failure("613", "the multipart body is not valid", _B.OURS),
        Failure("614", "the subscription cannot be reached", _B.PASSING),
        Failure("615", "more than 10 calls at once", _B.CONCURRENCY),
        Failure("616", "this type of subscription does not have it", _B.REFUSED),
        Failure("701", "something is blank that must not be", _B.EXPIRED, _B.REJECTED),
        Failure("702", "no data was found", _B.NOTHING, _B.REJECTED),
        Failure("703", "the feature is not enabled", _B.REFUSED, _B.REJECTED),
        Failure("704", "a date is not valid", _B.EXPIRED, _B.REJECTED),
        Failure("709", "a business rule is violated", _B.REFUSED, _B.REJECTED),
        Failure("712", "person accounts of another CRM cannot be merged", _B.REFUSED, _B.REJECTED),
        Failure("713", "a passing error", _B.PASSING, _B.NOT_DONE),
        Failure("714", "there is no such type of record", _B.REFUSED, _B.REJECTED),
        Failure("718", "there is no such sales person", _B.REFUSED, _B.REJECTED),
        Failure("719", "the record is locked for now", _B.PASSING, _B.NOT_DONE),
        Failure("1001", "a value is of the wrong type", _B.EXPIRED, _B.REJECTED),
        Failure("1002", "a required value is missing", _B.EXPIRED, _B.REJECTED),
        Failure("1003", "a value is not valid", _B.EXPIRED, _B.REJECTED),
        Failure("1004", "there is no such person", _B.REFUSED, _B.GONE),
        Failure("1005", "the person exists already", _B.REFUSED, _B.REJECTED),
        Failure("1006", "there is no such field", _B.SCHEMA, _B.REJECTED),
        Failure("1007", "several people hold this key", _B.REFUSED, _B.REJECTED),
        Failure("1008", "access to the partition is denied", _B.REFUSED, _B.REJECTED),
        Failure("1009", "the partition must be named", _B.REFUSED, _B.REJECTED),
        Failure("1010", "the partition may not be changed", _B.REFUSED, _B.REJECTED),
        Failure("1011", "people cannot be looked up by this field", _B.REFUSED, _B.REJECTED),
        Failure("1012", "the cookie is not valid", _B.REFUSED, _B.REJECTED),
        Failure("1013", "there is no such object", _B.REFUSED, _B.REJECTED),
        Failure("1014", "the object could not be made", _B.REFUSED, _B.REJECTED),
        Failure("1015", "the person is not in the list", _B.REFUSED, _B.REJECTED),
        Failure("1016", "too many imports are waiting", _B.PASSING, _B.NOT_DONE),
        Failure("1017", "the object exists already", _B.REFUSED, _B.REJECTED),
        Failure("1018", "a native CRM sync owns these records", _B.REFUSED, _B.REJECTED),
        Failure("1019", "an import is under way", _B.PASSING, _B.NOT_DONE),
        Failure("1021", "the company may not be changed here", _B.REFUSED, _B.REJECTED),
        Failure("1022", "the object is in use", _B.PASSING, _B.NOT_DONE),
        Failure("1025", "there is no such program status", _B.REFUSED, _B.REJECTED),
        Failure("1026", "custom objects are not enabled", _B.REFUSED, _B.REJECTED),
        Failure("1027", "there are 10 types of custom activity already", _B.REFUSED, _B.REJECTED),
        Failure("1028", "the type has 20 attributes already", _B.REFUSED, _B.REJECTED),
        Failure("1029", "the queue of exports is full, or its day's quota used up", _B.QUEUED),
        Failure("1035", "this filter is not available for exports", _B.REFUSED),
        Failure("1036", "the record is twice in the call", _B.REFUSED, _B.NOT_DONE),
        Failure("1037", "the person was skipped", _B.REFUSED, _B.REJECTED),
        Failure("1042", "the time to run at is not valid", _B.REFUSED, _B.REJECTED),
        Failure("1048", "the draft could not be discarded", _B.REFUSED, _B.REJECTED),
        Failure("1049", "the attributes are longer than 65,536 bytes", _B.REFUSED, _B.REJECTED),
        Failure("1076", "duplicates in the CRM keep the merge from it", _B.REFUSED, _B.REJECTED),
        Failure("1077", "a field is too long to be merged", _B.REFUSED, _B.REJECTED),
        Failure("1078", "one to be merged was deleted", _B.REFUSED, _B.REJECTED),
        Failure("1079", "personal URLs keep the merge from it", _B.REFUSED, _B.REJECTED),
        Failure("1080", "more than 25 people cannot be merged at once", _B.REFUSED, _B.REJECTED),
    )
}
"""Every code that Marketo documents for what dynsync uses."""

_UNHEARD: Final = "a code that Marketo does not document"


def failure_of(code: str) -> Failure:
    """
    Return what *code* becomes.

    One that is not in the table refuses a row as a fault of its own, and a call so that
    somebody looks.
    """
    return FAILURES.get(code) or Failure(code, _UNHEARD, _B.REFUSED, _B.REJECTED)
