"""The pure scheduling core: clock, triggers' interface, timer, engine, outcomes, errors.

No I/O, no threads, no asyncio, no logging, no global state. Third party: ``whenever`` only.
"""
