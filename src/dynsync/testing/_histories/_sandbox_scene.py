"""
The scene of the simulator: five fields, a rule that refuses, a rule that rewrites.

What two values have in common, and who wins, is said here a second time, in other words than
the engine's: a model that asked the engine would agree with it about anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD, default_policy
from dynsync.policies import by_field, manual, newest
from dynsync.records import Pair, Side, Value, Wire
from dynsync.sandbox import BusinessRule
from dynsync.testing._histories._scene import Judged, Quarrel, Scene

__all__ = ["SANDBOX_SCENE", "rule_of_dynamics"]

_FIELDS: Final = ("first_name", "job_title", "email", "unsubscribed", "city")
_MAPS: Final[Mapping[str, EntityMap]] = {
    "lead": LEAD.only(*_FIELDS),
    "contact": CONTACT.only(*_FIELDS),
}
_LONGEST_NAME: Final = 50

_VALUES: Final[Mapping[str, tuple[Value, ...]]] = {
    "first_name": ("Ada", "Bo", "Zoë", None, "x" * 60, "ada!", "bo!!"),
    "job_title": ("boss", "clerk", "bad", None),
    "email": ("a@example.org", "b@example.org", "B@example.org", None),
    "unsubscribed": (True, False),
    "city": ("Oslo", "Bergen", "東京", None),
}


def _same(name: str, one: Value, other: Value) -> bool:
    """Return whether two values of a field mean the same to both systems."""
    if name == "email" and isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return (one or None) == (other or None)


def _refused(name: str, value: Value) -> bool:
    """Return whether Dynamics takes no such value."""
    if name == "first_name":
        return isinstance(value, str) and len(value) > _LONGEST_NAME
    return name == "job_title" and value == "bad"


def _normal(name: str, value: Value) -> Value:
    """Return what a business rule of Dynamics makes of a value: it likes quiet names."""
    if name == "first_name" and isinstance(value, str):
        return value.rstrip("!").capitalize()
    return value


def rule_of_dynamics(_: Mapping[str, Wire] | None, after: dict[str, Wire]) -> None:
    """Refuse one job title, and write first names as Dynamics likes them."""
    if after.get("jobtitle") == "bad":
        raise BusinessRule("'jobtitle' holds a title that is not allowed", "jobtitle")
    name = after.get("firstname")
    if isinstance(name, str) and not _refused("first_name", name):
        after["firstname"] = name.rstrip("!").capitalize()


def _judge(quarrel: Quarrel) -> Judged:
    """Return who is right about a collision; nobody is about the city, the last about the title."""
    if quarrel.name == "city":
        return Judged(waits=True)
    if quarrel.name == "job_title":
        return Judged((Side.MARKETO, Side.DYNAMICS))
    if quarrel.name == "unsubscribed":
        return Judged((Side.MARKETO if quarrel.now.marketo is True else Side.DYNAMICS,))
    return Judged((Side.MARKETO if quarrel.entity == "lead" else Side.DYNAMICS,))


def _read(_entity: str, _name: str, _side: Side, wire: Wire) -> Value:
    if isinstance(wire, float):
        raise TypeError("no field of this scene holds a fraction")
    return wire


def _write(_entity: str, _name: str, _side: Side, value: Value) -> Wire:
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError("the fields of this scene hold text and yes or no")


_BLANK: Final = Pair[Mapping[str, Wire]]({"lastName": "P"}, {"lastname": "L"})

SANDBOX_SCENE: Final = Scene(
    maps=_MAPS,
    values=_VALUES,
    blank=dict.fromkeys(_MAPS, _BLANK),
    born=(
        {"first_name": "Ada", "job_title": "boss", "unsubscribed": False},
        {"first_name": "Bo", "job_title": "clerk", "unsubscribed": False},
    ),
    pushed={"first_name": "Eve"},
    policy=by_field(
        {"city": manual, "job_title": newest(default_policy())}, default=default_policy()
    ),
    judge=_judge,
    same=_same,
    refused=_refused,
    normal=_normal,
    read=_read,
    write=_write,
    secured="email",
    shaky=("city", "job_title"),
    left_to_people=("city",),
    left_to_time=("job_title",),
)
"""Five fields of a lead and of a contact."""
