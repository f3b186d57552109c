"""What a host decides about a Dynamics organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, cast

import attrs

from dynsync.arguments import described, is_whole, shown, word
from dynsync.errors import ConfigurationError
from dynsync.limiting import Pace
from dynsync.records import RecordId

__all__ = ["PACE", "Duplicates", "DynamicsOptions"]

PACE: Final = Pace(calls=6_000, seconds=300.0, at_once=8)
"""
The limits on one user's requests. Far fewer at once than the 52 that are allowed: so is no
more than 1,200 seconds of work in 300, which a few busy batches at once use up.
"""

Duplicates: TypeAlias = Literal["ignore", "detect"]
"""Whether Dynamics' duplicate detection rules look at what the sync writes (R107)."""

_WRITES: Final = 1_000
_ROWS: Final = 5_000


@attrs.frozen(kw_only=True)
class DynamicsOptions:
    """
    What a host may decide about a Dynamics organisation.

    *duplicates* says whether its detection rules look at what is written. *pointing_at* says,
    by column, of which table a plain id is, where there are several. *currency* is that of
    amounts of money in rows that are made here; Dynamics takes its own default without it.
    *batch* rows are written by one request, and *page* rows are read. Raises
    `ConfigurationError` for more than Dynamics takes.
    """

    duplicates: Duplicates = "ignore"
    pointing_at: Mapping[str, str] = attrs.Factory(dict[str, str])
    currency: RecordId | None = None
    batch: int = 100
    page: int = _ROWS

    def __attrs_post_init__(self) -> None:
        for name, number, most in (("batch", self.batch, _WRITES), ("page", self.page, _ROWS)):
            if not is_whole(number) or not 1 <= number <= most:
                raise ConfigurationError(
                    f"{name}={shown(number)}: give a whole number of rows from 1 to {most}."
                )
        word("duplicates", self.duplicates, Duplicates)
        currency = cast("object", self.currency)
        pointing_at = cast("object", self.pointing_at)
        if currency is not None and not isinstance(currency, str):
            raise ConfigurationError(
                f"currency={shown(currency)}: give the id of a row of transactioncurrency."
            )
        if not isinstance(pointing_at, Mapping):
            raise ConfigurationError(
                f"pointing_at= got {described(pointing_at)}. Give the table that each column "
                f"points at: pointing_at={{'parentcustomerid': 'account'}}."
            )
