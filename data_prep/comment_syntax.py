# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""How each language writes comments and string literals.

One row a way of writing, with the languages that share it; names are those of
`data_prep.languages`. Languages that are not here have no comments (JSON, Text) or a syntax of
their own that nothing needs yet.
"""

from __future__ import annotations

import dataclasses

from data_prep.languages import canonical


@dataclasses.dataclass(frozen=True)
class Syntax:
    """How a language writes comments and strings.

    Attributes:
        line: What starts a comment that ends with its line.
        block: What starts and ends a comment of any length.
        strings: Expressions of literals inside which nothing is a comment.
        after: What must stand before a line comment: ``space`` (or the start of a line), as for
            ``#`` in Shell, ``line`` (the start of a line), or nothing in particular.
        docstrings: Whether strings can stand for comments, as in Python.
    """

    line: tuple[str, ...] = ()
    block: tuple[tuple[str, str], ...] = ()
    strings: tuple[str, ...] = ()
    after: str = ""
    docstrings: bool = False


# At most so many pieces: an opening quote that nothing closes must not cost a scan of all the rest.
_DOUBLE = r'"(?:[^"\\\n]++|\\[\s\S]){0,400}+"'
_SINGLE = r"'(?:[^'\\\n]++|\\[\s\S]){0,400}+'"
_BACKTICK = r"`(?:[^`\\]++|\\[\s\S])*+(?:`|\Z)"
_CHARACTER = r"'(?:[^'\\\n]|\\[^\n]{1,9}?)'"
_TRIPLE = r'"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+(?:"""|\Z)'
_TRIPLE_SINGLE = r"'''(?:[^'\\]++|\\[\s\S]|'(?!''))*+(?:'''|\Z)"
# 'It''s': a quote is written twice, and strings may have several lines.
_SQL = r"'(?:[^']++|'')*+(?:'|\Z)"
_ESCAPE = r"\\[\s\S]"

_SLASHES = (("//",), (("/*", "*/"),))
_C = Syntax(*_SLASHES, (_DOUBLE, _CHARACTER))
_HASH = Syntax(("#",), (), (_DOUBLE, _SINGLE))
_LISP = Syntax((";",), (("#|", "|#"),), (_DOUBLE,))
_ML = Syntax((), (("(*", "*)"),), (_DOUBLE,))
_MARKUP = Syntax((), (("<!--", "-->"),))
_DASHES = Syntax(("--",), (("/*", "*/"),), (_SQL, _DOUBLE))
_HASKELL = Syntax(("--",), (("{-", "-}"),), (_DOUBLE, _CHARACTER))
_PERCENT = Syntax(("%",), (), (_ESCAPE,))
_SEMICOLON = Syntax((";",), (), (_DOUBLE, _SINGLE))
_BASIC = Syntax(("'", "REM "), (), (r'"(?:[^"\n]++|"")*+"',))

