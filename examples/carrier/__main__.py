"""``python -m examples.carrier list | demo | serve NAME ... | sms | mail``: run a carrier by hand until SIGINT or SIGTERM.

``install`` gets the far ends of the message channels into the cache folder, which the tests and the message demo use.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from central.settings import read_settings
from examples.carrier.debian_root import may_use_roots
from examples.carrier.demo import BEHAVIOURS, DemoCarrier, number_for
from examples.carrier.install import install_sms_center
from examples.carrier.laboratory import Carrier
from examples.carrier.mail_house import USER, MailHouse, install_mail_house
from examples.carrier.process import FarEndError
from examples.carrier.scenarios import CALLEES
from examples.carrier.sipp import CarrierError
from examples.carrier.sms_center import NUMBERS, SmsCenter
from examples.carrier.sms_center import number_for as sms_number_for


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _run(carrier: Carrier | DemoCarrier | SmsCenter | MailHouse) -> None:
    signal.signal(signal.SIGTERM, _end)
    with carrier:
        if isinstance(carrier, SmsCenter):
            _say(f"{carrier.host}:{carrier.port}  system id {carrier.system_id}, password {carrier.password}")
        elif isinstance(carrier, MailHouse):
            _say(f"127.0.0.1:{carrier.ports.smtp}  relay; {carrier.ports.submission} with STARTTLS and AUTH ({USER})")
            _say(f"127.0.0.1:{carrier.ports.mx}  the recipients' own server; everything lies in {carrier.folder}")
        elif isinstance(carrier, DemoCarrier):
            _say(f"{carrier.host}:{carrier.port}  digits by {carrier.digits}")
        else:
            for name in carrier.names:
                _say(f"{carrier.host}:{carrier.port(name)}  {name}")
        while True:
            time.sleep(0.5)
            carrier.check()


def _list() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it
    for name in BEHAVIOURS:
        _say(f"demo   {number_for(name, 0)}  {name}")
    for name in NUMBERS:
        _say(f"sms    {sms_number_for(name, 0)}  {name}")
    for name, scenario in CALLEES.items():
        _say(f"serve  {name:16} {scenario.what}")


def _install(cache: Path) -> None:
    install_sms_center(cache)
    if may_use_roots():
        install_mail_house(cache)
    else:
        _say("The mail house needs root's rights (chroot); it is not installed, and what uses it will fail.")


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="local address for SIP and RTP")
    parser.add_argument("--port", type=int, help="SIP port (serve: the first of them)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="behaviours of both shapes")
    demo = commands.add_parser("demo", help="one port; the called number picks the behaviour")
    demo.add_argument("--digits", choices=("auto", "rtp", "info"), default="auto")
    serve = commands.add_parser("serve", help="one port for each behaviour")
    serve.add_argument("name", nargs="*", choices=[[], *CALLEES])
    commands.add_parser("sms", help="an SMSC; the last two digits of the destination pick the behaviour")
    commands.add_parser("mail", help="a relay (Postfix) and recipients; the address picks the behaviour")
    commands.add_parser("install", help="get the far ends of the message channels into the cache folder")
    arguments = parser.parse_args()
    cache = read_settings().cache_dir / "far-ends"
    try:
        match arguments.command:
            case "list":
                _list()
            case "demo":
                _run(DemoCarrier(host=arguments.host, port=arguments.port or 15_060, digits=arguments.digits))
            case "sms":
                _run(SmsCenter(cache, port=arguments.port or 2775))
            case "mail":
                _run(MailHouse(cache))
            case "install":
                _install(cache)
            case _:
                _run(Carrier(arguments.name or None, host=arguments.host, base_port=arguments.port or 15_100))
    except KeyboardInterrupt:
        return
    except (CarrierError, FarEndError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
