"""What there is in the pretend Dataverse: tables, columns, option sets, alternate keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, cast

from dynsync.emulator._dataverse._asked import Asked, set_name
from dynsync.emulator._dataverse._columns import column_json, label, primary_name, relationships
from dynsync.emulator._dataverse._errors import Refusal, bad
from dynsync.emulator._dataverse._filters import condition, passes
from dynsync.emulator._dataverse._literals import pairs, split_outside
from dynsync.emulator._dataverse._replies import odata
from dynsync.emulator._dataverse._security import privileges_of
from dynsync.emulator._dataverse._state import id_of
from dynsync.emulator._messages import Malformed, Reply, listing, mapping
from dynsync.sandbox._dynamics_tables import Table

__all__ = ["definitions", "expansions", "getter_of", "metadata_changes", "project"]

_CAST: Final = "Microsoft.Dynamics.CRM."
_LINKED: Final = ("OptionSet", "GlobalOptionSet")
_CODES: Final = {"account": 1, "contact": 2, "opportunity": 3, "lead": 4, "systemuser": 8}

_AROUND: Final = ("account", "systemuser", "team", "transactioncurrency", "businessunit")

Entry = dict[str, object]


def _entity(asked: Asked, table: Table) -> Entry:
    return {
        "MetadataId": id_of("entity", table.name),
        "LogicalName": table.name,
        "SchemaName": table.name.capitalize(),
        "EntitySetName": set_name(table.name),
        "LogicalCollectionName": set_name(table.name),
        "CollectionSchemaName": set_name(table.name).capitalize(),
        "ObjectTypeCode": _CODES.get(table.name, 10_000),
        "PrimaryIdAttribute": table.primary,
        "PrimaryImageAttribute": None,
        "PrimaryNameAttribute": primary_name(table) or "name",
        "DisplayName": label(table.name.capitalize()),
        "DisplayCollectionName": label(set_name(table.name).capitalize()),
        "ChangeTrackingEnabled": table.name not in asked.state.untracked,
        "CanChangeTrackingBeEnabled": {"Value": True, "CanBeChanged": True},
        "IsOptimisticConcurrencyEnabled": True,
        "IsCustomEntity": table.name not in _CODES,
        "IsPrivate": False,
        "IsDuplicateDetectionEnabled": {"Value": bool(table.distinct), "CanBeChanged": True},
        "OwnershipType": "UserOwned",
        "TableType": "Standard",
        "Privileges": privileges_of(table),
        "Attributes": _attributes(asked, table),
        "Keys": _keys(table),
    }


def _attributes(asked: Asked, table: Table) -> list[Entry]:
    # Clients ask a dozen times, each time for another type. A table that changes is another.
    known, told = asked.state.described.get(table.name, (None, list[Entry]()))
    if known is not table:
        columns = enumerate(table.columns.values(), 1)
        told = [column_json(table, column, position) for position, column in columns]
        asked.state.described[table.name] = table, told
    return told


def _keys(table: Table) -> list[Entry]:
    return [
        {
            "MetadataId": id_of("key", table.name, name),
            "SchemaName": name,
            "LogicalName": name,
            "EntityLogicalName": table.name,
            "DisplayName": label(name),
            "KeyAttributes": list(columns),
            "EntityKeyIndexStatus": "Active",
        }
        for name, columns in table.keys.items()
    ]


def project(entry: Entry, options: Mapping[str, str], linked: Sequence[str]) -> Entry:
    """
    Return what *options* leave of *entry*: ``$select``, and of what is *linked* ``$expand``.

    Raises `Refusal` for a name that is not there.
    """
    expand = expansions(options.get("$expand", ""))
    names = [name.strip() for name in options.get("$select", "").split(",") if name.strip()]
    for name in (*names, *expand):
        if name not in entry and name not in linked:
            raise bad(f"Could not find a property named '{name}'.", "0x80060888")
    kept = names or [name for name in entry if name not in linked]
    always = ("@odata.type", "MetadataId")
    told = {name: entry[name] for name in (*always, *kept) if name in entry}
    for name, inner in expand.items():
        told[name] = _expanded(entry.get(name), inner)
    return told


def expansions(text: str) -> dict[str, dict[str, str]]:
    """Return what ``$expand`` names, each with the options in its brackets."""
    found: dict[str, dict[str, str]] = {}
    for piece in split_outside(text, ",") if text else []:
        name, _, rest = piece.strip().partition("(")
        found[name] = _inner(rest.removesuffix(")"))
    return found


def _inner(text: str) -> dict[str, str]:
    pieces = (piece.strip().partition("=") for piece in split_outside(text, ";"))
    return {name.strip(): value for name, _, value in pieces if name.strip()}


def _expanded(value: object, options: Mapping[str, str]) -> object:
    if isinstance(value, list):
        entries = [mapping(each) for each in listing(cast("object", value))]
        return [project(each, options, _LINKED) for each in _filtered(entries, options)]
    return value if value is None else project(mapping(value), options, ())


def _filtered(entries: Iterable[Entry], options: Mapping[str, str]) -> list[Entry]:
    text = options.get("$filter", "")
    if not text:
        return list(entries)
    wanted = condition(text)
    return [entry for entry in entries if passes(wanted, getter_of(entry))]


def getter_of(entry: Entry) -> Callable[[str], object]:
    """Return what looks up a path of names in *entry*, ``RequiredLevel/Value``."""
    return lambda path: _at(entry, path)


def _at(entry: Entry, path: str) -> object:
    name, _, rest = path.partition("/")
    found = entry.get(name)
    if not rest:
        return found
    try:
        return _at(mapping(found), rest)
    except Malformed:
        return None


def definitions(asked: Asked) -> Reply:
    """Answer what begins with ``EntityDefinitions``."""
    head, *rest = asked.path
    if head.args is None:
        entries = [*(_entity(asked, table) for table in _tables(asked))]
        return _many(asked, entries, "EntityDefinitions", ("Attributes", "Keys"))
    table = _table(asked, head.args)
    if not rest:
        told = project(_entity(asked, table), asked.options, ("Attributes", "Keys"))
        context = f"{asked.root}/$metadata#EntityDefinitions/$entity"
        return odata({"@odata.context": context, **told})
    match rest[0].name:
        case "Attributes":
            return _attribute_reply(asked, table)
        case "Keys":
            return _many(asked, _keys(table), "EntityDefinitions/Keys", ())
        case "OneToManyRelationships":
            found = [each for other in _tables(asked) for each in relationships(other)]
            here = [each for each in found if each["ReferencedEntity"] == table.name]
            return _many(asked, here, "EntityDefinitions/OneToManyRelationships", ())
        case "ManyToOneRelationships":
            return _many(
                asked, relationships(table), "EntityDefinitions/ManyToOneRelationships", ()
            )
        case "Privileges":
            value = privileges_of(table)
            return odata({"@odata.context": f"{asked.root}/$metadata#Privileges", "value": value})
        case name:
            raise Refusal(404, "0x80060888", f"Resource not found for the segment '{name}'.")


def _tables(asked: Asked) -> list[Table]:
    """Return the tables there are, and those around them, of which nothing but the name is."""
    held = [asked.store.table(name) for name in asked.store.names()]
    known = {table.name for table in held}
    around = [name for name in _AROUND if name not in known]
    return [*held, *(Table(name, {}, {}, {}, frozenset(), frozenset()) for name in around)]


def _table(asked: Asked, args: str) -> Table:
    name = pairs(args).get("LogicalName", "").strip("'")
    for table in _tables(asked):
        if name == table.name or id_of("entity", table.name) == args.strip("'").lower():
            return table
    message = f"Could not find an entity with name {name}" if name else "Could not find an entity"
    raise Refusal(404, "0x80060888", f"{message}.")


def _many(asked: Asked, entries: Iterable[Entry], name: str, linked: Sequence[str]) -> Reply:
    found = [project(each, asked.options, linked) for each in _filtered(entries, asked.options)]
    if text := asked.options.get("$top"):
        found = found[: int(text) if text.isdecimal() else None]
    return odata({"@odata.context": f"{asked.root}/$metadata#{name}", "value": found})


def _attribute_reply(asked: Asked, table: Table) -> Reply:
    _, attributes, *rest = asked.path
    entries = _attributes(asked, table)
    if rest and rest[0].name.startswith(_CAST):
        kind = rest.pop(0).name
        entries = [each for each in entries if each["@odata.type"] == f"#{kind}"]
    if rest and rest[0].name not in _LINKED:
        raise Refusal(404, "0x80060888", f"Resource not found for the segment '{rest[0].name}'.")
    if attributes.args is None:
        return _many(asked, entries, "EntityDefinitions/Attributes", _LINKED)
    name = pairs(attributes.args).get("LogicalName", "").strip("'")
    for each in entries:
        if each["LogicalName"] == name or each["MetadataId"] == attributes.args.lower():
            context = f"{asked.root}/$metadata#EntityDefinitions/Attributes/$entity"
            if rest:
                linked = mapping(each.get(rest[0].name) or {})
                return odata({"@odata.context": context, **project(linked, asked.options, ())})
            return odata({"@odata.context": context, **project(each, asked.options, _LINKED)})
    raise Refusal(404, "0x80060888", f"Could not find an attribute with name '{name}'.")


def metadata_changes(asked: Asked) -> Reply:
    """Answer ``RetrieveMetadataChanges(Query=@p1)``: all of it, every time."""
    args = asked.path[0].args or ""
    text = args.partition("=")[2].strip()
    if text.startswith("@"):
        text = asked.options.get(text, "")
    try:
        query = mapping(json.loads(text))
        entities = [_changed(_entity(asked, table), query) for table in _tables(asked)]
    except (ValueError, Malformed):
        raise bad("The metadata query is not valid.", "0x80040203") from None
    body = {
        "@odata.context": f"{asked.root}/$metadata#RetrieveMetadataChangesResponse",
        "ServerVersionStamp": f"{asked.store.version}!01/01/2026 00:00:00",
        "DeletedMetadata": None,
        "EntityMetadata": [each for each in entities if each is not None],
    }
    return odata(body)


def _changed(entity: Entry, query: Mapping[str, object]) -> Entry | None:
    if not _meets(entity, query.get("Criteria")):
        return None
    found = _picked(entity, query.get("Properties"))
    inner = mapping(query.get("AttributeQuery") or {})
    if "Attributes" in found:
        columns = [mapping(each) for each in listing(entity["Attributes"])]
        meeting = [each for each in columns if _meets(each, inner.get("Criteria"))]
        found["Attributes"] = [_picked(each, inner.get("Properties")) for each in meeting]
    return found


def _picked(entry: Entry, properties: object) -> Entry:
    said = mapping(properties or {})
    if said.get("AllProperties") or not said.get("PropertyNames"):
        return dict(entry)
    names = [str(name) for name in listing(said["PropertyNames"])]
    always = ("@odata.type", "MetadataId", "LogicalName")
    return {name: entry[name] for name in dict.fromkeys((*always, *names)) if name in entry}


def _meets(entry: Entry, criteria: object) -> bool:
    said = mapping(criteria or {})
    results: list[bool] = []
    for each in listing(said.get("Conditions") or []):
        one = mapping(each)
        value = mapping(one.get("Value") or {}).get("Value")
        held = entry.get(str(one.get("PropertyName")))
        match one.get("ConditionOperator"):
            case "Equals":
                results.append(held == value)
            case "NotEquals":
                results.append(held != value)
            case "In":
                results.append(held in listing(value))
            case _:
                raise Malformed("this operator is not known")
    any_of = said.get("FilterOperator") == "Or" and results
    return any(results) if any_of else all(results)
