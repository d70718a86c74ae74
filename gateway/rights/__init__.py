"""Privacy requests: state machine, clocks, holds, the cascade's plan, export package and receipt. No I/O."""
