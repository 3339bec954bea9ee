"""Requests of the SMSC: what each is answered at once, and what is held until it is stored. Pure; time is an argument.

Source: SMPP v3.4, sections 2.3 (states), 4.3 (generic_nack: only for a command that nobody knows or a length that cannot be;
anything else that is wrong is told by the command's own response).
"""

from __future__ import annotations

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.events import Arrived, Event, Odd
from central.adapters.smpp.frames import Frame
from central.adapters.smpp.output import Output
from central.adapters.smpp.pdu import LAYOUTS, ProtocolError
from central.adapters.smpp.reception import Reception
from central.adapters.smpp.states import ALLOWED, State


def take_request(
    frame: Frame, state: State, reception: Reception, out: Output, now: float, events: list[Event]
) -> bool:
    """One request; False when the SMSC has asked to part. What it means is appended to ``events``."""
    command, status, sequence, body = frame
    if command not in LAYOUTS:
        out.nack(wire.RINVCMDID, sequence)
        events.append(Odd("unknown_command", f"0x{command:08X}"))
    elif command not in ALLOWED[state]:
        out.answer(command, wire.RINVBNDSTS, sequence)
        events.append(Odd("forbidden_command", f"0x{command:08X} while {state.value}"))
    elif command in {wire.ENQUIRE_LINK, wire.UNBIND}:
        out.answer(command, wire.ROK, sequence)
        return command == wire.ENQUIRE_LINK
    else:
        try:
            pdu = wire.decode(command, status, sequence, body)
        except ProtocolError as error:
            out.answer(command, error.status, sequence)
            events.append(Odd("bad_pdu", error.message))
            return True
        if not isinstance(pdu, wire.Message | wire.DataMessage):
            events.append(Odd("notice", type(pdu).__name__))
        elif (token := reception.take(command, sequence, now)) is None:
            out.answer(command, wire.RMSGQFUL, sequence)
            events.append(Odd("inbound_refused", "too many wait to be stored"))
        else:
            events.append(Arrived(token, pdu))
    return True
