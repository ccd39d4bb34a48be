# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Where planted secrets stand: by language, the lines that real projects have them in."""

from __future__ import annotations

# {s}nake, {c}amel, {P}ascal, {U}pper, {k}ebab are the name, {v} the value.
ASSIGNMENTS: dict[str, tuple[str, ...]] = {
    "Python": (
        '{s} = "{v}"',
        "{U} = '{v}'",
        'os.environ["{U}"] = "{v}"',
        'client = Client(host, {s}="{v}")',
        'settings = {{"{s}": "{v}", "debug": True}}',
        "def connect(host, {s}='{v}'):\n    return host",
        'self.{s} = "{v}"  # TODO rotate',
        'if {s} == "{v}":\n    login()',
        '{s}: str = "{v}"',
        '{U} = os.getenv("{U}", "{v}")',
    ),
    "JavaScript": (
        'const {c} = "{v}";',
        "var {c} = '{v}'",
        "module.exports = {{\n  {c}: '{v}',\n}};",
        "process.env.{U} = `{v}`;",
        'config["{s}"] = "{v}";',
        "const {c} = process.env.{U} || '{v}';",
    ),
    "TypeScript": (
        'private readonly {c}: string = "{v}";',
        "export const {U} = '{v}';",
        "new Service({{ region, {c}: '{v}' }});",
    ),
    "Java": (
        'private static final String {U} = "{v}";',
        'String {c} = "{v}";',
        'props.setProperty("{s}", "{v}");',
        'builder.set{P}("{v}");',
        '@Value("x") String user; String {c}="{v}";',
    ),
    "Kotlin": ('val {c} = "{v}"', 'const val {U} = "{v}"'),
    "Go": ('{c} := "{v}"', 'const {P} = "{v}"', '\t\t{P}: "{v}",', 'os.Setenv("{U}", "{v}")'),
    "Rust": ('let {s} = "{v}";', 'const {U}: &str = "{v}";', '    {s}: "{v}".to_string(),'),
    "C": ('#define {U} "{v}"', 'const char *{s} = "{v}";', 'static char {s}[] = "{v}";'),
    "C++": ('std::string {c} = "{v}";', 'const char* {s}{{"{v}"}};', '#define {U} "{v}"'),
    "C#": ('private const string {P} = "{v}";', 'var {c} = @"{v}";', '{P} = "{v}",'),
    "PHP": ("${s} = '{v}';", "define('{U}', '{v}');", "'{s}' => '{v}',", '$config["{s}"] = "{v}";'),
    "Ruby": ("{s} = '{v}'", '{s}: "{v}",', 'ENV["{U}"] = "{v}"', ":{s} => '{v}'"),
    "Perl": ("my ${s} = '{v}';", "{s} => '{v}',"),
    "Swift": ('let {c} = "{v}"', 'static let {c}: String = "{v}"'),
    "Shell": (
        "export {U}={v}",
        '{U}="{v}"',
        "./deploy.sh --{k}={v}",
        "./deploy.sh --{k} {v} --verbose",
    ),
    "Batchfile": ("set {U}={v}",),
    "PowerShell": ('${P} = "{v}"', "$env:{U} = '{v}'"),
    "YAML": ("{s}: {v}", '{c}: "{v}"', "  - {U}={v}", "env:\n  {U}: '{v}'"),
    "JSON": ('{{"{s}": "{v}"}}', '{{\n  "{c}": "{v}",\n  "region": "eu"\n}}'),
    "TOML": ('{s} = "{v}"',),
    "INI": ("{s} = {v}", "{s}={v}", "app.{k}={v}"),
    "Dockerfile": ("ENV {U}={v}", "ENV {U} {v}", "ARG {U}={v}"),
    "XML": (
        '<add key="{P}" value="{v}" />',
        "<{c}>{v}</{c}>",
        '<property name="{c}" value="{v}"/>',
        '<bean {c}="{v}"/>',
    ),
    "HCL": ('{s} = "{v}"',),
    "SQL": ("-- {s}: {v}",),
    "Markdown": ("    export {U}={v}", "`{s}={v}`"),
}
SHAPED_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": (
        'client = Client("{v}")',
        "# old one: {v}",
        'headers = {{"Authorization": "Bearer {v}"}}',
        "x = ['{v}', None]",
    ),
    "Shell": (
        'curl -H "Authorization: Bearer {v}" https://api.service.io/v1',
        "run --with {v}",
        'curl "https://api.service.io/v1?key={v}&format=json"',
    ),
    "JavaScript": ("init('{v}');", "fetch(url, {{ headers: {{ Authorization: 'token {v}' }} }})"),
    "Markdown": ("Use `{v}` for now.", "> {v}"),
    "YAML": ("- {v}", "value: {v}"),
    "JSON": ('["{v}"]', '{{"id": "{v}"}}'),
    "Java": ('Service.init(context, "{v}");',),
}
NAMED_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Shell": (
        'curl -H "Authorization: Bearer {v}" https://api.service.io/v1',
        'curl -H "X-Api-Key: {v}" https://api.service.io',
        'wget "https://api.service.io/v1/items?api_key={v}&page=2"',
        "curl 'https://graph.service.io/me?access_token={v}'",
    ),
    "Python": (
        'headers = {{"Authorization": "Bearer {v}"}}',
        'requests.get(url, params={{"api_key": "{v}"}})',
        'url = "https://service.io/data?apikey={v}&q=" + city',
    ),
    "JavaScript": (
        "const url = `https://service.io/data?token={v}`;",
        "headers: {{ 'x-api-key': '{v}' }},",
        "Authorization: 'Token {v}',",
    ),
}
PASSWORD_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": (
        'engine = create_engine("postgresql://app:{v}@db.internal:5432/app")',
        'MONGO = "mongodb+srv://admin:{v}@cluster0.x1.mongodb.net/test"',
        'requests.get(url, auth=("admin", "{v}"))',
        'conn = "Server=db;Database=app;User Id=sa;Password={v};"',
    ),
    "Java": ('DriverManager.getConnection("jdbc:mysql://db/app?user=root&password={v}");',),
    "C#": (
        '"Server=tcp:db;Initial Catalog=app;User ID=sa;Password={v};Encrypt=True"',
        '"Data Source=.;uid=sa;pwd={v}"',
    ),
    "Shell": (
        "mysql -u root -p'{v}' app",
        "sshpass -p '{v}' ssh deploy@10.0.0.5",
        "curl -u admin:{v} http://10.0.0.5/api",
        "export PGPASSWORD={v}",
        "git clone https://deploy:{v}@git.internal/app.git",
        "echo 'root:{v}' | chpasswd",
    ),
    "SQL": ("CREATE USER 'app'@'%' IDENTIFIED BY '{v}';", "ALTER ROLE app WITH PASSWORD '{v}';"),
    "YAML": ("url: redis://:{v}@cache:6379/0",),
    "XML": ('<connection url="x" username="sa" password="{v}"/>', "<password>{v}</password>"),
}
EMAIL_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": (
        "# Author: {n} <{v}>",
        '__email__ = "{v}"',
        'author_email="{v}",',
        "send_mail('{v}', subject)",
        '"""Written by {n} ({v})."""',
        "admins = ['{v}', \"{w}\"]",
    ),
    "Java": (
        " * @author {n} ({v})",
        'String to = "{v}";',
        ' * @author <a href="mailto:{v}">{n}</a>',
    ),
    "C": (
        "/* Copyright (C) 2009 {n} <{v}> */",
        " * Report bugs to {v}.",
        'MODULE_AUTHOR("{n} <{v}>");',
    ),
    "JSON": ('{{"author": "{n} <{v}>"}}', '{{"email":"{v}","id":7}}'),
    "SQL": ("INSERT INTO users VALUES (1, '{n}', '{v}');",),
    "YAML": ("maintainer: {v}", "  - email: {v}"),
    "HTML": ('<a href="mailto:{v}?subject=hi">{v}</a>', "<td>{v}</td>"),
    "Shell": ('git config user.email "{v}"', "MAILTO={v}", "# contact {v},{w}"),
    "Markdown": ("Mail <{v}> or {w}.", "Signed-off-by: {n} <{v}>"),
    "PHP": ("$to = '{v}';", " * @author {n} <{v}>"),
    "Go": ("// {n} ({v})", 'const admin = "{v}"'),
    "Ruby": ("  spec.email = ['{v}']",),
}
IPV4_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": (
        'HOST = "{v}"',
        'requests.get("http://{v}:8080/health")',
        "servers = ['{v}', '{w}']",
        "# ssh root@{v}",
    ),
    "YAML": ("- targets: ['{v}:9100']", "server: {v}", "  - {v}/32"),
    "Shell": (
        "ssh deploy@{v}",
        "iptables -A INPUT -s {v} -j DROP",
        "ping -c 1 {v}",
        "curl http://{v}/index.html",
        'IP="{v}"',
    ),
    "INI": ("bind = {v}:3306", "host={v}"),
    "JavaScript": ("const api = 'http://{v}:3000/api';", 'ws.connect("{v}", 4000)'),
    "Text": (
        '{v} - - [10/Oct/2019:13:55:36 +0000] "GET / HTTP/1.1" 200 2326',
        "{v}\tmail.internal mail",
        "allow {v};",
        "from {v} port 51234 ssh2",
    ),
    "C": ('inet_pton(AF_INET, "{v}", &addr);', "/* gateway {v} */"),
    "Java": ('new Socket("{v}", 5000);',),
    "SQL": ("GRANT ALL ON db.* TO 'app'@'{v}';",),
    "JSON": ('{{"ip": "{v}", "port": 80}}',),
}
IPV6_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": ('HOST = "{v}"', 'url = "http://[{v}]:8080/"', "peers = ['{v}']"),
    "YAML": ("address: {v}/64", "  - '{v}'"),
    "Shell": ("ping6 {v}", "ip -6 addr add {v}/128 dev eth0", "ssh root@{v}"),
    "Text": ("{v} - - [10/Oct/2019:13:55:36 +0000]", "listen [{v}]:443 ssl;", "{v}\thost.internal"),
    "Go": ('net.ParseIP("{v}")',),
}
NAME_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Java": (" * @author {v}", "/* Copyright (c) 2014 {v}. All rights reserved. */"),
    "Python": ('__author__ = "{v}"', "# Author: {v}", "# Copyright 2011-2013 {v}"),
    "Markdown": ("Signed-off-by: {v} <x@example.com>", "Co-authored-by: {v} <y@example.com>"),
    "Swift": ("//  Created by {v} on 12/03/2017.",),
    "C": ("/* Copyright (C) 1999, 2004 {v} */", " * Maintainer: {v}"),
}
BARE_CONTEXTS: dict[str, tuple[str, ...]] = {
    "Python": ('client = Service("{v}", region="eu")', "connect(host, '{v}')"),
    "JavaScript": ("new Pusher('{v}', options);", 'app.use(session("{v}"));'),
    "Java": ('Service.start(this, "{v}");',),
}
