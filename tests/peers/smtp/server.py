"""A mail server (Debian's python3-aiosmtpd) on loopback, for the tests to send letters to.

It takes letters after STARTTLS and AUTH only, and keeps each as a file. It is told by the environment:
  CERTIFICATE, KEY   PEM files
  USER, PASSWORD     who may send
  PLACE              a directory: 1.json, 2.json … are the letters that came, with their envelopes;
                     each line of the file "answers" is the answer to one letter ("451 4.7.1 later"), the first first;
                     "tries" has a line for each attempt
  PORT               where to listen; the port is printed once it does
"""

import asyncio
import hmac
import json
import os
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

PLACE = Path(os.environ["PLACE"])


def next_answer():
    answers = PLACE / "answers"
    lines = answers.read_text().splitlines() if answers.exists() else []
    if not lines:
        return None
    # In one step, so that nobody reads half of it.
    rest = PLACE / "answers.new"
    rest.write_text("".join(line + "\n" for line in lines[1:]))
    rest.rename(answers)
    return lines[0]


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = next_answer()
        with (PLACE / "tries").open("a") as tries:
            tries.write(f"{address} {answer or 250}\n")
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        letter = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "hello": session.host_name,
            "tls": session.ssl is not None,
            "user": session.auth_data,
            "octets": envelope.original_content.decode("latin-1"),
        }
        new = PLACE / "letter.new"
        new.write_text(json.dumps(letter))
        new.rename(PLACE / f"{Handler.count}.json")
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = hmac.compare_digest(data.login, os.environ["USER"].encode())
    good = hmac.compare_digest(data.password, os.environ["PASSWORD"].encode()) and good
    # Not "handled": the server itself says 535 then.
    return AuthResult(success=good, handled=False, auth_data=data.login.decode())


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["CERTIFICATE"], os.environ["KEY"])

    def connection():
        return SMTP(
            Handler(),
            hostname="mail.example",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", int(os.environ["PORT"]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
