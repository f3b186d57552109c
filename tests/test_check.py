"""
Checking, and bad input: what is wrong is told by side, with what was seen and what to do.

Nothing is written, and little time passes: by the sandboxes' clock, which nobody waits for.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, cast

import attrs
import pytest
from click.testing import CliRunner, Result

from dynsync.checking import check
from dynsync.cli._app import app
from dynsync.cli._exits import ExitCode
from dynsync.connectors import Checkable, Clock, DynamicsConnector, Finding, MarketoConnector
from dynsync.dynamics import ClientSecret, DataverseConnector
from dynsync.dynamics._checking import depths_of
from dynsync.emulator import CLIENT_ID, CLIENT_SECRET, TENANT, Direct, Emulator, MovedClock, emulate
from dynsync.errors import ConfigurationError, ContractError, SyncError, Unavailable
from dynsync.fields import EntityMap, Match
from dynsync.guards import Guards
from dynsync.kinds import IntegerKind
from dynsync.limiting import Limiter
from dynsync.maps import CONTACT, LEAD
from dynsync.marketo import PACE, CustomService, FullRead, MarketoOptions, MarketoRestConnector
from dynsync.marketo._api import Api
from dynsync.marketo._log import ACTIVITY_TYPE
from dynsync.marketo._permissions import permission
from dynsync.memory import MemoryStore
from dynsync.records import Side
from dynsync.sandbox import PERSON_COLUMNS, Fault, SandboxClock, SandboxDynamics, SandboxMarketo
from dynsync.schemas import Access, Column, Schema
from dynsync.sync import Sync
from dynsync.transport import NotSent, Request, Response, Transport
from test_windows import OffClock

URL: Final = "http://127.0.0.1:1"
SECONDS: Final = 60.0
"""How long a run may take to tell what is wrong."""

Wire = Callable[[Transport], Transport]
Key = tuple[Side, str]


@attrs.frozen
class Answers:
    """What stands before a system, and answers every request whose URL has *urls* in it."""

    answer: Response | NotSent
    beyond: Transport
    urls: str

    def send(self, request: Request) -> Response:
        """Return the answer, or raise it."""
        if not re.search(self.urls, request.url):
            return self.beyond.send(request)
        if isinstance(self.answer, NotSent):
            raise self.answer
        return self.answer


@attrs.frozen
class Dated:
    """Puts the time on answers, as the emulator does where there are sockets."""

    emulator: Emulator

    def send(self, request: Request) -> Response:
        """Return the answer with its date."""
        answer = Direct(self.emulator).send(request)
        date = self.emulator.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        return attrs.evolve(answer, headers={**answer.headers, "date": date})


class Host:
    """
    Two emulated systems, of which Dynamics has a contact, and a host that would sync them.

    *wires* lead to a side by way of something; *secrets* are the wrong ones that it gives.
    """

    def __init__(
        self,
        *,
        wires: Mapping[Side, Wire] | None = None,
        secrets: Mapping[Side, str] | None = None,
        columns: Collection[Column] = PERSON_COLUMNS,
        maps: Collection[EntityMap] = (CONTACT,),
        off: float = 0.0,
        day: int | None = None,
        full: FullRead = "ids",
    ) -> None:
        self.clock = SandboxClock()
        self.marketo = SandboxMarketo(clock=self.clock, columns=columns)
        self.dynamics = SandboxDynamics(clock=self.clock)
        self.dynamics.create("contact", {"firstname": "Ada", "lastname": "King"})
        self.emulator = Emulator(self.marketo, self.dynamics, self.clock)
        self.maps = maps
        self.ours = OffClock(self.clock, off)
        self.guards = Guards()
        self._wires, self._secrets = wires or {}, secrets or {}
        self.systems = self._people(day, full), self._org()

    def _people(self, day: int | None, full: FullRead) -> MarketoRestConnector:
        secret = self._secrets.get(Side.MARKETO, CLIENT_SECRET)
        return MarketoRestConnector(
            URL,
            transport=self._wire(Side.MARKETO),
            credentials=CustomService(client_id=CLIENT_ID, secret=secret),
            clock=self.ours,
            limiter=Limiter(Side.MARKETO, attrs.evolve(PACE, day=day), self.ours),
            options=MarketoOptions(full=full, gap=300, began=dt.date(2026, 1, 1)),
        )

    def _org(self) -> DataverseConnector:
        secret = self._secrets.get(Side.DYNAMICS, CLIENT_SECRET)
        return DataverseConnector(
            URL,
            transport=self._wire(Side.DYNAMICS),
            credentials=ClientSecret(
                tenant=TENANT, client_id=CLIENT_ID, secret=secret, authority=URL
            ),
            clock=self.ours,
        )

    def _wire(self, side: Side) -> Transport:
        straight = Dated(self.emulator)
        wire = self._wires.get(side)
        return straight if wire is None else wire(straight)

    def found(self) -> list[Finding]:
        """Return what a check finds."""
        marketo, dynamics = self.systems
        return [*check(marketo=marketo, dynamics=dynamics, maps=self.maps, clock=self.ours)]

    def amiss(self) -> dict[Key, Finding]:
        """Return what a check finds that is not as it has to be, by side and what it is about."""
        return {(f.side, f.about): f for f in self.found() if f.level != "ok"}

    def run(self) -> str:
        """Return what a run says of the trouble that it is in."""
        marketo, dynamics = self.systems
        try:
            report = Sync(
                marketo=marketo,
                dynamics=dynamics,
                maps=[*self.maps],
                store=MemoryStore(),
                guards=self.guards,
                clock=self.ours,
            ).run()
        except SyncError as error:
            return str(error)
        return "; ".join(map(str, report.failures))

    def untouched(self) -> bool:
        """Return whether nothing was written to either system."""
        return not self.marketo.count() and len(self.dynamics.rows("contact")) == 1

    def told_both_ways(self, side: Side, about: str) -> tuple[Finding, str]:
        """Return what a check and a run say of the trouble, which both have soon and harmlessly."""
        finding = self.amiss()[side, about]
        assert not self.clock.slept
        told = self.run()
        assert self.clock.slept < SECONDS
        assert self.untouched()
        assert finding.seen
        assert finding.todo
        return finding, told


# -- a sync that would work


def test_nothing_is_missing_where_all_is_well() -> None:
    """Every right and setting of two good systems is found good, over the real APIs."""
    host = Host(full="bulk", maps=[LEAD, CONTACT])
    found = host.found()

    assert [] == [str(finding) for finding in found if finding.level != "ok"]
    assert {*Side} == {finding.side for finding in found}
    assert host.untouched()
    assert not host.clock.slept


def test_nothing_is_missing_in_the_sandboxes() -> None:
    """The sandboxes are as a sync needs them, and say so themselves."""
    host = Host()
    marketo, dynamics = host.marketo.connector(), host.dynamics.connector()
    found = check(marketo=marketo, dynamics=dynamics, maps=[LEAD, CONTACT], clock=host.clock)

    assert {"ok"} == {finding.level for finding in found}
    assert host.untouched()


def test_a_sandbox_tells_of_a_right_that_is_gone() -> None:
    """What a sandbox's user may not do is found without any HTTP."""
    host = Host()
    host.dynamics.revoke("contact", Access.UPDATE)
    marketo, dynamics = host.marketo.connector(), host.dynamics.connector()
    found = check(marketo=marketo, dynamics=dynamics, maps=[CONTACT], clock=host.clock)

    assert ["rights on 'contact'"] == [each.about for each in found if each.level == "missing"]


