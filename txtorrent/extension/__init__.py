"""Extensions of the peer wire (BEP 10), one module each; `interfaces` says how to add one."""
