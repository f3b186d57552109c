"""`check_connector`: the whole contract of a connector, clause by clause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias, cast

import attrs

from dynsync.arguments import is_whole, shown
from dynsync.calling import raised_by
from dynsync.connectors import Connector, DynamicsConnector, MarketoConnector
from dynsync.errors import ConfigurationError, SyncError
from dynsync.records import Side, Wire
from dynsync.testing._clauses import CONNECTOR_CLAUSES
from dynsync.testing._corpus import by_chance, by_hand
from dynsync.testing._findings import Clause, Finding, Findings, Standing
from dynsync.testing._outside import Outside
from dynsync.testing._palette import Palette
from dynsync.testing._perform import Run, perform
from dynsync.testing._scene import Setting
from dynsync.testing._shortest import shortest
from dynsync.testing._steps import Program, Several, Step
from dynsync.testing._survey import Survey, survey

__all__ = ["Made", "check_connector"]

Made: TypeAlias = Connector | tuple[Connector, Outside]
"""A connector to a system of its own, and who else is at work there, if anybody."""

_TRIES: Final = 200
_MADE: Final = (
    "it is called without arguments and returns a connector, or a pair of one and an Outside"
)


def check_connector(
    make: Callable[[], Made],
    *,
    table: str,
    fields: Sequence[str] | None = None,
    values: Mapping[str, Sequence[Wire]] | None = None,
    key_field: str | None = None,
    clauses: Collection[str] | None = None,
    seed: int = 0,
    rounds: int = 100,
) -> Findings:
    """
    Put a connector to the test, and say of each clause of its contract how it stands.

    *make* is called some hundred times; each time it returns a connector to a fresh system,
    or such a connector and an `Outside`, which lets the check do what goes past a
    connector: edit, delete, wait, let a request fail. What is missing there is told as not
    reached. Records are written to *table*: in *fields*, or else in a few that are chosen
    from what `Connector.describe` tells, with *values* where a column needs special ones.
    *key_field* is the field that creates in Marketo are upserted by.

    All programs that are written by hand are run, and then *rounds* made from *seed*. With
    *clauses* only those are judged, and nothing more is run once all of them are broken.
    Raises `ConfigurationError` where it cannot know what to write or to judge, *rounds* is no
    whole number, or *make* returns no connector that says of which `Side` it is.
    """
    given = cast("object", rounds)
    if not is_whole(given) or given < 0:
        raise ConfigurationError(f"rounds={shown(given)}: give a whole number from 0 on.")
    judged = _judged(clauses)
    found = survey(
        lambda: _parted(make), table, fields=fields, values=values or {}, key_field=key_field
    )
    wanted = frozenset(one.number for one in judged)
    check = _Check(lambda: _parted(make), found.setting, wanted)
    for program in _programs(found.setting.palette, seed, rounds):
        if check.broken.keys() == wanted:
            break
        check.run(program)
    return Findings(_subject(found, table), tuple(_finding(check, found, one) for one in judged))


def _subject(found: Survey, table: str) -> str:
    """Return who was looked at, and in which columns: of the others nothing is known."""
    name = f"{type(found.connector).__name__}, {table!r}"
    fields = found.setting.palette.fields
    return f"{name} with {', '.join(fields)}" if fields else name


def _judged(clauses: Collection[str] | None) -> Sequence[Clause]:
    """Return the clauses called *clauses*; raises `ConfigurationError` if one is not there."""
    if clauses is None:
        return CONNECTOR_CLAUSES
    named = [clauses] if isinstance(clauses, str) else clauses
    known = [one.number for one in CONNECTOR_CLAUSES]
    for number in named:
        if number not in known:
            raise ConfigurationError(
                f"clauses= holds {number!r}, which is no clause. There are {', '.join(known)}."
            )
    if not named:
        raise ConfigurationError("clauses= names none. Name some, or leave it out for all.")
    return [one for one in CONNECTOR_CLAUSES if one.number in named]


def _programs(palette: Palette, seed: int, rounds: int) -> Iterator[Program]:
    yield from by_hand(palette)
    if palette.fields:
        yield from (by_chance(seed, number) for number in range(rounds))


def _parted(make: Callable[[], Made]) -> tuple[Connector, Outside | None]:
    """Return a connector, and who else is at work; raises `ConfigurationError` for nonsense."""
    try:
        made = cast("object", make())
    except SyncError:
        raise
    except Exception as error:
        # The host's code: whatever it raises, there is nothing to check.
        raise ConfigurationError(f"make() raised {raised_by(error)}; {_MADE}") from error
    if not isinstance(made, tuple):
        return _sided(made), None
    match cast("tuple[object, ...]", made):
        case connector, outside:
            pass
        case parts:
            raise ConfigurationError(f"make() returned a tuple of {len(parts)}; {_MADE}")
    if not isinstance(outside, Outside):
        raise ConfigurationError(
            f"make() returned a pair whose second is of type {type(outside).__name__}; who else is "
            f"at work is an Outside, which has create, edit and delete"
        )
    return _sided(connector), outside


def _sided(made: object) -> Connector:
    """Return *made* if it says whose connector it is: which values it takes hangs on that."""
    side = getattr(made, "side", None)
    if isinstance(made, type) or not hasattr(made, "side"):
        kind = made.__name__ if isinstance(made, type) else f"a {type(made).__name__}"
        raise ConfigurationError(f"make() returned {kind}, which has no side; {_MADE}")
    if not isinstance(side, Side):
        raise ConfigurationError(
            f"The side of {type(made).__name__} is a {type(side).__name__}; a connector says "
            f"which system it leads to, Side.MARKETO or Side.DYNAMICS"
        )
    return cast("Connector", made)


@attrs.define
class _Check:
    """What the programs have come to so far; *breached* are clauses that nobody asked for, too."""

    make: Callable[[], tuple[Connector, Outside | None]]
    setting: Setting
    wanted: frozenset[str]
    tally: Counter[str] = attrs.field(factory=Counter[str])
    broken: dict[str, Run] = attrs.field(factory=dict[str, Run])
    breached: set[str] = attrs.field(factory=set[str])
    halted: str = ""
    failed: str = ""

    def run(self, program: Program) -> None:
        """Run a program, and shrink it if it breaks a clause that was whole until now."""
        run = self._perform(program)
        self.tally.update(run.tally)
        self.halted = self.halted or run.halted
        self.failed = self.failed or (run.halted if run.failed else "")
        if run.breach is None:
            return
        clause = run.breach.clause
        self.breached.add(clause)
        if clause in self.wanted and clause not in self.broken:
            self.broken[clause] = self._shortest(program, run, clause)

    def _perform(self, program: Sequence[Step]) -> Run:
        connector, outside = self.make()
        return perform(self.setting, connector, outside, tuple(program))

    def _shortest(self, program: Program, run: Run, clause: str) -> Run:
        best = run

        def shows(steps: Sequence[Step]) -> bool:
            nonlocal best
            tried = self._perform(steps)
            if tried.breach is None or tried.breach.clause != clause:
                return False
            best = tried
            return True

        shortest(program, shows, simpler=_simpler, tries=_TRIES)
        return best


def _simpler(step: Step) -> Iterable[Step]:
    if isinstance(step, Several):
        for at in range(len(step.writes)):
            yield Several(step.writes[:at] + step.writes[at + 1 :])


def _finding(check: _Check, found: Survey, clause: Clause) -> Finding:
    run = check.broken.get(clause.number)
    if run is not None and run.breach is not None:
        return Finding(
            clause, Standing.BROKEN, check.tally[clause.number], run.breach.why, run.calls
        )
    if unclaimed := _unclaimed(found, clause.number):
        return Finding(clause, Standing.NOT_CLAIMED, why=unclaimed)
    if check.tally[clause.number]:
        return Finding(clause, Standing.HELD, check.tally[clause.number])
    if failed := _failed(check, found, clause.number):
        return Finding(clause, Standing.NOT_REACHED, why=failed, failed=True)
    return Finding(clause, Standing.NOT_REACHED, why=_unreached(check, found, clause.number))


def _failed(check: _Check, found: Survey, number: str) -> str:
    """Return what the connector did not do, so that nothing could try a clause, or nothing."""
    return found.refused or ("" if _missing(found, number) else check.failed)


def _unreached(check: _Check, found: Survey, number: str) -> str:
    """Return what is missing, or what came in between, so that nothing could try a clause."""
    if why := _missing(found, number) or check.halted:
        return why
    if check.breached:
        first = " or ".join(sorted(check.breached))
        return f"No program came so far: each that would try it broke {first} first. Mend that."
    return "No version was told with which a write could be tried." if number == "C7" else ""


def _missing(found: Survey, number: str) -> str:
    """Return what only the host can add."""
    palette = found.setting.palette
    if number == "C3d" and found.alone:
        return "Nobody could delete a record: have make() return an Outside too."
    if number == "find" and not any(palette.family(name) == "text" for name in palette.fields):
        return "No field of text is in play: name one in fields=."
    return ""


def _unclaimed(found: Survey, number: str) -> str:
    """Return why a clause does not bind this connector, or nothing if it does."""
    setting, connector = found.setting, found.connector
    match number:
        case "C7" if not setting.capabilities.conditional_writes:
            return "capabilities.conditional_writes is False."
        case "C3d" if not setting.capabilities.reports_deletes:
            return "capabilities.reports_deletes is False."
        case "C3e" if setting.side is Side.DYNAMICS or not setting.tells_edits:
            return "No record was told with edits."
        case "log" if not isinstance(connector, MarketoConnector):
            return "It has no log."
        case "sync_user" if not isinstance(connector, DynamicsConnector):
            return "It has no sync_user."
        case _:
            return ""
