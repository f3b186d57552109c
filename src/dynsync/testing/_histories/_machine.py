"""
Histories that Hypothesis draws: the same actions, in a state machine. The one user of it here.

Whatever an action needs is drawn from its own declaration, so that nothing is said twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar, cast

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from typing_extensions import override

from dynsync.fields import EntityMap
from dynsync.maps import CONTACT, LEAD, default_policy
from dynsync.policies import AuthorityPolicy
from dynsync.records import Pair, Value, Wire
from dynsync.sandbox import SandboxClock
from dynsync.testing._histories._actions import ACTIONS, SANDBOX_ACTIONS
from dynsync.testing._histories._draws import (
    Action,
    Draw,
    OneOf,
    OneOfScene,
    Shuffled,
    Span,
    Together,
)
from dynsync.testing._histories._host_scene import host_scene
from dynsync.testing._histories._invariants import check_always
from dynsync.testing._histories._sandbox_scene import SANDBOX_SCENE
from dynsync.testing._histories._sandbox_world import SandboxWorld
from dynsync.testing._histories._scene import Scene
from dynsync.testing._histories._systems import MakeSystems, clock_of, two_systems
from dynsync.testing._histories._world import World

__all__ = ["HistoryMachine", "sandbox_machine", "sync_machine"]

W = TypeVar("W", bound=World)


class HistoryMachine(RuleBasedStateMachine):
    """
    Random histories of two systems that the engine keeps in step.

    *reached* counts the paths that the histories of the class went.
    """

    reached: ClassVar[Counter[str]]
    make_world: ClassVar[Callable[[Counter[str]], World]]

    def __init__(self) -> None:
        super().__init__()
        self.world = type(self).make_world(self.reached)

    @initialize()
    def first_load(self) -> None:
        """Make a record of each entity, which are there from the start."""
        for entity in self.world.maps:
            self.world.make_in_dynamics(entity, self.world.scene.born[0])
        self.world.settle()

    @invariant()
    def nothing_is_wrong(self) -> None:
        """Check what holds at any moment."""
        check_always(self.world)

    @override
    def teardown(self) -> None:
        """Whatever was left open must settle."""
        try:
            if self.world.humans:
                self.world.settle()
        finally:
            self.world.close()


def sync_machine(
    make_systems: MakeSystems,
    *,
    entities: Sequence[EntityMap] = (LEAD, CONTACT),
    policy: AuthorityPolicy | None = None,
    values: Mapping[str, Sequence[Value]] | None = None,
    blank: Pair[Mapping[str, Wire]] | None = None,
    refuses: Callable[[str, Value], bool] | None = None,
    rewrites: Callable[[str, Value], Value] | None = None,
) -> type[HistoryMachine]:
    """
    Return a state machine that plays random histories over two systems of yours.

    *make_systems* makes a new, empty pair; sandbox systems will do, and so will anything that
    offers what `MarketoSystem` and `DynamicsSystem` say. The engine gets their connectors with
    faults put in between. *entities* are synced, by *policy*. *values* are what people enter,
    by field; by default some for every kind of field that both systems let be written. *blank*
    is what a new record needs besides, on either side. Say with *refuses* which values of a
    field your Dynamics refuses beyond what its schema tells, and with *rewrites* what it makes
    of a value.

    What must hold is asserted already: run it as any machine of Hypothesis, by its ``TestCase``
    or with `hypothesis.stateful.run_state_machine_as_test`. Its ``reached`` counts the paths
    that were gone.
    """
    scene = host_scene(
        make_systems,
        entities,
        policy=policy or default_policy(),
        values=values,
        blank=blank,
        refuses=refuses,
        rewrites=rewrites,
    )

    def make_world(reached: Counter[str]) -> World:
        systems = two_systems(make_systems)
        return World(scene, systems, clock_of(systems) or SandboxClock(), reached)

    return _machine("SyncMachine", make_world, ACTIONS, scene)


def sandbox_machine() -> type[HistoryMachine]:
    """Return a machine over two sandbox systems, with all that can be amiss with them."""
    return _machine("SandboxMachine", SandboxWorld, SANDBOX_ACTIONS, SANDBOX_SCENE)


def _machine(
    name: str,
    make_world: Callable[[Counter[str]], W],
    actions: Sequence[Action[W]],
    scene: Scene,
) -> type[HistoryMachine]:
    members: dict[str, object] = {
        "reached": Counter[str](),
        "make_world": staticmethod(make_world),
        "__doc__": HistoryMachine.__doc__,
        "__module__": __name__,
    }
    members |= {one.name: _rule(one, scene) for one in actions if "liveness" in one.modes}
    return cast("type[HistoryMachine]", type(name, (HistoryMachine,), members))


def _rule(one: Action[W], scene: Scene) -> object:
    """Return the rule of a machine that does *one*."""

    def step(machine: HistoryMachine, /, **arguments: object) -> None:
        one.do(cast("W", machine.world), **arguments)

    def allowed(self: HistoryMachine) -> bool:
        return one.allowed(cast("W", self.world))

    step.__name__ = one.name
    drawn = {name: _strategy(how, scene) for name, how in one.draws.items()}
    return precondition(allowed)(_ruled(step, drawn))


class _Ruled(Protocol):
    def __call__(self, **drawn: st.SearchStrategy[object]) -> Callable[[_Step], _Step]: ...


class _Step(Protocol):
    def __call__(self, machine: HistoryMachine, /, **arguments: object) -> None: ...


def _ruled(step: _Step, drawn: Mapping[str, st.SearchStrategy[object]]) -> _Step:
    # What `rule` says of itself has a place for bundles among the names of what is drawn.
    return cast("_Ruled", rule)(**drawn)(step)


def _strategy(how: Draw, scene: Scene) -> st.SearchStrategy[object]:
    """Return the strategy that draws what *how* says."""
    match how:
        case OneOf(values):
            return st.sampled_from(values)
        case Span(low, high):
            return st.integers(low, high)
        case Shuffled(values):
            return st.permutations(list(values))
        case Together(draws):
            return st.tuples(*(_strategy(each, scene) for each in draws))
        case OneOfScene(values):
            return st.sampled_from(values(scene)) if values(scene) else st.nothing()
