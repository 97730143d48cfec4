"""Only the verb that is asked for gets its options; what is shown is the same."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from sniperforge_cli.app import _narrowed, app, run

RUNNER = CliRunner()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], [], ["bench", "--help"], ["detect", "--help"], ["config"], ["--version"], ["snip"]],
    ids=str,
)
def test_the_narrowed_tree_shows_what_the_whole_one_shows(arguments: list[str]) -> None:
    shown = RUNNER.invoke(_narrowed(arguments), arguments)
    whole = RUNNER.invoke(app, arguments)
    assert (shown.output, shown.exit_code) == (whole.output, whole.exit_code)


def test_a_shell_that_completes_gets_every_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SNIPERFORGE_COMPLETE", "complete_bash")
    assert _narrowed(["detect"]) is app


def test_a_verb_that_was_not_asked_for_has_no_options_and_cannot_run() -> None:
    commands = {command.name: command for command in _narrowed(["detect"]).registered_commands}
    outlined = commands["feed"].callback
    assert outlined is not None
    with pytest.raises(AssertionError, match="feed was not asked for"):
        outlined()
    narrowed = typer.main.get_command(_narrowed(["detect"]))
    assert {parameter.name for parameter in narrowed.commands["detect"].params} > {"source"}  # type: ignore[attr-defined]
    assert run(["--version"]) == 0
