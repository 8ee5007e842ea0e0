"""Print constraints that hold every library of pyproject.toml at the lowest version it allows."""

import sys
from pathlib import Path

import tomli
from packaging.requirements import Requirement


def main() -> None:
    """Read pyproject.toml, and requirement files after it."""
    project = tomli.loads(Path(sys.argv[1]).read_text("utf-8"))["project"]
    lines = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        lines += extra
    for path in sys.argv[2:]:
        lines += [line for line in Path(path).read_text("utf-8").splitlines() if line[:1].isalpha()]
    for line in sorted(set(lines)):
        wanted = Requirement(line)
        if wanted.name == project["name"] or (wanted.marker and not wanted.marker.evaluate()):
            continue
        lowest = [each.version for each in wanted.specifier if each.operator in {">=", "=="}]
        if len(lowest) != 1:
            sys.exit(f"{line}: say which version is the lowest, with >=")
        print(f"{wanted.name}=={lowest[0]}")


if __name__ == "__main__":
    main()