@pytest.mark.parametrize(
    ("fault", "about", "todo"),
    [
        (Fault("down"), ["connection", "all else"], "Try again"),
        (Fault("throttled"), ["table '{}'"], "Wait a little"),
        (Fault("throttled", scope="day"), ["table '{}'"], "until the quota begins anew"),
    ],
    ids=["down", "throttled", "day"],
)
@pytest.mark.parametrize("side", [*Side])
def test_a_sandbox_that_does_not_describe_its_table(
    side: Side, fault: Fault, about: list[str], todo: str
) -> None:
    """Who is down is not asked anything more; of who is busy a table stays unknown."""
    host = Host()
    system, table = (host.marketo, "person") if side is Side.MARKETO else (host.dynamics, "contact")
    system.faults.plan("describe", fault)
    marketo, dynamics = host.marketo.connector(), host.dynamics.connector()
    found = check(marketo=marketo, dynamics=dynamics, maps=[CONTACT], clock=host.clock)
    amiss = [finding for finding in found if finding.level != "ok"]

    assert [each.format(table) for each in about] == [each.about for each in amiss]
    assert {side} == {each.side for each in amiss}
    assert todo in amiss[0].todo


def test_a_field_to_match_by_that_is_no_text_is_not_looked_up() -> None:
    """A number that nobody has cannot be asked for: the match is left to the first run."""
    number = attrs.evolve(CONTACT.field("postal_code"), kind=IntegerKind())
    by_number = attrs.evolve(CONTACT.plus(number), match=Match("postal_code"))
    host = Host()
    marketo, dynamics = host.marketo.connector(), host.dynamics.connector()
    found = check(marketo=marketo, dynamics=dynamics, maps=[by_number], clock=host.clock)
    tried = [each.about for each in found if each.about.startswith("looking up")]

    assert ["looking up contacts by 'crmContactId'"] == tried
    assert {"ok"} == {each.level for each in found}


