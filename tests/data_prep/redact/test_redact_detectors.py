# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""What each detector finds and leaves, case by case; many a case is from real code.

``[[...]]`` marks what must be found; a text without it must be left alone.
"""

from __future__ import annotations

import base64
import random
import re

import pytest

from data_prep.redact.documents import find
from data_prep.redact.settings import Redaction

HEX, B62 = "5f4dcc3b5aa765d61d8327deb882cf99", "9uKEmFfXzOWo69EeNQnWrqfMU"
LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
JSON_KEY = f'{{"private_key": "-----BEGIN PRIVATE KEY-----\\n[[{LINE}\\n{LINE}]]\\n-----END"}}'

EMAILS = (
    ("Python", '__author__ = "Jane <[[jane.roe@mail.studio]]>"'),
    ("Python", "import x\n[[jane@kernel.org]] wrote"),
    ("Text", "mailto:[[jane+list@cs.uni-ulm.de]], [[j_r@qq.com]];[[x@163.com]]"),
    ("Text", "name@host.com: [[jane@host.org]].The next sentence".replace("name@host.com", "x")),
    ("Python", r'"\n[[jane@host.org]]\n" + "\u003c[[joe@host.org]]\u003e"'),
    ("Python", "b'[[jane@host.org]]' u\"[[o'neill@host.ie]]\""),
    ("Text", "联系我[[jane@host.org]] oder [[jürgen@bücher.de]]"),
    ("Text", "http://list.org/archive?mail=[[jane@host.org]]&page=2"),
    ("Text", "http://docs.org/x\n[[jane@host.org]] says"),
    ("Text", "[[JANE@HOST.ORG]] [[Jane@Host.Org]] [[jane@xn--mnchen-3ya.xn--p1ai]]"),
    # reserved, nobody's, templates
    ("Text", "you@example.com a@b.example.org x@y.test root@localhost me@site.invalid"),
    ("Text", "git@github.com:a/b.git noreply@github.com aes256-gcm@openssh.com"),
    ("Shell", "$USER@host.com ${user}@host.com {name}@host.com %s@host.com %(u)s@host.com"),
    ("Text", "https://jane:pw@host.com/ ssh://deploy@git.host.com/x"),
    # code
    ("Python", "y = x@w.T + q@k.transpose(0, 1) + a@b.to(device) + W@x.mT"),
    ("Python", "@pytest.fixture\n@app.route('/')\nx = a@b.shape[0]"),
    ("JSON", '"lodash@4.17.21", "@types/node@18.2.0", "a@npm:b.c@1.0.2"'),
    ("CSS", "@media screen { a { background: url(icon@2x.png) } }"),
    ("Kotlin", "this@Main.data; return@forEach.map"),
    ("Python", "value\n@decorator.name\ndef f(): ..."),
)
IP_ADDRESSES = (
    ("Text", '[[52.95.110.1]] - - [10/Oct] "GET /"\n[[52.95.110.2]] - - [10/Oct] "GET /"'),
    ("Shell", "ssh root@[[52.95.110.1]]; curl http://[[52.95.110.2]]:80/; nmap [[52.95.110.3]]/32"),
    ("Text", "[[52.95.110.1]]-[[52.95.110.9]], [[52.95.110.1]]."),
    ("Python", r'"\n[[52.95.110.1]]\n" + "::ffff:[[52.95.110.1]]"'),
    ("Text", "host [[52.95.110.1]].nip.io"),
    ("Text", "server: [[52.95.110.1]], conversion, driver"),
    (
        "Text",
        "[[2a00:1450:4001:82a::200e]] [[[2600:1f18::1a]]]:443 [[2A00:1450:4001:0:0:0:0:1]]/64",
    ),
    # kept networks and servers
    ("Text", "10.0.0.1 172.16.4.2 192.168.1.1 127.0.0.1 169.254.1.1 0.0.0.0 100.64.1.1"),
    ("Text", "255.255.255.0 224.0.0.251 192.0.2.7 198.51.100.4 203.0.113.9 8.8.8.8 1.1.1.1"),
    ("Text", "::1 fe80::1 fd00::5 2001:db8::1 ff02::1 2001:4860:4860::8888 2606:4700:4700::1111"),
    # look-alikes
    ("C#", '[assembly: AssemblyVersion("13.20.4.1")] Version=12.0.30.7, Culture=neutral'),
    ("JSON", '"version": "13.20.4.1"'),
    ("Text", "pkg==13.20.4.1 pkg>=13.20.4.1 requests<12.31.0.7 tool-13.20.4.1.tar.gz v13.20.4.1"),
    ("Text", "Chrome/13.20.4.11 IronPython 2.7.4 (2.7.0.40) __version__ = '22.7.19.17'"),
    ("Markdown", "## 13.20.4.1 (2019-02-03)\nsection 14.2.33.4, RFC 2616 14.2.33.4"),
    ("JavaScript", "} else { // 19.2.3.2 of the specification"),
    (
        "Text",
        "1.2.3.4 9.8.7.6 12.1.0.0 1.2.3.4.5.6 300.1.1.20 52.095.110.1 12.34.56 1.3.6.1.4.1.311",
    ),
    ("JavaScript", "const OID_KEY_USAGE = '2.5.29.15', ED = '1.3.101.112'"),
    ("Python", "a[2000::2]; t = '12:34:56'; m = '00:1a:2b:3c:4d:5e'; face::beef; x::2001"),
    ("Text", "MD5 2b:3c:4d:5e:2b:3c:4d:5e:2b:3c:4d:5e:2b:3c:4d:5e 20:01:02:03:04:05:06:07"),
)
KEYS = (
    ("Python", f'API_KEY = "[[{B62}]]"'),
    ("Python", f'headers = {{"Authorization": "Bearer [[{B62}]]", "x-api-key": "[[{B62}]]"}}'),
    ("Python", f'key = os.getenv("API_KEY", "[[{B62}]]")'),
    ("JavaScript", f"const token = process.env.TOKEN || '[[{B62}]]';"),
    ("JavaScript", f"fetch(`https://x.io/v1?apikey=[[{B62}]]&page=2`)"),
    ("Java", f'client.setSecretKey("[[{HEX}]]"); props.put("client_secret", "[[{HEX}]]");'),
    ("YAML", f"auth_token: [[{B62}]]\nsecret: '[[{HEX}]]'"),
    ("Shell", "export AWS_SECRET_ACCESS_KEY=[[wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQw8KEYq12]]"),
    ("Dockerfile", f"ENV API_TOKEN [[{B62}]]"),
    ("XML", f'<add key="SecretKey" value="[[{B62}]]"/><apiKey>[[{B62}]]</apiKey>'),
    ("JSON", f'"{{\\"access_token\\": \\"[[{B62}]]\\"}}"'),
    ("Go", 'config.ApiKey = "[[f81d4fae-7dec-11d0-a765-00a0c91e6bf6]]"'),
    ("Python", "boto('[[AKIAQ3EGRIZ7TC5ZPXM2]]', '[[wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQw8KEYq12]]')"),
    ("Text", "see https://api.telegram.org/bot[[709132846:AAF0kE9mBzqXc3Vt7YpLw2sHn8RdJu5GiQo]]/x"),
    ("Text", f"-----BEGIN RSA PRIVATE KEY-----\n[[{LINE}\n{LINE}]]\n-----END RSA PRIVATE KEY-----"),
    ("JSON", JSON_KEY),
    (
        "Java",
        f'"-----BEGIN EC PRIVATE KEY-----\\n" +\n  "[[{LINE}]]\\n" +\n  "[[{LINE}]]\\n-----END"',
    ),
    # hashes, identifiers, data
    ("Python", f'digest = "{HEX}"; MD5 = "{HEX}"; id = "{B62}"; check("{HEX}")'),
    ("YAML", f"commit: {HEX}\nkey: {HEX}\ncache_key: {B62}\npublic_key: {B62}\ncsrf_token: {B62}"),
    ("JSON", f'"integrity": "sha512-{B62}{B62}", "etag": "{HEX}", "sha256_key": "{HEX}"'),
    ("JSON", '"clientRequestToken": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'),
    ("C", 'WS_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";'),
    ("Text", "AC" + base64.b64encode(random.Random(3).randbytes(600)).decode()),
    ("Text", "-----BEGIN PUBLIC KEY-----\n" + LINE + "\n-----END PUBLIC KEY-----"),
    ("Python", 'if line == "-----BEGIN PRIVATE KEY-----":\n    return certificate_of_the_key'),
    ("JavaScript", 'key: "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp"'),
    # code and placeholders
    ("Python", "token = lexer.next_token_of_kind2(TokenKind.IDENTIFIER1)"),
    ("Python", "tmpkey = _lib.d2i_PUBKEY_bio(bio); key = clean_fqn_to_curr_fqn2[key]"),
    ("Java", 'TOKEN = "RefreshTokenRepositoryImpl2"; KEY = "database.secret.key.name1"'),
    ("YAML", "token: ${{ secrets.GITHUB_TOKEN }}\napi_key: YOUR_API_KEY_12345678\nkey: {{ key1 }}"),
    ("Shell", "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx AKIAIOSFODNN7EXAMPLE"),
    ("Python", "ALPHABET_KEY = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'"),
    ("Python", "hf_TokenClassificationOutputAndSoOnXyz"),
)
PASSWORDS = (
    ("Python", 'db_password = "[[hunter2]]"; connect(user="x", passwd=\'[[s3cr3t!]]\')'),
    ("Python", 'password: str = "[[hunter2]]"\nif password == "[[hunter3]]": ...'),
    ("Java", 'setPassword("[[hunter2]]"); props.setProperty("password", "[[hunter3]]");'),
    ("PHP", "define('DB_PASSWORD', '[[hunter2]]'); $cfg['password'] = \"[[hunter3]]\";"),
    ("C", '#define WIFI_PASSWORD "[[hunter2]]"\nchar pwd[32] = "[[hunter3]]";'),
    ("C#", '"Server=db;User ID=sa;Password=[[hunter2]];Encrypt=True"'),
    ("YAML", "password: [[hunter2]]\nadmin_passwd: '[[p4ss#wort]]'\nDB_PASS: [[hunter3]]"),
    (
        "Shell",
        "export PGPASSWORD=[[hunter2]]\nmysql -u root -p[[hunter3]] x; curl -u me:[[hunter4]] u",
    ),
    ("XML", '<password>[[hunter2]]</password><c password="[[hunter3]]"/>'),
    ("JSON", '{"smtpPassword": "[[dragonfly77]]", "password": "[[correcthorse]]"}'),
    ("SQL", "CREATE USER x IDENTIFIED BY '[[hunter2]]'; ALTER ROLE x WITH PASSWORD '[[hunter3]]';"),
    ("Python", 'redis("redis://:[[hunter2]]@cache:6379"), "postgres://app:[[hunter3]]@db/app"'),
    ("Python", 'get(url, auth=("me", "[[hunter2]]"))'),
    # code
    ("Python", "password = get_password()\npassword = os.environ['PASSWORD']\npwd = self.pwd2"),
    ("Python", "def f(password: Optional[str] = None): ...\npassword = getpass.getpass('Pass1: ')"),
    ("Java", 'String password = request.getParameter("password");'),
    (
        "JavaScript",
        "const password = req.body.password2; pass(1); bypass = 'x1y2z3'; compass: 'n0rth'",
    ),
    ("Python", "names = ('username', 'password', 'token2'); x in ('pass', 'skip1')"),
    ("Python", "split_password('user:a1b2'); hash_password('a1b2c3'); self.passValue('a1b2')"),
    ("Go", 'password := flag.String("password", "", "the password1")'),
    # words of interfaces, schemas and placeholders
    ("JSON", '{"password": "Passwort", "forgot_password": "Vergessen1?", "new": "password"}'),
    ("JSON", '{"password": {"type": "string"}, "pwd": "required", "minipass": "^7.0.2"}'),
    (
        "YAML",
        "password: ${DB_PASSWORD}\npassword: changeme\npassword: <yours1>\npassword: !vault |",
    ),
    (
        "YAML",
        "password: '{{ vault_pw1 }}'\npassword: \"********\"\npwd: /home/x1\npassword_file: a1b2",
    ),
    ("Shell", 'PASSWORD="$1"; PASSWORD=$PASS2; read -s -p "Password: " PW; PWD=/root/x1'),
    ("Text", "The password should be 8 characters. password, token and key2 are required."),
    ("Markdown", "postgres://user:password@localhost/db http://{user}:{pass1}@proxy"),
    ("HTML", '<input type="password" name="password1" placeholder="Password2">'),
)
CASES = [
    (kind, language, marked)
    for kind, cases in (
        ("emails", EMAILS),
        ("ip_addresses", IP_ADDRESSES),
        ("keys", KEYS),
        ("passwords", PASSWORDS),
    )
    for language, marked in cases
]
MARK = re.compile(r"\[\[(?P<value>.*?)\]\](?!\])", re.DOTALL)


@pytest.mark.parametrize(("kind", "language", "marked"), CASES)
def test_what_is_found(kind: str, language: str, marked: str) -> None:
    # [[[a]]]: an address in the brackets of a URL
    expected = [found.group("value").strip("[]") for found in MARK.finditer(marked)]
    text = MARK.sub(lambda found: found.group("value"), marked)
    redaction = Redaction(**{k: k == kind for k in ("emails", "ip_addresses", "keys", "passwords")})
    data = text.encode()
    found = [data[s.start : s.end].decode() for s in find(data, language, redaction)]
    assert found == expected


@pytest.mark.parametrize("place", range(0, 60, 7))
def test_context_reaches_over_no_line(place: int) -> None:
    """What stands on other lines decides nothing, however far it is."""
    before = "version = 12.1.0.9\nhttp://x.org/a\n" + "x" * place + "\n"
    data = (before + "52.95.110.1\n" + before + "jane@host.org\n").encode()
    assert len(find(data, "Text", Redaction())) == 2


def test_long_documents_of_nothing_but_candidates_end() -> None:
    """Repeated names, addresses and marks: a linear scan comes to an end on each."""
    texts = ("key=", "password=", "a@", "sk-", "AKIA", "://a:", "1.", "-----BEGIN PRIVATE KEY-----")
    for text in texts:
        find((text * 3000).encode(), "JavaScript", Redaction(names="pattern"))
