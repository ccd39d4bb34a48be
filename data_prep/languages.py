# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Which language a file is in, by its name.

Names follow GitHub Linguist (https://github.com/github-linguist/linguist, ``languages.yml``), the
ones that The Stack uses (Kocetkov et al. 2022, arXiv 2211.15533). One row a language: its file
endings, and whole file names that say it all.
"""

from __future__ import annotations

LANGUAGES: dict[str, tuple[str, ...]] = {
    "Assembly": (".asm", ".s"),
    "Batchfile": (".bat", ".cmd"),
    "C": (".c", ".h"),
    "C#": (".cs",),
    "C++": (".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".inl", ".ipp"),
    "CMake": (".cmake", "cmakelists.txt"),
    "CSS": (".css",),
    "Clojure": (".clj", ".cljc", ".cljs"),
    "Cuda": (".cu", ".cuh"),
    "Dart": (".dart",),
    "Dockerfile": (".dockerfile", "dockerfile", "containerfile"),
    "Elixir": (".ex", ".exs"),
    "Erlang": (".erl", ".hrl"),
    "Fortran": (".f", ".f90", ".f95", ".f03", ".f08"),
    "GLSL": (".glsl", ".vert", ".frag"),
    "Go": (".go",),
    "Groovy": (".groovy", ".gradle"),
    "HTML": (".html", ".htm", ".xhtml"),
    "Haskell": (".hs",),
    "JSON": (".json",),
    "Java": (".java",),
    "JavaScript": (".js", ".mjs", ".cjs", ".jsx"),
    "Julia": (".jl",),
    "Kotlin": (".kt", ".kts"),
    "Lua": (".lua",),
    "Makefile": (".mk", ".mak", "makefile", "gnumakefile"),
    "Markdown": (".md", ".markdown"),
    "OCaml": (".ml", ".mli"),
    "Objective-C": (".m",),
    "PHP": (".php", ".phtml"),
    "Pascal": (".pas", ".pp"),
    "Perl": (".pl", ".pm"),
    "PowerShell": (".ps1", ".psm1", ".psd1"),
    "Python": (".py", ".pyi", ".pyw"),
    "R": (".r",),
    "Ruby": (".rb", ".rake", "rakefile", "gemfile"),
    "Rust": (".rs",),
    "SQL": (".sql",),
    "Scala": (".scala", ".sc"),
    "Shell": (".sh", ".bash", ".zsh", ".ksh"),
    "Solidity": (".sol",),
    "Swift": (".swift",),
    "TOML": (".toml",),
    "TeX": (".tex", ".sty"),
    "TypeScript": (".ts", ".tsx", ".mts", ".cts"),
    "VHDL": (".vhd", ".vhdl"),
    "Verilog": (".v", ".sv", ".vh"),
    "XML": (".xml", ".xsd", ".xsl"),
    "YAML": (".yaml", ".yml"),
    "Zig": (".zig",),
    "reStructuredText": (".rst",),
}

_BY_NAME = {ending: language for language, endings in LANGUAGES.items() for ending in endings}


def language_of(path: str) -> str | None:
    """The language of a file, or None if its name is not one of source code.

    >>> language_of("src/Main.java"), language_of("docker/Dockerfile"), language_of("photo.png")
    ('Java', 'Dockerfile', None)
    """
    name = path.rpartition("/")[2].lower()
    if name.startswith("."):
        return None  # ".py" is a hidden name, not an ending
    _, dot, ending = name.rpartition(".")
    return _BY_NAME.get(name) or _BY_NAME.get(dot + ending)