def test_a_check_leaves_nothing_behind_in_marketo() -> None:
    """No type of activity and no job of an export comes of trying whether they may be made."""
    host = Host(full="bulk")
    host.found()

    assert {} == host.emulator.marketo_api.jobs
    assert ACTIVITY_TYPE.encode() not in host.marketo.snapshot()


def test_a_connector_without_a_say_is_checked_by_the_contract() -> None:
    """Who brings a connector of their own need not implement anything more."""
    host = Host()
    marketo = cast("MarketoConnector", Plain(host.marketo.connector()))
    dynamics = cast("DynamicsConnector", Plain(host.dynamics.connector()))
    assert not isinstance(marketo, Checkable)
    found = check(marketo=marketo, dynamics=dynamics, maps=[CONTACT], clock=host.clock)

    assert {"ok", "untried"} == {finding.level for finding in found}
    assert [*Side] == [finding.side for finding in found if finding.level == "untried"]


class Plain:
    """A connector without more than the contract asks for."""

    def __init__(self, whole: object) -> None:
        for name in ("side", "capabilities", "identity", "describe", "read", "fetch", "find"):
            setattr(self, name, getattr(whole, name))
        for name in ("write", "log", "logged", "sync_user"):
            setattr(self, name, getattr(whole, name, None))


def test_what_a_connector_may_not_raise_is_told_as_its_fault() -> None:
    """A connector that raises something of its own breaks the contract, in a check as in a run."""
    host = Host()
    plain = Plain(host.marketo.connector())
    plain.describe = _stumble  # type: ignore[attr-defined]
    marketo = cast("MarketoConnector", plain)

    with pytest.raises(ContractError, match=r"raised ZeroDivisionError .* in describe"):
        check(marketo=marketo, dynamics=host.systems[1], maps=[CONTACT], clock=host.clock)


def test_a_system_that_does_not_tell_its_time_when_asked() -> None:
    """Its clock stays unknown, with what it said; all else is tried."""
    host = Host()
    whole = host.dynamics.connector()
    timeless = Plain(whole)
    timeless.check, timeless.system_time = whole.check, _no_time  # type: ignore[attr-defined]
    found = check(
        marketo=host.systems[0],
        dynamics=cast("DynamicsConnector", timeless),
        maps=[CONTACT],
        clock=host.clock,
    )
    amiss = [each for each in found if each.level != "ok"]

    assert [(Side.DYNAMICS, "clock", "no time to tell")] == [
        (each.side, each.about, each.seen) for each in amiss
    ]
    assert amiss[0].todo
    assert "reading 'contact'" in {each.about for each in found if each.side is Side.DYNAMICS}


def _no_time() -> dt.datetime:
    raise Unavailable(Side.DYNAMICS, "no time to tell")


def _stumble(table: str) -> Schema:
    raise ZeroDivisionError(table)


# -- bad input: of a check, and of a run

HTML: Final = Response(200, {"content-type": "text/html"}, b"<html>Please sign in</html>")
ELSEWHERE: Final = Response(404, {"content-type": "text/html"}, b"<html>Not Found</html>")
AWAY: Final = NotSent("ConnectError at <Request GET https://no.such.host/>")
"""What a transport says of a host that is not there."""

