"""A run's report, for people and for programs."""

from __future__ import annotations

from collections import Counter

from dynsync.cli._console import moment, numbered, say, show_table, tell
from dynsync.outcomes import Outcome, OutcomeKind
from dynsync.records import Side
from dynsync.reports import RESTING, Report, Status

__all__ = ["report_data", "say_report", "say_resting"]

_SHOWN = 20


def say_resting(found: Status) -> str:
    """Return what waits for a person, whichever run left it; nothing if nothing does."""
    reasons = Counter[str]()
    for (_, reason), number in found.backlog.items():
        if reason in RESTING:
            reasons[reason] += number
    if not reasons:
        return ""
    said = ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items()))
    verb = "waits" if reasons.total() == 1 else "wait"
    return f"{numbered(reasons.total(), 'record')} {verb} for a person: {said}"


def report_data(report: Report) -> dict[str, object]:
    """Return *report* as JSON can hold it; it holds no field value."""
    return {
        "run": report.run,
        "started": moment(report.started),
        "ended": moment(report.ended),
        "records": report.records,
        "counts": [
            {"entity": entity, "outcome": kind.value, "records": number}
            for (entity, kind), number in sorted(
                report.counts.items(), key=lambda item: (item[0][0], item[0][1].value)
            )
        ],
        "writes": {side.value: report.writes[side] for side in Side},
        "left": report.left,
        "paused": report.paused,
        "interrupted": report.interrupted,
        "stopped": dict(report.stopped),
        "failures": [str(failure) for failure in report.failures],
    }


def say_report(report: Report) -> None:
    """Print *report*: counts to stdout, troubles to stderr."""
    if report.paused:
        say("The sync is paused. Switch it on with: dynsync resume")
    if report.counts:
        entities = sorted({entity for entity, _ in report.counts})
        kinds = [kind for kind in OutcomeKind if report.count(kind)]
        rows = [
            [kind.value, *(str(report.count(kind, entity)) for entity in entities)]
            for kind in kinds
        ]
        show_table(["outcome", *entities], rows, title=f"Run {report.run}")
    else:
        tell(f"Run {report.run}: {_nothing(report)}")
    writes = ", ".join(f"{report.writes[side]} to {side.label}" for side in Side)
    tell(f"{writes}; {report.left} left in the backlog")
    _say_troubles(report)


def _nothing(report: Report) -> str:
    """Return why no record was looked at."""
    if report.paused:
        return "paused"
    if report.interrupted:
        return "asked to stop before it was done"
    return "nothing was done" if report.troubles else "nothing to do"


def _say_troubles(report: Report) -> None:
    for trouble in report.troubles:
        say(trouble)
    told = report.notable[:_SHOWN]
    for outcome in told:
        say(_line(outcome))
    if len(report.notable) > len(told):
        say("… and more; see: dynsync log")
    if report.interrupted:
        say("Stopped on request; the next run goes on from here.")


def _line(outcome: Outcome) -> str:
    who = outcome.ids.marketo or outcome.ids.dynamics or "?"
    reasons = "; ".join(f"{r.field or 'record'}: {r.message} [{r.code}]" for r in outcome.results)
    fields = ", ".join(outcome.held)
    detail = reasons or (f"{outcome.why}: {fields}" if fields else outcome.why)
    return f"{outcome.entity} {who} {outcome.kind.value}: {detail}"
