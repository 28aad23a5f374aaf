"""Realistic, made-up secret values: those that the value checks must accept, and those that they must report.

Vendor keys are assembled at runtime, so that secret scanners do not report this file.
"""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator

from qovery.sync.value_checks import ValueRule

_RANDOM = random.Random(17)
_ALNUM = string.ascii_letters + string.digits
_LOWER = string.ascii_lowercase + string.digits
_HEX = "0123456789abcdef"
_BASE64 = _ALNUM + "+/"
_ODD = _ALNUM + "!#$%&()*+,-./:;<=>?@[]^_{|}~"

#: The prefix of a vendor's key, and the alphabet and length of the random part after it.
_VENDORS: dict[str, tuple[str, str, int]] = {
    "STRIPE_SECRET_KEY": ("sk_" + "live_", _ALNUM, 24), "STRIPE_TEST_KEY": ("sk_" + "test_", _ALNUM, 99),
    "STRIPE_WEBHOOK_SECRET": ("whsec" + "_", _ALNUM, 32), "GITHUB_TOKEN": ("gh" + "p_", _ALNUM, 36),
    "GITHUB_FINE_GRAINED": ("github" + "_pat_", _ALNUM, 82), "GITLAB_TOKEN": ("gl" + "pat-", _ALNUM, 20),
    "OPENAI_API_KEY": ("sk-" + "proj-", _ALNUM, 48), "ANTHROPIC_API_KEY": ("sk-" + "ant-api03-", _ALNUM, 93),
    "AWS_ACCESS_KEY_ID": ("AK" + "IA", string.ascii_uppercase + "234567", 16),
    "AWS_SECRET_ACCESS_KEY": ("", _BASE64, 40), "AWS_SESSION_TOKEN": ("IQoJb3", _BASE64, 380),
    "GOOGLE_API_KEY": ("AI" + "za", _ALNUM, 35), "SENDGRID_API_KEY": ("S" + "G.", _ALNUM + "._", 66),
    "SLACK_BOT_TOKEN": ("xo" + "xb-", _ALNUM + "-", 50), "SLACK_SIGNING_SECRET": ("", _HEX, 32),
    "TWILIO_ACCOUNT_SID": ("A" + "C", _HEX, 32), "TWILIO_AUTH_TOKEN": ("", _HEX, 32),
    "MAILGUN_API_KEY": ("key" + "-", _HEX, 32), "POSTMARK_TOKEN": ("", _HEX, 36),
    "NPM_TOKEN": ("np" + "m_", _ALNUM, 36),
    "PYPI_TOKEN": ("py" + "pi-AgEI", _ALNUM + "_-", 160), "DOCKER_HUB_TOKEN": ("dckr" + "_pat_", _ALNUM, 27),
    "HEROKU_API_KEY": ("HR" + "KU-", _HEX, 36), "DIGITALOCEAN_TOKEN": ("dop" + "_v1_", _HEX, 64),
    "CLOUDFLARE_API_TOKEN": ("", _ALNUM + "_-", 40), "DATADOG_API_KEY": ("", _HEX, 32),
    "DATADOG_APP_KEY": ("", _HEX, 40),
    "NEW_RELIC_LICENSE_KEY": ("eu01xx", _HEX, 34), "SENTRY_AUTH_TOKEN": ("sntr" + "ys_", _BASE64, 120),
    "ALGOLIA_ADMIN_KEY": ("", _HEX, 32), "MAPBOX_TOKEN": ("pk.eyJ1Ijoi", _ALNUM + "._-", 80),
    "SHOPIFY_TOKEN": ("shp" + "at_", _HEX, 32), "SQUARE_TOKEN": ("EA" + "AA", _ALNUM + "_-", 60),
    "HUGGINGFACE_TOKEN": ("h" + "f_", _ALNUM, 34), "LINEAR_API_KEY": ("lin" + "_api_", _ALNUM, 40),
    "NOTION_TOKEN": ("secret" + "_", _ALNUM, 43), "AIRTABLE_KEY": ("pat" + "A", _ALNUM + ".", 80),
    "DISCORD_TOKEN": ("M", _ALNUM + "._-", 70), "TELEGRAM_BOT_TOKEN": ("1234567890:AA", _ALNUM + "_-", 33),
    "VAULT_TOKEN": ("hv" + "s.", _ALNUM, 90), "CONSUL_TOKEN": ("", _HEX + "-", 36),
    "GRAFANA_TOKEN": ("gl" + "sa_", _ALNUM, 41),
    "OKTA_TOKEN": ("00", _ALNUM + "_-", 40), "AUTH0_CLIENT_SECRET": ("", _ALNUM + "_-", 64),
    "AZURE_CLIENT_SECRET": ("", _ALNUM + "~._-", 40), "FACEBOOK_APP_SECRET": ("", _HEX, 32),
    "DJANGO_SECRET_KEY": ("", _LOWER + "!@#$%^&*(-_=+)", 50), "LARAVEL_APP_KEY": ("base64:", _BASE64, 43),
    "RAILS_SECRET_KEY_BASE": ("", _HEX, 128), "JWT_SECRET": ("", _BASE64, 88), "ENCRYPTION_KEY": ("", _HEX, 64),
    "AGE_KEY": ("AGE-" + "SECRET-KEY-1", string.ascii_uppercase + "234567", 58),
}  # fmt: skip