BEHIND: Final = "/rest/|/api/"


def answered(answer: Response | NotSent, urls: str = "") -> Wire:
    """Return a wire on which *answer* comes to all requests with *urls* in theirs."""
    return lambda beyond: Answers(answer, beyond, urls)


WIRES: Final = {
    "a wrong URL": answered(ELSEWHERE),
    "a wrong host": answered(AWAY),
    "HTML for a token": answered(HTML),
    "HTML behind the token": answered(HTML, BEHIND),
    "a wrong path": answered(ELSEWHERE, BEHIND),
}


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("trouble", WIRES)
def test_what_stands_in_the_way(side: Side, trouble: str) -> None:
    """A wrong URL, or a page of a proxy's, is told with the side and the advice to see the URL."""
    host = Host(wires={side: WIRES[trouble]})
    finding, told = host.told_both_ways(side, "connection")

    assert "missing" == finding.level
    assert "URL" in finding.seen
    assert re.search(f"{side.label}: .*URL", told)


@pytest.mark.parametrize("side", Side)
def test_a_wrong_secret(side: Side) -> None:
    """A secret that is not accepted is told with where to look, and never quoted."""
    host = Host(secrets={side: "not-the-secret"})
    finding, told = host.told_both_ways(side, "connection")

    assert "missing" == finding.level
    assert "secret" in finding.seen
    assert re.search(f"{side.label}: .*secret", told)
    assert "not-the-secret" not in told + str(finding)


ROLE: Final = frozenset({"Read-Write Lead", "Read-Write Activity", "Read-Write Activity Metadata"})


@pytest.mark.parametrize(
    ("permission", "instead", "about"),
    [
        ("Read-Write Lead", "Read-Only Lead", "writing people"),
        ("Read-Write Lead", "", "reading people"),
        ("Read-Write Activity", "", "change feed"),
        ("Read-Write Activity", "Read-Only Activity", "activity log"),
        ("Read-Write Activity Metadata", "Read-Only Activity Metadata", "activity log"),
        ("Read-Write Activity Metadata", "", "activity log"),
    ],
)
def test_a_permission_that_the_role_lacks(permission: str, instead: str, about: str) -> None:
    """The permission that a role of Marketo's lacks is named, and where to give it."""
    host = Host()
    host.emulator.marketo_api.role = (ROLE - {permission}) | {instead}
    finding = host.amiss()[Side.MARKETO, about]
    area = permission.removeprefix("Read-Write ")

    assert "missing" == finding.level
    assert re.search(rf"Read-(Only|Write) {area}( and| \[)", finding.seen)
    assert "Users & Roles" in finding.todo
    assert host.untouched()


def test_a_role_that_may_not_write_people() -> None:
    """A run that finds out by itself says which permission it was, and wrote nothing."""
    host = Host()
    host.emulator.marketo_api.role = ROLE - {"Read-Write Lead"} | {"Read-Only Lead"}
    _, told = host.told_both_ways(Side.MARKETO, "writing people")

    assert re.search("Marketo: .*give the API role .*Read-Write Lead", told)


def test_an_activity_type_that_is_there_takes_no_right_to_make_it() -> None:
    """Who made the type of activity by hand need not let the role make types."""
    host = Host()
    host.systems[0].log([])
    host.emulator.marketo_api.role = ROLE - {"Read-Write Activity Metadata"} | {
        "Read-Only Activity Metadata"
    }

    assert {} == host.amiss()


def test_a_log_that_nobody_writes_is_not_asked_for() -> None:
    """Without the recorder of the activity log, its rights do not matter."""
    host = Host()
    host.emulator.marketo_api.role = ROLE - {"Read-Write Activity Metadata"}
    marketo, dynamics = host.systems
    found = check(
        marketo=marketo,
        dynamics=dynamics,
        maps=host.maps,
        activity_log="unused",
        clock=host.clock,
    )

    assert {"ok"} == {finding.level for finding in found}


