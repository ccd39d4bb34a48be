# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Languages beside Python: small problems of our own, each right, wrong and hostile."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from foundry_plugins.contract.errors import UserError
from foundry_plugins.eval.sandbox import languages, toolchains
from foundry_plugins.eval.sandbox.isolation import BUBBLEWRAP, NAMESPACES, UNSAFE, Isolation
from foundry_plugins.eval.sandbox.languages import java_tuples
from foundry_plugins.eval.sandbox.languages import language as language_
from foundry_plugins.eval.sandbox.languages.language import before_brace
from foundry_plugins.eval.sandbox.limits import Limits
from foundry_plugins.eval.sandbox.programs import Program
from foundry_plugins.eval.sandbox.runner import Runner
from tests.foundry_plugins.eval.sandbox.run_limited import run
from tests.foundry_plugins.eval.sandbox.small_problems import ENDS, PROBLEMS

LIMITS = Limits(cpu_seconds=2, wall_seconds=60, memory_bytes=512 << 20)


def there(language: str) -> None:
    """Skips by name what cannot be tried here."""
    for name, how in toolchains.missing([language]).items():
        pytest.skip(f"{name} {how}")


def test_every_language_has_a_small_problem() -> None:
    assert set(PROBLEMS) == set(languages.NAMES)


@pytest.mark.parametrize("language", languages.NAMES)
def test_a_program_passes_only_if_its_tests_did(language: str) -> None:
    there(language)
    problem = PROBLEMS[language]
    programs = [problem.program(language, body) for body in ENDS]
    for body, verdict in zip(ENDS, run(list(programs), LIMITS, BUBBLEWRAP), strict=True):
        assert verdict["kind"] in ENDS[body], (body, verdict)
        assert body == "right" or verdict["message"], body


@pytest.mark.parametrize("language", ["js", pytest.param("cpp", marks=pytest.mark.slow)])
def test_under_the_other_isolation(language: str) -> None:
    there(language)
    programs: list[Any] = [PROBLEMS[language].program(language, b) for b in ("right", "wrong")]
    verdicts = run(programs, LIMITS, NAMESPACES)
    assert [verdict["kind"] for verdict in verdicts] == ["passed", "assertion"]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["cpp", "go", "ts"])
def test_what_is_prepared_is_found_without_isolation_too(language: str) -> None:
    there(language)
    programs: list[Any] = [PROBLEMS[language].program(language, b) for b in ("right", "wrong")]
    verdicts = run(programs, LIMITS, UNSAFE)
    assert [verdict["kind"] for verdict in verdicts] == ["passed", "assertion"]


