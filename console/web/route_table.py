"""The one table of routes and streams, with what each asks of who comes. What is not in it is refused."""

from console.domain.access import Action

PUBLIC, NODE = "public", "node"
OPEN = "open"  # as public, and nobody asks who it is: it comes however slow the database is
SIGNED_IN = "signed_in"  # a session of any kind, also one that has still to give its second factor

ROUTES: dict[tuple[str, str], str | Action] = {
    ("GET", "/static/{name}"): OPEN,
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): PUBLIC,
    ("GET", "/welcome/{token}"): PUBLIC,
    ("POST", "/welcome/{token}"): PUBLIC,
    ("POST", "/language/{code}"): PUBLIC,
    ("POST", "/theme/{code}"): PUBLIC,
    ("POST", "/sign-out"): SIGNED_IN,
    ("GET", "/sign-in/code"): SIGNED_IN,
    ("POST", "/sign-in/code"): SIGNED_IN,
    ("GET", "/second-factor"): SIGNED_IN,
    ("POST", "/second-factor"): SIGNED_IN,
    ("GET", "/"): Action.SEE_ALERTS,
    ("GET", "/wall"): Action.SEE_ALERTS,
    ("GET", "/alerts/{event_id}"): Action.SEE_ALERTS,
    ("POST", "/alerts/{event_id}/{step}"): Action.HANDLE_ALERTS,
    ("GET", "/search"): Action.SEE_ALERTS,
    ("GET", "/search.csv"): Action.SEE_ALERTS,
    ("GET", "/statistics"): Action.SEE_STATISTICS,
    ("GET", "/statistics.csv"): Action.SEE_STATISTICS,
    ("GET", "/handover"): Action.HANDLE_ALERTS,
    ("GET", "/instructions"): Action.SET_INSTRUCTIONS,
    ("POST", "/instructions/{site_id}"): Action.SET_INSTRUCTIONS,
    ("GET", "/calendar"): Action.SET_CALENDAR,
    ("POST", "/calendar/{site_id}"): Action.SET_CALENDAR,
    ("GET", "/escalation"): Action.SET_ESCALATION,
    ("GET", "/escalation/{site_id}/test"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/test"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/ladder"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/step"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/duty"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/person"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/channel"): Action.SET_CHANNELS,
    ("POST", "/escalation/{site_id}/hours"): Action.SET_ESCALATION,
    ("POST", "/escalation/{site_id}/call-card"): Action.SET_ESCALATION,
    ("POST", "/watch"): Action.SEE_ALERTS,
    ("POST", "/watch-faults/{site_id}/acknowledge"): Action.HANDLE_ALERTS,
    ("GET", "/alerts/{event_id}/call-card"): Action.SEE_ALERTS,
    ("GET", "/cameras"): Action.SEE_NODES,
    ("POST", "/cameras/{node}/{camera}/still"): Action.SEE_STILLS,
    ("GET", "/cameras/{node}/{camera}/still.jpg"): Action.SEE_STILLS,
    ("GET", "/pictures"): Action.SEE_STILLS,
    ("POST", "/cameras/{node}/{camera}/live"): Action.SEE_STILLS,
    ("GET", "/plan"): Action.SEE_NODES,
    ("GET", "/plan/{site_id}/image"): Action.SEE_NODES,
    ("PUT", "/plan/{site_id}/image"): Action.SET_PLANS,
    ("POST", "/plan/{site_id}/marks"): Action.SET_PLANS,
    ("POST", "/plan/{site_id}/remove"): Action.SET_PLANS,
    ("GET", "/blind-times"): Action.SEE_BLIND_TIMES,
    ("GET", "/blind-times.csv"): Action.SEE_BLIND_TIMES,
    ("GET", "/account"): Action.OWN_ACCOUNT,
    ("POST", "/account/password"): Action.OWN_ACCOUNT,
    ("POST", "/account/second-factor/remove"): Action.OWN_ACCOUNT,
    ("POST", "/account/recovery-codes"): Action.OWN_ACCOUNT,
    ("POST", "/account/sessions/{session}/end"): Action.OWN_ACCOUNT,
    ("POST", "/account/push"): Action.OWN_ACCOUNT,
    ("POST", "/account/push/remove"): Action.OWN_ACCOUNT,
    ("POST", "/account/tokens"): Action.OWN_TOKENS,
    ("POST", "/account/tokens/{token_id}/end"): Action.OWN_ACCOUNT,  # also by who may no longer make any
    ("GET", "/people"): Action.MANAGE_USERS,
    ("POST", "/people"): Action.MANAGE_USERS,
    ("POST", "/invitations/{link}/end"): Action.MANAGE_USERS,
    ("GET", "/people/{user_id}"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/rights"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/password"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/end"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/second-factor/remove"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/sessions/{session}/end"): Action.MANAGE_USERS,
    ("POST", "/people/{user_id}/tokens/{token_id}/end"): Action.MANAGE_USERS,
    ("GET", "/sites"): Action.MANAGE_SITES,
    ("POST", "/sites"): Action.MANAGE_SITES,
    ("POST", "/sites/{site_id}"): Action.MANAGE_SITES,
    ("POST", "/sites/{site_id}/remove"): Action.MANAGE_SITES,
    ("GET", "/audit"): Action.READ_AUDIT,
    ("GET", "/api/stream"): Action.USE_CONSOLE,  # what it tells whom stands in STREAM
    ("GET", "/api/alerts"): Action.SEE_ALERTS,
    ("GET", "/api/rings"): Action.SEE_ALERTS,
    ("GET", "/api/alerts/{event_id}/files/{name}"): Action.DOWNLOAD_EVIDENCE,
    ("GET", "/api/alerts/{event_id}/facts.json"): Action.DOWNLOAD_EVIDENCE,
    ("GET", "/api/node/hello"): NODE,
    ("HEAD", "/api/node/files/{sha256}"): NODE,
    ("PATCH", "/api/node/files/{sha256}"): NODE,
    ("PUT", "/api/node/cameras/{camera}/still"): NODE,
}

# What brings a file instead of a form, and counts its bytes itself.
BRINGS_FILE = frozenset({("PUT", "/plan/{site_id}/image")})

# What the event stream tells whom, by kind of change; of places within their reach, and of nothing else.
STREAM: dict[str, Action] = {
    "alert": Action.SEE_ALERTS,
    "node": Action.USE_CONSOLE,
    "camera": Action.USE_CONSOLE,
    "watch": Action.SEE_ALERTS,  # what is wrong with the watch over a site
}
