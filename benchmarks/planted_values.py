# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Keys, passwords and addresses drawn from a seed: valid in form, of nobody and for nothing."""

from __future__ import annotations

import base64
import ipaddress
import json
import random
import re
import string
from collections.abc import Callable

from data_prep.redact.words import words

LOWER, UPPER, DIGITS, HEX = (
    string.ascii_lowercase,
    string.ascii_uppercase,
    string.digits,
    "0123456789abcdef",
)
ALNUM = LOWER + UPPER + DIGITS
URLSAFE = ALNUM + "-_"


def of(rng: random.Random, alphabet: str, low: int, high: int | None = None) -> str:
    """Characters drawn from an alphabet."""
    return "".join(rng.choices(alphabet, k=rng.randint(low, high or low)))


Make = Callable[[random.Random], str]


def _jwt(r: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    header = {"alg": r.choice(["HS256", "RS256"]), "typ": "JWT"}
    claims = {
        "sub": of(r, DIGITS, 10),
        "name": of(r, LOWER, 6),
        "iat": r.randint(1_500_000_000, 1_700_000_000),
    }
    return f"{part(header)}.{part(claims)}.{of(r, URLSAFE, 43)}"


def _pem(r: random.Random, kind: str = "") -> str:
    kind = kind or r.choice(
        ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"]
    )
    body = base64.b64encode(r.randbytes(r.choice([118, 290, 608]))).decode()
    return "\n".join(
        [f"-----BEGIN {kind}-----", *re.findall(".{1,64}", body), f"-----END {kind}-----"]
    )


def _uuid(r: random.Random) -> str:
    return "-".join(of(r, HEX, n) for n in (8, 4, 4, 4, 12))


# Sorts with a shape of their own: they stand under any name, or none.
SHAPED: dict[str, Make] = {
    "aws_access_key": lambda r: r.choice(["AKIA", "ASIA"]) + of(r, UPPER + "234567", 16),
    "github": lambda r: r.choice(["ghp_", "gho_", "ghu_", "ghs_", "ghr_"]) + of(r, ALNUM, 36),
    "github_fine_grained": lambda r: f"github_pat_{of(r, ALNUM, 22)}_{of(r, ALNUM, 59)}",
    "gitlab": lambda r: r.choice(["glpat-", "glptt-", "gldt-"]) + of(r, URLSAFE, 20),
    "slack_bot": lambda r: f"xoxb-{of(r, DIGITS, 12)}-{of(r, DIGITS, 13)}-{of(r, ALNUM, 24)}",
    "slack_user": lambda r: "-".join(
        ["xoxp", of(r, DIGITS, 11), of(r, DIGITS, 11), of(r, DIGITS, 12), of(r, HEX, 32)]
    ),
    "slack_webhook": lambda r: "/".join(
        [
            "https://hooks.slack.com/services",
            "T" + of(r, UPPER + DIGITS, 8),
            "B" + of(r, UPPER + DIGITS, 10),
            of(r, ALNUM, 24),
        ]
    ),
    "slack_app": lambda r: "-".join(
        ["xapp-1", "A" + of(r, UPPER + DIGITS, 10), of(r, DIGITS, 13), of(r, HEX, 64)]
    ),
    "stripe": lambda r: r.choice(["sk_live_", "rk_live_", "sk_test_"]) + of(r, ALNUM, 24),
    "stripe_webhook": lambda r: "whsec_" + of(r, ALNUM, 32),
    "google_api": lambda r: "AIza" + of(r, URLSAFE, 35),
    "google_oauth_secret": lambda r: "GOCSPX-" + of(r, URLSAFE, 28),
    "openai": lambda r: f"sk-{of(r, ALNUM, 20)}T3BlbkFJ{of(r, ALNUM, 20)}",
    "openai_project": lambda r: f"sk-proj-{of(r, URLSAFE, 74)}T3BlbkFJ{of(r, URLSAFE, 74)}",
    "anthropic": lambda r: f"sk-ant-api03-{of(r, URLSAFE, 93)}AA",
    "hugging_face": lambda r: "hf_" + of(r, LOWER + UPPER, 34),
    "npm": lambda r: "npm_" + of(r, ALNUM, 36),
    "pypi": lambda r: "pypi-AgEIcHlwaS5vcmc" + of(r, URLSAFE, 140, 170),
    "jwt": _jwt,
    "private_key": _pem,
    "azure_storage": lambda r: f"AccountKey={base64.b64encode(r.randbytes(64)).decode()}",
    "azure_client_secret": lambda r: (
        of(r, ALNUM, 3) + "8Q~" + of(r, ALNUM + "_.~", 33) + of(r, ALNUM, 1)
    ),
    "twilio_key": lambda r: "SK" + of(r, HEX, 32),
    "sendgrid": lambda r: f"SG.{of(r, URLSAFE, 22)}.{of(r, URLSAFE, 43)}",
    "mailgun": lambda r: "key-" + of(r, HEX, 32),
    "mailchimp": lambda r: f"{of(r, HEX, 32)}-us{r.randint(1, 21)}",
    "telegram": lambda r: f"{of(r, '123456789', 1)}{of(r, DIGITS, 8, 9)}:AA{of(r, URLSAFE, 33)}",
    "discord": lambda r: ".".join(
        [r.choice("MNO") + of(r, ALNUM, 23), of(r, URLSAFE, 6), of(r, URLSAFE, 27)]
    ),
    "square": lambda r: r.choice([f"sq0csp-{of(r, URLSAFE, 43)}", f"sq0atp-{of(r, URLSAFE, 22)}"]),
    "shopify": lambda r: r.choice(["shpat_", "shpss_"]) + of(r, HEX, 32),
    "digital_ocean": lambda r: "dop_v1_" + of(r, HEX, 64),
    "new_relic": lambda r: "NRAK-" + of(r, UPPER + DIGITS, 27),
    "databricks": lambda r: "dapi" + of(r, HEX, 32),
    "docker_hub": lambda r: "dckr_pat_" + of(r, URLSAFE, 27),
    "vault": lambda r: "hvs." + of(r, URLSAFE, 90, 100),
    "terraform_cloud": lambda r: f"{of(r, ALNUM, 14)}.atlasv1.{of(r, URLSAFE, 67)}",
    "grafana": lambda r: f"glsa_{of(r, ALNUM, 32)}_{of(r, HEX, 8)}",
    "rubygems": lambda r: "rubygems_" + of(r, HEX, 48),
    "postman": lambda r: f"PMAK-{of(r, HEX, 24)}-{of(r, HEX, 34)}",
    "linear": lambda r: "lin_api_" + of(r, ALNUM, 40),
    "facebook": lambda r: "EAAC" + of(r, ALNUM, 150, 190),
    "artifactory": lambda r: "AKCp" + of(r, ALNUM, 69),
    "alibaba": lambda r: "LTAI" + of(r, ALNUM, 20),
}
# Sorts that only the name they stand under tells from any other random text.
NAMED: dict[str, tuple[Make, tuple[str, ...]]] = {
    "aws_secret": (
        lambda r: of(r, ALNUM + "/+", 40),
        ("aws secret access key", "aws secret key", "secret access key"),
    ),
    "twilio_auth": (lambda r: of(r, HEX, 32), ("twilio auth token", "auth token")),
    "heroku": (_uuid, ("heroku api key",)),
    "datadog": (lambda r: of(r, HEX, 32), ("datadog api key", "dd api key")),
    "datadog_app": (lambda r: of(r, HEX, 40), ("dd app key", "datadog app key")),
    "cloudflare": (lambda r: of(r, URLSAFE, 40), ("cloudflare api token", "cf api token")),
    "algolia": (lambda r: of(r, HEX, 32), ("algolia admin key", "algolia api key")),
    "facebook_secret": (
        lambda r: of(r, HEX, 32),
        ("facebook app secret", "fb secret", "app secret"),
    ),
    "oauth_client": (
        lambda r: of(r, URLSAFE, 24, 40),
        ("client secret", "oauth secret", "consumer secret"),
    ),
    "generic_token": (
        lambda r: of(r, ALNUM, 24, 48),
        ("access token", "api token", "token", "bot token", "refresh token"),
    ),
    "generic_api_key": (
        lambda r: of(r, ALNUM, 20, 40),
        ("api key", "apikey", "service api key", "x api key"),
    ),
    "generic_hex": (lambda r: of(r, HEX, 32), ("secret", "api key", "auth token", "app key")),
    "weather": (lambda r: of(r, HEX, 32), ("openweather api key", "weather key", "appid key")),
    "django": (
        lambda r: of(r, LOWER + DIGITS + "!@#%^&*(-_=+)", 50),
        ("secret key", "django secret key"),
    ),
    "rails": (lambda r: of(r, HEX, 128), ("secret key base",)),
    "signing": (
        lambda r: base64.b64encode(r.randbytes(32)).decode(),
        (
            "jwt secret",
            "signing key",
            "encryption key",
            "cookie secret",
            "session secret",
            "webhook secret",
        ),
    ),
}

_WORDS = sorted(
    words(
        "summer winter dragon monkey shadow sunshine football orange tiger master pepper coffee "
        "ginger falcon maverick jordan hunter bailey"
    )
)


def password(r: random.Random) -> str:
    """What people choose, and what generators do."""
    word = r.choice(_WORDS)
    return r.choice(
        [
            lambda: word + str(r.randint(1, 9999)),
            lambda: word.title() + r.choice("!@#$%") + str(r.randint(1, 99)),
            lambda: word.replace("a", "4").replace("e", "3").replace("o", "0")
            + r.choice("!*?")
            + of(r, DIGITS, 1),
            lambda: f"{word.title()}{r.randint(1990, 2024)}!",
            lambda: of(r, ALNUM, 8, 16),
            lambda: of(r, ALNUM + "!@#%^*_-+", 12, 20) + of(r, DIGITS, 1),
            lambda: f"{word}-{r.choice(_WORDS)}-{r.randint(1, 99)}",
            lambda: r.choice(_WORDS) + r.choice(_WORDS),
        ]
    )()


PASSWORD_NAMES = (
    "password",
    "db password",
    "passwd",
    "admin password",
    "mysql password",
    "smtp password",
    "user passwd",
    "wifi password",
    "passphrase",
    "redis password",
    "pg password",
    "root pwd",
    "pass",
)

FIRST_NAMES = sorted(
    words(
        "anna boris chloe dmitri elena farid grace hiro ines jonas katya liam mei nadia oscar "
        "priya quentin rosa stefan tara ugo vera wei yusuf zoe"
    )
)
LAST_NAMES = sorted(
    words(
        "meyer kowalski nguyen oconnor petrov schmidt tanaka garcia rossi larsen dubois haddad "
        "novak silva johansson oduya varga lindqvist marchetti feldman"
    )
)
_HOSTS = sorted(
    words(
        "gmail.com yahoo.com outlook.com hotmail.co.uk gmx.de mail.ru qq.com 163.com proton.me "
        "cs.stanford.edu inria.fr acme-widgets.com redhat.com kernel.org bigcorp.io startup.dev "
        "lists.sourceforge.net uni-heidelberg.de usp.br iitb.ac.in riken.jp navy.mil nasa.gov "
        "foo-bar.tech studio.design northwind.solutions hackers.xyz sub.dept.univ.edu.au"
    )
)


def email(r: random.Random) -> str:
    """An address at a domain that exists or could."""
    first, last = r.choice(FIRST_NAMES), r.choice(LAST_NAMES)
    local = r.choice(
        [
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}_{last}{r.randint(1, 99)}",
            f"{first}+{r.choice(_WORDS)}",
            first,
            f"{last}-{first}",
            f"{first.title()}.{last.title()}",
            f"x{of(r, DIGITS, 6)}",
            f"{first}{r.randint(1960, 2005)}",
            f"o'{last}",
        ]
    )
    return f"{local}@{r.choice(_HOSTS)}"


_DNS = {"8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9"}


def ipv4(r: random.Random) -> str:
    """A public host."""
    while True:
        address = ipaddress.IPv4Address(r.getrandbits(32))
        # A last octet of 0 or a network of round numbers is no host.
        if (
            address.is_global
            and not address.is_multicast
            and address.packed[3]
            and str(address) not in _DNS
        ):
            return str(address)


def ipv6(r: random.Random) -> str:
    """A global address, written in one of the usual ways."""
    head = r.choice(
        [
            0x2001 << 16 | r.randint(0x200, 0xCFF),
            0x2600 << 16 | r.getrandbits(16),
            0x2A00 << 16 | r.getrandbits(16),
            0x2A02 << 16 | r.getrandbits(16),
            0x240E << 16 | r.getrandbits(16),
        ]
    )
    low = r.choice(
        [
            r.getrandbits(96),
            r.getrandbits(16) << 80 | r.getrandbits(12),
            r.getrandbits(32) << 64 | r.getrandbits(64),
            r.getrandbits(8) or 1,
        ]
    )
    address = ipaddress.IPv6Address(head << 96 | low)
    return r.choice([str(address), str(address), address.exploded, str(address).upper()])
