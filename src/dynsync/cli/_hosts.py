"""From a configuration to things that work: connectors, store and sync."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, NoReturn, cast

import attrs

from dynsync.cli._config import Config, SystemConfig
from dynsync.cli._imports import load_factory
from dynsync.cli._options import check_signature, resolve_options
from dynsync.connectors import Capabilities, DynamicsConnector, MarketoConnector
from dynsync.maps import default_backfill
from dynsync.policies import nonempty
from dynsync.recorder import ActivityRecorder
from dynsync.records import Side
from dynsync.reports import Progress
from dynsync.sqlite import SqliteStore
from dynsync.sync import Sync

__all__ = ["Systems", "desk_sync", "host_sync", "host_systems", "reading"]


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
    makers = _maker(config.marketo), _maker(config.dynamics)
    with ExitStack() as stack:
        marketo, dynamics = (_made(make, stack) for make in makers)
        if not isinstance(marketo, MarketoConnector):
            raise _no_connector(config.marketo)
        if not isinstance(dynamics, DynamicsConnector):
            raise _no_connector(config.dynamics)
        yield Systems(marketo, dynamics)


def _maker(system: SystemConfig) -> Callable[[], object]:
    factory = load_factory(system.section, system.factory)
    check_signature(system.options, factory, system.factory)
    options = resolve_options(system.options)
    return lambda: factory(**options)


def _made(make: Callable[[], object], stack: ExitStack) -> object:
    """Return a new connector; if it can be closed, it will be."""
    connector = make()
    close = cast("object", getattr(connector, "close", None))
    if callable(close):
        stack.callback(cast("Callable[[], None]", close))
    return connector


def _no_connector(system: SystemConfig) -> Exception:
    kind = f"{system.side.label}Connector"
    return system.section.error(
        "connector", f"{system.factory!r} makes no {kind}", f"See dynsync.{kind} for what it needs."
    )


@contextmanager
def reading(config: Config) -> Generator[SqliteStore]:
    """Open the state for looking at, also while another process runs the sync."""
    with SqliteStore.read_only(config.state) as store:
        yield store


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
