"""
What Dynamics' error codes and statuses become: one table, which the pages show. Pure.

A code decides where it is known, the HTTP status where it is not.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

import attrs

__all__ = [
    "BY_STATUS",
    "FAILURES",
    "ONE",
    "WHOLE",
    "Becomes",
    "Failure",
    "Scope",
    "failure_for",
]

Scope: TypeAlias = Literal["", "window", "concurrency", "day"]
"""Which limit was hit; empty where none was."""


class Becomes(enum.Enum):
    """What a failure is. `WHOLE` and `ONE` say what that is called in dynsync's language."""

    THROTTLED = "throttled"
    PASSING = "passing"
    UNCERTAIN = "uncertain"
    STALE = "stale"
    GONE = "gone"
    DUPLICATE = "duplicate"
    REJECTED = "refused data"
    COLUMN = "no right to the column"
    TABLE = "no right, or a setting"
    SCHEMA = "another schema"
    CURSOR = "an expired cursor"
    LOGIN = "an old token"

    # Members are one object each: see `dynsync.records.Side`.
    __hash__ = object.__hash__


WHOLE: Final[Mapping[Becomes, str]] = {
    **dict.fromkeys(Becomes, "`Refused`"),
    Becomes.THROTTLED: "`Throttled`",
    Becomes.PASSING: "`Unavailable`",
    Becomes.UNCERTAIN: "`Unavailable`; `Ambiguous` for a write",
    Becomes.SCHEMA: "`SchemaChanged`",
    Becomes.CURSOR: "`CursorExpired`",
    Becomes.LOGIN: "a new token, once; then `Refused`",
}
"""What the failure of a whole request is raised as."""

ONE: Final[Mapping[Becomes, str]] = {
    **dict.fromkeys(Becomes, "`Rejected`"),
    Becomes.THROTTLED: "`ThrottledWrite`",
    Becomes.PASSING: "`NotAttempted`",
    Becomes.UNCERTAIN: "`AmbiguousWrite`",
    Becomes.STALE: "`Stale`",
    Becomes.GONE: "`Gone`; `Rejected` if a reference leads nowhere",
    Becomes.DUPLICATE: "`Rejected`, as `duplicate_key`",
    Becomes.LOGIN: "`NotAttempted`",
}
"""What one write of a batch is answered with."""


@attrs.frozen
class Failure:
    """One code or status, its *name* at Microsoft, and what to say of it, without values."""

    code: str
    name: str
    becomes: Becomes
    says: str = ""
    scope: Scope = ""


_DATA: Final = (
    ("0x80040203", "InvalidArgument", "a value is not valid for its column"),
    ("0x80044331", "StringLengthTooLong", "the text is too long for its column"),
    ("0x8004432F", "IntegerOutOfRange", "the number is outside its column's range"),
    ("0x80044330", "DecimalOutOfRange", "the number is outside its column's range"),
    ("0x8004431A", "PicklistValueOutOfRange", "the code is no option of its column"),
    ("0x80048408", "InvalidStateCodeStatusCode", "the status does not belong to the state"),
    ("0x80040239", "InvalidDateTime", "a date is before 1753 or past 9999"),
    ("0x80044354", "IncorrectAttributeValueType", "the value is of another type than its column"),
    ("0x80048D19", "BadPayload", "the row that was sent cannot be read: a column or its type"),
    ("0x8006089D", "MultipleRecordsFoundByEntityKey", "the key is that of several rows"),
    ("0x80060892", "DuplicateRecordEntityKey", "another row has the same alternate key"),
    ("0x80040333", "DuplicateRecordsFound", "a duplicate detection rule found another row"),
    ("0x80040265", "IsvAborted", "a business rule refused the row"),
    ("0x80040224", "IsvUnExpected", "a plug-in failed on the row"),
    ("0x80040227", "CannotDeleteDueToAssociation", "other rows depend on the row"),
    ("0x80040230", "ObjectInactive", "the row is inactive: it is read-only until reactivated"),
    ("0x80040233", "InvalidState", "the row's state does not allow it"),
    ("0x80040519", "LeadAlreadyClosed", "the lead is closed already"),
    ("0x80040518", "LeadAlreadyOpen", "the lead is open already"),
    ("0x80081018", "CannotQualifyLead", "qualifying needs the right to create accounts"),
    ("0x80045300", "MergeCyclicalParenting", "the merge would make a row its own parent"),
    ("0x80045301", "MergeSecurityError", "the sync user may not merge these rows"),
    ("0x80045303", "MergeBusinessUnits", "the rows to merge belong to different business units"),
    ("0x80045304", "MergeInactive", "one of the rows to merge is inactive"),
    ("0x80045305", "MergeIdentical", "the rows to merge are one row"),
    ("0x80041136", "ArithmeticOverflow", "a number overflowed in Dynamics"),
    ("0x80040216", "UnexpectedError", "Dynamics failed on the row without saying why"),
    ("0x80048306", "AccessDenied", "the sync user has no right to this row"),
)

