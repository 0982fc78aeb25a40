"""The local stack: the real template on an emulator of AWS, as processes on this machine."""