def test_another_sync_of_marketos_own() -> None:
    """An instance with a native CRM sync is no place for a second one (R101)."""
    told = {"name": "API Lead", "fields": [{"name": "sfdcId", "crmManaged": True}]}
    body = json.dumps({"requestId": "1#1", "success": True, "result": [told]}).encode()
    answer = Response(200, {"content-type": "application/json"}, body)
    finding = Host(wires={Side.MARKETO: answered(answer, "describe2")}).amiss()[
        Side.MARKETO, "other sync"
    ]

    assert "missing" == finding.level
    assert "owns 1 field" in finding.seen


@pytest.mark.parametrize(
    ("access", "lacking"),
    [
        (Access.READ, "prvReadContact"),
        (Access.CREATE, "prvCreateContact"),
        (Access.UPDATE, "prvWriteContact"),
    ],
)
def test_a_privilege_that_the_user_lacks(access: Access, lacking: str) -> None:
    """The privilege that the security role lacks is named as Dynamics names it."""
    host = Host()
    host.dynamics.revoke("contact", access)
    finding = host.amiss()[Side.DYNAMICS, "rights on 'contact'"]

    assert "missing" == finding.level
    assert lacking in finding.seen
    assert "security role" in finding.todo
    assert host.untouched()


def test_a_table_that_the_user_may_not_read() -> None:
    """A run that may not read a table names the privilege, and wrote nothing."""
    host = Host()
    host.dynamics.revoke("contact", Access.READ)
    _, told = host.told_both_ways(Side.DYNAMICS, "reading 'contact'")

    assert re.search("Dynamics: .*prvReadContact", told)


def test_a_user_who_is_no_member() -> None:
    """A user whom the organisation does not let in is told with what to look at."""
    host = Host()
    host.dynamics.faults.hook = lambda *_: Fault("refused")
    finding, told = host.told_both_ways(Side.DYNAMICS, "connection")

    assert "application user" in finding.seen
    assert re.search("Dynamics: .*application user", told)


def test_privileges_for_some_rows_only() -> None:
    """A right that does not reach the whole organisation hides rows, which is told."""
    host = Host(wires={Side.DYNAMICS: lambda beyond: Rewriting(beyond, b"Global", b"Basic")})
    finding = host.amiss()[Side.DYNAMICS, "rights on 'contact'"]

    assert "look" == finding.level
    assert "prvReadContact" in finding.seen


@pytest.mark.parametrize(
    ("was", "said", "about", "level"),
    [
        (b'"isdisabled": false', b'"isdisabled": true', "user", "missing"),
        (b'"applicationid": "', b'"was": "', "user", "look"),
        (
            b'"IsOptimisticConcurrencyEnabled": true',
            b'"IsOptimisticConcurrencyEnabled": false',
            "row versions of 'contact'",
            "missing",
        ),
    ],
)
def test_a_setting_of_the_organisation(was: bytes, said: bytes, about: str, level: str) -> None:
    """A disabled user, a person's user and a table without versions are told."""
    host = Host(wires={Side.DYNAMICS: lambda beyond: Rewriting(beyond, was, said)})
    finding = host.amiss()[Side.DYNAMICS, about]

    assert level == finding.level
    assert finding.todo


@attrs.frozen
class Rewriting:
    """Says something else in answers."""

    beyond: Transport
    was: bytes
    said: bytes

    def send(self, request: Request) -> Response:
        """Return the answer, rewritten."""
        answer = self.beyond.send(request)
        pattern = re.escape(self.was).replace(rb"\ ", rb" ?")
        return attrs.evolve(answer, body=re.sub(pattern, self.said, answer.body))


@pytest.mark.parametrize(
    ("was", "about"),
    [
        (b"/Microsoft.Dynamics.CRM.RetrieveUserPrivileges()", "privileges"),
        (b"?$select=isdisabled", "user"),
    ],
)
def test_what_the_user_may_not_ask(was: bytes, about: str) -> None:
    """A user who may not see its own rights is told which right that takes; the rest goes on."""
    host = Host(
        wires={Side.DYNAMICS: lambda beyond: Asking(beyond, was, b"/Nothing?$select=nothing")}
    )
    found = host.amiss()

    assert [(Side.DYNAMICS, about)] == [*found]
    assert "untried" == found[Side.DYNAMICS, about].level
    assert "Read on User" in found[Side.DYNAMICS, about].todo


