"""Run the benchmarks that need no data of one's own: all, or those named."""

import sys
from importlib import import_module
from typing import Final

from benchmarks import report
from benchmarks.scripts import SCRIPTS

ALL: Final = tuple(script for script in SCRIPTS if not script.brings_data)


def main(names: list[str]) -> None:
    """Run them one after the other, then write the page."""
    known = {script.name: script for script in ALL}
    unknown = [name for name in names if name not in known]
    if unknown:
        others = ", ".join(script.name for script in SCRIPTS if script.brings_data)
        sys.exit(
            f"no benchmark {', '.join(unknown)}: there are {', '.join(known)}, and"
            f" {others}, which need data: python -m benchmarks.refine --help"
        )
    chosen = [known[name] for name in names or known]
    print(f"about {sum(script.minutes for script in chosen):.0f} minutes on two quiet cores")
    for script in chosen:
        import_module(f"benchmarks.{script.name}").main()
    report.main()


if __name__ == "__main__":
    main(sys.argv[1:])
