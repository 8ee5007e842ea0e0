"""`nearfar completion`: the shell completes commands and options."""

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"] | None = None) -> None:
    """Let the shell complete nearfar's commands and options from its next start on.

    Args:
        shell: Which one; the one that runs, when not given.
    """
    from nearfar.cli import app

    print(f"{app.install_completion(shell=shell)}: start a new shell to use it")
