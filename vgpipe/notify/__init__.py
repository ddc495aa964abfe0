"""Tells people and programs how a run goes: messages to phones, mail and chats, and a command at the end."""
