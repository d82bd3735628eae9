#!/usr/bin/env python3
"""Reads the mails of a Maildir, or one mail, with Python's own packages, and says as JSON what they hold: mail_read.py maildir DIR | mail FILE."""
import email
import email.policy
import hashlib
import json
import mailbox
import sys


def told(message):
    out = {name: str(message[name]) for name in ("Subject", "From", "To", "Message-ID", "Molink-Identity", "MT-Priority") if message[name] is not None}
    out["texts"], out["files"], out["defects"], out["reports"] = [], [], [], []
    for part in message.walk():
        out["defects"] += [repr(d) for d in part.defects]
        if part.get_content_type() == "message/delivery-status":
            out["reports"] += [dict(block.items()) for block in part.get_payload()]
        if part.is_multipart() or part.get_content_maintype() == "message":
            continue
        if part.get_content_disposition() == "attachment":
            data = part.get_payload(decode=True)
            out["files"].append([part.get_filename(), part.get_content_type(), len(data), hashlib.sha256(data).hexdigest()])
        else:
            out["texts"].append(part.get_content())
    return out


what, path = sys.argv[1:]
if what == "maildir":
    box = mailbox.Maildir(path, factory=lambda f: email.message_from_binary_file(f, policy=email.policy.default), create=False)
    found = [told(box[key]) for key in sorted(box.keys())]
else:
    with open(path, "rb") as file:
        found = told(email.message_from_binary_file(file, policy=email.policy.default))
json.dump(found, sys.stdout)
