"""On Remote Hangup: where a path begins when the customer has left."""

from __future__ import annotations

from central.flow.widgets.entry import prepare_entry
from central.flow.widgets.widget import Branch, Widget

ON_REMOTE_HANGUP = Widget(
    name="on_remote_hangup",
    title="On Remote Hangup",
    doc="""Where a path begins when the customer's leg ended from the far side before the flow had reached an end. The call
is over: no call or media steps. The path has 60 seconds and cannot change the record's status.""",
    example="on_remote_hangup: {widget: on_remote_hangup, next: note_left}",
    prepare=prepare_entry,
    branches=(Branch("next", "The first step of the path.", required=True),),
    entry=True,
)
