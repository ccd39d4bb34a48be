# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Languages by name and by content."""

from __future__ import annotations

import doctest

import pytest

from data_prep import language_rules, languages
from data_prep.comment_syntax import SYNTAX
from data_prep.languages import KIND, LANGUAGES, canonical, language_of, may_be_source

# The languages of StarCoder (arXiv 2305.06161, tables 1 and 2), as StarCoderData spells them, and
# more that recipes name. Maple has no entry in Linguist.
STARCODER = """ada agda alloy antlr applescript assembly augeas awk batchfile bluespec c c++ c-sharp
clojure cmake coffeescript common-lisp css cuda dart dockerfile elixir elm emacs-lisp erlang f-sharp
fortran glsl go groovy haskell html idris isabelle java java-server-pages javascript json julia
kotlin lean literate-agda literate-coffeescript literate-haskell lua makefile markdown
mathematica matlab ocaml pascal perl php powershell prolog protocol-buffer python r racket
restructuredtext rmarkdown ruby rust sas scala scheme shell smalltalk solidity sparql sql stan
standard-ml stata systemverilog tcl tcsh tex thrift typescript verilog vhdl visual-basic xslt yacc
yaml zig vue csv text jupyter-notebook xml toml svelte swift"""


@pytest.mark.parametrize("name", STARCODER.split())
def test_names_of_data_sets_are_known(name: str) -> None:
    assert canonical(name) in LANGUAGES


def test_table() -> None:
    assert len(LANGUAGES) > 800
    assert set(KIND.values()) == {"programming", "markup", "data", "prose"}
    owners: dict[str, set[str]] = {}
    for language, names in LANGUAGES.items():
        for name in names:
            owners.setdefault(name, set()).add(language)
    shared = {name: found for name, found in owners.items() if len(found) > 1}
    assert not shared, "each ending has one language"
    assert all(canonical(name) == name for name in LANGUAGES)
    assert set(SYNTAX) <= set(LANGUAGES)
    told = {name for rules in language_rules.RULES.values() for name, _ in rules}
    assert told <= set(LANGUAGES)


@pytest.mark.parametrize(
    ("path", "data", "language"),
    [
        ("a.h", b"int add(int a, int b);\n", "C"),
        ("a.h", b"#include <vector>\nstd::vector<int> v;\n", "C++"),
        ("a.h", b"struct Point { int x; };\nnamespace geometry {}\n", "C++"),
        ("a.h", b"#import <Foundation/Foundation.h>\n@interface A : B\n@end\n", "Objective-C"),
        ("a.m", b'#import "a.h"\n@implementation A\n@end\n', "Objective-C"),
        ("a.m", b"function y = f(x)\n  y = x + 1;\nend\n", "MATLAB"),
        ("a.m", b"(* Sums. *)\nSum[a_, b_] := a + b\n", "Wolfram Language"),
        ("a.m", b":- module queue.\n:- interface.\n", "Mercury"),
        ("a.pl", b"use strict;\nmy $x = 1;\n", "Perl"),
        ("a.pl", b":- use_module(library(lists)).\np(X, Y) :- q(X, Y).\n", "Prolog"),
        ("a.pl", b"use v6;\nsay 1;\n", "Raku"),
        ("a.v", b"module top(input clk);\nendmodule\n", "Verilog"),
        ("a.v", b"Theorem t : True.\nProof. trivial. Qed.\n", "Rocq Prover"),
        ("a.v", b"module main\n\nfn main() {\n  println(1)\n}\n", "V"),
        ("a.ts", b"const x: number = 1;\n", "TypeScript"),
        ("a.ts", b'<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS></TS>\n', "XML"),
        ("a.fs", b"let x = 1\n", "F#"),
        ("a.fs", b"#version 330\nvoid main() {}\n", "GLSL"),
        ("a.cls", b"\\NeedsTeXFormat{LaTeX2e}\n", "TeX"),
        ("a.cls", b"public class A { }\n", "Apex"),
        ("a.d", b"import std.stdio;\nvoid main() {}\n", "D"),
        ("a.d", b"main.o: main.c main.h\n", "Makefile"),
        ("a.inc", b"<?php echo 1;\n", "PHP"),
        ("a.r", b"x <- c(1, 2)\n", "R"),
        ("a.pp", b"program x;\nbegin\nend.\n", "Pascal"),
        ("a.pp", b"class ntp {\n  package { 'ntp':\n    ensure => installed,\n  }\n}\n", "Puppet"),
        ("a.sql", b"SELECT 1;\n", "SQL"),
        ("a.sql", b"DECLARE @x INT;\nGO\n", "TSQL"),
        ("a.1", b".TH LS 1\n.SH NAME\n", "Roff Manpage"),
        ("a.txt", b"Some words.\n", "Text"),
        ("LICENSE", b"Permission is hereby granted\n", "Text"),
        ("run", b"#!/usr/bin/env python3\nprint(1)\n", "Python"),
        ("run", b"#! /bin/bash -e\n", "Shell"),
        ("run", b"#!/usr/bin/env -S FOO=1 node --flag\n", "JavaScript"),
        ("run", b"nothing of the kind\n", None),
        ("page", b"\n<!DOCTYPE html>\n<html></html>\n", "HTML"),
        ("data.unknown", b'<?xml version="1.0"?>\n<a/>\n', "XML"),
        (".bashrc", b"alias l=ls\n", "Shell"),
        (".py", b"x = 1\n", None),
        ("a.html.erb", b"<%= 1 %>\n", "HTML+ERB"),
        ("a.vue", b"<template></template>\n", "Vue"),
        ("a.csv", b"a,b\n", "CSV"),
        ("a.ipynb", b"{}", "Jupyter Notebook"),
        ("Makefile", b"#!/usr/bin/make -f\n", "Makefile"),
    ],
)
def test_language_by_content(path: str, data: bytes, language: str | None) -> None:
    assert language_of(path, data) == language


@pytest.mark.parametrize("path", ["notes.txt", "a.1", "a.inc", ".bashrc", "run", "a.png"])
def test_names_that_say_too_little(path: str) -> None:
    assert language_of(path) is None


@pytest.mark.parametrize("path", ["a.txt", "run", ".bashrc", "a.py"])
def test_what_is_worth_opening(path: str) -> None:
    assert may_be_source(path)


@pytest.mark.parametrize("path", ["a.png", "lib/a.so", "a.tar.gz", ".cache.bin"])
def test_what_need_not_be_opened(path: str) -> None:
    assert not may_be_source(path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", [b"\n", b" ", b"(*", b"a ", b"# \n", b"; \n", b"<", b":- ", b"a.o ", b"create "]
)
def test_rules_take_linear_time(unit: bytes) -> None:
    # A quadratic rule takes minutes for a head of one repeated thing.
    data = unit * (50_000 // len(unit))
    for ending in language_rules.RULES:
        language_rules.by_content(ending, data, "C")


def test_examples() -> None:
    assert doctest.testmod(languages).failed == 0
    assert doctest.testmod(language_rules).failed == 0
