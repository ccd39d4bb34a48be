# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
r"""Tells languages that share a file ending by what is in the file.

GitHub Linguist does the same for its ``languages.yml`` (``heuristics.yml``), from which the pairs
of endings and languages are known; the expressions here are our own. An ending has a list of
(language, expression): the first expression found anywhere in the head of the file decides, and
where none is found the language that the name suggests stays.

Expressions are bytes and multi-line: ``^`` is the start of any line. ``(?i)`` ignores case.
"""

from __future__ import annotations

import functools
import re

# Linguist, too, looks at no more of a file.
_HEAD_BYTES = 50_000

_Rules = tuple[tuple[str, str], ...]

_XML = r"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml\b|!DOCTYPE\b|[A-Za-z][\w.:-]*[\s/>])"
_CPP = (
    r"^[ \t]*(?:template\s*<|namespace\b|using\s+(?:namespace\b|\w+\s*=)|constexpr\b|"
    r"(?:public|private|protected)\s*:|class\s+\w[\w:]*(?:\s+final)?\s*[:{;\n]|"
    r"#\s*include\s*<(?:string|vector|map|set|list|array|deque|queue|stack|memory|tuple|utility|"
    r"algorithm|functional|optional|variant|iostream|fstream|sstream|ostream|istream|iosfwd|"
    r"unordered_map|unordered_set|type_traits|chrono|thread|mutex|atomic|c[a-z]+int|cstd\w+|"
    r"cstring|cmath|cassert|limits)>)|"
    r"\bstd::\w|\b(?:static_cast|dynamic_cast|reinterpret_cast|const_cast)\s*<|\bnullptr\b"
)
_OBJECTIVE_C = (
    r"^[ \t]*(?:@(?:interface|implementation|protocol|class|property|end|import|synthesize)\b|"
    r"#\s*import\b)|\bNS_ASSUME_NONNULL_BEGIN\b"
)
_PERL = (
    r"\buse\s+(?:strict|warnings|utf8|v?5\b)|^[ \t]*(?:my|our|local)\s+[$@%(]|"
    r"^[ \t]*sub\s+\w+\s*[({]"
)
_RAKU = r"^[ \t]*(?:use\s+v6\b|(?:my\s+)?(?:class|grammar|role|module)\s+[\w:-]+\s*[{;])"
_PROLOG = r"^[ \t]*:-\s*\w|^[a-z]\w*(?:\([^\n#]*\))?\s*(?:-->|:-)"
_ROFF_MANUAL = r"^\.(?:TH|Dd|Dt)[ \t]+\S"
_FORTH = r"^(?:: \S+.*|: *)\n|^\\ |^: \S+ .*;\s*$"
_M68K = r"(?i)^[ \t]+(?:move[am]?|clr|tst|cmp|add|sub|lea)\.[bwl]\s+\S|\$[0-9a-f]+\(a[0-7]\)"
_BASIC_FORM = r"^(?:VERSION \d|Attribute VB_|Option Explicit)"
_T_SQL = r"(?i)^[ \t]*GO\s*$|\bdeclare\s+@\w+|\bset\s+nocount\s+on\b|^[ \t]*if\s+object_id\s*\("
_PL_SQL = (
    r"(?i)\bcreate\s+(?:or\s+replace\s+)?package\b|\bdbms_\w+\.|\bvarchar2\b|%(?:rowtype|type)\b"
)
_PLPGSQL = r"(?i)\blanguage\s+'?plpgsql\b|\bas\s+\$\w*\$"

_MANUALS = {f".{n}": (("Roff Manpage", _ROFF_MANUAL), ("Roff", r"^\.[A-Za-z]{2}\b|^\.\\\"")) for n
            in (*"123456789", "n", "man", "mdoc", "ms")}  # fmt: skip

