# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""A git repository made by the git program, with all that histories hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ANN = ("Ann Author", "ann@acme.org")
BOT = ("dependabot[bot]", "49699333+dependabot[bot]@users.noreply.github.com")
LINES = [f"def step{n}(value):\n    return value + {n}\n" for n in range(12)]


class GitRepository:
    """A repository to write into; commits are a minute apart and have the same ids every time."""

    def __init__(self, path: Path, *arguments: str) -> None:
        self.path = path
        self._seconds = 1_600_000_000
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main", *arguments)

    def git(
        self, *arguments: str | bytes, author: tuple[str, str] = ANN, data: bytes | None = None
    ) -> bytes:
        """Runs git; what it prints."""
        date = f"{self._seconds} +0000"
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        person = {"NAME": author[0], "EMAIL": author[1], "DATE": date}
        people = {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in person.items()}
        done = subprocess.run(
            ["git", "-C", str(self.path), "-c", "protocol.file.allow=always", *arguments],
            input=data,
            capture_output=True,
            check=False,
            env={**own, **people, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def write(self, path: str | bytes, data: str | bytes) -> None:
        """Writes a file."""
        file = os.path.join(os.fsencode(self.path), os.fsencode(path))
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "wb") as handle:
            handle.write(data.encode() if isinstance(data, str) else data)

    def commit(self, message: str | bytes, *arguments: str, author: tuple[str, str] = ANN) -> str:
        """Commits all there is; the id."""
        self._seconds += 60
        data = message.encode() if isinstance(message, str) else message
        self.git("add", "--all")
        flags = ("--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim")
        self.git("commit", *flags, *arguments, "--file=-", author=author, data=data)
        return self.head()

    def head(self) -> str:
        """The newest commit."""
        return self.git("rev-parse", "HEAD").decode().strip()

    def show(self, commit: str, path: str | bytes) -> bytes:
        """A file as a commit has it."""
        return self.git("show", os.fsencode(f"{commit}:") + os.fsencode(path))


def ordinary(
    path: Path, *, number: int = 24, license_text: str = ""
) -> tuple[GitRepository, list[str]]:
    """A repository of ordinary commits of one to three files; and their ids."""
    repository = GitRepository(path)
    texts = {name: list(LINES) for name in ("core.py", "tools/text.py", "web/page.js")}
    # More than an edit of files would leave.
    texts["web/page.js"].insert(0, f"let table = {list(range(100))};\n")
    names = list(texts)
    if license_text:
        repository.write("LICENSE", license_text)
    ids: list[str] = []
    for n in range(number):
        for name in names[: 1 + n % 3] if n else names:
            lines = texts[name]
            lines[(5 * n) % len(lines)] = f"def step{n}(value):\n    return value * {n * n}\n"
            if n % 4 == 3:
                lines.insert(n % len(lines), f"# Step {n}, é {'=' * n}\n")
            repository.write(name, "".join(lines))
        ids.append(repository.commit(f"Change step {n} of the shelf\n\nIt was wrong {n} times."))
    return repository, ids


def unusual(path: Path) -> tuple[GitRepository, dict[str, str]]:
    """A repository with everything that is not ordinary; ids by what is odd about a commit."""
    repository = GitRepository(path)
    ids: dict[str, str] = {}

    def done(name: str, message: str | bytes, *arguments: str, **options: tuple[str, str]) -> None:
        ids[name] = repository.commit(message, *arguments, **options)

    repository.write("a.py", "".join(LINES))
    repository.write("b.py", "".join(LINES[:6]))
    repository.write("page.js", "let shelf = 1;\n" * 9)
    repository.write("image.png", b"\x89PNG\0\1\2\3")
    done("root", "Start the project with three files")
    repository.write(
        "a.py", "".join([*LINES[:3], "# <commit_before> <empty_output>\n", *LINES[3:]])
    )
    repository.write("page.js", "let shelf = 2;\n" * 9)
    repository.write("image.png", b"\x89PNG\0\1\2\4")
    done("two files", "Change two files and a picture")
    repository.git("mv", "b.py", 'sub "dir".py')
    repository.write('sub "dir".py', "".join([*LINES[:6], "# the end\n"]))
    done("edited rename", "Rename b and end it")
    repository.git("mv", 'sub "dir".py', "b.py")
    done("rename", "Rename it back")
    repository.git("update-index", "--chmod=+x", "b.py")
    os.chmod(repository.path / "b.py", 0o755)
    done("mode", "Make b executable")
    repository.write("image.png", b"\x89PNG\0\5")
    done("binary", "Change the picture")
    os.remove(repository.path / "page.js")
    done("deleted", "Delete the page")
    repository.write("latin.py", "# Größe\nsize = 1\n".encode("iso-8859-1"))
    done("latin file", "Add a file in ISO 8859-1")
    repository.write("crlf.py", "x = 1\r\ny = 2\r\n")
    done("crlf", "Add a file with line ends of another kind")
    repository.write("crlf.py", "x = 1\r\ny = 3\r\n\fz = 4")
    done("no newline", "Change the last line and add one without an end")
    repository.git("config", "i18n.commitEncoding", "KOI8-R")
    repository.write("a.py", "".join(LINES[:9]))
    done("encoded message", "Исправить шаги девять".encode("koi8-r"))
    repository.git("config", "--unset", "i18n.commitEncoding")
    repository.write("a.py", "".join(LINES[:8]))
    done("empty message", "")
    repository.write("a.py", "".join(LINES[:7]))
    done("bot", "Bump shelf from 1 to 2", author=BOT)
    repository.write("a.py", "".join(LINES[:8]))
    done("revert", f'Revert "Bump shelf from 1 to 2"\n\nThis reverts commit {ids["bot"]}.\n')
    done("nothing", "Nothing changes")
    os.symlink("a.py", repository.path / "link.py")
    done("link", "Add a link")
    module = f"160000,{ids['root']},module"
    repository.git("update-index", "--add", "--cacheinfo", module)
    os.makedirs(repository.path / "module")
    repository.git("commit", "--quiet", "--message=Add a module")
    ids["submodule"] = repository.head()
    repository.git("rm", "--quiet", "--cached", "module")
    for name in (b"two\nlines.py", b'quo"te\\d.py', b"latin-\xe9.py"):
        repository.write(name, b"odd = " + repr(name).encode() + b"\n")
    done("odd paths", "Add files with odd names")
    repository.write("big.py", "x = 1\n" * 2000)
    done("large", "Add a large file")
    for n in range(25):
        repository.write(f"many/m{n}.py", f"m = {n}\n" * 3)
    done("many files", "Add many files")
    repository.write("b.py", "")
    repository.write("new.py", "")
    done("emptied", "Empty a file and add an empty one")
    repository.git("checkout", "--quiet", "-b", "side", ids["large"])
    repository.write("side.py", "side = 1\n" * 5)
    done("on a branch", "Add the side of the shelf")
    repository.git("checkout", "--quiet", "main")
    repository.write("a.py", "".join(LINES[:5]))
    done("before merge", "Shorten the steps")
    repository.git("merge", "--quiet", "--no-ff", "--no-commit", "side")
    done("merge", "Merge branch 'side'")
    return repository, ids
