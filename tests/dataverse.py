"""Dynamics' replies, small and literal, and a transport that gives them: for tests."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from dynsync.dynamics import DataverseConnector, DynamicsOptions
from dynsync.dynamics._metadata import questions
from dynsync.dynamics._odata import Json
from dynsync.limiting import Limiter, Pace
from dynsync.records import RecordId, Side
from dynsync.sandbox import SandboxClock
from dynsync.transport import Request, Response

__all__ = [
    "ANN",
    "BOB",
    "ME",
    "ORG",
    "Replay",
    "connector",
    "metadata",
    "parts",
    "refusal",
    "reply",
    "sent_parts",
    "who",
]

ORG: Final = "https://example.crm.dynamics.com"
ME: Final = RecordId("11111111-0000-4000-8000-000000000001")
ANN: Final = RecordId("aaaaaaaa-0000-4000-8000-000000000001")
BOB: Final = RecordId("bbbbbbbb-0000-4000-8000-000000000002")
TOKEN: Final = "a-secret-token"  # noqa: S105 - of no system there is


@attrs.define
class Replay:
    """Gives its *replies* in order and keeps the requests. An exception is raised instead."""

    replies: list[Response | Exception]
    requests: list[Request] = attrs.field(factory=list[Request])

    def send(self, request: Request) -> Response:
        """Return the next reply."""
        self.requests.append(request)
        answer = self.replies.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def reply(said: Json = None, status: int = 200, **headers: str) -> Response:
    """Return an answer that holds *said* as JSON, or nothing."""
    body = b"" if said is None else json.dumps(said).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json; charset=utf-8", **named}, body)


def refusal(status: int, code: str, message: str = "", **headers: str) -> Response:
    """Return an error as Dynamics writes it."""
    return reply({"error": {"code": code, "message": message}}, status, **headers)


def parts(*answers: Response) -> Response:
    """Return *answers* as those to the parts of a batch."""
    lines: list[bytes] = []
    for answer in answers:
        lines += [
            b"--batchresponse_0f8e",
            b"Content-Type: application/http",
            b"Content-Transfer-Encoding: binary",
            b"",
            f"HTTP/1.1 {answer.status} Json".encode(),
            *(f"{name}: {value}".encode() for name, value in answer.headers.items()),
            b"",
            answer.body,
        ]
    body = b"\r\n".join([*lines, b"--batchresponse_0f8e--", b""])
    return Response(200, {"content-type": "multipart/mixed; boundary=batchresponse_0f8e"}, body)


def sent_parts(request: Request) -> list[tuple[str, dict[str, str], dict[str, Json]]]:
    """Return the parts of a batch that was sent: the request line, the headers, the values."""
    body = (request.body or b"").decode()
    found: list[tuple[str, dict[str, str], dict[str, Json]]] = []
    for text in body.split("--batch_dynsync\r\n")[1:]:
        _, head, values = text.split("\r\n\r\n", 2)
        line, *headers = head.split("\r\n")
        named = dict(header.split(": ", 1) for header in headers)
        held = values.split("\r\n--batch_dynsync--")[0].strip()
        found.append((line, named, json.loads(held) if held else {}))
    return found


def who() -> Response:
    """Return what WhoAmI says."""
    return reply({"UserId": ME.upper(), "OrganizationId": "22222222-0000-4000-8000-000000000002"})


def _column(name: str, kind: str, **more: Json) -> dict[str, Json]:
    return {
        "LogicalName": name,
        "MetadataId": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "AttributeType": kind,
        "AttributeTypeName": {"Value": f"{kind}Type"},
        "AttributeOf": None,
        "DisplayName": {"UserLocalizedLabel": {"Label": name.title(), "LanguageCode": 1033}},
        "IsValidForCreate": True,
        "IsValidForUpdate": True,
        "IsValidForRead": True,
        "IsSecured": False,
        "RequiredLevel": {"Value": "None"},
        **more,
    }


def _options(*options: tuple[int, str]) -> dict[str, Json]:
    return {
        "Options": [
            {"Value": code, "Label": {"UserLocalizedLabel": {"Label": label}}}
            for code, label in options
        ]
    }


SALARY: Final = "33333333-0000-4000-8000-00000000feed"

COLUMNS: Final = (
    _column("contactid", "Uniqueidentifier", IsValidForUpdate=False),
    _column("lastname", "String", RequiredLevel={"Value": "SystemRequired"}),
    _column("firstname", "String", RequiredLevel={"Value": "ApplicationRequired"}),
    _column("emailaddress1", "String"),
    _column(
        "new_salary",
        "Money",
        IsSecured=True,
        MetadataId=SALARY.upper(),
        DisplayName={"UserLocalizedLabel": {"Label": "Yearly Pay"}},
    ),
    _column("revenue", "Money"),
    _column("new_score", "Integer"),
    _column("birthdate", "DateTime"),
    _column("new_appointment", "DateTime"),
    _column("modifiedon", "DateTime", IsValidForCreate=False, IsValidForUpdate=False),
    _column("statecode", "State"),
    _column("statuscode", "Status"),
    _column("new_interests", "Virtual", AttributeTypeName={"Value": "MultiSelectPicklistType"}),
    _column("ownerid", "Owner"),
    _column("owneridname", "String", AttributeOf="ownerid"),
    _column("owneridtype", "EntityName", AttributeOf="ownerid"),
    _column("new_hidden", "String", IsValidODataAttribute=False),
    _column("parentcustomerid", "Customer"),
    _column("new_region", "Lookup"),
    _column("transactioncurrencyid", "Lookup"),
    _column("entityimage", "Virtual", AttributeTypeName={"Value": "ImageType"}),
)

DETAILS: Final[Mapping[str, list[Json]]] = {
    "String": [{"LogicalName": "firstname", "MaxLength": 50}],
    "Integer": [{"LogicalName": "new_score", "MinValue": 0, "MaxValue": 100}],
    "Money": [
        {"LogicalName": "revenue", "MinValue": 0.0, "MaxValue": 100000000000000.0, "Precision": 2}
    ],
    "DateTime": [
        {"LogicalName": "birthdate", "DateTimeBehavior": {"Value": "DateOnly"}},
        {"LogicalName": "new_appointment", "DateTimeBehavior": {"Value": "TimeZoneIndependent"}},
        {"LogicalName": "modifiedon", "DateTimeBehavior": {"Value": "UserLocal"}},
    ],
    "State": [{"LogicalName": "statecode", "OptionSet": _options((0, "Active"), (1, "Inactive"))}],
    "Status": [
        {
            "LogicalName": "statuscode",
            "OptionSet": {
                "Options": [
                    {
                        "Value": 2,
                        "Label": {"UserLocalizedLabel": {"Label": "Gone"}},
                        "State": 1,
                    }
                ]
            },
        }
    ],
    "MultiSelectPicklist": [
        {
            "LogicalName": "new_interests",
            "OptionSet": None,
            "GlobalOptionSet": _options((1, "Product"), (9, "Training")),
        }
    ],
}

LOOKUPS: Final = (
    ("ownerid", "owner", "ownerid"),
    ("parentcustomerid", "account", "parentcustomerid_account"),
    ("parentcustomerid", "contact", "parentcustomerid_contact"),
    ("new_region", "new_region", "new_Region"),
    ("transactioncurrencyid", "transactioncurrency", "transactioncurrencyid"),
)

TABLE: Final[Mapping[str, Json]] = {
    "LogicalName": "contact",
    "SchemaName": "Contact",
    "EntitySetName": "contacts",
    "PrimaryIdAttribute": "contactid",
    "Privileges": [
        {"Name": f"prv{kind}Contact", "PrivilegeType": kind, "PrivilegeId": f"id-{kind}"}
        for kind in ("Create", "Read", "Write")
    ],
}


def answers(
    *,
    privileges: Sequence[str] = ("prvCreateContact", "prvReadContact", "prvWriteContact"),
    secured: Sequence[dict[str, Json]] = (),
    roles: Sequence[str] = (),
    without: Sequence[str] = (),
) -> dict[str, dict[str, Json]]:
    """Return what Dynamics says of contacts and of the user's rights, by the questions' names."""
    said: dict[str, dict[str, Json]] = {name: {"value": []} for name in questions("contact", ME)}
    said |= {kind: {"value": found} for kind, found in DETAILS.items()}
    said["table"] = dict(TABLE)
    said["columns"] = {"value": [one for one in COLUMNS if one["LogicalName"] not in without]}
    said["privileges"] = {
        "RolePrivileges": [{"PrivilegeName": name, "Depth": "Global"} for name in privileges]
    }
    said["secured"] = {"AttributePrivileges": list(secured)}
    said["roles"] = {"value": [{"_roletemplateid_value": role} for role in roles]}
    said["lookups"] = {
        "value": [
            {
                "ReferencingAttribute": column,
                "ReferencedEntity": target,
                "ReferencingEntityNavigationPropertyName": property_,
            }
            for column, target, property_ in LOOKUPS
        ]
    }
    return said


def metadata(said: Mapping[str, Json] | None = None) -> Response:
    """Return the answer to the one request that describes contacts."""
    return parts(*(reply(one) for one in (said or answers()).values()))


def connector(
    *replies: Response | Exception,
    options: DynamicsOptions | None = None,
    clock: SandboxClock | None = None,
) -> tuple[DataverseConnector, Replay]:
    """Return a connector that knows contacts already, and gets *replies* from now on."""
    transport, clock = Replay([who(), metadata()]), clock or SandboxClock()
    made = DataverseConnector(
        ORG,
        transport=transport,
        credentials=lambda: TOKEN,
        limiter=Limiter(Side.DYNAMICS, Pace(calls=6_000, seconds=300, at_once=1), clock),
        clock=clock,
        options=attrs.evolve(options or DynamicsOptions(), page=2),
    )
    made.describe("contact")
    transport.replies[:] = replies
    transport.requests.clear()
    return made, transport
