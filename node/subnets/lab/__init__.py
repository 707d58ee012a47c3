"""The workbench of a subnet's creator: begin one (`scaffold`), try its rules on honest and dishonest miners (`trial`),
and let a whole economy run on the real ledger (`economy`). Never part of a running node.
"""
