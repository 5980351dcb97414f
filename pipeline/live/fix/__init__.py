"""FIX 4.4 as initiator (extra `fix`): messages, the session, and orders in its words."""
