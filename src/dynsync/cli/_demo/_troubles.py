"""The second half of the story: what goes wrong, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dynsync.cli._console import show_table
from dynsync.cli._demo._chapters import JOB, contact, lead
from dynsync.cli._demo._stage import Cell, Stage
from dynsync.maps import LEAD
from dynsync.outcomes import OutcomeKind
from dynsync.records import Pair, RecordId, Side, Wire
from dynsync.sandbox import BusinessRule, Fault, SimulatedCrash
from dynsync.schedule import DELAY

__all__ = ["crash", "overwritten_edit", "quiet", "refused_values", "sync_person"]

MOBILE: Final = ("mobilePhone", "mobilephone")
SALUTATION: Final = ("salutation", "salutation")
_EDITED: Final = slice(20, 60)
_NEW: Final = 25


def _no_royalty(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    if after.get("salutation") == "Her Majesty":
        raise BusinessRule("The front office checks 'salutation'", "salutation")


def refused_values(stage: Stage) -> None:
    """Write values that Dynamics refuses."""
    stage.dynamics.add_rule("lead", _no_royalty)
    ruled = lead("refused by a rule", stage.leads[5], SALUTATION)
    beside = lead("the same lead", stage.leads[5], JOB)
    long = lead("longer than its column", stage.leads[6], MOBILE)
    one, two = (stage.person_of(cell.entity, cell.dynamics) for cell in (ruled, long))
    stage.marketo.edit(one, {"salutation": "Her Majesty", "title": "Königin"})
    stage.marketo.edit(two, {"mobilePhone": "+47 555 0123 or the office 0124"})
    report = stage.cycle()
    stage.show([ruled, beside, long])
    stage.claim(
        "two records were rejected", true=report.count(OutcomeKind.REJECTED) == len({one, two})
    )
    stage.claim(
        "a record goes on without its refused field", true=stage.values(beside)[1] == "Königin"
    )
    stage.cycle()
    stage.cycle()
    lines = [*stage.marketo.activity_log(one), *stage.marketo.activity_log(two)]
    show_table(
        ["person", "activity log in Marketo"],
        [[line.person, line.text] for line in lines],
        console=stage.console,
    )
    stage.claim(
        "each has one line in the person's activity log, however often it was tried",
        true=[line.person for line in lines] == [one, two],
    )
    stage.marketo.edit(one, {"salutation": "Ms"})
    stage.say("Somebody corrects the first.")
    stage.cycle()
    stage.claim("what was corrected goes through", true=stage.values(ruled) == ("Ms", "Ms"))


def sync_person(stage: Stage) -> None:
    """Send a person over, and send it again."""
    person = stage.marketo.create_person(
        {"firstName": "Ximena", "lastName": "Ōkubo", "email": "x@web.example", "company": "Ñandú"}
    )
    before = stage.dynamics.count("lead")
    first = stage.sync.sync_person(person, as_="lead")
    stage.say(f"Person {person} is sent over as a lead: {first.kind}.")
    row = stage.dynamics.row("lead", first.dynamics) if first.dynamics is not None else None
    stage.claim(
        "the lead is there, and holds the name",
        true=row is not None and (row["firstname"], row["lastname"]) == ("Ximena", "Ōkubo"),
    )
    again = stage.sync.sync_person(person, as_="lead")
    stage.say(f"And once more: {again.kind} ({again.message}).")
    stage.claim(
        "the second time nothing happened, and it says so",
        true=again.kind == "exists" and stage.dynamics.count("lead") == before + 1,
    )
    stage.cycle()


def overwritten_edit(stage: Stage) -> None:
    """Edit a person while we are about to write it."""
    cell = lead("a lead", stage.leads[7], JOB)
    person = stage.person_of(cell.entity, cell.dynamics)
    stage.dynamics.edit("lead", cell.dynamics, {"jobtitle": "from Dynamics"})
    pending = [True]

    def meddle(operation: str, _: int) -> Fault | None:
        if operation == "write" and pending:
            pending.clear()
            stage.marketo.edit(person, {"title": "from Marketo"})
        return None

    stage.say(
        "Dynamics edits a lead. While we are on the way to Marketo with it, somebody edits the "
        "same field there; Marketo has no conditional write, so ours goes over it."
    )
    stage.marketo.faults.hook = meddle
    stage.cycle()
    stage.marketo.faults.hook = None
    stage.show([cell])
    stage.claim(
        "for a moment the edit is overwritten",
        true=not pending and stage.values(cell) == ("from Dynamics", "from Dynamics"),
    )
    stage.cycle()
    stage.show([cell])
    stage.claim(
        "the next cycle finds it in Marketo's change log; Marketo wins for leads",
        true=stage.values(cell) == ("from Marketo", "from Marketo"),
    )


def crash(stage: Stage) -> None:
    """Kill the process in the middle of a run, and start again."""
    edited = [lead("a lead", id_, JOB) for id_ in stage.leads[_EDITED]]
    for cell in edited:
        stage.marketo.edit(stage.person_of(cell.entity, cell.dynamics), {"title": "Überlebende"})
    new = stage.dynamics.create_all(
        "contact",
        [{"firstname": "Émile", "lastname": f"Noël {number}"} for number in range(_NEW)],
    )
    people = stage.marketo.count()
    stage.way.die_after_a_write()
    crashed = False
    stage.clock.advance(DELAY)
    try:
        stage.sync.run()
    except SimulatedCrash:
        crashed = True
    stage.say(
        f"{len(edited)} leads were edited in Marketo, {_NEW} contacts made in Dynamics. The "
        f"process is killed just after Marketo took the new people, before we heard of it: it has "
        f"{stage.marketo.count() - people} more, and we know of {_linked(stage, new)} of them."
    )
    stage.claim("the process was killed in the middle", true=crashed and not _linked(stage, new))
    stage.begin_again()
    stage.cycle()
    stage.claim("nobody was made twice", true=stage.marketo.count() == people + _NEW)
    stage.claim("everybody is linked", true=_linked(stage, new) == _NEW)
    arrived = sum(stage.values(cell) == ("Überlebende", "Überlebende") for cell in edited)
    stage.claim("no edit was lost", true=arrived == len(edited))
    stage.contacts += new


def _linked(stage: Stage, contacts: list[RecordId]) -> int:
    links = (stage.store.link_of(Side.DYNAMICS, id_) for id_ in contacts)
    return sum(link is not None for link in links)


def quiet(stage: Stage) -> None:
    """See that there is nothing left to do."""
    before = _everything(stage)
    calls = Pair(stage.marketo.calls["write"], stage.dynamics.calls["write"])
    report = stage.cycle()
    stage.claim("nothing was written", true=not report.writes.total() and not report.paused)
    after = Pair(stage.marketo.calls["write"], stage.dynamics.calls["write"])
    stage.claim("neither system was asked to", true=calls == after)
    stage.claim("not a value moved in either", true=before == _everything(stage))
    cells: list[Cell] = [contact("", id_, JOB) for id_ in stage.contacts]
    cells += [lead("", id_, JOB) for id_ in stage.leads]
    stage.claim("all job titles agree", true=all(a == b for a, b in map(stage.values, cells)))
    status = stage.sync.status()
    links = sum(status.links.values())
    stage.say(f"{links} records are linked, {status.waiting} waits: the number that is too long.")
    stage.claim(
        "only the number that is too long waits",
        true=dict(status.backlog) == {(LEAD.entity, "held"): 1},
    )


def _everything(stage: Stage) -> tuple[object, ...]:
    return (
        dict(stage.marketo.people()),
        stage.dynamics.rows("lead"),
        stage.dynamics.rows("contact"),
    )