@attrs.frozen
class Asking:
    """Asks for something that there is not."""

    beyond: Transport
    was: bytes
    asked: bytes

    def send(self, request: Request) -> Response:
        """Return the answer to the other question, where checks ask in a batch."""
        body = request.body
        if body is not None and b"ChangeTrackingEnabled" in body:
            body = body.replace(self.was, self.asked)
        return self.beyond.send(attrs.evolve(request, body=body))


def test_the_widest_of_several_roles_counts() -> None:
    """A privilege that one role has for some rows and another for all is had for all."""
    for depths in (("Basic", "Global"), ("Global", "Basic")):
        said = {
            "RolePrivileges": [
                {"PrivilegeName": "prvReadContact", "Depth": depth} for depth in depths
            ]
        }
        answer = Response(200, {"content-type": "application/json"}, json.dumps(said).encode())

        assert {"prvreadcontact": "Global"} == depths_of(answer)


def test_change_tracking_that_is_off() -> None:
    """A table whose changes nobody keeps is told, in a run, too."""
    host = Host()
    host.emulator.dataverse_api.untracked.add("contact")
    finding, told = host.told_both_ways(Side.DYNAMICS, "change tracking of 'contact'")

    assert "missing" == finding.level
    assert "change tracking is off" in told


def test_a_table_that_is_not_there() -> None:
    """A table that the map names and Dynamics does not have is told by its name."""
    there = CONTACT.tables
    host = Host(maps=[attrs.evolve(CONTACT, tables=attrs.evolve(there, dynamics="patient"))])
    finding, told = host.told_both_ways(Side.DYNAMICS, "table 'patient'")

    assert "missing" == finding.level
    assert "Dynamics: there is no table 'patient'" in told


@pytest.mark.parametrize("name", [CONTACT.link_field, "email"])
def test_a_field_that_marketo_does_not_have(name: str) -> None:
    """A field that the schema lacks is told with its name, and how to do without it."""
    columns = [column for column in PERSON_COLUMNS if column.name != name]
    host = Host(columns=columns)
    about = "fields of 'contact'" if name == "email" else f"field {name!r}"
    finding, told = host.told_both_ways(Side.MARKETO, about)

    assert "missing" == finding.level
    assert name in finding.about + finding.seen
    assert re.search(f"Marketo.*{name}", told)


def test_a_link_field_that_may_not_be_written() -> None:
    """A field for the Dynamics id that is read-only is no place for it."""
    columns = [
        column.restrict(Access.READ) if column.name == CONTACT.link_field else column
        for column in PERSON_COLUMNS
    ]
    finding = Host(columns=columns).amiss()[Side.MARKETO, f"field {CONTACT.link_field!r}"]

    assert ("missing", "it may not be written") == (finding.level, finding.seen)


def test_a_stamp_that_is_not_there() -> None:
    """Microsoft Type is kept where there is a field for it; without one a sync works (R25)."""
    columns = [column for column in PERSON_COLUMNS if column.name != CONTACT.type_field]
    finding = Host(columns=columns).amiss()[Side.MARKETO, f"field {CONTACT.type_field!r}"]

    assert "look" == finding.level


def test_columns_that_may_not_be_read_or_changed() -> None:
    """A right on a column that is missing narrows the sync, and is told with the column."""
    host = Host()
    host.dynamics.secure("contact", "jobtitle", Access.UPDATE)
    host.dynamics.secure("contact", "telephone1", Access.READ)
    said = [f.seen for f in host.found() if f.about == "fields of 'contact'" and f.level == "look"]

    assert 2 == len(said)
    assert "may not be read, so take no part: jobtitle" == said[0]
    assert "may not be changed, so are only read: telephone1" == said[1]


def test_a_field_to_match_by_that_cannot_be_looked_up() -> None:
    """Marketo cannot look people up by every field, and a map that does is told before a run."""
    host = Host(maps=[attrs.evolve(CONTACT, match=Match("city"))])
    answer = {"success": False, "errors": [{"code": "1011", "message": "not supported"}]}
    body = json.dumps({"requestId": "1#1", **answer}).encode()

    def refusing(beyond: Transport) -> Transport:
        return Answers(Response(200, {}, body), beyond, r"/leads\.json")

    host = Host(maps=host.maps, wires={Side.MARKETO: refusing})
    finding = host.amiss()[Side.MARKETO, "looking up contacts by 'city'"]

    assert "missing" == finding.level
    assert "1011" in finding.seen


