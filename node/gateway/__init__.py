"""HTTP on the loopback interface: the market in the form that OpenAI clients speak.

It translates and nothing else: no routing, no keys, no chain. It never listens on another interface than 127.0.0.1.
"""
