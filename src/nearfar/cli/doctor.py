"""`nearfar doctor`: what is here, what is missing, and what to do about it."""

from itertools import groupby
from typing import Annotated

from cyclopts import Parameter

from nearfar.cli.checkup import Finding, examine
from nearfar.cli.out import print_json
from nearfar.models.registry import Store


def doctor(
    *,
    # not `arguments.Json`: that module needs OpenCV, which may be what is broken
    json_lines: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Say what is installed, which model `auto` takes for what, and what is missing.

    Exit status 1 if something is broken.

    Args:
        json_lines: Print one JSON object.
    """
    findings = list(examine(Store()))
    todo = list(dict.fromkeys(finding.todo for finding in findings if finding.todo))
    if json_lines:
        print_json(_tree(findings, todo))
    else:
        _show(findings, todo)
    return 1 if todo else 0


def _tree(findings: list[Finding], todo: list[str]) -> dict[str, object]:
    topics = {
        topic: {finding.name: finding.value for finding in group}
        for topic, group in groupby(findings, key=lambda finding: finding.topic)
    }
    return {"right": not todo, "todo": todo, **topics}


def _show(findings: list[Finding], todo: list[str]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for topic, group in groupby(findings, key=lambda finding: finding.topic):
        console.print(Text(topic, style="bold"))
        for finding in group:
            style = "red" if finding.todo else ""
            console.print(Text(f"  {finding.name:<24} {finding.value}", style=style))
    console.print()
    if not todo:
        console.print(Text("all right", style="bold green"))
        return
    console.print(Text("to do:", style="bold red"))
    for number, sentence in enumerate(todo, 1):
        console.print(Text(f"  {number}. {sentence}"))
