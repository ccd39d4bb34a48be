# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""One small problem in every language: double a number. In the form of MultiPL-E's programs."""

from __future__ import annotations

import dataclasses

from foundry_plugins.eval.sandbox.programs import Program


@dataclasses.dataclass(frozen=True)
class Problem:
    """Bodies of a function ``twice(x)``, and its tests.

    Attributes:
        before: Up to the body.
        right: A right body.
        wrong: One that gives 0.
        broken: One that cannot be parsed or compiled.
        leave: One that ends the program with status 0.
        forever: One without an end.
        grow: One that takes all memory.
        tests: What follows the body.
    """

    before: str
    right: str
    wrong: str
    broken: str
    leave: str
    forever: str
    grow: str
    tests: str

    def program(self, language: str, body: str) -> Program:
        return Program(language, self.before + getattr(self, body), self.tests)


PROBLEMS = {
    "cpp": Problem(
        before="#include<assert.h>\n#include<bits/stdc++.h>\nlong twice(long x) {\n",
        right="    return x + x;",
        wrong="    return 0;",
        broken="    return x +;",
        leave="    exit(0);",
        forever="    for (volatile long i = 0;; i++);",
        grow="    std::vector<std::string> v; while (true) v.emplace_back(1 << 24, 'x');",
        tests="}\nint main() {\n    assert(twice(2) == (4));\n    assert(twice(-3) == (-6));\n}\n",
    ),
    "java": Problem(
        before=(
            "import java.util.*;\nimport org.javatuples.*;\n"
            "class Problem {\n    public static long twice(long x) {\n"
        ),
        right="        return Pair.with(x, x).setAt0(x).getValue0() + x;",
        wrong="        return 0;",
        broken="        return x +;",
        leave="        System.exit(0); return 0;",
        forever="        while (x != 7) { x = 2; } return 0;",
        grow="        List<byte[]> v = new ArrayList<>(); while (true) v.add(new byte[1 << 24]);",
        tests=(
            "    }\n    public static void main(String[] args) {\n"
            "    assert(twice(2) == (4));\n    assert(twice(-3) == (-6));\n    }\n\n}\n"
        ),
    ),
    "js": Problem(
        before="function twice(x){\n",
        right="  return x + x;\n}",
        wrong="  return 0;\n}",
        broken="  return x +;\n}",
        leave="  process.exit(0);\n}",
        forever="  while (true);\n}",
        grow="  let v = []; while (true) v.push(new Array(1 << 20).fill(x));\n}",
        tests=(
            "const assert = require('node:assert');\nfunction test() {\n"
            "  assert.deepEqual(twice(2), 4);\n  assert.deepEqual(twice(-3), -6);\n}\ntest();"
        ),
    ),
    "php": Problem(
        before="<?php\nfunction twice($x) {\n",
        right="    return $x + $x;\n}",
        wrong="    return 0;\n}",
        broken="    return $x +;\n}",
        leave="    exit(0);\n}",
        forever="    while (true) {}\n}",
        grow="    $v = []; while (true) { $v[] = str_repeat('x', 1 << 24); }\n}",
        tests=(
            "function test(): void {\n"
            '    if (twice(2) !== 4) { throw new Exception("Test failed!"); }\n'
            '    if (twice(-3) !== -6) { throw new Exception("Test failed!"); }\n}\ntest();'
        ),
    ),
    "rs": Problem(
        before="fn twice(x: i64) -> i64 {\n",
        right="    x + x",
        wrong="    0",
        broken="    x +",
        leave="    std::process::exit(0)",
        forever="    let mut y = x; while y != x + 1 { y = x; } y",
        grow="    let mut v = vec![]; while x < 9 { v.push(vec![1u8; 1 << 24]); } v.len() as i64",
        tests="}\n\nfn main() {\n    assert_eq!(twice(2), 4);\n    assert_eq!(twice(-3), -6);\n}\n",
    ),
    "go": Problem(
        before=(
            'package twice_test\n\nimport (\n    "testing"\n    "fmt"\n    "os"\n'
            '    "strings"\n)\n\n'
            "var _, _ = os.Args, strings.Repeat\n\nfunc twice(x int) int {\n"
        ),
        right="    return x + x\n}",
        wrong="    return 0\n}",
        broken="    return x +\n}",
        leave="    os.Exit(0)\n    return 0\n}",
        forever="    for x != 7 {\n        x = 2\n    }\n    return 0\n}",
        grow=(
            "    v := []string{}\n    for x < 9 {\n"
            '        v = append(v, strings.Repeat("x", 1<<24))\n    }\n    return len(v)\n}'
        ),
        tests=(
            "func TestTwice(t *testing.T) {\n    if fmt.Sprint(twice(2), twice(-3)) != "
            '"4 -6" {\n        t.Errorf("no")\n    }\n}\n'
        ),
    ),
    "lua": Problem(
        before="local function twice(x)\n",
        right="    return x + x\nend",
        wrong="    return 0\nend",
        broken="    return x +\nend",
        leave="    return 0\nend\nos.exit(0)",  # LuaUnit lets no test exit
        forever="    while true do end\nend",
        grow=(
            "    local v = {}\n"
            "    while true do v[#v + 1] = ('x'):rep(1 << 10):rep(1 << 14) .. #v end\nend"
        ),
        tests=(
            "lu = require('luaunit')\n\nfunction test_twice()\n"
            "    lu.assertEquals(twice(2), 4)\n    lu.assertEquals(twice(-3), -6)\nend\n\n"
            "os.exit(lu.LuaUnit.run())"
        ),
    ),
    "r": Problem(
        before="twice <- function(x) {\n",
        right="    x + x\n}",
        wrong="    0\n}",
        broken="    x +\n}",
        leave="    quit(status = 0)\n}",
        forever="    while (TRUE) {}\n}",
        grow="    v <- list(); while (TRUE) v[[length(v) + 1]] <- rep(1.5, 1e7)\n}",
        tests=(
            "test_twice <- function() {\n    stopifnot(isTRUE(all.equal(twice(2), 4)))\n"
            "    stopifnot(isTRUE(all.equal(twice(-3), -6)))\n}\ntest_twice()"
        ),
    ),
    "rb": Problem(
        before="def twice(x)\n",
        right="  x + x\nend",
        wrong="  0\nend",
        broken="  x +\nend",
        leave="  exit(0)\nend",
        forever="  loop {}\nend",
        grow="  v = []\n  loop { v << 'x' * (1 << 24) }\nend",
        tests=(
            "require 'test/unit'\nclass TestTwice < Test::Unit::TestCase\n  def test_twice\n"
            "    candidate = method(:twice)\n    assert_equal(4, candidate.call(2))\n"
            "    assert_equal(-6, candidate.call(-3))\n  end\nend\n"
        ),
    ),
    "ts": Problem(
        before="function twice(x: number): number {\n",
        right="  return x + x;\n}",
        wrong="  return 0;\n}",
        broken="  return 'x';\n}",
        leave="  require('node:process').exit(0);\n  return 0;\n}",
        forever="  while (x !== 7) { x = 2; }\n  return 0;\n}",
        grow=(
            "  const v: Float64Array[] = [];\n"
            "  while (x !== 7) { v.push(new Float64Array(1 << 22).fill(2)); x = 2; }\n"
            "  return 0;\n}"
        ),
        tests=(
            "declare var require: any;\nconst assert = require('node:assert');\n\n"
            "function test() {\n  assert.deepEqual(twice(2), 4);\n"
            "  assert.deepEqual(twice(-3), -6);\n}\n\ntest();"
        ),
    ),
    "pl": Problem(
        before="sub twice {\n    my($x) = @_;\n",
        right="    return $x + $x;\n}",
        wrong="    return 0;\n}",
        broken="    return $x +;\n}",
        leave="    exit(0);\n}",
        forever="    while (1) {}\n}",
        grow="    my @v; while (1) { push @v, 'x' x (1 << 24); }\n}",
        tests="die 'no' unless twice(2) == 4;\ndie 'no' unless twice(-3) == -6;",
    ),
    "sh": Problem(
        before="#!/bin/bash\ntwice() {\n",
        right="    echo $(($1 + $1))\n}",
        wrong="    echo 0\n}",
        broken="    if then\n}",
        leave="    kill -9 $$\n}",
        forever="    while true; do :; done\n}",
        grow="    v=x; while true; do v=$v$v; done\n}",
        tests="set -e\n[[ $(twice 2) = 4 ]]\n[[ $(twice -3) = -6 ]]",
    ),
}
# What a wrong, broken, early, endless and growing body ends as; growing may take its time.
ENDS = {
    "right": {"passed"},
    "wrong": {"assertion", "exception"},
    "broken": {"syntax", "compile"},
    "leave": {"exit", "killed"},
    "forever": {"timeout"},
    "grow": {"memory", "exception", "timeout"},
}
