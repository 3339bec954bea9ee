"""All widgets of the flow language, in the order of the reference page. A new widget is a file and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from central.flow.widgets.agent_connect import AGENT_CONNECT
from central.flow.widgets.answer_call import ANSWER_CALL
from central.flow.widgets.counter import COUNTER
from central.flow.widgets.decision import DECISION
from central.flow.widgets.delay import DELAY
from central.flow.widgets.email import EMAIL
from central.flow.widgets.hang_up import HANG_UP
from central.flow.widgets.make_call import MAKE_CALL
from central.flow.widgets.make_call_for_dialer import MAKE_CALL_FOR_DIALER
from central.flow.widgets.menu import MENU
from central.flow.widgets.multi_play import MULTI_PLAY
from central.flow.widgets.on_flow_complete import ON_FLOW_COMPLETE
from central.flow.widgets.on_remote_hangup import ON_REMOTE_HANGUP
from central.flow.widgets.operation import OPERATION
from central.flow.widgets.play import PLAY
from central.flow.widgets.record import RECORD
from central.flow.widgets.short_link import SHORT_LINK
from central.flow.widgets.sms import SMS
from central.flow.widgets.start import START
from central.flow.widgets.start_flow import START_FLOW
from central.flow.widgets.store_variable import STORE_VARIABLE
from central.flow.widgets.time_condition import TIME_CONDITION
from central.flow.widgets.transfer_call import TRANSFER_CALL
from central.flow.widgets.update_contact import UPDATE_CONTACT
from central.flow.widgets.webhook import WEBHOOK
from central.flow.widgets.widget import Widget

WIDGETS: Final[Mapping[str, Widget]] = {
    widget.name: widget
    for widget in (
        START,
        ON_REMOTE_HANGUP,
        ON_FLOW_COMPLETE,
        ANSWER_CALL,
        MAKE_CALL,
        MAKE_CALL_FOR_DIALER,
        PLAY,
        MULTI_PLAY,
        MENU,
        RECORD,
        DECISION,
        TIME_CONDITION,
        DELAY,
        COUNTER,
        OPERATION,
        STORE_VARIABLE,
        SMS,
        EMAIL,
        AGENT_CONNECT,
        TRANSFER_CALL,
        UPDATE_CONTACT,
        SHORT_LINK,
        START_FLOW,
        WEBHOOK,
        HANG_UP,
    )
}
