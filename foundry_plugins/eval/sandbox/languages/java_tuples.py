# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""The classes of ``org.javatuples`` that MultiPL-E's Java programs import, written here.

Every program imports the package, and the tests of a few make a ``Pair``. These are the methods
that tests and answers use, for one value (``Unit``) up to ten (``Decade``): ``with``,
``getValueN``, ``setAtN``, ``add``, and equality by value. They are this project's own; where an
answer needs more of the library, it does not compile.
"""

from __future__ import annotations

from collections.abc import Iterator

_NAMES = (
    *("Unit", "Pair", "Triplet", "Quartet", "Quintet"),
    *("Sextet", "Septet", "Octet", "Ennead", "Decade"),
)
_TUPLE = """package org.javatuples;
import java.util.*;
public abstract class Tuple implements Iterable<Object>, java.io.Serializable, Comparable<Tuple> {
    private final Object[] all;
    protected Tuple(Object... all) { this.all = all; }
    public int getSize() { return all.length; }
    public Object getValue(int at) { return all[at]; }
    public boolean contains(Object one) { return toList().contains(one); }
    public boolean containsAll(Collection<?> some) { return toList().containsAll(some); }
    public int indexOf(Object one) { return toList().indexOf(one); }
    public int lastIndexOf(Object one) { return toList().lastIndexOf(one); }
    public List<Object> toList() { return Arrays.asList(all.clone()); }
    public Object[] toArray() { return all.clone(); }
    public Iterator<Object> iterator() { return toList().iterator(); }
    public String toString() { return toList().toString(); }
    public int hashCode() { return Arrays.hashCode(all); }
    public boolean equals(Object other) {
        return other != null && getClass() == other.getClass()
            && Arrays.equals(all, ((Tuple) other).all);
    }
    @SuppressWarnings("unchecked")
    public int compareTo(Tuple other) {
        for (int at = 0; at < Math.min(all.length, other.all.length); at++) {
            int order = ((Comparable<Object>) all[at]).compareTo(other.all[at]);
            if (order != 0) return order;
        }
        return Integer.compare(all.length, other.all.length);
    }
}
"""


def sources() -> dict[str, str]:
    """Texts by their paths below a folder of sources."""
    files = {"Tuple": _TUPLE, **{name: _source(size) for size, name in enumerate(_NAMES, start=1)}}
    return {f"org/javatuples/{name}.java": text for name, text in files.items()}


def _source(size: int) -> str:
    name, letters = _NAMES[size - 1], "ABCDEFGHIJ"[:size]
    types = f"{name}<{', '.join(letters)}>"
    own = ", ".join(letters)
    parameters = ", ".join(f"{letter} v{at}" for at, letter in enumerate(letters))
    values = ", ".join(f"v{at}" for at in range(size))
    lines = [
        "package org.javatuples;",
        f"public final class {types} extends Tuple {{",
        *[f"    private final {letter} v{at};" for at, letter in enumerate(letters)],
        f"    public {name}({parameters}) {{",
        f"        super({values});",
        *[f"        this.v{at} = v{at};" for at in range(size)],
        "    }",
        f"    public static <{own}> {types} with({parameters}) {{",
        f"        return new {types}({values});",
        "    }",
        *_methods(name, letters),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _methods(name: str, letters: str) -> Iterator[str]:
    size = len(letters)
    for at, letter in enumerate(letters):
        yield f"    public {letter} getValue{at}() {{ return v{at}; }}"
        types = ", ".join("X" if i == at else other for i, other in enumerate(letters))
        values = ", ".join("x" if i == at else f"v{i}" for i in range(size))
        yield f"    public <X> {name}<{types}> setAt{at}(X x) {{ return new {name}<>({values}); }}"
    if size < len(_NAMES):
        longer, values = _NAMES[size], ", ".join(f"v{at}" for at in range(size))
        yield (
            f"    public <X> {longer}<{', '.join(letters)}, X> add(X x) "
            f"{{ return new {longer}<>({values}, x); }}"
        )