def test_a_quota_that_is_used_up() -> None:
    """A day's quota that is used up ends a run at once, with until when it lasts."""
    host = Host()
    host.marketo.faults.hook = lambda *_: Fault("throttled", scope="day")
    finding, told = host.told_both_ways(Side.MARKETO, "connection")

    assert "quota is used up" in finding.seen
    assert re.search("Marketo: .*quota is used up.*midnight", told)


def test_a_complaint_that_nobody_foresaw() -> None:
    """A complaint that is not of the role leaves the right in doubt; the rest goes on."""
    said = {"success": False, "errors": [{"code": "616", "message": "not here"}]}
    body = json.dumps({"requestId": "1#1", **said}).encode()
    host = Host(full="bulk", wires={Side.MARKETO: answered(Response(200, {}, body), "/bulk/")})
    found = host.amiss()

    assert [(Side.MARKETO, "bulk extract")] == [*found]
    assert "untried" == found[Side.MARKETO, "bulk extract"].level
    assert "616" in found[Side.MARKETO, "bulk extract"].seen


@pytest.mark.parametrize("date", [b"", b"yesterday"])
def test_a_system_that_does_not_say_the_time(date: bytes) -> None:
    """A gateway that drops the date leaves the clock unchecked, and nothing else."""
    host = Host(wires={Side.DYNAMICS: lambda beyond: Undated(beyond, date.decode())})
    found = host.amiss()

    assert [(Side.DYNAMICS, "clock")] == [*found]
    assert "untried" == found[Side.DYNAMICS, "clock"].level


@attrs.frozen
class Undated:
    """Puts something else in the place of dates."""

    beyond: Transport
    date: str

    def send(self, request: Request) -> Response:
        """Return the answer."""
        answer = self.beyond.send(request)
        return attrs.evolve(answer, headers={**answer.headers, "date": self.date})


def test_a_quota_that_is_nearly_used_up() -> None:
    """Where the host says what a day has, nearly all of it used is worth a line."""
    host = Host(day=10)
    finding = host.amiss()[Side.MARKETO, "daily quota"]

    assert "look" == finding.level
    assert "of 10" in finding.seen


@pytest.mark.parametrize("hours", [5, -5, 24 * 30])
def test_a_clock_that_is_hours_off(hours: int) -> None:
    """A clock that is set wrong is told by how much, and stops a run before it writes."""
    host = Host(off=hours * 3600.0)
    finding, told = host.told_both_ways(Side.MARKETO, "clock")
    span = "30 days" if hours > 24 else "5 hours"

    assert "missing" == finding.level
    assert span in finding.seen
    assert ("ahead of Marketo's" if hours > 0 else "behind Marketo's") in finding.seen
    assert f"clock is {span}" in told
    assert "Guards(clock=" in told
    assert (Side.DYNAMICS, "clock") in host.amiss()


def test_a_clock_that_is_minutes_off() -> None:
    """A sync reckons with a few minutes, and a check says so."""
    host = Host(off=900.0)

    assert "look" == host.amiss()[Side.MARKETO, "clock"].level
    assert "" == host.run()
    assert 1 == host.marketo.count()


def test_a_clock_that_is_allowed_to_be_wrong() -> None:
    """A host who knows better may sync by any clock."""
    host = Host(off=-5 * 3600.0)
    host.guards = Guards(clock=math.inf)

    assert "" == host.run()
    assert 1 == host.marketo.count()


def test_a_clock_that_tells_no_time() -> None:
    """It is refused before anything is asked."""
    host = Host()

    with pytest.raises(ConfigurationError, match="clock= got 'x', which is no clock"):
        check(
            marketo=host.systems[0],
            dynamics=host.systems[1],
            maps=host.maps,
            clock=cast("Clock", "x"),
        )


def test_dynamics_down_at_the_start_is_in_the_report() -> None:
    """A system that fails at first contact is told like one that fails later: a watch goes on."""
    host = Host(wires={Side.DYNAMICS: answered(AWAY)})
    marketo, dynamics = host.systems
    sync = Sync(marketo=marketo, dynamics=dynamics, maps=[CONTACT], store=MemoryStore())
    report = sync.run()

    assert [Side.DYNAMICS] == [failure.side for failure in report.failures]


