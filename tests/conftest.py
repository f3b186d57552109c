"""
How Hypothesis searches: quickly here, longer in CI, the same way each time. And what Ctrl-C means.

A red build is about the change it tests, so both profiles are derandomised. To go looking
for new bugs, run ``HYPOTHESIS_PROFILE=search pytest``.
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail, so no profile looks at the time.
settings.register_profile(
    "dev",
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("dev"), max_examples=300)
settings.register_profile(
    "search",
    settings.get_profile("dev"),
    max_examples=2000,
    derandomize=False,
    print_blob=True,
)

settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev")
)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control has what it runs in the background ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
