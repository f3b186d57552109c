"""The contracts that CrossHair proves say something: they hold, and a false one does not."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Final, cast

import pytest

from symbolic import CONTRACTS, REFUTED

NUMBERS: Final = (None, 0, 1, -7)


def cases(contract: FunctionType) -> Iterator[tuple[object, ...]]:
    """Yield arguments for *contract* that its precondition allows."""
    names = list(inspect.signature(contract).parameters)
    found = re.search(r"pre: (.+)", contract.__doc__ or "")
    pools = [(False, True) if name == "silent" else NUMBERS for name in names]
    for values in itertools.product(*pools):
        allowed = found is None or eval(found[1], {}, dict(zip(names, values, strict=True)))  # noqa: S307 - our own text
        if allowed:
            yield values


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_contract_holds(contract: FunctionType) -> None:
    """Each contract holds for a few numbers; CrossHair says so of all."""
    tried = list(cases(contract))

    assert len(tried) > 10
    assert [] == [values for values in tried if not contract(*values)]


def test_false_contract_is_false() -> None:
    """What CrossHair must refute can be refuted."""
    refuted = cast("FunctionType", REFUTED)

    assert not all(refuted(*values) for values in cases(refuted))