_COLUMN: Final = (
    ("0x8004F502", "SecuredColumnCreate", "the sync user may not set this secured column"),
    ("0x8004F504", "SecuredColumnRead", "the sync user may not read this secured column"),
    ("0x8004F506", "SecuredColumnQuery", "the sync user may not query by this secured column"),
    ("0x8004F507", "SecuredColumnUpdate", "the sync user may not change this secured column"),
)

_TABLE: Final = (
    ("0x80040220", "PrivilegeDenied", "the sync user is missing a privilege on the table"),
    (
        "0x80072560",
        "UserNotMember",
        "the user is no member of the organisation, or is disabled; see its application users",
    ),
    (
        "0x8004D24B",
        "UserNotLicensed",
        "the user has no licence, or no role: give the application user a security role",
    ),
    (
        "0x80072491",
        "ChangeTrackingNotEnabledForEntity",
        "change tracking is off for the table; switch it on in the table's properties",
    ),
    ("0x80060890", "EntityKeyNotDefined", "the table has no such alternate key"),
    ("0x8006088D", "OptimisticConcurrencyNotEnabled", "the table has no conditional writes"),
    ("0x80060883", "ConcurrencyVersionNotProvided", "a conditional write named no version"),
    ("0x8004418A", "TooLarge", "the request is too large: use a smaller batch"),
)

FAILURES: Final = (
    Failure(
        "0x80072322",
        "ThrottlingBurstRequestLimitExceeded",
        Becomes.THROTTLED,
        "6,000 requests in 300 seconds are used up",
        "window",
    ),
    Failure(
        "0x80072321",
        "ThrottlingTimeExceeded",
        Becomes.THROTTLED,
        "1,200 seconds of work in 300 seconds are used up",
        "window",
    ),
    Failure(
        "0x80072326",
        "ThrottlingConcurrencyLimitExceeded",
        Becomes.THROTTLED,
        "52 requests at once are the most",
        "concurrency",
    ),
    Failure("0x80044151", "SqlTimeout", Becomes.PASSING, "its database took too long"),
    Failure(
        "0x80060882",
        "ConcurrencyVersionMismatch",
        Becomes.STALE,
        "the row is no longer of the expected version",
    ),
    Failure("0x80040217", "ObjectDoesNotExist", Becomes.GONE, "there is no such row"),
    Failure("0x80060891", "RecordNotFoundByEntityKey", Becomes.GONE, "no row has the key"),
    Failure("0x80040237", "DuplicateRecord", Becomes.DUPLICATE, "there is such a row already"),
    Failure(
        "0x80060888",
        "UnknownSegmentOrProperty",
        Becomes.SCHEMA,
        "a column that was asked for is not there",
    ),
    Failure(
        "0x80044352",
        "ExpiredVersionStamp",
        Becomes.CURSOR,
        "the place in the feed is older than the days that Dynamics keeps changes",
    ),
    *(Failure(code, name, Becomes.REJECTED, says) for code, name, says in _DATA),
    *(Failure(code, name, Becomes.COLUMN, says) for code, name, says in _COLUMN),
    *(Failure(code, name, Becomes.TABLE, says) for code, name, says in _TABLE),
)
"""Every code that has a meaning here."""

BY_STATUS: Final = (
    Failure(
        "401",
        "Unauthorized",
        Becomes.LOGIN,
        "the token is not accepted: is its application a user of this organisation?",
    ),
    Failure("403", "Forbidden", Becomes.TABLE, "the sync user may not do this"),
    Failure(
        "404",
        "Not Found",
        Becomes.GONE,
        "there is nothing at this address: is the URL an organisation's?",
    ),
    Failure("408", "Request Timeout", Becomes.UNCERTAIN, "something on the way waited in vain"),
    Failure("412", "Precondition Failed", Becomes.STALE, "the row is not as it was expected"),
    Failure("413", "Content Too Large", Becomes.TABLE, "the request is too large"),
    Failure("429", "Too Many Requests", Becomes.THROTTLED, "too many requests", "window"),
    Failure("500", "Internal Server Error", Becomes.UNCERTAIN, "it failed"),
    Failure("502", "Bad Gateway", Becomes.UNCERTAIN, "a gateway got no answer"),
    Failure("503", "Service Unavailable", Becomes.PASSING, "it is down"),
    Failure("504", "Gateway Timeout", Becomes.UNCERTAIN, "a gateway waited in vain"),
)
"""What a status means where the code is none of `FAILURES`."""

_BY_CODE: Final[Mapping[str, Failure]] = {one.code.lower(): one for one in FAILURES}
_STATUSES: Final[Mapping[int, Failure]] = {int(one.code): one for one in BY_STATUS}


def failure_for(status: int, code: str) -> Failure:
    """Return what an error *code*, or else the HTTP *status*, means."""
    known = _BY_CODE.get(code.strip().lower()) or _STATUSES.get(status)
    if known is not None:
        return known
    shown = code if code not in {"", "0x0"} else str(status)
    if status < HTTPStatus.BAD_REQUEST:
        # It leads elsewhere, and our credentials do not follow.
        return Failure(shown, "", Becomes.TABLE, "it points to another address; is the URL right?")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failure(shown, "", Becomes.UNCERTAIN, "it failed")
    return Failure(shown, "", Becomes.REJECTED, "it refused the request")
