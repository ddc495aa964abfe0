"""Workers: what makes waves of clips on one device, in another process or on another machine."""
