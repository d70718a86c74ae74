"""The command line: each command reads its arguments, calls one flow and prints what came out.

Identifiers of people do not stand in arguments, because every user of the machine can read those: they come from a
file, from standard input or from a prompt. `gateway identifiers digest` takes made-up values as arguments too.
"""
