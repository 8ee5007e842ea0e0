"""The user's language, as far as nearfar speaks it."""

import os
from collections.abc import Mapping


def user_language(environ: Mapping[str, str] = os.environ) -> str:
    """Give `zh` where the locale is Chinese, and else `en`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"