RULES: dict[str, _Rules] = {
    **_MANUALS,
    ".as": (("AngelScript", r"^[ \t]*(?:#include\b|UCLASS\(|(?:void|int|bool) \w+\()"),),
    ".asc": (
        ("Public Key", r"^-----BEGIN PGP"),
        ("AGS Script", r"^[ \t]*(?:function|import|export)\s+\w+\s*\(|^//\s"),
    ),
    ".asm": (("Motorola 68K Assembly", _M68K),),
    ".bas": (
        ("VBA", r"^Attribute VB_Name"),
        ("FreeBASIC", r"(?i)^[ \t]*#(?:include|define|ifdef|lang|pragma)\b"),
        ("BASIC", r"^[ \t]*\d+\s+[A-Z]"),
    ),
    ".bf": (("Beef", r"^[ \t]*(?:using|namespace)\b"),),
    ".cake": (("CoffeeScript", r"->\s*$|^[ \t]*task\s+['\"]"),),
    ".cl": (
        ("OpenCL", r"\b__?(?:kernel|global)\b|\bget_global_id\b"),
        ("Common Lisp", r"^[ \t]*\((?i:defun|defmacro|in-package|defpackage|defvar)\b"),
        ("Cool", r"^[ \t]*class\s+\w+(?:\s+inherits\s+\w+)?\s*\{"),
    ),
    ".cls": (
        ("TeX", r"^[ \t]*\\(?:NeedsTeXFormat|ProvidesClass|RequirePackage|LoadClass)\b"),
        ("Visual Basic 6.0", r"\A\s*VERSION \d\.\d CLASS\s+BEGIN\s+MultiUse[\s\S]+Persistable"),
        ("VBA", _BASIC_FORM),
        ("ObjectScript", r"^Class\s+[%\w.]+"),
        ("OpenEdge ABL", r"(?i)^[ \t]*(?:class\s+[\w.]+.*:\s*$|end\s+class\.)"),
    ),
    ".cs": (("Smalltalk", r"^![\w\s]+methodsFor: "),),
    ".csl": (("XML", _XML),),
    ".cue": (("Cue Sheet", r"^[ \t]*(?:FILE|TRACK|PERFORMER|TITLE)\s+[\"\d]"),),
    ".d": (
        ("DTrace", r"^[ \t]*(?:\w*::?\w*:\w*(?::\w*)?\s*$|#pragma\s+D\s|#!\S*dtrace\b|BEGIN\s*$)"),
        ("Makefile", r"\A(?:#[^\n]*+\n)*+[^\s:=]+\.(?:o|lo|d|obj)[ \t]*:[ \t]"),
    ),
    ".e": (
        ("Euphoria", r"^[ \t]*(?:(?:global|export|public)\s+)?(?:namespace|include|procedure)\s"),
        ("E", r"^[ \t]*(?:def|var)\s+\w+\s*(?:\(.*\)\s*)?(?::=|\{)|#!\S*\brune\b"),
    ),
    ".f": (
        ("Forth", _FORTH),
        ("Filebench WML", r"^[ \t]*flowop\b"),
    ),
    ".for": (("Forth", _FORTH),),
    ".fr": (("Forth", _FORTH),),
    ".frag": (("JavaScript", r"\A\s*(?:\(function|var\s|\$\()"),),
    ".frm": (("VBA", r"^Attribute VB_"),),
    ".fs": (
        ("GLSL", r"^[ \t]*(?:#version\b|precision\s+\w+p\s|uniform\s|varying\s|void\s+main\s*\()"),
        ("Forth", _FORTH),
        ("Filterscript", r"#pragma\s+rs\b|__attribute__\(\(kernel\)\)"),
    ),
    ".gml": (
        ("XML", _XML),
        ("Graph Modeling Language", r"(?i)\A(?:\s*Creator\b.*)?\s*graph\s*\["),
    ),
    ".gs": (
        ("GLSL", r"^[ \t]*#version\s+\d+\b|\bEmitVertex\(\)"),
        ("Gosu", r"^[ \t]*uses\s+[\w.]+"),
        ("Genie", r"^[ \t]*(?:\[indent|init\s*$|def\s+\w+\(.*\)\s*:?)"),
    ),
    ".h": (("Objective-C", _OBJECTIVE_C), ("C++", _CPP)),
    ".hh": (("Hack", r"\A\s*<\?hh\b"),),
    ".html": (("Ecmarkup", r"<emu-(?:alg|clause|grammar|intro|note)\b"),),
    ".inc": (
        ("PHP", r"^[ \t]*<\?(?:php|=|\s)"),
        ("POV-Ray SDL", r"^[ \t]*#(?:declare|local|macro|while)\s"),
        ("Pascal", r"(?i)^[ \t]*\{\$\w+.*\}|^[ \t]*(?:procedure|unit)\s+\w+.*;|^[ \t]*end[.;]\s*$"),
        ("BitBake", r"^inherit\s+[\w.-]+|^(?:SRC_URI|DEPENDS|LICENSE)\s*[?+]?="),
        ("HTML", r"\A\s*<(?!\?)[A-Za-z!]"),
        ("Motorola 68K Assembly", _M68K),
        ("Assembly", r"(?i)^[ \t]*(?:[\w.@$]+:\s*)?(?:mov|push|pop|jmp|d[bw]|equ|%define)\s+\S"),
        ("SQL", r"(?i)^[ \t]*(?:create\s+table|insert\s+into|select\s+.+\bfrom)\b"),
        ("C++", r"^[ \t]*(?:#\s*(?:include|define|if|ifdef|ifndef)\b|template\b|//|/\*)"),
    ),
    ".l": (
        ("Common Lisp", r"\A\s*[(;]"),
        ("Roff", r"^\.[A-Za-z]{2}\b"),
    ),
    ".lisp": (("NewLisp", r"^[ \t]*\(define\s"),),
    ".ls": (("LoomScript", r"^[ \t]*package\s*[\w.]*\s*\{?\s*$"),),
    ".lsp": (("NewLisp", r"^[ \t]*\(define\s"),),
    ".m": (
        ("Objective-C", _OBJECTIVE_C),
        ("Mercury", r"^:-\s*(?:module|interface)\b"),
        ("MATLAB", r"^[ \t]*(?:%|function\b[^{\n]*$|(?:classdef|clear|close all|clc)\b|end;?$)"),
        ("Wolfram Language", r"\(\*[^*]*\*\)|^[ \t]*\w+\[\w+_\w*[],]|^[ \t]*Begin(?:Package)?\["),
        ("M", r"^[%A-Za-z]\w*\s*;|^[ \t]+;"),
        ("Limbo", r"^\w+\s*:\s*module\s*\{"),
    ),
    ".md": (("GCC Machine Description", r"\A\s*+(?:;;[^\n]*+\s*+)*+\((?:define_\w+|include)\b"),),
    ".ml": (("Standard ML", r"^[ \t]*(?:structure|signature|functor|fun)\s+\w+|=>\s"),),
    ".mm": (("XML", _XML),),
    ".mod": (
        ("XML", _XML),
        ("AMPL", r"^[ \t]*(?:param|var|set|minimize|maximize|subject to)\b[^;\n]*[:;{]"),
        ("NMODL", r"^[ \t]*(?:NEURON|PARAMETER|ASSIGNED|BREAKPOINT)\s*\{"),
        ("Linux Kernel Module", r"\A\S+\.ko\s"),
    ),
    ".nb": (("Text", r"\A(?!\s*(?:\(\*|Notebook\[))"),),
    ".p": (
        ("Gnuplot", r"^[ \t]*(?:s?plot|set\s+(?:term|terminal|out|output|[xy]label))\b"),
    ),
    ".php": (("Hack", r"\A\s*(?:#!.*\n)?<\?hh\b"),),
    ".pl": (
        ("Raku", r"^[ \t]*use\s+v6\b"),
        ("Perl", _PERL),
        ("Prolog", _PROLOG),
        ("Raku", _RAKU),
    ),
    ".plist": (("OpenStep Property List", r"\A\s*+(?://[^\n]*+\s*+)*+[({]"),),
    ".plt": (("Prolog", _PROLOG),),
    ".pm": (
        ("X PixMap", r"\A\s*/\* XPM \*/"),
        ("Raku", r"^[ \t]*use\s+v6\b"),
        ("Perl", _PERL),
        ("Raku", _RAKU),
    ),
    ".pp": (
        ("Puppet", r"=>\s*(?:present|installed|latest|running|file|directory)\b"),
        ("Puppet", r"^[ \t]*(?:class|node|define)\s+[\w:'\"]+[^\n]*[{(][ \t]*$|^include\s+\w+$"),
    ),
    ".pro": (
        ("Proguard", r"^-(?:keep\w*|dontwarn|include|optimi[sz]ation\w*)\b"),
        ("Prolog", _PROLOG),
        ("IDL", r"(?i)^[ \t]*(?:pro|function)\s+\w+\s*(?:,.*)?$|^[ \t]*compile_opt\b"),
    ),
    ".properties": (("INI", r"^[ \t]*\[[\w. -]+\]\s*$"),),
    ".r": (
        ("Rebol", r"(?i)\bRebol\s*\["),
        ("Rez", r"#include\s+[<\"](?:Types|Carbon/Carbon)\.r[>\"]|^[ \t]*resource\s+'\w{4}'"),
    ),
    ".re": (("C++", r"^[ \t]*(?:#\s*(?:include|define|if)\b|/\*!re2c)"),),
    ".res": (("XML", _XML),),
    ".rpy": (("Python", r"^(?:import|from|class|def)\s"),),
    ".rs": (
        ("XML", _XML),
        ("RenderScript", r"^[ \t]*#pragma\s+(?:version\s*\(|rs\s+java)"),
    ),
    ".s": (("Motorola 68K Assembly", _M68K),),
    ".sc": (
        ("SuperCollider", r"^\+?[ \t]*[A-Z]\w*[ \t]*(?::[ \t]*\w+[ \t]*)?\{|\bvar\s+<|\^this\b"),
    ),
    ".sch": (("XML", _XML), ("Scheme", r"\A\s*[(;]")),
    ".scm": (("Tree-sitter Query", r"^[ \t]*\(#[\w-]+[?!]|\)\s+@[\w.]+\s*$"),),
    ".shader": (("GLSL", r"^[ \t]*(?:#version\b|uniform\s|void\s+main\s*\()"),),
    ".sls": (("Scheme", r"\A\s*+(?:;[^\n]*+\s*+)*+\((?:library|import|define)\b"),),
    ".spec": (
        ("Ruby", r"^[ \t]*(?:require|describe|Gem::Specification)\b"),
        ("Python", r"^(?:a|exe|pyz|block_cipher)\s*=\s"),
    ),
    ".sql": (("PLpgSQL", _PLPGSQL), ("PLSQL", _PL_SQL), ("TSQL", _T_SQL)),
    ".st": (("StringTemplate", r"\A(?!.*\b(?:subclass:|methodsFor:))\s*[<$]\w"),),
    ".t": (
        ("Raku", r"^[ \t]*use\s+v6\b"),
        ("Perl", _PERL),
        ("Turing", r"^[ \t]*(?:var\s+\w+(?:\s*:\s*\w+)?\s*:=|put\s|loop\s*$)"),
        ("Terra", r"^[ \t]*terra\s+\w+\s*\(|\bterralib\b"),
        ("Raku", _RAKU),
    ),
    ".toc": (("World of Warcraft Addon Data", r"^##\s*(?:Interface|Title|Author)\s*:"),),
    ".ts": (("XML", r"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE TS|TS)\b"),),
    ".tsx": (("XML", r"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|tileset)\b"),),
    ".txt": (("Vim Help File", r"\bvim?:[^\n]{0,80}\bft=help\b"),),
    ".v": (
        ("Rocq Prover", r"\b(?:Proof|Qed|Defined)\s*\.|^[ \t]*(?:Require|From\s+\S+\s+Require)\b"),
        ("Verilog", r"^[ \t]*(?:module\s+\w+\s*[#(;]|`(?:define|include|timescale)\b|endmodule)"),
        ("V", r"^[ \t]*(?:pub\s+)?fn\s+(?:\([^)]*\)\s*)?\w+\s*\(|^[ \t]*module\s+\w+\s*$|\$if\s"),
    ),
    ".vba": (("Vim script", r"\AUseVimball\b|^\" Vimball Archiver"),),
    ".x": (
        ("Linker Script", r"^[ \t]*(?:OUTPUT_ARCH|SECTIONS|MEMORY|ENTRY)\s*[({]?"),
        ("Logos", r"^[ \t]*%(?:hook|end|ctor|orig|new)\b"),
        ("DirectX 3D File", r"\Axof 0\d{3}"),
    ),
    ".yy": (("JSON", r"\A\s*\{"),),
}  # fmt: skip

# What a file with no telling name can still say of itself.
_ANY_NAME: _Rules = (
    ("XML", r"\A(?:\xef\xbb\xbf)?\s*<\?xml\s+version="),
    ("HTML", r"\A(?:\xef\xbb\xbf)?\s*<!(?i:doctype)\s+(?i:html)"),
)


def by_content(ending: str, data: bytes, language: str | None) -> str | None:
    r"""The language of a file with this ending and content.

    Args:
        ending: With its dot, in lower case; empty for a name that has none.
        data: The content.
        language: What the name suggests.

    >>> by_content(".m", b"% Sum of squares\nfunction s = f(x)\n", "Objective-C")
    'MATLAB'
    >>> by_content(".m", b"@implementation Point\n@end\n", "Objective-C")
    'Objective-C'
    """
    head = data[:_HEAD_BYTES]
    for name, expression in _compiled(ending) if language else _compiled(""):
        if expression.search(head):
            return name
    return language


@functools.cache
def _compiled(ending: str) -> tuple[tuple[str, re.Pattern[bytes]], ...]:
    rules = RULES.get(ending, ()) if ending else _ANY_NAME
    return tuple((name, re.compile(rule.encode(), re.MULTILINE)) for name, rule in rules)
