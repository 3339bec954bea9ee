"""On Flow Complete: where a path begins when the record's status is decided."""

from __future__ import annotations

from central.flow.widgets.entry import prepare_entry
from central.flow.widgets.widget import Branch, Widget

ON_FLOW_COMPLETE = Widget(
    name="on_flow_complete",
    title="On Flow Complete",
    doc="""Where a path begins when the record's status is decided, once per record that had an attempt; a reattempt does not
run it. It sees `$flow.syskey.status` and `$flow.syskey.reason`. No call or media steps. It has 60 seconds and cannot
change the status.""",
    example="on_flow_complete: {widget: on_flow_complete, next: remember}",
    prepare=prepare_entry,
    branches=(Branch("next", "The first step of the path.", required=True),),
    entry=True,
)