@pytest.mark.parametrize("language", ["cpp", "java"])
def test_tools_are_those_of_the_sandbox_whatever_the_path(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(language)
    monkeypatch.setenv("PATH", "/nowhere")
    found = languages.find(language)
    found.make(tmp_path)
    found.start(tmp_path, Isolation(UNSAFE))
    found.close()
    versions = toolchains.versions([language])
    assert set(versions) == set(found.tools)
    assert "unknown" not in versions.values()


def test_a_framework_of_tests_cannot_be_left_early() -> None:
    programs: list[Any] = []
    for language, body in {
        "rb": "  at_exit { exit!(0) }\n  0\nend",  # status 0 after a failure
        "lua": "  return 0\nend\nprint('OK')",
        "go": '    fmt.Println("ok")\n    return 0\n}\nfunc TestOther(t *testing.T) {\n}',
        "ts": "  return 0;\n}\nconsole.log('ended');",
        "r": "  0\n}\nstopifnot <- function(...) quit(status = 0)",
    }.items():
        there(language)
        problem = PROBLEMS[language]
        programs.append(Program(language, problem.before + body, problem.tests))
    verdicts = run(programs, LIMITS, BUBBLEWRAP)
    assert [verdict["kind"] for verdict in verdicts] == [
        *("exit", "assertion", "assertion", "assertion", "exit")
    ]


def test_a_program_that_the_typescript_compiler_refuses_fails() -> None:
    there("ts")
    problem = PROBLEMS["ts"]
    bodies = {
        "  return x + x;\n}\nlet y: string = twice(1);": "Type 'number' is not assignable",
        # What javascript alone would bear: a name of the library's, and a file it must not read.
        "  return x + x;\n}\nconst name = 1;": "Cannot redeclare block-scoped variable 'name'",
        "  return x + x;\n}\n/// <reference path='/etc/passwd' />": "",
        "  return x + x;\n}\nimport x from '../../usr/share';": "Cannot find module",
    }
    programs = [Program("ts", problem.before + body, problem.tests) for body in bodies]
    verdicts = run(list(programs), LIMITS, BUBBLEWRAP)
    for body, verdict in zip(bodies, verdicts, strict=True):
        assert verdict["kind"] == ("compile" if bodies[body] else "passed"), body
        assert bodies[body] in verdict["message"]


def test_hostile_programs() -> None:
    there("js")
    open_ = "require('fs')"
    bodies = {
        # A program can only write where it runs, and what is left there is deleted.
        "write": f"try {{ {open_}.writeFileSync('/usr/x', 'x'); return 2 * x }} catch {{}}",
        "read": f"try {{ {open_}.readFileSync('/etc/passwd'); return 2 * x }} catch {{}}",
        "litter": f"{open_}.writeFileSync('litter', 'x'); return 2 * x",
        "clean": f"return {open_}.existsSync('litter') ? 0 : 2 * x",
        "proof": f"{open_}.writeFileSync('ended', 'x'); process.exit(0)",
        "link": f"{open_}.symlinkSync('/proc/self/environ', 'ended'); process.exit(0)",
        "flood": "while (true) process.stderr.write('x'.repeat(1 << 20));",
    }
    problem = PROBLEMS["js"]
    programs = [
        Program("js", f"{problem.before}{body}}}", problem.tests) for body in bodies.values()
    ]
    verdicts = run(list(programs), LIMITS, BUBBLEWRAP, workers=1)
    kinds = dict(zip(bodies, (verdict["kind"] for verdict in verdicts), strict=True))
    assert kinds["write"] == kinds["read"] == "assertion"
    assert kinds["litter"] == kinds["clean"] == "passed"
    assert kinds["proof"] == kinds["link"] == "exit"
    assert kinds["flood"] in ("output", "timeout", "memory")


def test_what_compilers_read_is_in_the_sandbox() -> None:
    there("cpp")
    problem = PROBLEMS["cpp"]
    programs = [
        Program("cpp", f'#include "{path}"\n{problem.before}{problem.right}', problem.tests)
        for path in ("/etc/passwd", "/dev/zero")
    ]
    verdicts = run(list(programs), LIMITS, BUBBLEWRAP)
    assert [verdict["kind"] for verdict in verdicts] == ["compile", "compile"]
    assert "No such file" in verdicts[0]["message"]


def test_the_end_of_main_is_found() -> None:
    assert (
        before_brace("}\nint main() {\n  f();\n}\n", "END;") == "}\nint main() {\n  f();\nEND;\n}\n"
    )
    assert before_brace("a { b { c } }", "END", braces=2) == "a { b { c END\n} }"
    assert before_brace("nothing", "END") == "nothing"


def test_tuples_are_ours() -> None:
    sources = java_tuples.sources()
    assert len(sources) == 11
    pair = sources["org/javatuples/Pair.java"]
    assert "public static <A, B> Pair<A, B> with(A v0, B v1)" in pair
    assert "public <X> Pair<A, X> setAt1(X x) { return new Pair<>(v0, x); }" in pair
    assert "public <X> Triplet<A, B, X> add(X x)" in pair


def test_a_missing_library_of_a_language_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lua, typescript = languages.find("lua"), languages.find("ts")
    monkeypatch.setattr(language_.shutil, "which", lambda tool, path=None: "/usr/bin/env")
    monkeypatch.setattr(lua, "library", ("LuaUnit", ("/usr/bin/false",)))
    assert lua.missing() == ["LuaUnit"]
    # What is found is no compiler.
    assert typescript.missing() == ["a tsc with lib/typescript.js"]


def test_missing_tools_are_named_with_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ("g++", "rustc", "cc")
    found_ = {tool: shutil.which(tool) for tool in ("bwrap", "unshare", "setpriv")}
    monkeypatch.setattr(
        language_.shutil,
        "which",
        lambda tool, path=None: None if tool in gone else found_.get(tool, "/usr/bin/true"),
    )
    found = toolchains.missing(["py", "rs", "cpp", "rs"])
    assert found["cpp"] == "needs g++: `apt-get install g++`"
    assert found["rs"].startswith("needs rustc and cc: rustup")
    assert list(found) == ["rs", "cpp"]
    with (
        Runner(LIMITS, workers=1) as runner,
        pytest.raises(UserError, match=r"cpp needs g\+\+: `apt-get install g\+\+`"),
    ):
        list(runner.run([Program("cpp", "", "")]))