_LINES = r"""
DATABASE_URL=postgres://app:p4ss-w0rd@db.internal:5432/app?sslmode=require
DATABASE_URL=postgresql+asyncpg://app:s%40cret@localhost/app
DATABASE_URL=postgres://app@/app?host=/var/run/postgresql
DATABASE_URL=mysql://root:$up3r@10.0.0.5:3306/shop?charset=utf8mb4
DATABASE_URL=sqlite:///var/lib/app/data.sqlite3
DATABASE_URL=sqlite::memory:
DATABASE_URL=host=db.internal port=5432 dbname=app user=app
DATABASE_URL=host=db user=app dbname=app
DATABASE_URL={{QOVERY_POSTGRESQL_Z90EABF2D_DATABASE_URL}}
DATABASE_URL=postgres://{{DB_USER}}:{{DB_PASSWORD}}@{{DB_HOST}}:5432/app
JDBC_URL=jdbc:postgresql://db.internal:5432/app?user=app&password=s3cr3t
JDBC_URL=jdbc:sqlserver://db:1433;databaseName=app;user=sa;password=Str0ng!Pass
SPRING_DATASOURCE_URL=jdbc:mysql://${DB_HOST}:3306/app
REDIS_URL=redis://:p4ss@cache.internal:6379/0
REDIS_URL=rediss://default:Zm9vYmFy@eu1-cache.example.com:6380
MONGODB_URI=mongodb+srv://app:c0rrect-horse@cluster0.ab1cd.mongodb.net/app?retryWrites=true&w=majority
MONGODB_URI=mongodb://a.internal:27017,b.internal:27017/app?replicaSet=rs0
AMQP_URL=amqps://guest:guest@mq.internal/%2Fvhost
SENTRY_DSN=https://0123456789abcdef0123456789abcdef@o12345.ingest.example.io/4501234567890123
GO_DSN=app:p4ss@tcp(db.internal:3306)/app?parseTime=true
ELASTICSEARCH_URL=https://elastic:ch4ng3d!@es.example.com:9243
KAFKA_BROKERS=b-1.kafka.internal:9096,b-2.kafka.internal:9096
SMTP_URL=smtps://mailer%40example.com:hunter2@smtp.example.com:465
API_URL=https://api.example.com/v1
API_URL=https://[2001:db8::1]:8443/
API_URL=api.example.com
API_URL=localhost
API_URL=localhost:8080
API_URL=backend:3000
API_URL=//cdn.example.com/assets
API_URL=http://localhost
API_URL=https://user-service
LOGIN_URL=/accounts/login/
LOGIN_URL=login
LOGOUT_REDIRECT_URL=home
REDIRECT_URI=postmessage
STATIC_URL=static/
NEXT_URL=?next=/home
HELP_URL=#faq
REDIRECT_URI=com.example.app:/oauth2redirect
REDIRECT_URI=urn:ietf:wg:oauth:2.0:oob
REDIRECT_URI=http://127.0.0.1:53682/
LOGO_URI=data:image/gif;base64,R0lGODlhAQABAAAAACw=
DOCKER_URI=unix:///var/run/docker.sock
SUPPORT_URL=mailto:help@example.com
WEBHOOK_URL=https://hooks.example.com/services/T000/B000/abcDEF
imageUrl=https://img.example.com/a%20b.png
CALLBACK_URL=https://example.com/cb?state=${state}&code=${code}
USER_URL_TEMPLATE=https://example.com/users/${userId}
CHANGE_PASSWORD_URL=https://example.com/change-me
CURL=yes
DOCUMENTATION_URL=https://docs.example.com/your-api-key
ADMIN_PASSWORD=correct horse battery staple
ADMIN_PASSWORD=Tr0ub4dor&3
ADMIN_PASSWORD=p@$$w0rd!
ADMIN_PASSWORD=$ecret$auce
ADMIN_PASSWORD=$2fast
ADMIN_PASSWORD=a"b'c`d\e
ADMIN_PASSWORD="half
ADMIN_PASSWORD='tis_the_season
ADMIN_PASSWORD=<3cats&dogs>9
ADMIN_PASSWORD=%7Bencoded%7D
ADMIN_PASSWORD=100%sure%
ADMIN_PASSWORD={curly}brace}
ADMIN_PASSWORD=[br]ack[et]
ADMIN_PASSWORD=**bold**
ADMIN_PASSWORD=x
ADMIN_PASSWORD=xx
ADMIN_PASSWORD=0
ADMIN_PASSWORD=пароль-密码-🔑
ADMIN_PASSWORD=back\slash\
ADMIN_PASSWORD=#hash;semi
ADMIN_PASSWORD=~tilde^caret
ADMIN_PASSWORD=${unclosed
ADMIN_PASSWORD=$(unclosed
ADMIN_PASSWORD=}{
ADMIN_PASSWORD=a${b}c
ADMIN_PASSWORD=exchange-medium
ADMIN_PASSWORD=unchangeable
ADMIN_PASSWORD=todo-list-42
ADMIN_PASSWORD=yourself
ADMIN_PASSWORD=Axxxl-3xxX
ADMIN_PASSWORD=wait...what
ADMIN_PASSWORD=made-up
KEYSTORE_PASSWORD=changeit
PASSWORD_HASH=$2b$12$C6UzMDM.H6dfI/f/IKcEe.q1Ub0gJj1nQ2d3e4f5g6h7i8j9k0l1m
PASSWORD_HASH=$2y$10$abcdefghijklmnopqrstuuH1r8u1q2w3e4r5t6y7u8i9o0p1a2s3d
PASSWORD_HASH=$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b8Cow
PASSWORD_HASH=$6$rounds=5000$usesomesalt$Vb1ABCDEF.ghijk/lmnop
PASSWORD_HASH=$apr1$9Cv/OMGj$ZomWQzuQL.3TRCS81A1g/
PASSWORD_HASH=pbkdf2_sha256$600000$saltysalt$Zm9vYmFyYmF6cXV4
PASSWORD_HASH=scrypt:32768:8:1$abcdEFGH$0123456789abcdef
PASSWORD_HASH={SSHA}d0Q0626PSH9VUld7yWpR0k6BlpQmtczb
BASIC_AUTH=admin:$apr1$abc$def.ghi/jkl
HTPASSWD=admin:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
CRON=*/5 * * * *
CRON=* * * * *
CRON=0 0 1,15 * MON-FRI
CRON=@daily
ALLOWED_HOSTS=*
ALLOWED_HOSTS=*.example.com,example.org
CORS_ORIGINS=["https://a.example.com","https://b.example.com"]
GLOB=**/*.py
GLOB=**
FEATURE=true
FEATURE=off
FEATURE=on
FEATURE=0
FEATURE=no
FEATURE_FLAGS=a,b,-c
FEATURE_FLAGS={"newCheckout": true, "beta": ["a", "b"], "limit": 10}
PORT=8080
TIMEOUT=30s
RATE=0.25
NEGATIVE=-1
EXPONENT=1e-9
MEMORY=512Mi
REGION=eu-west-3
NODE_ENV=production
LOG_LEVEL=debug
LOG_FORMAT=%(asctime)s %(levelname)s %(message)s
LOG_FORMAT=%d{HH:mm:ss} [%t] %-5level %logger{36} - %msg%n
LOG_FORMAT=$remote_addr - $remote_user [$time_local] "$request"
DATE_FORMAT=%Y-%m-%d
LIKE=%smith%
SAMESITE=None
ENCRYPTION=null
SSL_MODE=none
GRANT_TYPE=password
CACHE_DRIVER=dummy
APP_NAME=todo
APP_NAME=TODO_LIST
DB_NAME=example
PLAN=sample
SIZE=xxl
SIZE=XXL
LOCALE=fr_FR.UTF-8
TZ=Europe/Paris
MAIL_FROM="Support Team" <support@example.com>
MAIL_FROM=Support <support@example.com>
MAIL_FROM=<no-reply@example.com>
MAIL_SUBJECT=Your order has shipped
MAIL_SUBJECT=Please change the password
LABEL=Your password
BUTTON=Click here
HINT=Enter your name here
MESSAGE=Loading...
AUTHORIZATION=Basic YXBwOm1hZGUtdXA=
AUTHORIZATION=Bearer made.up.token
TITLE=Token of appreciation
MESSAGE=He said "hello" and left
MESSAGE="one","two"
MESSAGE='a' OR 'b'
GREETING=Hello {{ user.name }}, welcome
GREETING={{OTHER_KEY}}
GREETING={{ OTHER_KEY }}
GREETING={% if user %}Hi {{ user }}{% endif %}
GREETING={{#if user}}Hi{{/if}}
TEMPLATE=<p>Hello <b>${name}</b></p>
TEMPLATE=<!DOCTYPE html><html><body>Hi</body></html>
TEMPLATE=<config><key>value</key></config>
TEMPLATE=<br/>
TEMPLATE=<a href="x">y</a>
TEMPLATE=<%= user.name %>, hello
SOAP=<?xml version="1.0"?><soap:Envelope/>
CSP=default-src 'self'; img-src *
CSP_DEFAULT_SRC='self'
CSP_SCRIPT_SRC='unsafe-inline'
CSP_SCRIPT_SRC='sha256-B2yPHKaXnvFWtRChIbabYmUBFZdVfKKXHbWtWidDVF8='
CSP_SCRIPT_SRC='self' 'unsafe-eval'
REGEX=^[a-z0-9_-]{3,16}$
REGEX=^(?:https?:\/\/)?([\w.-]+)(?::\d+)?$
REGEX=\$\{[A-Z]+\}
REGEX=(foo|bar)
REGEX=[a-z]
REGEX=.*
REGEX=-----BEGIN [A-Z ]+-----
REGEX=<[^>]+>
SED=s/\$HOME/~/g
SQL=SELECT * FROM t WHERE a LIKE '%x%' AND b = ${1}
SHELL_COMMAND=echo "$HOME" && $(which python) run
SHELL_COMMAND=export PATH=$PATH:/opt/bin
JQ=.items[] | select(.a == "b")
JAVA_OPTS=-Xmx512m -Dkey=value
NODE_OPTIONS=--max-old-space-size=4096
PROMPT=\u@\h:\w\$
EMPTY_OBJECT={}
EMPTY_LIST=[]
JSON_NUMBERS=[1, 2, 3]
JSON_NULL={"a": null}
JSON_NESTED={"a":{"b":{"c":"****"}}}
JSON_ENVIRONMENT={"url": "${API_URL}", "todo": "changeme"}
YAML_INLINE={a: 1, b: [x, y]}
BASE64=TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsu
BASE64=AAAAAAAAAAAAAAAAAAAAAA==
BASE64URL=c29tZS10ZXN0_-c29tZS10ZXN0
BASE32=JBSWY3DPEHPK3PXP
UUID=123e4567-e89b-12d3-a456-426614174000
ZERO_UUID=00000000-0000-0000-0000-000000000000
ULID=01ARZ3NDEKTSV4RRFFQ69G5FAV
ARN=arn:aws:iam::123456789012:role/app
KMS_KEY=alias/app-key
SUBNETS=10.0.0.0/16,192.168.0.0/24
IP=10.0.0.1
IPV6=::1
MAC=00:00:5e:00:53:af
SSH_PUBLIC_KEY=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMadeUpMadeUpMadeUp dev@example.com
PHONE=+33 1 23 45 67 89
IBAN=FR76 3000 6000 0112 3456 7890 189
SLACK_CHANNEL=#put-stuff-here
EMAIL=ops+alerts@example.com
OTP_URI=otpauth://totp/Example:alice?secret=JBSWY3DPEHPK3PXP&issuer=Example
LICENSE_KEY=ABCDE-FGHIJ-KLMNO-PQRST-UVWXY
S3_PATH=s3://bucket/prefix/
AZURE_STORAGE=DefaultEndpointsProtocol=https;AccountName=app;AccountKey=bWFkZS11cA==;EndpointSuffix=core.example.net
SERVICE_BUS=Endpoint=sb://app.example.net/;SharedAccessKeyName=Root;SharedAccessKey=bWFkZS11cA==
ADO_NET=Server=db,1433;Database=app;User Id=app;Password=p4ss;
JAAS=org.apache.kafka.common.security.plain.PlainLoginModule required username="app" password="p4ss";
VERSION=^1.2.3
COLOR=#ff8800
MATH=$E = mc^2$
MONEY=$100
CASH=US$5
WINDOWS_PATH=C:\Users\app\data
PYTHON_FORMAT={0:>10} {name!r}
DOLLAR=$
PERCENT=%
DOTS=..
STARS=**
UNICODE=Ünïcödé ❤
ARABIC=مرحبا
DASHES=-----
"""