# One row a syntax; languages separated by commas.
_TABLE: tuple[tuple[Syntax, str], ...] = (
    (
        _C,
        "AIDL, AspectJ, Bluespec, C, C#, C++, Ceylon, Chapel, Cuda, CWeb, D, Dart, DTrace, "
        "Faust, GDShader, GLSL, HLSL, IDL, Java, Linker Script, Metal, Modelica, NASL, "
        "Objective-C, Objective-C++, OpenCL, Pawn, Pike, Processing, Protocol Buffer, Q#, RPC, "
        "RenderScript, ShaderLab, Slang, Slice, SourcePawn, Stan, SuperCollider, Swift, SWIG, "
        "SystemVerilog, Thrift, Vala, Verilog, WGSL, XC, Zig, Odin, V, ZenScript, "
        "AngelScript, Apex, Cairo, Yacc, Lex, ANTLR, JSON5, JSON with Comments, Jsonnet, "
        "Unified Parallel C",
    ),
    (
        Syntax(*_SLASHES, (_DOUBLE, _SINGLE, _BACKTICK)),
        "ActionScript, Haxe, JavaScript, Opa, QML, Qt Script, Solidity, TSX, TypeScript, "
        "UnrealScript, Less, SCSS, Stylus, Glimmer JS, Glimmer TS, ReScript, Reason",
    ),
    (Syntax(*_SLASHES, (_DOUBLE, _CHARACTER, _BACKTICK)), "Go, Go Module, Rust, Gosu, Move"),
    (Syntax(*_SLASHES, (_TRIPLE, _DOUBLE, _CHARACTER)), "Kotlin, Scala"),
    (Syntax(*_SLASHES, (_TRIPLE_SINGLE, _TRIPLE, _DOUBLE, _SINGLE)), "Groovy, Gradle"),
    (Syntax((), (("/*", "*/"),), (_DOUBLE, _SINGLE)), "CSS, PostCSS"),
    (Syntax(("#", "//"), (("/*", "*/"),), (_DOUBLE, _SINGLE)), "HCL, Hack, PHP, Nix"),
    (
        Syntax(("#",), (), (_TRIPLE, _TRIPLE_SINGLE, _DOUBLE, _SINGLE), docstrings=True),
        "Cython, GDScript, Meson, Mojo, Python, Snakemake, Starlark",
    ),
    (
        _HASH,
        "Awk, Crystal, Elvish, Gnuplot, Makefile, NumPy, Nushell, R, Raku, RobotFramework, Ruby, "
        "SSH Config, Tcl, Zeek, GAP",
    ),
    (
        Syntax(("#",), (), (_DOUBLE, _SINGLE), after="space"),
        "Alpine Abuild, BitBake, CMake, Dockerfile, fish, Git Attributes, Git Config, "
        "Gentoo Ebuild, Gentoo Eclass, Ignore List, Java Properties, Just, Nginx, "
        "ApacheConf, Perl, Shell, TOML, Tcsh, YAML, Procfile, Pip Requirements, RPM Spec, QMake, "
        "desktop, GN, Ninja",
    ),
    (
        Syntax(("#",), (("#=", "=#"),), (_TRIPLE, _DOUBLE, _CHARACTER)),
        "Julia",
    ),
    (Syntax(("#",), (("#[", "]#"),), (_TRIPLE, _DOUBLE, _CHARACTER)), "Nim"),
    (Syntax(("#",), (("###", "###"),), (_TRIPLE, _DOUBLE, _SINGLE)), "CoffeeScript"),
    (Syntax(("#",), (("<#", "#>"),), (_DOUBLE, _SINGLE)), "PowerShell"),
    (Syntax(("#",), (), (_TRIPLE, _TRIPLE_SINGLE, _DOUBLE, _SINGLE)), "Elixir"),
    (
        _LISP,
        "Common Lisp, Emacs Lisp, NewLisp, Racket, Scheme, PicoLisp",
    ),
    (Syntax((";",), (), (_DOUBLE,)), "Clojure, Fennel, Hy, Janet, LFE, edn, KiCad Layout"),
    (
        Syntax((";", "//"), (("/*", "*/"),), (_DOUBLE, _SINGLE)),
        "Assembly, Motorola 68K Assembly",
    ),
    # Not a bare `#`, which starts ARM's constants.
    (Syntax(("# ", "//"), (("/*", "*/"),), (_DOUBLE,)), "Unix Assembly"),
    (_SEMICOLON, "AutoHotkey, INI, LLVM, Rebol, Red, NSIS, PureBasic, BlitzBasic"),
    (Syntax((";;",), (("(;", ";)"),), (_DOUBLE,)), "WebAssembly"),
    (_ML, "OCaml, Rocq Prover, Standard ML, Wolfram Language, Isabelle"),
    (Syntax(("//",), (("(*", "*)"),), (_TRIPLE, _DOUBLE)), "F#, F*"),
    (Syntax(("//",), (("{", "}"), ("(*", "*)")), (_SQL,)), "Component Pascal, Pascal"),
    (Syntax((), (("(*", "*)"),), (_DOUBLE, _SINGLE)), "Modula-2, Modula-3, Oberon, AppleScript"),
    (_HASKELL, "Agda, Dhall, Elm, Frege, Haskell, Idris, PureScript"),
    (Syntax(("--",), (("/-", "-/"),), (_DOUBLE,)), "Lean, Lean 4"),
    (_DASHES, "HiveQL, PLSQL, PLpgSQL, SQL, SQLPL, TSQL"),
    (Syntax(("--",), (), (_DOUBLE, _CHARACTER)), "Ada, Eiffel, VHDL"),
    (Syntax(("--",), (("--[[", "]]"),), (_DOUBLE, _SINGLE)), "Lua, Luau, MoonScript, Terra, Teal"),
    (_PERCENT, "TeX, BibTeX, PostScript"),
    (Syntax(("%",), (), (_DOUBLE,)), "Erlang, Mercury"),
    (Syntax(("%",), (("/*", "*/"),), (_DOUBLE,)), "Logtalk, Prolog, ECLiPSe"),
    (Syntax(("%", "#"), (("%{", "%}"),), (_DOUBLE,)), "MATLAB, Scilab"),
    (Syntax(("!",), (), (_DOUBLE, _SINGLE)), "Fortran, Fortran Free Form, Factor"),
    (Syntax(("REM ", "rem ", "::"), after="line"), "Batchfile"),
    (
        _BASIC,
        "BASIC, FreeBASIC, QuickBASIC, VBA, VBScript, Visual Basic .NET, Visual Basic 6.0, Xojo",
    ),
    (Syntax(("*", "//"), (("/*", "*/"),), (_DOUBLE,), after="line"), "SAS, Stata"),
    (Syntax((), (('"', '"'),), (_SQL,)), "Smalltalk"),
    (Syntax(('"',), after="line"), "Vim script"),
    (
        _MARKUP,
        "Ant Build System, HTML, HTML+ERB, HTML+PHP, HTML+Razor, Maven POM, MDX, Markdown, Svelte, "
        "SVG, Vue, XML, XML Property List, XSLT, XQuery",
    ),
    (Syntax((), (("<%--", "--%>"), ("<!--", "-->"))), "ASP.NET, Classic ASP, Java Server Pages"),
    (Syntax(("//",), (("/*", "*/"),), (_DOUBLE,)), "Alloy, Graphviz (DOT), Typst"),
    (Syntax(("#",), (), (_DOUBLE, _SINGLE)), "GraphQL, SPARQL, Turtle, CUE"),
    (Syntax(("//",), after="space"), "Pug"),
    (Syntax(("-#",), after="space"), "Haml"),
    (Syntax(("//",), (("////\n", "\n////"),), after="line"), "AsciiDoc"),
    (Syntax((".\\\"", "'\\\""), after="line"), "Roff, Roff Manpage"),
    (Syntax(("\\ ",), (("( ", ")"),), after="space"), "Forth"),
    (Syntax(("⍝",), (), (_SINGLE,)), "APL"),
    (Syntax(("*>",), (), (_DOUBLE, _SINGLE)), "COBOL"),
)  # fmt: skip

SYNTAX: dict[str, Syntax] = {
    name.strip(): syntax for syntax, names in _TABLE for name in names.split(",")
}


def syntax_of(language: str) -> Syntax | None:
    """How a language writes comments; None where that is not known, or it has none.

    >>> syntax_of("Haskell").line, syntax_of("JSON")
    (('--',), None)
    """
    return SYNTAX.get(canonical(language))
