"""From a configuration to things that work: connectors, store and sync."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple, NoReturn, cast

import attrs

from dynsync.calling import raised_by
from dynsync.cli._config import Config, SystemConfig
from dynsync.cli._console import say
from dynsync.cli._imports import load_factory
from dynsync.cli._options import check_signature, resolve_options
from dynsync.connectors import Capabilities, Connector, DynamicsConnector, MarketoConnector
from dynsync.errors import ContractError, SyncError, Unavailable
from dynsync.maps import default_backfill
from dynsync.memory import MemoryStore
from dynsync.policies import nonempty
from dynsync.recorder import ActivityRecorder
from dynsync.records import Side
from dynsync.reports import Progress
from dynsync.sqlite import SqliteStore
from dynsync.state import StateStore
from dynsync.sync import Sync

__all__ = ["Systems", "desk_sync", "host_sync", "host_systems", "reading", "unstarted"]


def _silent(progress: Progress) -> None:
    """Show nothing."""


def _never() -> bool:
    return False


@contextmanager
def host_sync(
    config: Config,
    *,
    show: Callable[[Progress], None] = _silent,
    stopping: Callable[[], bool] = _never,
) -> Generator[Sync]:
    """
    Open all that *config* names and put it together, for the time of the block.

    Whatever is wrong with the factories or their options is told before anything is opened.
    """
    with ExitStack() as stack:
        marketo, dynamics = stack.enter_context(host_systems(config))
        store = stack.enter_context(SqliteStore(config.state, owner="dynsync"))
        stack.enter_context(_staying())
        yield Sync(
            marketo=marketo,
            dynamics=dynamics,
            maps=config.maps,
            store=store,
            policy=config.policy,
            first=nonempty(config.policy),
            backfill=default_backfill(config.consent),
            hold=config.hold,
            on_marketo_delete=config.on_marketo_delete,
            tries=config.tries,
            push_when_paused=config.push_when_paused,
            keep_journal=config.keep_journal,
            guards=config.guards,
            recorders=[ActivityRecorder(marketo, name=word) for word in config.recorders],
            show=show,
            stopping=stopping,
        )


class Systems(NamedTuple):
    """The two connectors that a configuration names."""

    marketo: MarketoConnector
    dynamics: DynamicsConnector


@contextmanager
def host_systems(config: Config) -> Generator[Systems]:
    """
    Make both connectors that *config* names, for the time of the block.

    Whatever is wrong with the factories or their options is told before one is made.
    """
    systems = config.marketo, config.dynamics
    makers = [_maker(system) for system in systems]
    with ExitStack() as stack:
        made = [_made(s.side, make, stack) for s, make in zip(systems, makers, strict=True)]
        stack.enter_context(_staying())
        yield Systems(
            cast("MarketoConnector", _connector(config.marketo, made[0])),
            cast("DynamicsConnector", _connector(config.dynamics, made[1])),
        )


def _maker(system: SystemConfig) -> Callable[[], object]:
    factory = load_factory(system.section, system.factory)
    check_signature(system.options, factory, system.factory)
    options = resolve_options(system.options)
    return lambda: _call(system, lambda: factory(**options))


_LOCAL: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""What a missing file of the host's own raises; other `OSError` come from a network."""


def _call(system: SystemConfig, factory: Callable[[], object]) -> object:
    """Return what the host's *factory* makes; what it raises is told in one line, by its place."""
    try:
        return factory()
    except (SyncError, sqlite3.Error):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the host's
        # A factory that ends the process would end it without a word, with a code of its own.
        said = f"{system.factory!r} raised {raised_by(error)}"
        away = isinstance(error, OSError) and not isinstance(error, _LOCAL)
    # Outside of the except block: what was raised may quote a secret.
    if away:
        raise Unavailable(system.side, f"{said}. Is it up, and the network?")
    raise system.section.error("connector", said, "Mend it, or its options.")


