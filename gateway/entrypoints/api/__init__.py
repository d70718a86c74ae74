"""The HTTP door: read a request, call one flow, answer in JSON.

Order of events: `door.operation` names the caller by its API key and refuses query parameters nobody asked for;
the view reads its body (`bodies`), calls its flow and renders the result (`answers`); `observe` counts and logs the
request and sets the headers. Whatever is raised on the way becomes a problem by the one table in `problems`.
"""
