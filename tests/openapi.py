"""
Compare what the Marketo emulator answers with Adobe's own description of the API.

Run by hand: ``python tests/openapi.py swagger-mapi.json``. The file is published by Adobe
in the repository AdobeDocs/marketo-developer.en, under help/rest-api/assets; it is not
kept here, because it names a licence of its own.

Every path that the emulator serves is called, and every answer is looked at: types, what is
required, and what Adobe does not know. Exits with 1 where something does not agree.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import attrs

from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, Emulator, emulate
from dynsync.emulator._marketo._api import ROUTES

Json = Mapping[str, object]

# Recorded answers of the lead database leave these out, whatever the description says; and
# a person or a feed of which there is nothing to tell has no result.
_LEFT_OUT: Final = frozenset({"errors", "warnings", "result"})
_TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
_OTHERWISE: Final[Mapping[str, tuple[str, ...]]] = {
    # The description has one type for what is sent and what comes back; the page on custom
    # activities shows an answer of id, marketoGUID and status, and one without an id.
    r"/activities/external\.json": (
        *("activityDate", "activityTypeId", "attributes", "id", "leadId"),
        "primaryAttributeValue",
    ),
    # The page on imports shows a job that waits with its id and status alone.
    r"/bulk/v1/leads(/batch/\d+)?\.json": ("numOfLeadsProcessed",),
}
"""Where Adobe's pages show an answer without what Adobe's description requires."""

_OPEN: Final = frozenset({"Lead"})
"""What may have more than is described: a person's own fields."""


