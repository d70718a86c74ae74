"""The wire format that API, command line and demo share: JSON, NDJSON and CSV in, typed messages or a problem out.

Order: `reading` turns bytes into objects; `records`, `consents`, `rights` and `resolve` turn one object into one
message. What breaks a rule becomes a `Problem` that names field, rule and index and never the value; only what
spoils a whole body (no JSON, damaged gzip, a header without its columns) raises `InvalidInput`.
"""
