# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Snippets that look like secrets and are none: what a redactor must leave alone.

Hashes, identifiers, versions, reserved addresses, encoded data, code that handles credentials
without holding one, and placeholders. Whatever is found in them is a false positive.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterator

from benchmarks.planted_secrets import Planted, framed
from benchmarks.planted_values import ALNUM, DIGITS, HEX, LOWER, UPPER, of


def _uuid(r: random.Random) -> str:
    return "-".join(of(r, HEX, n) for n in (8, 4, 4, 4, 12))


def _b64(r: random.Random, low: int, high: int) -> str:
    return base64.b64encode(r.randbytes(r.randint(low, high))).decode()


def _mac(r: random.Random) -> str:
    return ":".join(of(r, HEX, 2) for _ in range(6))


def _fingerprint(r: random.Random) -> str:
    return ":".join(of(r, HEX, 2) for _ in range(16))


def _version(r: random.Random, parts: int = 4) -> str:
    return ".".join(str(r.randint(0, 30)) for _ in range(parts))


_EXAMPLE_DOMAINS = (
    *("example.com", "example.org", "mail.example.net", "site.test", "host.invalid"),
    *("localhost", "foo.example"),
)
# Random but harmless values, put into the templates below by name.
VALUES: dict[str, Callable[[random.Random], str]] = {
    "uuid": _uuid,
    "sha1": lambda r: of(r, HEX, 40),
    "sha1_short": lambda r: of(r, HEX, 7),
    "md5": lambda r: hashlib.md5(r.randbytes(8), usedforsecurity=False).hexdigest(),
    "sha256": lambda r: of(r, HEX, 64),
    "sha512_b64": lambda r: base64.b64encode(r.randbytes(64)).decode(),
    "sha256_b64": lambda r: base64.b64encode(r.randbytes(32)).decode(),
    "png": lambda r: "iVBORw0KGgoAAAANSUhEUgAA" + _b64(r, 90, 600),
    "font": lambda r: "d09GRgABAAAAA" + _b64(r, 90, 300),
    "mac": _mac,
    "fingerprint": _fingerprint,
    "version": _version,
    "colour": lambda r: "#" + of(r, HEX, 6),
    "digits": lambda r: of(r, DIGITS, 10),
    "number": lambda r: str(r.random()),
    "semver": lambda r: _version(r, 3),
    "word": lambda r: of(r, LOWER, 5, 9),
    "certificate": lambda r: "\n".join(_b64(r, 48, 48) for _ in range(8)),
    "public": lambda r: "AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + _b64(r, 200, 250).rstrip("="),
    "id11": lambda r: of(r, ALNUM, 11),
    "objid": lambda r: of(r, HEX.upper(), 24),
    "upper": lambda r: of(r, UPPER, 8),
    "private4": lambda r: ".".join(
        [
            r.choice(["10.0", "192.168", "172.20", "127.0", "169.254"]),
            str(r.randint(0, 255)),
            str(r.randint(1, 254)),
        ]
    ),
    "doc4": lambda r: f"{r.choice(['192.0.2', '198.51.100', '203.0.113'])}.{r.randint(1, 254)}",
    "dns4": lambda r: r.choice(["8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "208.67.222.222"]),
    "mask4": lambda r: r.choice(
        [
            "255.255.255.0",
            "255.255.0.0",
            "255.255.255.248",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.251",
            "239.255.255.250",
        ]
    ),
    "private6": lambda r: r.choice(
        [
            "::1",
            "::",
            f"fe80::{of(r, HEX, 4)}",
            f"fd00:{of(r, HEX, 4)}::1",
            f"2001:db8::{of(r, HEX, 4)}",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "ff02::1",
        ]
    ),
    "example": lambda r: "@".join(
        [r.choice(["user", "john", "alice", "someone"]), r.choice(_EXAMPLE_DOMAINS)]
    ),
}

TEMPLATES: tuple[tuple[str, str], ...] = (
    # identifiers and hashes
    ("Python", 'DEVICE_ID = "{uuid}"'),
    ("C#", '[assembly: Guid("{uuid}")]'),
    ("XML", "<ProjectGuid>{{{uuid}}}</ProjectGuid>"),
    ("YAML", "uuid: {uuid}"),
    ("YAML", "rev: {sha1}"),
    ("YAML", "- uses: actions/checkout@{sha1}"),
    ("Shell", "git checkout {sha1} && git cherry-pick {sha1_short}"),
    ("Python", 'EXPECTED_MD5 = "{md5}"'),
    ("Python", 'assert digest == "{sha256}"'),
    ("Python", 'CACHE = {{"{md5}": "a.txt", "{md5}": "b.txt"}}'),
    ("Ruby", '  sha256 "{sha256}"'),
    ("JSON", '"integrity": "sha512-{sha512_b64}"'),
    (
        "JSON",
        '"resolved": "https://npm.io/{word}/-/{word}-{semver}.tgz",\n"shasum": "{sha1}"',
    ),
    (
        "HTML",
        '<script src="a.js" integrity="sha256-{sha256_b64}" crossorigin="anonymous"></script>',
    ),
    ("TOML", 'checksum = "{sha256}"'),
    ("Text", "{word} v{semver} h1:{sha256_b64}"),
    ("Text", "    --hash=sha256:{sha256} \\"),
    ("Dockerfile", "FROM python@sha256:{sha256}"),
    ("Makefile", "SHA := {sha1}"),
    ("JSON", '{{"_id": "{objid}", "etag": "{md5}"}}'),
    (
        "Objective-C",
        "{objid} /* main.m in Sources */ = {{isa = PBXBuildFile; fileRef = {objid}; }};",
    ),
    ("Markdown", "[![Build](https://ci.io/{uuid}/badge.svg)](https://youtu.be/{id11})"),
    ("C++", '// commit {sha1}\nstatic const char kBuildId[] = "{sha1}";'),
    ("JavaScript", 'var publicKey = "{sha256_b64}";'),
    ("JavaScript", 'const csrfTokenHeader = "X-CSRF-Token";'),
    # encoded data
    ("CSS", 'a {{ background: url("data:image/png;base64,{png}"); color: {colour} }}'),
    ("CSS", "src: url(data:font/woff;base64,{font}) format('woff');"),
    ("HTML", '<img src="data:image/png;base64,{png}" alt="">'),
    ("Python", 'ICON = "{png}"'),
    ("Text", "-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----"),
    ("Text", "-----BEGIN PUBLIC KEY-----\n{certificate}\n-----END PUBLIC KEY-----"),
    ("Text", "ssh-rsa {public} builder"),
    ("C", "static const uint8_t table[] = {{ 0x{sha1_short}, 0x{sha1_short} }};"),
    (
        "JavaScript",
        'const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";',
    ),
    (
        "JavaScript",
        'var keyStr = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";',
    ),
    ("Python", 'TOKEN_CHARS = "0123456789abcdefghijklmnopqrstuvwxyz"'),
    # versions and other dotted numbers
    ("C#", '[assembly: AssemblyVersion("{version}")]'),
    ("JSON", '"version": "{version}",'),
    ("XML", "<Version>{version}</Version>"),
    ("Text", "package=={version}"),
    ("Shell", "wget https://dl.io/tool-{version}.tar.gz"),
    ("C", '#define VERSION "{version}"'),
    ("Python", '__version__ = "{version}"'),
    ("Text", "Mozilla/5.0 (X11; Linux x86_64) Chrome/4.0.{version} Safari/537.36"),
    ("Markdown", "## v{version} (2019-02-03)"),
    ("Markdown", "see section 4.1.2.3 and RFC 2616 section 3.2.1.1"),
    ("XML", '<bindingRedirect oldVersion="0.0.0.0-4.0.0.0" newVersion="4.0.0.0" />'),
    ("Python", 'OID = "1.3.6.1.4.1.{digits}"'),
    ("Ruby", "gem 'rails', '~> {version}'"),
    ("JavaScript", "var point = [{number}, {number}];"),
    # addresses that belong to nobody
    ("Python", 'HOST = "{private4}"'),
    ("Shell", "route add {private4} netmask {mask4}"),
    ("YAML", "nameserver: {dns4}"),
    ("Markdown", "for instance `ping {doc4}`"),
    ("C", 'inet_addr("{mask4}");'),
    ("Go", 'net.ParseIP("{private6}")'),
    ("YAML", "bind: '[{private6}]:8080'"),
    ("Text", "ether {mac}"),
    ("Text", "MD5:{fingerprint}"),
    ("C++", "std::vector<ab::cd> x = face::detect(a ? b::c : d);"),
    ("Rust", "let added = dead::beef::add(1, 2);"),
    ("Python", "x = a[1::2]; y = b[2000::3]; t = '12:34:56'"),
    # at signs
    ("Markdown", "write to {example}"),
    ("Python", 'USER = "{example}"'),
    ("Python", "y = weights@inputs.T + a@b.shape[0]"),
    ("Python", "@pytest.fixture\n@app.route('/x')\ndef f(): ..."),
    ("JSON", '"@types/node": "^{semver}", "@scope/{word}": "npm:{word}@{semver}"'),
    ("Shell", "git clone git@github.com:{word}/{word}.git"),
    ("Text", 'ref = "ssh://git@gitlab.com/{word}/{word}.git"'),
    ("Java", '@Override\n@RequestMapping(value = "/a")\npublic void a() {{}}'),
    ("JavaScript", "import x from 'https://esm.sh/{word}@{semver}/index.js'; // {{@link foo.bar}}"),
    ("CSS", "@media (min-width: 3px) {{ .icon {{ background: url(icon@2x.png) }} }}"),
    ("Text", "Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"),
    ("Perl", 'print "@{{$list}} @array.\\n";'),
    ("Kotlin", "return@forEach; this@MainActivity.finish()"),
    ("PHP", "$x = @file_get_contents($path);"),
    # code about credentials
    ("Python", "password = get_password()"),
    ("Python", "password = os.environ['DB_PASSWORD']"),
    ("Python", "password: str = field(default=None)"),
    ("Python", "def login(user: str, password: Optional[SecretStr] = None) -> bool:"),
    ("Python", "api_key = settings.API_KEY_FROM_ENVIRONMENT"),
    ("Python", "token = request.headers.get('Authorization')"),
    ("Python", "secret_key = generate_secret_key(length=32)"),
    ("Python", 'parser.add_argument("--password", help="password of the database user")'),
    ("Python", 'SECRET_NAME = "projects/prod/secrets/database-password"'),
    ("Python", 'TOKEN_URL = "https://accounts.service.io/o/oauth2/token"'),
    ("Python", 'token_type = "refresh_token_grant_type_v2"'),
    ("Python", "password = getpass.getpass('Password for user: ')"),
    ("Python", "raise ValueError('password: must not be empty')"),
    ("Java", 'String password = request.getParameter("password");'),
    ("Java", 'private static final String KEY_PASSWORD = "key_password";'),
    ("Java", "String token = jwtTokenProvider.createToken(authentication);"),
    ("Java", 'public static final String ACCESS_TOKEN = "access_token";'),
    ("JavaScript", "const password = req.body.password;"),
    (
        "JavaScript",
        "const { apiKey, apiSecret } = process.env;".replace("{", "{{").replace("}", "}}"),
    ),
    ("JavaScript", "password: yup.string().required('Password is required'),"),
    ("JavaScript", '<input type="password" name="password" placeholder="Password" />'),
    ("JavaScript", 'labels: {{ password: "Password", forgot: "Forgot your password?" }},'),
    ("JSON", '{{"password": "Passwort", "login.password": "Mot de passe", "token": "Token"}}'),
    (
        "JSON",
        '{{"properties": {{"password": {{"type": "string", "format": "password"}}}}}}',
    ),
    ("YAML", "password: ${{DB_PASSWORD}}"),
    ("YAML", 'password: "{{{{ vault_db_password }}}}"'),
    ("YAML", "password: <your password here>"),
    ("YAML", "password: changeme"),
    ("YAML", "api_key: YOUR_API_KEY"),
    ("YAML", "token: ${{{{ secrets.GITHUB_TOKEN }}}}"),
    ("YAML", "secretName: my-tls-certificate-secret"),
    ("YAML", "password: !vault |"),
    ("YAML", "passwordSecretRef:\n  name: postgres-credentials\n  key: password"),
    ("Shell", 'PASSWORD="$1"'),
    ("Shell", "read -s -p 'Password: ' PASSWORD"),
    ("Shell", "export API_KEY=xxxxxxxxxxxxxxxxxxxxxxxx"),
    ("Shell", 'curl -H "Authorization: Bearer $TOKEN" https://api.service.io'),
    ("Shell", 'curl -H "Authorization: Bearer <token>" -u "$USER:$PASS" https://api.service.io'),
    ("Shell", "export GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("Python", 'AWS_KEY = "AKIAIOSFODNN7EXAMPLE"'),
    ("INI", "password = ********"),
    ("INI", "password="),
    ("INI", "api_key = your-api-key-here-please-replace"),
    ("PHP", "$password = $_POST['password'];"),
    ("PHP", "'password' => env('DB_PASSWORD', ''),"),
    ("PHP", "define('DB_PASSWORD', 'password_here');"),
    ("Go", 'password := flag.String("password", "", "database password")'),
    ("Go", 'token := os.Getenv("TOKEN")'),
    ("Rust", "let token = self.lexer.next_token_kind_or_eof();"),
    ("C", "token = strtok(NULL, delimiters_and_whitespace);"),
    ("C", "static int check_password(const char *password, size_t password_length);"),
    ("C++", "Token token = Token(TokenKind::StringLiteral, position_);"),
    ("C#", 'var password = Configuration["Database:Password"];'),
    ("SQL", "SELECT password, secret_token FROM users WHERE password = ?;"),
    ("SQL", "ALTER TABLE users ADD COLUMN password VARCHAR(255) NOT NULL;"),
    ("HCL", "password = var.database_master_password"),
    ("HCL", 'password = "${{random_password.master.result}}"'),
    ("XML", "<password>${{env.PASSWORD}}</password>"),
    ("XML", '<string name="password_hint">At least 8 characters</string>'),
    ("XML", '<string name="password">Password</string>'),
    ("XML", '<add key="SecretKeyName" value="production-signing-key" />'),
    ("Ruby", "validates :password, length: {{ minimum: 6 }}, confirmation: true"),
    ("Ruby", "password: ENV.fetch('DATABASE_PASSWORD')"),
    ("Markdown", "postgres://user:password@localhost:5432/db"),
    (
        "Markdown",
        "https://username:password@host.example/path and `http://{{user}}:{{pass}}@proxy`",
    ),
    ("Shell", "DATABASE_URL=postgres://$DB_USER:$DB_PASS@$DB_HOST/app"),
    (
        "TypeScript",
        "interface Login {{ password: string; token?: string; apiKey: string | undefined }}",
    ),
    ("Swift", "@IBOutlet weak var passwordField: UITextField!"),
    ("Lua", "local token = tokens[index + 1].value_of_token"),
    ("Python", 'hints = {{"password_reset": "reset", "secret_santa": "list"}}'),
    ("Python", 'field_names = ("username", "password", "access_token", "refresh_token_expires")'),
    ("JavaScript", 'localStorage.setItem("auth_token_expiration_date", date)'),
    ("JavaScript", "const KEY_CODES = {{ enter: 13, escape: 27 }}; key: 'ArrowDownOrRight'"),
    ("JavaScript", 'translate("authentication.password.must_contain_digit")'),
    ("Java", "import com.company.security.token.RefreshTokenRepositoryImplementation2;"),
    ("Text", "User-Agent: okhttp/{semver} build {digits}"),
    # no person
    ("C", "/* Copyright (c) 2014 Google Inc. All rights reserved. */"),
    ("Python", "# Copyright 2018 The TensorFlow Authors. All Rights Reserved."),
    ("Java", " * @author the original author or authors"),
    ("Python", '__author__ = "Core Team"'),
    ("Markdown", "Author: see AUTHORS file"),
)


def negatives(seed: int, count: int) -> Iterator[Planted]:
    """``count`` snippets, the templates in turn, each time with other values."""
    r = random.Random(seed)
    for number in range(count):
        language, template = TEMPLATES[number % len(TEMPLATES)]
        fields = {name: make(r) for name, make in VALUES.items()}
        yield framed(r, Planted(template.format(**fields), language))