@contextmanager
def _staying() -> Generator[None]:
    """Let nothing inside the block end the process without a word; that is its person's to do."""
    try:
        yield
    except (Exception, GeneratorExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit, or a cancelled task
        said = raised_by(error)
    else:
        return
    raise ContractError(f"A connector raised {said}, and may end no process. Mend it.")


def _made(side: Side, make: Callable[[], object], stack: ExitStack) -> object:
    """Return a new connector; if it can be closed, it will be."""
    connector = make()
    close = cast("object", getattr(connector, "close", None))
    if callable(close):
        stack.push(_closing(side, cast("Callable[[], None]", close)))
    return connector


def _closing(
    side: Side, close: Callable[[], None]
) -> Callable[[object, BaseException | None, object], None]:
    """Return what closes a connector when a block ends; it keeps what ended the block."""

    def leave(_: object, ended_by: BaseException | None, __: object) -> None:
        try:
            close()
        except (SyncError, sqlite3.Error, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - it is the host's
            raised = raised_by(error)
        else:
            return
        said = f"The {side.label} connector raised {raised} in close. What was done is stored."
        if ended_by is None:
            raise ContractError(f"{said} Mend it.")
        say(f"dynsync: {said}")

    return leave


_ASKED: Final = {
    Side.MARKETO: {*vars(Connector), *vars(MarketoConnector)},
    Side.DYNAMICS: {*vars(Connector), *vars(DynamicsConnector)},
}
"""The names of all that a side is asked; those of Python's own begin with an underscore."""


def _connector(system: SystemConfig, made: object) -> object:
    """Return what the factory *made*; raises an error that says what that is, if no connector."""
    side = system.side
    # Not isinstance: since Python 3.12 that does not see what a wrapper passes on.
    lacks = sorted(n for n in _ASKED[side] if n[0] != "_" and not hasattr(made, n))
    whole = not lacks and not isinstance(made, type)
    if whole and cast("object", getattr(made, "side", None)) is side:
        return made
    got, step = _instead(side, made, lacks)
    problem = f"{system.factory!r} makes no {side.label}Connector: it returned {got}"
    raise system.section.error("connector", problem, step)


def _instead(side: Side, made: object, lacks: list[str]) -> tuple[str, str]:
    """Return what was *made* for *side*, which *lacks* something, and the next step."""
    if made is None:
        return "None", "Return the connector at its end."
    got = f"the type {made.__name__}" if isinstance(made, type) else f"a {type(made).__name__}"
    if hasattr(made, "connector") and not hasattr(made, "side"):
        return got, "Return what its connector() returns."
    said = cast("object", getattr(made, "side", None))
    if said is side.other:
        return f"a connector of {side.other.label}", "Were the two exchanged?"
    if isinstance(made, type):
        return got, "Call it."
    if not lacks:
        return f"{got} whose side is no Side", f"Let it be Side.{side.name}."
    step = f"See dynsync.{side.label}Connector for what it needs."
    return f"{got} without {', '.join(lacks)}", step


@contextmanager
def reading(config: Config) -> Generator[StateStore]:
    """
    Open the state for looking at, also while another process runs the sync.

    Before the first run there is no file, and looking makes none: the state is empty.
    """
    if config.state.parent.is_dir() and not config.state.exists():
        yield MemoryStore()
        return
    with SqliteStore.read_only(config.state) as store:
        yield store


def unstarted(store: StateStore, config: Config) -> str:
    """Return what to say, and to do, where no cycle was ever run; nothing where one was."""
    if store.get("last_run") is not None:
        return ""
    return f"The sync of {config.path} has never run. Start it with: dynsync run"


@attrs.frozen
class _Unasked:
    """A system that is not asked: pausing must work where its password is not at hand."""

    side: Side
    capabilities: Capabilities = attrs.field(factory=Capabilities)

    def _unasked(self, *_: object, **__: object) -> NoReturn:
        raise AssertionError(f"{self.side.label} was asked, and only the state was to be touched")

    identity = describe = read = fetch = find = write = log = logged = sync_user = _unasked


@contextmanager
def desk_sync(config: Config) -> Generator[Sync]:
    """Return a sync that can only be switched, not run: no connector is made for it."""
    with SqliteStore(config.state, owner="dynsync") as store:
        yield Sync(
            marketo=_Unasked(Side.MARKETO),
            dynamics=_Unasked(Side.DYNAMICS),
            maps=config.maps,
            store=store,
        )
