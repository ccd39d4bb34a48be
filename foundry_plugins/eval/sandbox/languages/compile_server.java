// Copyright 2026 The foundry_plugins authors
// SPDX-License-Identifier: Apache-2.0

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * A compiler that stays warm: reads sources, writes classes, and runs none of them.
 *
 * <p>A request is a length and a source text; a reply is a number of classes, each a name and its
 * bytes with their lengths, or -1 and the compiler's messages. All numbers are four bytes.
 */
class CompileServer {
    /** A class that is kept in memory. */
    static class Compiled extends SimpleJavaFileObject {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

        Compiled(String name) {
            super(URI.create("memory:///" + name.replace('.', '/') + ".class"), Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return bytes;
        }
    }

    /** A source that is kept in memory. */
    static class Source extends SimpleJavaFileObject {
        final String text;

        Source(String text) {
            super(URI.create("memory:///Problem.java"), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return true;
        }
    }

    /** Keeps what is compiled, and reads libraries through what is shared by all programs. */
    static class Memory extends ForwardingJavaFileManager<StandardJavaFileManager> {
        final Map<String, Compiled> classes = new LinkedHashMap<>();

        Memory(StandardJavaFileManager shared) {
            super(shared);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                JavaFileManager.Location location,
                String name,
                JavaFileObject.Kind kind,
                FileObject sibling) {
            return classes.computeIfAbsent(name, Compiled::new);
        }

        @Override
        public void close() {}
    }

    public static void main(String[] arguments) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager shared =
                compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        List<String> options = List.of("-proc:none", "-nowarn", "-cp", arguments[0]);
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out =
                new DataOutputStream(new java.io.BufferedOutputStream(System.out));
        while (true) {
            byte[] text;
            try {
                text = new byte[in.readInt()];
            } catch (EOFException end) {
                return;
            }
            in.readFully(text);
            Source source = new Source(new String(text, StandardCharsets.UTF_8));
            StringWriter messages = new StringWriter();
            Memory memory = new Memory(shared);
            boolean good;
            try {
                good =
                        compiler.getTask(messages, memory, null, options, null, List.of(source))
                                .call();
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError error) {
                messages.write(error.toString());
                good = false;
            }
            answer(out, good, memory, messages.toString());
        }
    }

    static void answer(DataOutputStream out, boolean good, Memory memory, String messages)
            throws IOException {
        out.writeInt(good ? memory.classes.size() : -1);
        if (good) {
            for (Map.Entry<String, Compiled> entry : memory.classes.entrySet()) {
                write(out, entry.getKey().getBytes(StandardCharsets.UTF_8));
                write(out, entry.getValue().bytes.toByteArray());
            }
        } else {
            write(out, messages.getBytes(StandardCharsets.UTF_8));
        }
        out.flush();
    }

    static void write(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }
}
