// Copyright 2026 The foundry_plugins authors
// SPDX-License-Identifier: Apache-2.0

/**
 * A compiler that stays warm: reads TypeScript, writes JavaScript, and runs none of it.
 *
 *     node compile_server.js FOLDER-OF-TYPESCRIPT
 *
 * What it says is what `tsc --target esnext` would: any message of the compiler refuses a program.
 * The declarations of the language's own library are parsed once for all programs. Requests and
 * replies are described in compile_server.py.
 */
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const library = path.join(process.argv[2], "lib");
const ts = require(path.join(library, "typescript.js"));

const SOURCE = "/program.ts";
const COMPILED = "program.js";
// A program at odds with the library's declarations is told so at its own.
const options = { target: ts.ScriptTarget.ESNext, types: [], skipDefaultLibCheck: true };

/** Shows the compiler one program and its own library, and no other file. */
function makeHost() {
  const host = ts.createCompilerHost(options);
  const parsed = new Map();
  const isLibrary = (name) => path.dirname(path.resolve(name)) === library;
  host.text = "";
  host.getCurrentDirectory = () => "/";
  host.getDefaultLibLocation = () => library;
  host.getDefaultLibFileName = () => path.join(library, ts.getDefaultLibFileName(options));
  host.fileExists = (name) => name === SOURCE || (isLibrary(name) && fs.existsSync(name));
  host.readFile = (name) => {
    if (name === SOURCE) return host.text;
    return isLibrary(name) ? fs.readFileSync(name, "utf8") : undefined;
  };
  host.directoryExists = () => false;
  host.getSourceFile = (name, target) => {
    if (!host.fileExists(name)) return undefined;
    const parse = () => ts.createSourceFile(name, host.readFile(name), target);
    if (name === SOURCE) return parse();
    if (!parsed.has(name)) parsed.set(name, parse());
    return parsed.get(name);
  };
  return host;
}

/** The JavaScript of a program, or the compiler's messages. */
function compile(host, text) {
  host.text = text;
  let compiled = "";
  host.writeFile = (name, content) => (compiled = content);
  const program = ts.createProgram([SOURCE], options, host);
  const emitted = program.emit();
  const found = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  return found.length
    ? { messages: ts.formatDiagnostics(ts.sortAndDeduplicateDiagnostics(found), host) }
    : { compiled };
}

/** So many bytes of the input; null where it ends. */
function read(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const more = fs.readSync(0, bytes, at, size - at, null);
    if (more === 0) return null;
    at += more;
  }
  return bytes;
}

function number(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function block(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([number(bytes.length), bytes]);
}

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(1, bytes, at);
}

const host = makeHost();
for (let size = read(4); size !== null; size = read(4)) {
  const found = compile(host, read(size.readInt32BE()).toString());
  const reply = found.messages
    ? [number(-1), block(found.messages)]
    : [number(1), block(COMPILED), block(found.compiled)];
  write(Buffer.concat(reply));
}
