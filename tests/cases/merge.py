"""
The decision table: what becomes of one field, case by case, under every policy.

A case says what was agreed, what each side reports now, and what then happens under each of
`POLICIES`. Data only: `test_merge.py` runs it, and the reference page is made from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

import attrs

from dynsync.kinds import (
    BooleanKind,
    ChoiceKind,
    DateKind,
    EmailKind,
    InstantKind,
    Kind,
    MultiChoiceKind,
    NumberKind,
    TextKind,
)
from dynsync.maps import default_policy
from dynsync.merge import Verdict
from dynsync.policies import (
    AuthorityPolicy,
    Collision,
    Put,
    Resolution,
    by_entity,
    by_field,
    manual,
    newest,
    nonempty,
    opt_out,
    prefer,
)
from dynsync.records import MISSING, Choice, Entity, Missing, Pair, Side, Value

__all__ = ["ALL", "CASES", "POLICIES", "PUT", "Case", "Expected", "Maybe"]

Maybe: TypeAlias = Value | Missing

PUT: Final = "put"
"""What the policy ``put`` puts, whatever the values."""


def _put(_: Collision, /) -> Resolution:
    return Put(PUT)


_LEAD: Final = Entity("lead")
_CONTACT: Final = Entity("contact")

POLICIES: Final[Mapping[str, tuple[AuthorityPolicy, Entity]]] = {
    "prefer marketo": (prefer(Side.MARKETO), _LEAD),
    "prefer dynamics": (prefer(Side.DYNAMICS), _LEAD),
    "newest": (newest(), _LEAD),
    "nonempty": (nonempty(prefer(Side.DYNAMICS)), _LEAD),
    "manual": (manual, _LEAD),
    "opt_out": (opt_out(prefer(Side.DYNAMICS)), _LEAD),
    "put": (_put, _LEAD),
    "by_field": (by_field({"city": prefer(Side.MARKETO)}, default=manual), _LEAD),
    "by_entity": (by_entity({"account": prefer(Side.MARKETO)}), _LEAD),
    "default, lead": (default_policy(), _LEAD),
    "default, contact": (default_policy(), _CONTACT),
}
"""The policies by name, each with the entity that it is asked about."""

ALL: Final = frozenset(POLICIES)


@attrs.frozen
class Expected:
    """What each side is told, `MISSING` for nothing, and the verdict, None for none."""

    marketo: Maybe = MISSING
    dynamics: Maybe = MISSING
    verdict: Verdict | None = None


@attrs.frozen(kw_only=True)
class Case:
    """One field in one situation, and what is expected of each policy."""

    description: str
    base: Pair[Maybe]
    now: Pair[Maybe]
    expected: Mapping[str, Expected]
    field: str = "city"
    kind: Kind = TextKind()  # noqa: RUF009 - frozen
    ages: Pair[float | None] = Pair(60.0, 600.0)


def _always(expected: Expected) -> dict[str, Expected]:
    return dict.fromkeys(ALL, expected)


_NOTHING: Final = _always(Expected())
_AGREED: Final = _always(Expected(verdict=Verdict.AGREED))


def _to_dynamics(value: Value) -> dict[str, Expected]:
    return _always(Expected(MISSING, value, Verdict.ONE_SIDE))


def _to_marketo(value: Value) -> dict[str, Expected]:
    return _always(Expected(value, MISSING, Verdict.ONE_SIDE))


def _words(names: str) -> list[str]:
    return [name.strip() for name in names.split("|") if name.strip()]


def _contest(
    verdict: Verdict,
    values: Pair[Value],
    *,
    marketo: str,
    dynamics: str,
    left: str,
    put: Expected | None = None,
) -> dict[str, Expected]:
    """Say which policies let which side win, and which leave it."""
    return {
        **dict.fromkeys(_words(marketo), Expected(MISSING, values.marketo, verdict)),
        **dict.fromkeys(_words(dynamics), Expected(values.dynamics, MISSING, verdict)),
        **dict.fromkeys(_words(left), Expected(verdict=Verdict.UNRESOLVED)),
        "put": put or Expected(PUT, PUT, verdict),
    }


# Marketo's record was changed a minute ago in each case, Dynamics' ten minutes ago.
_MARKETO: Final = "prefer marketo | newest | by_field | default, lead"
_DYNAMICS: Final = "prefer dynamics | nonempty | opt_out | default, contact"
_LEFT: Final = "manual | by_entity"

_SAME_CELLS: Final = (
    Case(
        description="neither side changed it",
        base=Pair("a", "a"),
        now=Pair("a", "a"),
        expected=_NOTHING,
    ),
    Case(
        description="only Marketo changed it",
        base=Pair("a", "a"),
        now=Pair("b", "a"),
        expected=_to_dynamics("b"),
    ),
    Case(
        description="only Dynamics changed it",
        base=Pair("a", "a"),
        now=Pair("a", "c"),
        expected=_to_marketo("c"),
    ),
    Case(
        description="both changed it to the same",
        base=Pair("a", "a"),
        now=Pair("b", "b"),
        expected=_AGREED,
    ),
    Case(
        description="both changed it, to different values",
        base=Pair("a", "a"),
        now=Pair("b", "c"),
        expected=_contest(
            Verdict.COLLISION, Pair("b", "c"), marketo=_MARKETO, dynamics=_DYNAMICS, left=_LEFT
        ),
    ),
    Case(
        description="both changed it, a field that by_field does not name",
        field="phone",
        base=Pair("a", "a"),
        now=Pair("b", "c"),
        expected=_contest(
            Verdict.COLLISION,
            Pair("b", "c"),
            marketo="prefer marketo | newest | default, lead",
            dynamics=_DYNAMICS,
            left="manual | by_entity | by_field",
        ),
    ),
    Case(
        description="both changed it, Dynamics last",
        base=Pair("a", "a"),
        now=Pair("b", "c"),
        ages=Pair(600.0, 60.0),
        expected=_contest(
            Verdict.COLLISION,
            Pair("b", "c"),
            marketo="prefer marketo | by_field | default, lead",
            dynamics="prefer dynamics | nonempty | opt_out | default, contact | newest",
            left=_LEFT,
        ),
    ),
    Case(
        description="both changed it within the same second",
        base=Pair("a", "a"),
        now=Pair("b", "c"),
        ages=Pair(60.0, 60.5),
        expected=_contest(
            Verdict.COLLISION,
            Pair("b", "c"),
            marketo="prefer marketo | by_field | default, lead",
            dynamics=_DYNAMICS,
            left="manual | by_entity | newest",
        ),
    ),
    Case(
        description="both changed it, Dynamics does not say when",
        base=Pair("a", "a"),
        now=Pair("b", "c"),
        ages=Pair(60.0, None),
        expected=_contest(
            Verdict.COLLISION,
            Pair("b", "c"),
            marketo="prefer marketo | by_field | default, lead",
            dynamics=_DYNAMICS,
            left="manual | by_entity | newest",
        ),
    ),
    Case(
        description="both changed it, Marketo to what the policy puts anyway",
        base=Pair("a", "a"),
        now=Pair(PUT, "c"),
        expected=_contest(
            Verdict.COLLISION,
            Pair(PUT, "c"),
            marketo=_MARKETO,
            dynamics=_DYNAMICS,
            left=_LEFT,
            put=Expected(MISSING, PUT, Verdict.COLLISION),
        ),
    ),
)

_NOT_REPORTED: Final = (
    Case(
        description="neither side reports it",
        base=Pair("a", "a"),
        now=Pair(MISSING, MISSING),
        expected=_NOTHING,
    ),
    Case(
        description="Marketo does not report it, Dynamics did not change it",
        base=Pair("a", "a"),
        now=Pair(MISSING, "a"),
        expected=_NOTHING,
    ),
    Case(
        description="Dynamics does not report it, Marketo did not change it",
        base=Pair("a", "a"),
        now=Pair("a", MISSING),
        expected=_NOTHING,
    ),
    Case(
        description="Marketo does not report it, Dynamics changed it",
        base=Pair("a", "a"),
        now=Pair(MISSING, "c"),
        expected=_to_marketo("c"),
    ),
    Case(
        description="Dynamics does not report it, Marketo changed it",
        base=Pair("a", "a"),
        now=Pair("b", MISSING),
        expected=_to_dynamics("b"),
    ),
    Case(
        description="Marketo does not report it, Dynamics cleared it",
        base=Pair("a", "a"),
        now=Pair(MISSING, None),
        expected=_to_marketo(None),
    ),
)

_NULLS: Final = (
    Case(
        description="Marketo cleared it",
        base=Pair("a", "a"),
        now=Pair(None, "a"),
        expected=_to_dynamics(None),
    ),
    Case(
        description="Dynamics cleared it",
        base=Pair("a", "a"),
        now=Pair("a", None),
        expected=_to_marketo(None),
    ),
    Case(
        description="both cleared it",
        base=Pair("a", "a"),
        now=Pair(None, None),
        expected=_AGREED,
    ),
    Case(
        description="Marketo cleared it, Dynamics changed it",
        base=Pair("a", "a"),
        now=Pair(None, "c"),
        expected=_contest(
            Verdict.COLLISION, Pair(None, "c"), marketo=_MARKETO, dynamics=_DYNAMICS, left=_LEFT
        ),
    ),
    Case(
        description="Marketo changed it, Dynamics cleared it",
        base=Pair("a", "a"),
        now=Pair("b", None),
        expected=_contest(
            Verdict.COLLISION,
            Pair("b", None),
            marketo="prefer marketo | newest | by_field | default, lead | nonempty",
            dynamics="prefer dynamics | opt_out | default, contact",
            left=_LEFT,
        ),
    ),
    Case(
        description="it was empty, and Marketo filled it",
        base=Pair(None, None),
        now=Pair("b", None),
        expected=_to_dynamics("b"),
    ),
    Case(
        description="it was empty, and Dynamics filled it",
        base=Pair(None, None),
        now=Pair(None, "c"),
        expected=_to_marketo("c"),
    ),
    Case(
        description="it was empty, and both filled it with the same",
        base=Pair(None, None),
        now=Pair("b", "b"),
        expected=_AGREED,
    ),
    Case(
        description="it was empty, and both filled it, with different values",
        base=Pair(None, None),
        now=Pair("b", "c"),
        expected=_contest(
            Verdict.COLLISION, Pair("b", "c"), marketo=_MARKETO, dynamics=_DYNAMICS, left=_LEFT
        ),
    ),
)

_NO_BASE: Final = (
    Case(
        description="no base, both hold the same",
        base=Pair(MISSING, MISSING),
        now=Pair("a", "a"),
        expected=_AGREED,
    ),
    Case(
        description="no base, both are empty",
        base=Pair(MISSING, MISSING),
        now=Pair(None, None),
        expected=_AGREED,
    ),
    Case(
        description="no base, and they differ",
        base=Pair(MISSING, MISSING),
        now=Pair("b", "c"),
        expected=_contest(
            Verdict.FIRST, Pair("b", "c"), marketo=_MARKETO, dynamics=_DYNAMICS, left=_LEFT
        ),
    ),
    Case(
        description="no base, and Dynamics is empty",
        base=Pair(MISSING, MISSING),
        now=Pair("b", None),
        expected=_contest(
            Verdict.FIRST,
            Pair("b", None),
            marketo="prefer marketo | newest | by_field | default, lead | nonempty",
            dynamics="prefer dynamics | opt_out | default, contact",
            left=_LEFT,
        ),
    ),
    Case(
        description="no base, and only Marketo reports it",
        base=Pair(MISSING, MISSING),
        now=Pair("b", MISSING),
        expected=_to_dynamics("b"),
    ),
    Case(
        description="no base, and only Dynamics reports it",
        base=Pair(MISSING, MISSING),
        now=Pair(MISSING, "c"),
        expected=_to_marketo("c"),
    ),
    Case(
        description="half a base: Marketo holds what it held, Dynamics was never known",
        base=Pair("a", MISSING),
        now=Pair("a", "c"),
        expected=_contest(
            Verdict.FIRST, Pair("a", "c"), marketo=_MARKETO, dynamics=_DYNAMICS, left=_LEFT
        ),
    ),
    Case(
        description="half a base, and both hold the same",
        base=Pair("a", MISSING),
        now=Pair("a", "a"),
        expected=_AGREED,
    ),
    Case(
        description="half a base, and only the known side reports it, unchanged",
        base=Pair("a", MISSING),
        now=Pair("a", MISSING),
        expected=_NOTHING,
    ),
    Case(
        description="half a base, and only the unknown side reports it, the same value",
        base=Pair("a", MISSING),
        now=Pair(MISSING, "a"),
        expected=_always(Expected(verdict=Verdict.ONE_SIDE)),
    ),
)

_PAIRED_BASE: Final = (
    Case(
        description="Dynamics made something else of it when it was agreed",
        base=Pair("a", "A"),
        now=Pair("a", "A"),
        expected=_NOTHING,
    ),
    Case(
        description="Dynamics made something else of it, and Marketo changed it",
        base=Pair("a", "A"),
        now=Pair("b", "A"),
        expected=_to_dynamics("b"),
    ),
    Case(
        description="Dynamics made something else of it, and Marketo took that over",
        base=Pair("a", "A"),
        now=Pair("A", "A"),
        expected=_always(Expected(verdict=Verdict.ONE_SIDE)),
    ),
)

_MORNING: Final = dt.datetime(2024, 5, 1, 9, 30, tzinfo=dt.UTC)
_LATER: Final = _MORNING + dt.timedelta(microseconds=800_000)
_BERLIN: Final = dt.timezone(dt.timedelta(hours=2))

_YES: Final = True
_NO: Final = False

_CANONICAL: Final = (
    Case(
        description="text that differs in blanks at its ends only",
        base=Pair("a", "a"),
        now=Pair(" a ", "a\n"),
        expected=_NOTHING,
    ),
    Case(
        description="text that differs in line ends only",
        base=Pair("a\nb", "a\nb"),
        now=Pair("a\r\nb", "a\rb"),
        expected=_NOTHING,
    ),
    Case(
        description="empty text where there was null",
        base=Pair(None, None),
        now=Pair("", " "),
        expected=_NOTHING,
    ),
    Case(
        description="changed text is written as given",
        base=Pair("a", "a"),
        now=Pair(" b ", "a "),
        expected=_to_dynamics(" b "),
    ),
    Case(
        description="text differs in case",
        base=Pair("a", "a"),
        now=Pair("A", "a"),
        expected=_to_dynamics("A"),
    ),
    Case(
        description="an e-mail address differs in case only",
        kind=EmailKind(),
        base=Pair("a@x.org", "a@x.org"),
        now=Pair("A@X.org", "a@x.ORG"),
        expected=_NOTHING,
    ),
    Case(
        description="both changed an e-mail address to the same but for case",
        kind=EmailKind(),
        base=Pair("a@x.org", "a@x.org"),
        now=Pair("B@x.org", "b@x.org"),
        expected=_AGREED,
    ),
    Case(
        description="money differs behind the decimals that are kept",
        kind=NumberKind(digits=2),
        base=Pair(Decimal("1.10"), Decimal("1.1")),
        now=Pair(Decimal("1.1000001"), Decimal("1.0999999")),
        expected=_NOTHING,
    ),
    Case(
        description="both changed money to the same at the decimals that are kept",
        kind=NumberKind(digits=2),
        base=Pair(Decimal(1), Decimal(1)),
        now=Pair(Decimal("2.999"), Decimal(3)),
        expected=_AGREED,
    ),
    Case(
        description="an instant differs in zone and in fractions of a second only",
        kind=InstantKind(),
        base=Pair(_MORNING, _MORNING),
        now=Pair(_MORNING.astimezone(_BERLIN), _LATER),
        expected=_NOTHING,
    ),
    Case(
        description="a date moved",
        kind=DateKind(),
        base=Pair(dt.date(2024, 5, 1), dt.date(2024, 5, 1)),
        now=Pair(dt.date(2024, 5, 1), dt.date(2024, 5, 2)),
        expected=_to_marketo(dt.date(2024, 5, 2)),
    ),
    Case(
        description="a choice got another label",
        kind=ChoiceKind(),
        base=Pair(Choice(1, "Hot"), Choice(1, "Hot")),
        now=Pair(Choice(1, "Hot"), Choice(1, "Very hot")),
        expected=_NOTHING,
    ),
    Case(
        description="choices in another order",
        kind=MultiChoiceKind(),
        base=Pair(frozenset({Choice(1), Choice(9)}), frozenset({Choice(9), Choice(1)})),
        now=Pair(frozenset({Choice(9, "X"), Choice(1, "Y")}), frozenset({Choice(1), Choice(9)})),
        expected=_NOTHING,
    ),
    Case(
        description="null where there was no",
        kind=BooleanKind(),
        base=Pair(_NO, None),
        now=Pair(None, _NO),
        expected=_NOTHING,
    ),
    Case(
        description="yes became null",
        kind=BooleanKind(),
        base=Pair(_YES, _YES),
        now=Pair(_YES, None),
        expected=_to_marketo(None),
    ),
)

_CONSENT: Final = (
    Case(
        description="no base, opted out in Marketo only",
        field="unsubscribed",
        kind=BooleanKind(),
        base=Pair(MISSING, MISSING),
        now=Pair(_YES, _NO),
        expected=_contest(
            Verdict.FIRST,
            Pair(_YES, _NO),
            marketo="prefer marketo | newest | opt_out | default, lead | default, contact",
            dynamics="prefer dynamics | nonempty",
            left="manual | by_entity | by_field",
        ),
    ),
    Case(
        description="no base, opted out in Dynamics only",
        field="unsubscribed",
        kind=BooleanKind(),
        base=Pair(MISSING, MISSING),
        now=Pair(None, _YES),
        expected=_contest(
            Verdict.FIRST,
            Pair(None, _YES),
            marketo="prefer marketo | newest",
            dynamics="prefer dynamics | nonempty | opt_out | default, lead | default, contact",
            left="manual | by_entity | by_field",
        ),
    ),
    Case(
        description="opted in again in Marketo, unchanged in Dynamics",
        field="unsubscribed",
        kind=BooleanKind(),
        base=Pair(_YES, _YES),
        now=Pair(_NO, _YES),
        expected=_to_dynamics(value=_NO),
    ),
    Case(
        description="both opted out",
        field="unsubscribed",
        kind=BooleanKind(),
        base=Pair(_NO, None),
        now=Pair(_YES, _YES),
        expected=_AGREED,
    ),
)

CASES: Final = (
    *_SAME_CELLS,
    *_NOT_REPORTED,
    *_NULLS,
    *_NO_BASE,
    *_PAIRED_BASE,
    *_CANONICAL,
    *_CONSENT,
)
"""The table."""
