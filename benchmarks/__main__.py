"""Run the benchmarks that need no data of one's own: all, or those named."""

import sys
from importlib import import_module
from typing import Final

from benchmarks import report

ALL: Final = (
    "cold_start",
    "collector",
    "folder_rate",
    "picture_size",
    "decode_size",
    "tutorial",
    "service_load",
    "tutorial_service",
    "service_memory",
)


def main(names: list[str]) -> None:
    """Run them one after the other, then write the page."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(
            f"no benchmark {', '.join(unknown)}: there are {', '.join(ALL)}, and"
            " refine and recipes, which need data: python -m benchmarks.refine --help"
        )
    for name in names or ALL:
        import_module(f"benchmarks.{name}").main()
    report.main()


if __name__ == "__main__":
    main(sys.argv[1:])