def _text(alphabet: str, length: int) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


def pem(label: str, end: str = "\n") -> str:
    """A PEM block that secret scanners do not mistake for a key."""
    body = base64.b64encode(b"made up, no key " * 12).decode()
    lines = [body[at : at + 64] for at in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"]) + end


def _of_several_lines() -> Iterator[tuple[str, str]]:
    for label in ("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "CERTIFICATE"):
        yield "TLS_KEY", pem(label)
        yield "TLS_KEY", pem(label, "")
        yield "TLS_KEY", pem(label, "\n").replace("\n", "\r\n")
    yield "TLS_CHAIN", pem("CERTIFICATE") * 3
    yield "TLS_CHAIN", f"Bag Attributes\n    friendlyName: app\n{pem('CERTIFICATE')}\n{pem('PRIVATE KEY')}"
    yield "PGP_KEY", pem("PGP PRIVATE KEY BLOCK")
    yield "PGP_SIGNED", f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n{pem('PGP SIGNATURE')}"
    yield "SERVICE_ACCOUNT", json.dumps({"type": "service_account", "private_key": pem("PRIVATE KEY")}, indent=2)
    yield "SERVICE_ACCOUNT", json.dumps({"type": "service_account", "private_key": pem("PRIVATE KEY")})
    yield "PEM_IN_BASE64", base64.b64encode(pem("PRIVATE KEY").encode()).decode()
    yield "KUBECONFIG", "apiVersion: v1\nclusters:\n- cluster:\n    server: https://k8s.example.com\n  name: a\n"
    yield "NGINX", "server {\n  listen 80;\n  location / { proxy_pass http://app; }\n}\n"
    yield "SCRIPT", '#!/bin/sh\nset -eu\necho "${API_KEY:-changeme}" "$(date)"\n'
    yield "INI", "[default]\nkey = value\n# TODO: rotate\n"
    yield "CSV", "id,name\n1,\"a\"\n2,'b'\n"
    yield "LICENSE", "/*****\n * made up\n *****/\n"
    yield "POEM", "first line\n\n  indented line\nlast line"


def _generated() -> Iterator[tuple[str, str]]:
    for key, (start, alphabet, length) in _VENDORS.items():
        yield key, start + _text(alphabet, length)
    for length in (8, 12, 16, 20, 24, 32, 64):
        for alphabet in (_ALNUM, _ODD):
            yield "PASSWORD", _text(_ALNUM, 1) + _text(alphabet, length) + _text(_ALNUM, 1)
    yield "JWT", ".".join(["eyJhbGciOiJIUzI1NiJ9", _text(_ALNUM, 80), _text(_ALNUM, 43)])
    yield "LARGE", _text(_BASE64, 20_000)


#: Pairs of a key and a valid value.
REALISTIC = [
    *((key, value) for key, _, value in (line.partition("=") for line in _LINES.strip().splitlines())),
    *_of_several_lines(),
    *_generated(),
]


def _mistaken() -> dict[ValueRule, dict[str, list[str]]]:
    private, certificate = pem("PRIVATE KEY", ""), pem("CERTIFICATE")
    return {
        "empty": {"API_KEY": [""], "API_URL": [""]},
        "blank": {"API_KEY": [" ", "\n", "\r\n\t ", "\ufeff", "\u200b", "\xa0", " " * 5000]},
        "whitespace": {
            "API_KEY": ["k \n", "k\n", "k\r\n", " k", "k ", "\tk", "k\xa0", "\ufeffk", "k\u200b", "k\n\n"],
            "TLS_KEY": [f"\n{private}", f"{private}\n\n", f"{private} ", f"{private}\n "],
            "API_URL": ["https://api.example.com\n"],
        },
        "masked": {
            "API_KEY": [
                "***", "********", "**********", "*" * 1999, "•••", "●●●●●●", "[REDACTED]", "<redacted>", "REDACTED",
                "***REDACTED***", "[MASKED]", "[FILTERED]", "[secure]", "(sensitive value)", "sk_live_****", "****1234",
                "ab••••••yz", "SecretStr('**********')", "Basic ***",
                "ENC[AES256_GCM,data:bWFkZSB1cA==,iv:bWFkZQ==,tag:dXA=,type:str]",
            ],
            "DATABASE_URL": ["***", "postgres://app:***@db/app", "postgres://app:[REDACTED]@db/app"],
        },
        "placeholder": {
            "API_KEY": [
                "changeme", "CHANGE_ME", "change-this", "ChangeMe!", "changeme123", "django-insecure-change-me",
                "please_change_me_in_production", "<your key>", "<API_KEY>", "<...>", "[your key]",
                "{your-key}", "TODO", "TBD", "FIXME", "TODO: ask ops", "TODO(ops)", "xxx", "XXXXXXXX",
                "xxxx-xxxx-xxxx", "xxx-xxx-xxx", "replace-me", "REPLACE_ME", "replace_with_your_key",
                "your_api_key_here", "your-secret", "YOUR_API_TOKEN", "yourpassword", "insert-key-here", "put_it_here",
                "sk_" + "test_your_key_here", "sk_" + "test_xxxxxxxx", "AK" + "IAXXXXXXXXXXXXXXXX", "sk-...", "...",
                "…", "fill_me_in", "placeholder", "<dein Schlüssel>", "Bearer <token>", "Bearer YOUR_TOKEN",
            ],
            "MONGODB_URI": ["mongodb+srv://app:<password>@cluster0.example.net/app"],
            "DATABASE_URL": [f"postgres://app:{one}@db/app" for one in ("changeme", "[YOUR-PASSWORD]", "xxxxx")],
            "API_URL": ["<your url>"],
        },
        "quotes": {
            "API_KEY": ['"abc"', "'abc'", '""', "''", '"say \\"hi\\""', "'a\"b'", '"back\\\\"'],
            "API_URL": ['"https://api.example.com"'],
            "TLS_KEY": [f'"{private}"'],
            "JSON": ["'{\"a\": 1}'"],
        },
        "variable": {
            "API_KEY": [
                "${API_KEY}", "$API_KEY", "%API_KEY%", "${API_KEY:-none}", "${{ secrets.API_KEY }}", "$(cat key)",
                "$(API_KEY)", "%(API_KEY)s", "#{ApiKey}#", "$env:API_KEY", "{{ .Values.key }}", "{{.Env.KEY}}",
                "<%= ENV['KEY'] %>", "undefined", "[object Object]", "Bearer ${TOKEN}",
            ],
            "DATABASE_URL": [
                "${DATABASE_URL}", "$DATABASE_URL", "postgres://${DB_USER}:${DB_PASSWORD}@db/app",
                "postgres://app:$DB_PASSWORD@db/app",
            ],
            "API_URL": ["undefined", "https://${HOST:-localhost}/v1"],
        },
        "pem": {
            "TLS_KEY": [
                private[:200], private.splitlines()[0], private[28:], private[:-12], private.replace("\n", "\\n"),
                private.replace("\n", " "), private.replace("END PRIVATE", "END PUBLIC"),
            ],
            "TLS_CHAIN": [certificate + certificate[:100], certificate[:100] + "\n" + certificate],
        },
        "url": {
            "API_URL": [
                "sk_" + "live_abc123", "production", "redis", "none", "two words", "https://", "https:///path",
                "http:/example.com", "https//example.com", "https://?a", "http:",
            ],
            **{key: ["secret"] for key in ("DATABASE_URI", "URL", "database_url", "apiUrl")},
        },
    }  # fmt: skip


#: Rule -> pairs of a key and a value that breaks only this rule.
MISTAKEN: dict[ValueRule, list[tuple[str, str]]] = {
    rule: [(key, value) for key, values in by_key.items() for value in values] for rule, by_key in _mistaken().items()
}
