#!/usr/bin/env python3
"""Python's mail packages at the two ends of a gateway.

mail_gateway.py send HOST:PORT RECIPIENT SUBJECT TEXTFILE [FILE...]   hands a mail of alice's in, wants to be told of its delivery; says the reply
mail_gateway.py open FILE FOLDER                                 says as JSON what a mail holds, and lays its attachments into the folder
"""
import email
import email.policy
import json
import mimetypes
import pathlib
import smtplib
import sys
from email.message import EmailMessage


def send(address, recipient, subject, text, *files):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Alice Example <alice@example.org>", recipient, subject
    mail["Message-ID"] = f"<{subject.replace(' ', '.')}@example.org>"
    mail.set_content(pathlib.Path(text).read_text())
    for path in map(pathlib.Path, files):
        kind = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").split("/")
        mail.add_attachment(path.read_bytes(), maintype=kind[0], subtype=kind[1], filename=path.name)
    host, port = address.split(":")
    with smtplib.SMTP(host, int(port), "client.example.org", timeout=60) as server:
        server.ehlo()
        server.mail("alice@example.org", ["BODY=8BITMIME"])
        code, reply = server.rcpt(recipient, ["NOTIFY=SUCCESS,FAILURE"])
        if code == 250:
            code, reply = server.data(mail.as_bytes(policy=email.policy.SMTP))
    print(code, reply.decode())


def opened(path, folder):
    with open(path, "rb") as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    out = {"subject": mail["Subject"], "from": mail["From"], "to": mail["To"], "id": mail["Molink-Identity"], "type": mail.get_content_type()}
    out["texts"], out["files"], out["reports"], out["defects"] = [], [], [], [repr(d) for d in mail.defects]
    for part in mail.walk():
        out["defects"] += [repr(d) for d in part.defects]
        if part.get_content_type() == "message/delivery-status":
            out["reports"] += [dict(block.items()) for block in part.get_payload()]
        elif part.is_multipart() or part.get_content_maintype() == "message":
            continue
        elif part.get_content_disposition() == "attachment":
            name = pathlib.Path(part.get_filename()).name
            (pathlib.Path(folder) / name).write_bytes(part.get_payload(decode=True))
            out["files"].append([name, part.get_content_type()])
        elif part.get_content_maintype() == "text":
            out["texts"].append(part.get_content())
    json.dump(out, sys.stdout)


{"send": send, "open": opened}[sys.argv[1]](*sys.argv[2:])
