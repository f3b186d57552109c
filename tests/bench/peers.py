"""
One peer on the same workload: ``python -m bench.peers <peer> <JSON arguments>``.

Runs in the peers' own virtual environment and needs nothing of ours. Each does what ours
does in a full comparison: two sides of which one percent has changed, and the state in
which they last agreed. All data is in memory, and making it is not measured.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from typing import TypeAlias

from bench import workload
from bench.workload import DYNAMICS, FIELDS, MARKETO, Wire, clock

Records: TypeAlias = dict[str, dict[str, Wire]]

_NAMES = tuple(name for name, _ in FIELDS)


def records(count: int) -> tuple[Records, Records, Records]:
    """Return the base and both sides, one percent of each changed."""
    every: list[Records] = [
        {
            workload.person_id(index): dict(zip(_NAMES, workload.row(MARKETO, index), strict=True))
            for index in range(count)
        }
        for _ in range(3)
    ]
    chosen = workload.changed_records(count, count // 100, 1)
    for side, indexes in zip((MARKETO, DYNAMICS), chosen, strict=True):
        for index in indexes:
            for at in workload.changed_fields(side, index, 1):
                new = workload.fresh(side, index, at, 1)[MARKETO]
                every[1 + side][workload.person_id(index)][_NAMES[at]] = new
    return every[0], every[1], every[2]


def dictdiffer(count: int) -> float:
    """Merge every record by dictdiffer's three-way merger."""
    from dictdiffer.merge import Merger  # type: ignore[import-not-found,unused-ignore]
    from dictdiffer.resolve import (  # type: ignore[import-not-found,unused-ignore]
        UnresolvedConflictsException,
    )

    base, one, two = records(count)
    began = clock()
    for key, before in base.items():
        merger = Merger(before, one[key], two[key], {})
        try:
            merger.run()
        except UnresolvedConflictsException as error:
            merger.continue_run(["f"] * len(error.content))
    return clock() - began


def diffsync(count: int) -> float:
    """Compare both sides with the base by two diffs, as diffsync's users do."""
    from diffsync import Adapter, DiffSyncModel  # type: ignore[import-not-found,unused-ignore]

    namespace: dict[str, object] = {
        "_modelname": "person",
        "_identifiers": ("key",),
        "_attributes": _NAMES,
        "__annotations__": {"key": str, **dict.fromkeys(_NAMES, Wire)},
        "__module__": __name__,
    }
    person = type("Person", (DiffSyncModel,), namespace)
    people = type("People", (Adapter,), {"person": person, "top_level": ["person"]})

    def adapter(source: Records) -> object:
        made = people()
        for key, values in source.items():
            made.add(person(key=key, **values))
        return made

    base, one, two = (adapter(source) for source in records(count))
    began = clock()
    first = base.diff_from(one).dict()  # type: ignore[attr-defined]
    second = base.diff_from(two).dict()  # type: ignore[attr-defined]
    for key in first.get("person", {}).keys() & second.get("person", {}).keys():
        mine, theirs = first["person"][key]["+"], second["person"][key]["+"]
        theirs.update(mine)
    return clock() - began


def vdirsyncer(count: int) -> float:
    """Sync two memory storages, after a first sync that fills its status."""
    from vdirsyncer.storage.memory import MemoryStorage  # type: ignore[import-not-found,unused-ignore]
    from vdirsyncer.sync import sync  # type: ignore[import-not-found,unused-ignore]
    from vdirsyncer.sync.status import SqliteStatus  # type: ignore[import-not-found,unused-ignore]
    from vdirsyncer.vobject import Item  # type: ignore[import-not-found,unused-ignore]

    def item(key: str, values: dict[str, Wire]) -> object:
        lines = [f"{name.upper()}:{value}" for name, value in values.items()]
        return Item("\r\n".join(["BEGIN:VCARD", f"UID:{key}", *lines, "END:VCARD"]))

    async def run() -> float:
        base, one, two = records(count)
        storages = (MemoryStorage(), MemoryStorage())
        for key, values in base.items():
            await storages[0].upload(item(key, values))
        status = SqliteStatus(":memory:")
        await sync(*storages, status, conflict_resolution="a wins")
        for storage, side in zip(storages, (one, two), strict=True):
            for key, values in side.items():
                if values != base[key]:
                    etag, _ = storage.items[key]
                    await storage.update(key, item(key, values), etag)
        began = clock()
        await sync(*storages, status, conflict_resolution="a wins")
        return clock() - began

    return asyncio.run(run())


PEERS: dict[str, Callable[[int], float]] = {
    "diffsync": diffsync,
    "dictdiffer": dictdiffer,
    "vdirsyncer": vdirsyncer,
}


def main() -> None:
    """Do what the command line says."""
    logging.disable(logging.CRITICAL)
    count = json.loads(sys.argv[2])["count"]
    seconds = PEERS[sys.argv[1]](count)
    print(json.dumps({"pace": count / seconds}))


if __name__ == "__main__":
    main()