# -- the command, over HTTP, with the file of the page

PAGE: Final = Path(__file__).parents[1] / "docs/how-to/real-accounts.md"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, Emulator]]:
    """Yield the configuration that the page gives, with the emulators in the place of accounts."""
    [text] = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for side in Side:
        monkeypatch.setenv(f"{side.name}_CLIENT_ID", CLIENT_ID)
        monkeypatch.setenv(f"{side.name}_CLIENT_SECRET", CLIENT_SECRET)
    with emulate(clock=MovedClock()) as emulator:
        text = re.sub(r'url = "https://[^"]*"', f'url = "{emulator.url}"', text)
        text = text.replace("tenant =", f'authority = "{emulator.url}"\ntenant =')
        path = tmp_path / "dynsync.toml"
        path.write_text(text, "utf-8")
        yield path, emulator


def run_check(path: Path, *more: str) -> Result:
    """Return what ``dynsync check`` comes to."""
    return CliRunner().invoke(app, ["check", "--config", str(path), *more])


def test_the_file_of_the_page(config: tuple[Path, Emulator]) -> None:
    """The configuration of the how-to leads to both systems, and the check leaves no file."""
    path, emulator = config
    result = run_check(path)

    assert ExitCode.OK == result.exit_code, result.output
    assert result.stdout.endswith("Nothing is missing.\n")
    assert [path] == [*path.parent.iterdir()]
    assert 0 == emulator.marketo.count()


def test_what_is_missing_has_an_exit_code(config: tuple[Path, Emulator]) -> None:
    """What is missing is in a table for people and in JSON for programs, and the code is 8."""
    path, emulator = config
    emulator.marketo_api.role = frozenset({"Read-Only Lead", "Read-Write Activity"})
    shown, told = run_check(path), run_check(path, "--json")
    said = json.loads(told.stdout)
    missing = [each for each in said["findings"] if each["level"] == "missing"]

    assert (ExitCode.MISSING, 8) == (shown.exit_code, told.exit_code)
    assert shown.stdout.endswith("2 things are missing for a sync to work.\n")
    assert "the role lacks Read-Write Lead" in shown.stdout
    assert said["ok"] is False
    assert ["writing people", "activity log"] == [each["about"] for each in missing]
    assert all(each["side"] == "marketo" and each["seen"] and each["todo"] for each in missing)


def test_something_to_look_at_is_no_failure(config: tuple[Path, Emulator]) -> None:
    """A sync that works although less takes part ends the check with 0."""
    path, emulator = config
    emulator.dynamics.secure("contact", "jobtitle", Access.NONE)
    result = run_check(path)

    assert ExitCode.OK == result.exit_code
    assert "may not be read, so take no part: jobtitle" in result.stdout
    assert "Nothing is missing; 1 line to look at." in result.stdout


def test_a_run_with_a_wrong_secret(
    config: tuple[Path, Emulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands say which side refused the secret, and do not say the secret."""
    path, _ = config
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "not-the-secret")
    result = CliRunner().invoke(app, ["run", "--config", str(path)])

    assert ExitCode.SYSTEM == result.exit_code
    assert "Dynamics: no token: the authority refused the service principal" in result.stderr
    assert "not-the-secret" not in result.output


def test_the_page_names_every_permission() -> None:
    """The permissions that the page tells of are those that requests turn out to take."""
    told = re.findall(r"^\| (Read-[A-Za-z -]+?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    api = Api.at("https://123-abc-456.mktorest.com")
    taken = {
        permission(api.post("/rest/v1/leads.json", {})),
        permission(api.get("/rest/v1/activities/leadchanges.json")),
        permission(api.post("/rest/v1/activities/external.json", {})),
        permission(api.post("/rest/v1/activities/external/type.json", {})),
    }

    assert {*told} == taken
    assert "Read-Only Lead" == permission(api.ask("/rest/v1/leads.json", {}))
    assert "Read-Only Lead" == permission(api.post("/bulk/v1/leads/export/create.json", {}))
    assert "" == permission(api.get("/rest/v1/stats/usage.json"))
