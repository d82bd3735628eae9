#!/usr/bin/env python3
"""Mails that show what a way changed, and whether it did: mail_sample.py make KIND ID FILE | mail_sample.py seen MAILDIR FILE.

`make` writes a mail of the kind `ascii`, `eight` (text in 8 bit) or `utf8` (its header too), with CR LF. `seen` finds it in a Maildir by its
Message-ID and says as JSON what differs of the octets of its body and of its parts, and the Received lines on top. Ends with 1 if something differs."""
import base64
import email
import email.policy
import hashlib
import json
import mailbox
import pathlib
import random
import sys

NAME = "Карта района №5.bin"
TEXTS = {
    "ascii": ["Check of the link.", ".", "..", ".leading dot", "...", "trailing spaces   ", "\t tab \t", "", " .", "x" * 997, "." * 500, "-- ", "From here on", ">From", "a=3D=", "", ""],
    "eight": ["Проверка связи.", ".", ".Точка", "пробелы в конце   ", "я" * 480, "From ю", "", "=D0=AF", "конец", ""],
}
TEXTS["utf8"] = TEXTS["eight"]


def parts(kind):
    noise = random.Random(2013)
    text = "\r\n".join(TEXTS[kind]).encode()
    return text, noise.randbytes(300_001), noise.randbytes(2_013)


def make(kind, ident):
    text, large, small = parts(kind)
    subject, name = ("Проверка связи", f'filename="{NAME}"') if kind == "utf8" else ("=?utf-8?b?" + base64.b64encode("Проверка связи".encode()).decode() + "?=", "filename*=utf-8''" + "".join(f"%{b:02X}" for b in NAME.encode()))
    sender = "Дежурный" if kind == "utf8" else "Duty"
    cte = "7bit" if kind == "ascii" else "8bit"
    head = f"""From: {sender} <alice@example.org>
To: Duty <duty@washington.example>
Subject: {subject}
Message-ID: <{ident}>
Date: Mon, 31 Oct 2016 12:00:00 +0000
MIME-Version: 1.0
X-Odd:  two  spaces
\tand a fold
Content-Type: multipart/mixed; boundary="=_sample"

This is a mail in parts.
--=_sample
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: {cte}

"""
    out = head.replace("\n", "\r\n").encode() + text
    for data, said in ((large, 'filename="circuit.bin"'), (small, name)):
        out += f"\r\n--=_sample\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; {said}\r\n\r\n".encode()
        out += base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
    return out + b"\r\n--=_sample--\r\n"


def told(mail):
    texts, files = [], []
    for part in email.message_from_bytes(mail, policy=email.policy.default).walk():
        if part.is_multipart():
            continue
        data = part.get_payload(decode=True)
        if part.get_filename():
            files.append([part.get_filename(), len(data), hashlib.sha256(data).hexdigest()])
        else:
            texts.append(data.replace(b"\r\n", b"\n").hex())
    return texts, files


def body(mail):
    mail = mail.replace(b"\r\n", b"\n")
    return mail.split(b"\n\n", 1)[1]


def seen(maildir, file):
    sent = pathlib.Path(file).read_bytes()
    ident = email.message_from_bytes(sent, policy=email.policy.default)["Message-ID"]
    box = mailbox.Maildir(maildir, factory=None, create=False)
    found = [box.get_bytes(key) for key in box.keys()]
    found = [mail for mail in found if email.message_from_bytes(mail, policy=email.policy.default)["Message-ID"] == ident]
    differs = [] if len(found) == 1 else [f"there are {len(found)} mails with {ident}"]
    received, size = [], 0
    for mail in found[:1]:
        header = email.message_from_bytes(mail, policy=email.policy.default)
        received = [" ".join(str(line).split()) for line in header.get_all("Received", [])]
        size = len(body(mail))
        if body(mail) != body(sent):
            differs.append("the octets of the body")
        if told(mail)[0] != told(sent)[0]:
            differs.append("the text")
        if told(mail)[1] != told(sent)[1]:
            differs.append(f"the files: {told(sent)[1]} became {told(mail)[1]}")
        if str(header["Subject"]) != "Проверка связи":
            differs.append(f"the subject: {header['Subject']}")
        if not any(name == NAME for name, _, _ in told(mail)[1]):
            differs.append("the Cyrillic name")
        returned = header["Return-Path"]
        if returned is None or "alice" not in returned and "алиса" not in returned:
            differs.append(f"the return path: {returned}")
    json.dump({"differs": differs, "received": received, "body": size, "files": told(sent)[1]}, sys.stdout)
    return 1 if differs else 0


if sys.argv[1] == "make":
    pathlib.Path(sys.argv[4]).write_bytes(make(*sys.argv[2:4]))
else:
    sys.exit(seen(*sys.argv[2:4]))
