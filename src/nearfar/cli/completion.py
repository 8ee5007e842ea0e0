"""Implement `nearfar completion`: shells complete commands and options."""

from typing import Annotated, Literal

from cyclopts import Parameter


def completion(
    shell: Literal["bash", "zsh", "fish"] | None = None,
    *,
    install: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Print the script with which a shell completes nearfar's commands and options.

    Args:
        shell: Which shell; the one that runs, when not given.
        install: Write the script to the shell's folder, and load it at its next start.
    """
    from nearfar.cli import app

    if install:
        print(f"{app.install_completion(shell=shell)}: start a new shell to use it")
    else:
        print(app.generate_completion(shell=shell))