@attrs.frozen
class Description:
    """Adobe's description."""

    said: Json

    def schema(self, method: str, path: str) -> tuple[str, Json] | None:
        """Return the path as it is described and the schema of its answer, if it has one."""
        for template, methods in _of(self.said["paths"]).items():
            pattern = re.sub(r"\\\{\w+\\\}", r"[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method.lower() in _of(methods):
                responses = _of(_of(_of(methods)[method.lower()])["responses"])
                return template, _of(_of(responses["200"]).get("schema", {}))
        return None

    def complaints(self, value: object, schema: Json, where: str) -> Iterator[str]:
        """Yield what of *value* is not as *schema* says."""
        name = str(schema.get("$ref", "")).rpartition("/")[2]
        if name:
            schema = _of(_of(self.said["definitions"])[name])
        kind = _TYPES.get(str(schema.get("type", "")))
        if value is None or kind is None or (kind is dict and "properties" not in schema):
            # "object" without properties is what Adobe writes for a value of any type.
            return
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            yield f"{where}: {type(value).__name__}, not {schema['type']}"
        elif isinstance(value, list):
            for place, each in enumerate(cast("list[object]", value)):
                yield from self.complaints(each, _of(schema.get("items", {})), f"{where}[{place}]")
        elif isinstance(value, dict):
            yield from self._of_object(_of(cast("object", value)), schema, where, name)

    def _of_object(self, value: Json, schema: Json, where: str, name: str) -> Iterator[str]:
        known = _of(schema.get("properties", {}))
        required = cast("list[str]", schema.get("required", []))
        for each in required:
            if each not in value and each not in _LEFT_OUT:
                yield f"{where}.{each}: missing"
        for key, inner in value.items():
            if key in known:
                yield from self.complaints(inner, _of(known[key]), f"{where}.{key}")
            elif known and name not in _OPEN:
                yield f"{where}.{key}: not described"


def _of(value: object) -> Json:
    return cast("Json", value)


@attrs.define
class Tour:
    """A walk through all that is served; *answers* are what was seen on the way."""

    emulator: Emulator
    token: str = ""
    answers: list[tuple[str, str, object]] = attrs.Factory(list[tuple[str, str, object]])

    def ask(self, method: str, target: str, body: object = None, kind: str = "") -> Json:
        """Make a call and keep its answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.emulator.url + target,
            data=data,
            method=method,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": kind or "application/json",
            },
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
            text: bytes = response.read()
        try:
            found = cast("object", json.loads(text))
        except ValueError:
            found = {}
        path = target.partition("?")[0]
        self.answers.append((method, path, found))
        return _of(found)

    def first(self, answer: Json) -> Json:
        """Return the first row of *answer*."""
        return _of(cast("list[object]", answer["result"])[0])

    def sign_in(self) -> None:
        """Get a token."""
        who = f"client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}"
        said = self.ask("GET", f"/identity/oauth/token?grant_type=client_credentials&{who}")
        self.token = str(said["access_token"])
        self.answers.clear()

    def people(self) -> None:
        """Describe, write, read, merge and delete people."""
        rows = [{"email": f"{name}@example.com", "lastName": name} for name in "abcd"]
        self.ask("POST", "/rest/v1/leads.json", {"input": [*rows, {"email": "x", "no": 1}]})
        for path in ("describe", "describe2", "schema/fields", "schema/fields/email", "partitions"):
            self.ask("GET", f"/rest/v1/leads/{path}.json")
        field = {"displayName": "Acme Code", "name": "acmeCode", "dataType": "string"}
        self.ask("POST", "/rest/v1/leads/schema/fields.json", {"input": [field]})
        said = {"input": [{"description": "of Acme"}]}
        self.ask("POST", "/rest/v1/leads/schema/fields/acmeCode.json", said)
        self.ask("GET", "/rest/v1/lead/1.json")
        self.ask("GET", "/rest/v1/leads.json?filterType=id&filterValues=1,2&batchSize=1")
        self.ask("POST", "/rest/v1/leads.json", {"input": [{"email": "a@example.com", "fax": "1"}]})
        self.ask("POST", "/rest/v1/leads/1/merge.json?leadId=2")
        self.ask("POST", "/rest/v1/leads/delete.json", {"input": [{"id": 3}, {"id": 99}]})

    def types(self) -> None:
        """Make a type of custom activities, and one activity."""
        base = "/rest/v1/activities/external"
        key = {"apiName": "key", "name": "Key"}
        names = {"apiName": "log", "name": "Log", "triggerName": "t", "filterName": "f"}
        made = self.ask("POST", f"{base}/type.json", {**names, "primaryAttribute": key})
        one = f"{base}/type/log"
        text = {"attributes": [{"apiName": "text", "name": "Text", "dataType": "string"}]}
        self.ask("POST", f"{one}/attributes/create.json", text)
        self.ask("POST", f"{one}/attributes/update.json", text)
        self.ask("POST", f"{one}/approve.json")
        self.ask("POST", f"{one}.json", {"description": "what was synced"})
        self.ask("POST", f"{one}/discardDraft.json")
        self.ask("GET", f"{one}/describe.json")
        self.ask("GET", f"{base}/types.json")
        row = {
            "leadId": 1,
            "activityDate": "2026-01-05T09:00:00Z",
            "activityTypeId": self.first(made)["id"],
            "primaryAttributeValue": "k",
            "attributes": [{"apiName": "text", "value": "x"}],
        }
        self.ask("POST", f"{base}.json", {"input": [row, {**row, "leadId": 99}]})

    def feeds(self) -> None:
        """Follow what happened."""
        base = "/rest/v1/activities"
        said = self.ask("GET", f"{base}/pagingtoken.json?sinceDatetime=2026-01-01")
        token = f"nextPageToken={said['nextPageToken']}"
        self.ask("GET", f"{base}/leadchanges.json?{token}&fields=email,fax")
        self.ask("GET", f"{base}.json?{token}&activityTypeIds=12,13,32,37,100001")
        self.ask("GET", f"{base}/deletedleads.json?{token}")
        self.ask("GET", f"{base}/types.json")

    def bulk(self) -> None:
        """Extract and import."""
        span = {"startAt": "2026-01-01T00:00:00Z", "endAt": "2026-01-31T00:00:00Z"}
        for what, fields in (("leads", ["id", "email"]), ("activities", ["leadId"])):
            base = f"/bulk/v1/{what}/export"
            body = {"fields": fields, "filter": {"createdAt": span}}
            job = self.first(self.ask("POST", f"{base}/create.json", body))["exportId"]
            self.ask("POST", f"{base}/{job}/enqueue.json")
            self.emulator.clock.advance(60)
            self.ask("GET", f"{base}/{job}/status.json")
            self.ask("GET", f"{base}/{job}/file.json")
            other = self.first(self.ask("POST", f"{base}/create.json", body))["exportId"]
            self.ask("POST", f"{base}/{other}/cancel.json")
            self.ask("GET", f"{base}.json")
        mark = "x"
        head = 'Content-Disposition: form-data; name="file"; filename="a.csv"'
        file = f"--{mark}\r\n{head}\r\n\r\nemail\ny@example.com\nbad\n\r\n--{mark}--\r\n"
        kind = f"multipart/form-data; boundary={mark}"
        said = self.ask("POST", "/bulk/v1/leads.json?format=csv", file.encode(), kind)
        batch = f"/bulk/v1/leads/batch/{self.first(said)['batchId']}"
        self.ask("GET", f"{batch}.json")
        self.emulator.clock.advance(60)
        for path in (".json", "/failures.json", "/warnings.json"):
            self.ask("GET", f"{batch}{path}")

    def rest(self) -> None:
        """Ask for usage, and take away what was made."""
        for path in ("usage", "usage/last7days", "errors", "errors/last7days"):
            self.ask("GET", f"/rest/v1/stats/{path}.json")
        one = "/rest/v1/activities/external/type/log"
        self.ask("POST", f"{one}/attributes/delete.json", {"attributes": [{"apiName": "text"}]})
        self.ask("POST", f"{one}/delete.json")
        self.ask("DELETE", "/rest/v1/leads.json", {"input": [{"id": 4}]})


def toured() -> list[tuple[str, str, object]]:
    """Return method, path and answer of every call of a tour."""
    with emulate() as emulator:
        tour = Tour(emulator)
        tour.sign_in()
        tour.people()
        tour.types()
        tour.feeds()
        tour.bulk()
        tour.rest()
        return tour.answers


def unserved(answers: list[tuple[str, str, object]]) -> list[str]:
    """Return the routes of the emulator that the tour did not come by."""
    seen = {(method, path) for method, path, _ in answers}
    return [
        f"{route.method} {route.path.pattern}: not called by the tour"
        for route in ROUTES
        if not any(method == route.method and route.path.fullmatch(path) for method, path in seen)
    ]


def _excused(path: str, complaint: str) -> bool:
    pages = (each for place, each in _OTHERWISE.items() if re.search(place, path))
    return any(complaint.endswith(f".{name}: missing") for names in pages for name in names)


def main(file: str) -> int:
    """Print what does not agree, and return how the process ends."""
    description = Description(_of(json.loads(Path(file).read_text("utf-8"))))
    answers = toured()
    found = unserved(answers)
    templates: set[str] = set()
    for method, path, answer in answers:
        schema = description.schema(method, path)
        if schema is None:
            print(f"{method} {path}: not described; clients call it all the same")
            continue
        templates.add(f"{method} {schema[0]}")
        if _of(answer).get("success") is False:
            found.append(f"{method} {path}: it failed")
        complaints = description.complaints(answer, schema[1], "")
        found += [f"{method} {path}: {each}" for each in complaints if not _excused(path, each)]
    for each in dict.fromkeys(found):
        print(each)
    print(f"{len(answers)} answers to {len(templates)} described paths, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
