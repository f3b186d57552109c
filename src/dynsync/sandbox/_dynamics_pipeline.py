"""
What happens to a write in the Dynamics sandbox: checks, rules of the host's, automations.

Dataverse calls this the event execution pipeline. A write fails at its first failing check
and with one reason.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from dynsync.records import RecordId, Wire
from dynsync.sandbox._dynamics_checks import Denied, stamp, stored
from dynsync.sandbox._dynamics_store import Store
from dynsync.sandbox._dynamics_tables import Row, Table, privilege
from dynsync.schemas import FULL_ACCESS, Access

__all__ = ["Automation", "InactiveRows", "Pipeline", "Rule", "Transform"]

_STATE: Final = frozenset({"statecode", "statuscode"})

InactiveRows: TypeAlias = Literal["read-only", "writable"]
"""Whether a row whose state is not the first one takes writes."""

Rule: TypeAlias = Callable[[Mapping[str, Wire] | None, dict[str, Wire]], None]
"""
A business rule: gets the row before a write (None if it is new) and the row after it.

It may raise `BusinessRule`, or change the row after. It must not write by other ways.
"""

Transform: TypeAlias = Callable[[Mapping[str, Wire]], Mapping[str, Wire]]
"""What an automation does with a row that changed: it returns the values to set."""


@attrs.frozen
class Automation:
    """A workflow: when *column* changed, set what *transform* returns, as *user*."""

    column: str
    transform: Transform
    user: RecordId


@attrs.define
class Pipeline:
    """
    Writes to one table, in one transaction, by one *user* at one time.

    *held* users are held to their rights and to what the forms would not let pass; the
    people and workflows of the sandbox are taken to have them all. *ignored* counts the
    read-only columns that were written, which Dataverse passes over without a word.
    """

    store: Store
    table: Table
    user: RecordId
    now: dt.datetime
    rules: Sequence[Rule] = ()
    automations: Sequence[Automation] = ()
    inactive: InactiveRows = "read-only"
    held: bool = True
    ignored: MutableMapping[str, int] = attrs.Factory(dict[str, int])
    _at: int = attrs.field(
        default=attrs.Factory(lambda self: int(self.now.timestamp()), takes_self=True), init=False
    )
    _stamped: str = attrs.field(
        default=attrs.Factory(lambda self: stamp(self.now), takes_self=True), init=False
    )
    _changed: list[tuple[RecordId, frozenset[str]]] = attrs.field(
        factory=list[tuple[RecordId, frozenset[str]]], init=False
    )

    def create(self, id_: RecordId, values: Mapping[str, Wire]) -> Row:
        """Make the row *id_*, which is free, or raise `Denied`."""
        self._admit(values, Access.CREATE)
        given = self._take(values, self.table.creatable)
        after = {**self.table.defaults, **self._owner(), **given}
        self._settle_state({}, after, given)
        self._apply_rules(None, after)
        self._require(after, self.table.needed)
        self._look_for_duplicates(id_, after)
        self._keep_keys(id_, after)
        row = self._stamp(id_, after, made=True)
        self.store.insert(self.table, row)
        self._note(row.id, {}, row.values)
        return row

    def update(self, row: Row, values: Mapping[str, Wire]) -> Row:
        """Set *values* of *row*, or raise `Denied`."""
        self._admit(values, Access.UPDATE)
        given = self._take(values, self.table.updatable)
        self._refuse_inactive(row, given)
        after = {**row.values, **given}
        self._settle_state(row.values, after, given)
        changed = self._apply_rules(row, after)
        self._require(after, (n for n in self.table.needed if n in given or n in changed))
        self._look_for_duplicates(row.id, after)
        self._keep_keys(row.id, after)
        new = self._stamp(row.id, after, made=False)
        self.store.replace(self.table, row, new)
        self._note(row.id, row.values, new.values)
        return new

    def run_automations(self) -> None:
        """Run the workflows that wait for what was written. Their own writes start none."""
        for id_, names in self._changed:
            for automation in self.automations:
                row = self.store.get(self.table.name, id_)
                if automation.column in names and row is not None:
                    values = automation.transform(self.table.full(row.values))
                    if values:
                        self._as(automation.user).update(row, values)
        self._changed.clear()

    def _as(self, user: RecordId) -> Pipeline:
        return attrs.evolve(self, user=user, automations=(), held=False)

    def _note(self, id_: RecordId, old: Mapping[str, Wire], new: Mapping[str, Wire]) -> None:
        if self.automations:
            names = frozenset(n for n in self.table.columns if old.get(n) != new.get(n))
            self._changed.append((id_, names))

    def _admit(self, values: Mapping[str, Wire], access: Access) -> None:
        """Raise `Denied` unless the user has the rights and the columns are there."""
        table = self.table
        if self.held and table.denies(self.user, access):
            name = privilege(access, table.name)
            message = f"Principal user (Id={self.user}) is missing {name} privilege"
            raise Denied("0x80040220", f"{message} for entity '{table.name}'.")
        if not values.keys() <= table.columns.keys():
            raise _unknown(table, next(name for name in values if name not in table.columns))
        secured = table.secured.get(self.user)
        if self.held and secured:
            self._admit_columns(secured, values, access)

    def _admit_columns(
        self, secured: Mapping[str, Access], values: Mapping[str, Wire], access: Access
    ) -> None:
        verb, code = (
            ("create", "0x8004F502") if access is Access.CREATE else ("update", "0x8004F507")
        )
        for name in values:
            if access not in secured.get(name, FULL_ACCESS):
                message = (
                    f"Caller user with Id {self.user} does not have {verb} permissions to a"
                    f" {self.table.columns[name].label or name} secured field on entity"
                    f" {self.table.name}. The requested operation could not be completed."
                )
                raise Denied(code, message, name)

    def _take(self, values: Mapping[str, Wire], allowed: frozenset[str]) -> dict[str, Wire]:
        table, taken = self.table, dict[str, Wire]()
        for name, value in values.items():
            if self.held and name not in allowed:
                self.ignored[name] = self.ignored.get(name, 0) + 1
            else:
                taken[name] = stored(table.name, table.columns[name], value)
        return taken

    def _owner(self) -> dict[str, Wire]:
        return {"ownerid": self.user} if "ownerid" in self.table.columns else {}

    def _refuse_inactive(self, row: Row, given: Mapping[str, Wire]) -> None:
        if not self.held or self.inactive == "writable" or "statecode" in given:
            return
        if row.values.get("statecode"):
            message = f"The {self.table.name} is inactive: it is read-only until it is reactivated."
            raise Denied("0x80040230", message)

    def _settle_state(
        self, before: Mapping[str, Wire], after: dict[str, Wire], given: Mapping[str, Wire]
    ) -> None:
        """Give *after* a status that belongs to its state, or raise `Denied`."""
        status = self.table.columns.get("statuscode")
        state = after.get("statecode")
        if status is None or state is None or (before and not given.keys() & _STATE):
            return
        fitting = [o.code for o in status.options if o.state is None or o.state == state]
        if given.get("statuscode") is None and state != before.get("statecode") and fitting:
            after["statuscode"] = fitting[0]
        if after.get("statuscode") not in fitting and after.get("statuscode") is not None:
            message = "The status code is not a valid status code for the state code"
            raise Denied("0x80048408", f"{message} on {self.table.name}.", "statuscode")

    def _apply_rules(self, row: Row | None, after: dict[str, Wire]) -> Sequence[str]:
        """Let the host's rules change *after*, and return the names of what they changed."""
        if not self.rules:
            return ()
        before = None if row is None else self.table.full(row.values)
        edited = self.table.full(after)
        for rule in self.rules:
            rule(before, edited)
        changed = [name for name, value in edited.items() if after.get(name) != value]
        for name in changed:
            if name not in self.table.columns:
                raise _unknown(self.table, name)
            after[name] = stored(self.table.name, self.table.columns[name], edited[name])
        return changed

    def _require(self, after: Mapping[str, Wire], names: Iterable[str]) -> None:
        for name in names:
            if after.get(name) is None:
                message = f"Required field '{name}' is missing or null."
                raise Denied("0x80040203", message, name)

    def _look_for_duplicates(self, id_: RecordId, after: Mapping[str, Wire]) -> None:
        if not self.held:
            return
        for name in sorted(self.table.distinct):
            value = after.get(name)
            if value is not None and set(self.store.find(self.table.name, name, value)) - {id_}:
                raise Denied(
                    "0x80040333",
                    "A record was not created or updated because a duplicate"
                    " of the current record already exists.",
                )

    def _keep_keys(self, id_: RecordId, after: Mapping[str, Wire]) -> None:
        """Raise `Denied` where another row has the same values of an alternate key."""
        for columns in self.table.keys.values():
            values = {name: after.get(name) for name in columns}
            if None in values.values():
                continue
            if self.store.by_key(self.table, values) not in {None, id_}:
                message = "A record with matching key values already exists."
                raise Denied("0x80060892", message, columns[0])

    def _stamp(self, id_: RecordId, after: Mapping[str, Wire], *, made: bool) -> Row:
        version, columns = self.store.next("version"), self.table.columns
        values: dict[str, Wire] = {n: value for n, value in after.items() if value is not None}
        system: dict[str, Wire] = {
            self.table.primary: id_,
            "versionnumber": version,
            "modifiedon": self._stamped,
            "modifiedby": self.user,
        }
        if made:
            system["createdon"] = values.get("createdon", self._stamped)
        if "fullname" in columns:
            values.pop("fullname", None)
            system |= _full_name(values)
        values |= {name: value for name, value in system.items() if name in columns}
        return Row(id_, version, self._at, values)


def _full_name(values: Mapping[str, Wire]) -> dict[str, Wire]:
    names = (values.get("firstname"), values.get("lastname"))
    whole = " ".join(str(name) for name in names if name)
    return {"fullname": whole} if whole else {}


def _unknown(table: Table, name: str) -> Denied:
    message = (
        f"Error identified in Payload provided by the user for Entity :'{table.name}':"
        f" Invalid property '{name}' was found."
    )
    return Denied("0x80048d19", message, name)
