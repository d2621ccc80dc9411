"""What all tests share: how hypothesis looks for counter-examples."""

import os

from hypothesis import settings

# The same examples in every run, so that a failure is news about the code; HYPOTHESIS_PROFILE=search looks further.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
