"""Consent signals as browsers, apps and CMPs send them: strict decoders, no I/O. They say what a string says, not what
follows from it; that is for policy and `gateway.consent` to decide.
"""
