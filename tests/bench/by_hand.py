"""
A first load over both APIs as anybody would write it by hand: the least that has to be done.

Read both tables of Dynamics page by page, rename the columns, make the people in Marketo, keep
both ids and both rows in SQLite. No rights, no validation, no merge, no backlog, no journal, no
second try. What the sync takes besides this is the price of what it promises.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlencode

import attrs

from bench.http_worker import URL, Numbers, World
from bench.virtual import VirtualClock
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT
from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD
from dynsync.records import Wire as Value
from dynsync.transport import Request, Transport

_BATCH: Final = 300
_PAGE: Final = 5_000
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}

Rows = Sequence[Mapping[str, Value]]


@attrs.frozen
class _Api:
    transport: Transport
    token: str

    def ask(self, url: str, body: object = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        headers["Prefer"] = f"odata.maxpagesize={_PAGE}"
        headers["Content-Type"] = "application/json"
        sent = None if body is None else json.dumps(body).encode()
        request = Request("GET" if body is None else "POST", url, headers, sent)
        return _said(self.transport, request)


def _said(transport: Transport, request: Request) -> dict[str, object]:
    response = transport.send(request)
    if response.status >= 300:
        raise AssertionError(response.body.decode())
    return cast("dict[str, object]", json.loads(response.body))


def _token(transport: Transport, url: str) -> str:
    asked = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scope": f"{URL}/.default",
    }
    request = Request("POST", url, _FORM, urlencode(asked).encode())
    return str(_said(transport, request)["access_token"])


def _pages(dynamics: _Api, entity: EntityMap, columns: Sequence[str]) -> Iterator[Rows]:
    table = entity.tables.dynamics
    url = f"{URL}/api/data/v9.2/{table}s?$select={','.join(columns)}"
    while url:
        page = dynamics.ask(url)
        yield cast("Rows", page["value"])
        url = str(page.get("@odata.nextLink", ""))


def _names(world: World, entity: EntityMap) -> Mapping[str, str]:
    """Return what the columns of Dynamics that a sync looks at are called in Marketo."""
    names = {field.names.dynamics: field.names.marketo for field in entity.fields}
    table = entity.tables.dynamics
    there = world.sync.dynamics.describe(table).columns
    return {native: names[native] for native, column in there.items() if native in names}


def _person(row: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    # Numbers are codes of choices here, and text in Marketo.
    return {
        names[column]: str(value) if type(value) is int else value
        for column, value in row.items()
        if value is not None and column in names
    }


def _load(
    world: World, entity: EntityMap, names: Mapping[str, str], dynamics: _Api, marketo: _Api
) -> int:
    key = f"{entity.tables.dynamics}id"
    kept = _keeping(world, entity)
    made = 0
    for page in _pages(dynamics, entity, [key, *names]):
        for start in range(0, len(page), _BATCH):
            rows = page[start : start + _BATCH]
            people = [_person(row, names) | {entity.link_field: row[key]} for row in rows]
            asked = {"action": "createOrUpdate", "lookupField": entity.link_field, "input": people}
            # As fast as Marketo allows.
            world.clock.advance(0.2)
            answer = marketo.ask(f"{URL}/rest/v1/leads.json", asked)
            results = cast("Sequence[dict[str, object]]", answer["result"])
            if skipped := [one for one in results if "id" not in one]:
                raise AssertionError(skipped[0])
            kept.execute("BEGIN")
            kept.executemany(
                "INSERT INTO link VALUES (NULL, ?, ?, ?, ?)",
                [
                    (str(one["id"]), row[key], json.dumps(person), json.dumps(row))
                    for one, row, person in zip(results, rows, people, strict=True)
                ],
            )
            kept.execute("COMMIT")
            made += sum(one["status"] == "created" for one in results)
    return made


def _keeping(world: World, entity: EntityMap) -> sqlite3.Connection:
    path = world.folder / f"by-hand-{entity.entity}.db"
    kept = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 10000"):
        kept.execute(f"PRAGMA {pragma}")
    kept.execute(
        """CREATE TABLE link (key INTEGER PRIMARY KEY, marketo_id TEXT UNIQUE,
        dynamics_id TEXT UNIQUE, marketo_row TEXT NOT NULL, dynamics_row TEXT NOT NULL)"""
    )
    return kept


def first_load(world: World, records: int) -> Numbers:
    """Load everybody, and return how many, and what it took of the processor's time."""
    here, there = world.wires
    each = [(entity, _names(world, entity)) for entity in (LEAD, CONTACT)]
    for wire in world.wires:
        wire.forget()
    cpu = time.process_time()
    marketo = _Api(here, _token(here, f"{URL}/identity/oauth/token"))
    dynamics = _Api(there, _token(there, f"{URL}/{TENANT}/oauth2/v2.0/token"))
    made = sum(_load(world, *one, dynamics, marketo) for one in each)
    cpu = time.process_time() - cpu - sum(wire.busy for wire in world.wires)
    if made != records:
        raise AssertionError(made)
    return {"records": made, "cpu": cpu}


def main() -> None:
    """Do what the command line says."""
    records = int(json.loads(sys.argv[2])["records"])
    with tempfile.TemporaryDirectory(prefix="dynsync-bench-") as folder:
        world = World(Path(folder), "ids", VirtualClock())
        world.fill(records, 0)
        print(json.dumps(first_load(world, records)))


if __name__ == "__main__":
    main()
