"""Reads a notice (RFC 3464) from stdin with Python's email package and prints what it says, a line each; exits 1 if it is none or has a defect."""

import sys
from email import message_from_binary_file, policy

mail = message_from_binary_file(sys.stdin.buffer, policy=policy.default)
defects = [str(d) for part in mail.walk() for d in part.defects]
defects += [f"{name}: {d}" for part in mail.walk() for name, value in part.items() for d in getattr(value, "defects", [])]
words, status, back = mail.iter_parts()
if mail.get_content_type() != "multipart/report" or mail.get_param("report-type") != "delivery-status":
    defects.append("no report: " + str(mail["Content-Type"]))
if status.get_content_type() != "message/delivery-status":
    defects.append("no status: " + str(status["Content-Type"]))
groups = status.get_payload()
print("to:", mail["To"].addresses[0].addr_spec)
print("subject:", mail["Subject"])
print("auto-submitted:", mail["Auto-Submitted"])
for name in ("Reporting-MTA", "Original-Envelope-Id", "Arrival-Date"):
    print(name.lower() + ":", groups[0][name])
for group in groups[1:]:
    for name, value in group.items():
        print(name.lower() + ":", value)
print("words:", " ".join(words.get_content().split()))
print("back:", back.get_content_type(), back.get_content().strip().split("\n")[-1].strip())
for defect in defects:
    print("defect:", defect)
sys.exit(1 if defects else 0)
