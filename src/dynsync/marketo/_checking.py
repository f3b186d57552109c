"""
The rights and settings of one instance, tried without writing anything.

A right to write is tried by a call that has nothing in it: Marketo looks at the role first,
and then complains that there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from dynsync.connectors import Finding, Level, Needs
from dynsync.errors import SystemFailure, Throttled, Unavailable
from dynsync.marketo._api import Api
from dynsync.marketo._calls import Calls
from dynsync.marketo._describe import owned_by_crm
from dynsync.marketo._json import Json, text_of
from dynsync.marketo._log import ACTIVITY_TYPE, ADD, TYPE, TYPES, approved
from dynsync.marketo._options import MarketoOptions
from dynsync.marketo._permissions import permission
from dynsync.marketo._replies import DENIED, asked, code_of, reply
from dynsync.marketo._usage import used
from dynsync.records import Side
from dynsync.schemas import Access
from dynsync.transport import Flow, Lost, NotSent, Request

__all__ = ["Checking"]

_EMPTY: Final = frozenset({"609", "701", "1001", "1002", "1003"})
"""What Marketo says of a call with nothing in it, once the role has let it in."""

_ROLE: Final = (
    "Give it to the role of the API user in Admin > Users & Roles; if the role has it, allow this "
    "machine's address in Admin > Web Services."
)
_AGAIN: Final = "Put that right, and check again."

_FULL: Final = 0.9
"""The share of the day's calls that is nearly all of it."""


class Checking:
    """What `dynsync.check` is told of an instance, for a sync with *needs*."""

    def __init__(self, api: Api, calls: Calls, options: MarketoOptions, needs: Needs) -> None:
        self._api = api
        self._calls = calls
        self._options = options
        self._needs = needs

    def findings(self) -> Iterator[Finding]:
        """Yield how all is; raises `SystemFailure` where Marketo does not answer."""
        self._calls.now()
        people = self._api.get("/rest/v1/leads/describe.json")
        # Whatever else than the role keeps this call from an answer keeps all from theirs.
        yield _judged("reading people", people, allowed=self._calls.run(_allowed(people)))
        yield from self._tried("other sync", self._other_sync)
        if Access.UPDATE in self._needs.tables.get(self._options.table, Access.NONE):
            nothing = {"action": "updateOnly", "lookupField": "id", "input": list[Json]()}
            yield self._right("writing people", self._api.post("/rest/v1/leads.json", nothing))
        since = self._calls.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        feed = self._api.get("/rest/v1/activities/pagingtoken.json", {"sinceDatetime": since})
        yield self._right("change feed", feed)
        if self._options.full == "bulk":
            yield self._right("bulk extract", self._api.get("/bulk/v1/leads/export.json"))
        if self._needs.activity_log == "written":
            types = self._right("activity log", self._api.get(TYPES))
            if types.level == "ok":
                yield from self._tried("activity log", self._activity_log)
            else:
                yield types
        yield from self._tried("daily quota", self._quota)

    def _tried(self, about: str, findings: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
        try:
            yield from findings()
        except (Throttled, Unavailable):
            raise
        except SystemFailure as failure:
            yield _found(about, "untried", failure.message, _AGAIN)

    def _right(self, about: str, request: Request) -> Finding:
        """Return whether the role allows *request*, which does nothing."""
        try:
            allowed = self._calls.run(_allowed(request))
        except (Throttled, Unavailable):
            raise
        except SystemFailure as failure:
            return _found(about, "untried", failure.message, _AGAIN)
        return _judged(about, request, allowed=allowed)

    def _other_sync(self) -> Iterator[Finding]:
        owned = self._calls.run(owned_by_crm(self._api))
        if owned:
            seen = f"Marketo's own sync with a CRM owns {len(owned)} fields of people"
            todo = "Use an instance without it: the two would write over each other (R101)."
            yield _found("other sync", "missing", seen, todo)
        else:
            yield _found("other sync", "ok", "no CRM sync of Marketo's own is on")

    def _activity_log(self) -> Iterator[Finding]:
        about = "activity log"
        types = self._calls.run(asked(self._api.get(TYPES))).result
        mine = next((row for row in types if text_of(row, "apiName") == ACTIVITY_TYPE), None)
        takes = [self._api.post(ADD, {"input": list[Json]()})]
        seen = f"there is the type of activity {ACTIVITY_TYPE!r}"
        if mine is None or not approved(mine):
            takes.append(self._api.post(f"{TYPE}.json", {}))
            seen = f"the type of activity {ACTIVITY_TYPE!r} will be made when it is needed"
        lacking = [permission(each) for each in takes if not self._calls.run(_allowed(each))]
        if lacking:
            seen = f"the role lacks {' and '.join(lacking)} [{DENIED}]"
            yield _found(about, "missing", seen, _ROLE)
        else:
            yield _found(about, "ok", seen)

    def _quota(self) -> Iterator[Finding]:
        about, pace = "daily quota", self._calls.limiter.pace
        today = self._calls.run(used(self._api, "usage"))
        total = today[0].total if today else 0
        seen = f"{total} calls today, by everybody"
        if pace.day is None:
            yield _found(about, "ok", seen)
        elif total >= pace.day * _FULL:
            todo = "Wait until midnight US Central, see who else calls, or ask Adobe for more."
            yield _found(about, "look", f"{seen}, of {pace.day}", todo)
        else:
            yield _found(about, "ok", f"{seen}, of {pace.day}")


def _allowed(request: Request) -> Flow[bool]:
    """Return whether the role allows *request*; raise what else keeps it from an answer."""
    try:
        response = yield request
    except (NotSent, Lost) as failure:
        raise Unavailable(Side.MARKETO, f"no answer: {failure}") from None
    code = code_of(response)
    if code == DENIED:
        return False
    if code not in _EMPTY:
        reply(response)
    return True


def _judged(about: str, request: Request, *, allowed: bool) -> Finding:
    named = permission(request)
    if allowed:
        return _found(about, "ok", f"the role allows it ({named})")
    return _found(about, "missing", f"the role lacks {named} [{DENIED}]", _ROLE)


def _found(about: str, level: Level, seen: str, todo: str = "") -> Finding:
    return Finding(Side.MARKETO, about, level, seen, todo)
