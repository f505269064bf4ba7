"""Profiles that only a test needs."""

import tempfile
from pathlib import Path

from testbed.bench.profile import Profile, load_profile


def profile_of(text: str) -> Profile:
    """Return the profile that `text` (YAML) describes, read from a file as any other."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        file = Path(folder) / "profile.yaml"
        file.write_text(text)
        return load_profile(file)
