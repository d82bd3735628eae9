#!/usr/bin/env python3
"""Writes mails of every kind with Python's own package into a folder, NAME.eml, and NAME.json with what is in them: mail_write.py DIR."""
import email.policy
import hashlib
import json
import pathlib
import sys
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

folder = pathlib.Path(sys.argv[1])
DATA = bytes(range(256)) * 300
NAMES = ["map.bin", "Карта района — «север».pdf", "a very long name of a file that goes on and on " * 2 + ".txt", 'quotes "and" semicolon; here.zip']


def keep(name, message, subject, text, files):
    policy = {"headers-utf8": email.policy.SMTPUTF8, "older": email.policy.compat32.clone(linesep="\r\n")}.get(name, email.policy.SMTP)
    (folder / f"{name}.eml").write_bytes(message.as_bytes(policy=policy))
    (folder / f"{name}.json").write_text(json.dumps({"subject": subject, "text": text, "files": files}))


def fresh(subject):
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = Address("Дежурный офицер", "duty", "nrrc.example")
    message["To"] = "duty@washington"
    message["Date"] = "Mon, 31 Oct 2016 12:00:00 +0000"
    return message


TEXT = "Проверка связи.\n\n.\nFrom the start: " + "x" * 200 + "\n=?trailing "
for name, charset, cte in [("utf-8-8bit", "utf-8", "8bit"), ("utf-8-base64", "utf-8", "base64"), ("utf-8-quoted", "utf-8", "quoted-printable"), ("koi8-r", "koi8-r", "quoted-printable"), ("windows-1251", "windows-1251", "base64")]:
    text = TEXT if cte != "8bit" else "Проверка связи.\n"
    message = fresh("Проверка связи " * 8)
    message.set_content(text, charset=charset, cte=cte)
    keep(name, message, ("Проверка связи " * 8).strip(), text.rstrip("\n"), [])

for n, name in enumerate(NAMES):
    message = fresh(name)
    message.set_content("See attached.\n")
    kind = "pdf" if name.endswith("pdf") else "octet-stream"
    message.add_attachment(DATA[n:], maintype="application", subtype=kind, filename=name)
    message.add_attachment("приложение\n", filename="text.txt", charset="koi8-r")
    inner = fresh("внутри")
    inner.set_content("inner")
    message.add_attachment(inner, filename="inner.eml")
    sums = [[name, len(DATA[n:]), hashlib.sha256(DATA[n:]).hexdigest()], ["text.txt", 12, hashlib.sha256("приложение\r\n".encode("koi8-r")).hexdigest()], ["inner.eml", None, None]]
    keep(f"attached-{n}", message, name, "See attached.", sums)

message = fresh("utf8 headers")
message.set_content("raw\n")
message.replace_header("Subject", "Тема без кодирования")
keep("headers-utf8", message, "Тема без кодирования", "raw", [])

message = fresh("both")
message.set_content("plain form\n")
message.add_alternative("<p>html <b>form</b></p>", subtype="html")
message.get_payload()[1].add_related(DATA[:99], "image", "png", cid="<a@b>", filename="seal.png")
keep("alternative", message, "both", "plain form", [["seal.png", 99, hashlib.sha256(DATA[:99]).hexdigest()]])

message = fresh("html")
message.set_content("<h1>Notice</h1><p>One &amp; <a href='https://example.org/'>two</a></p>", subtype="html")
keep("html", message, "html", "Notice\n\nOne & two <https://example.org/>", [])

# The older interface of the same package, as most programs use it.
message = MIMEMultipart()
message["Subject"], message["From"], message["To"] = Header("старый", "koi8-r"), "a@b.example", "duty@washington"
message.attach(MIMEText("текст", "plain", "utf-8"))
part = MIMEApplication(DATA)
part.add_header("Content-Disposition", "attachment", filename=("utf-8", "", "Отчёт.bin"))
message.attach(part)
keep("older", message, "старый", "текст", [["Отчёт.bin", len(DATA), hashlib.sha256(DATA).hexdigest()]])
