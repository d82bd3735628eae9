#!/usr/bin/env python3
"""Hands mails in with Python's smtplib: mail_smtplib.py HOST PORT HOW FILE [NAME=VALUE...]. What was said is told on standard error.

HOW is `plain`, `starttls`, `auth` (user=, password=, ca=), `8bit`, `dsn`, `priority` (FILE as it is), or `native`: a mail made and
sent by Python's own packages, from an address in Cyrillic; its octets are written to FILE. ca=FILE is the certificate that the server must show."""
import email.policy
import pathlib
import random
import smtplib
import ssl
import sys
from email.message import EmailMessage

host, port, how, file = sys.argv[1:5]
more = dict(word.split("=", 1) for word in sys.argv[5:])
TO = "duty@washington.example"


def native():
    noise = random.Random(2013)
    message = EmailMessage(policy=email.policy.SMTPUTF8)
    message["Subject"], message["From"], message["To"] = "Проверка связи", "алиса@example.org", TO
    message["Message-ID"], message["Date"] = f"<{more['id']}>", "Mon, 31 Oct 2016 12:00:00 +0000"
    message.set_content("Проверка связи.\n.\n..\n.Точка\nпробелы   \n", cte="8bit")
    message.add_attachment(noise.randbytes(300_001), maintype="application", subtype="octet-stream", filename="circuit.bin")
    message.add_attachment(noise.randbytes(2_013), maintype="application", subtype="octet-stream", filename="Карта района №5.bin")
    return message


with smtplib.SMTP(host, int(port), local_hostname="smtplib.example", timeout=60) as smtp:
    smtp.set_debuglevel(0)
    smtp.ehlo()
    print("offered:", sorted(smtp.esmtp_features), file=sys.stderr)
    if how in ("starttls", "auth"):
        context = ssl.create_default_context(cafile=more["ca"])
        smtp._host = more["name"]  # whom the certificate is for
        smtp.starttls(context=context)
    if how == "auth":
        print("login:", smtp.login(more["user"], more["password"]), file=sys.stderr)
    if how == "native":
        message = native()
        pathlib.Path(file).write_bytes(message.as_bytes(policy=email.policy.SMTPUTF8))
        refused = smtp.send_message(message)
    else:
        options = {"8bit": ["BODY=8BITMIME"], "priority": ["MT-PRIORITY=-2"], "dsn": ["RET=HDRS", "ENVID=matrix"]}.get(how, [])
        asked = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;" + TO] if how == "dsn" else []
        refused = smtp.sendmail("alice@example.org", [TO], pathlib.Path(file).read_bytes(), mail_options=options, rcpt_options=asked)
    assert not refused, refused
